# SPDX-License-Identifier: MIT
"""The two audit records of a denied access, field by field.

Source: Documentation/admin-guide/LSM/landlock.rst, "Audit".
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.audit import LANDLOCK_ACCESS, LANDLOCK_DOMAIN, AuditLog
from suite.expectation import since
from suite.needs import Need
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Judge, Row, covers, needs, table, vm_only
from suite.ruleset import Ruleset
from suite.tree import Tree

LOGGED_SINCE = 7
NO_RECORD = Allowed("no record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Row):
    """A field of a record, and what it says about a sandboxed process and its files."""

    record: int
    name: str
    value: Callable[[Process, Tree], str]


def text(value: str) -> Callable[[Process, Tree], str]:
    """A value that is the same for every process and file."""
    return lambda process, tree: value


FIELDS = {
    "blockers": Field(record=LANDLOCK_ACCESS, name="blockers", value=text("fs.read_file")),
    "path": Field(record=LANDLOCK_ACCESS, name="path", value=lambda process, tree: tree.file),
    "dev": Field(record=LANDLOCK_ACCESS, name="dev", value=text("tmpfs")),
    "status": Field(record=LANDLOCK_DOMAIN, name="status", value=text("allocated")),
    "mode": Field(record=LANDLOCK_DOMAIN, name="mode", value=text("enforcing")),
    "pid": Field(
        record=LANDLOCK_DOMAIN, name="pid", value=lambda process, tree: str(process.getpid().value)
    ),
    "uid": Field(record=LANDLOCK_DOMAIN, name="uid", value=text("0")),
    "exe": Field(record=LANDLOCK_DOMAIN, name="exe", value=text("/init")),
    "comm": Field(record=LANDLOCK_DOMAIN, name="comm", value=text("init")),
}


@vm_only
@needs(Need.AUDIT)
@covers(FS.READ_FILE)
@table(FIELDS)
def test_field(case: Field, process: Process, tree: Tree, judge: Judge) -> None:
    """The first denial in a domain logs the access and the domain."""
    log = AuditLog(process)
    sandboxed = process.under(Ruleset(fs=FS.READ_FILE))
    denied = sandboxed.observe(Process.open, tree.file, os.O_RDONLY).outcome
    expect = since(FS.READ_FILE, NO_RECORD, (LOGGED_SINCE, Allowed(case.value(sandboxed, tree))))
    if denied != Denied("EACCES"):
        judge(expect, denied)
        return
    record = log.denial().get(case.record)
    judge(expect, Allowed(record.fields.get(case.name)) if record else NO_RECORD)
