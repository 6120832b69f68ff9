# SPDX-License-Identifier: MIT
"""The two audit records of a denied access, field by field.

Source: Documentation/admin-guide/LSM/landlock.rst, "Audit".
"""

import os
from collections.abc import Callable

from suite.case import (
    FS, LANDLOCK_ACCESS, LANDLOCK_DOMAIN, AuditLog, Denied, Judge, Need, Process, Row, Ruleset,
    Seen, Tree, answers, covers, denial, needs, since, table, vm_only,
)  # fmt: skip
from suite.landlock.changes import LOGGING

NO_RECORD = Seen("no record")


class Field(Row, frozen=True, kw_only=True):
    """A field of a record, and what it says about a sandboxed process and its files."""

    record: int
    name: str
    says: str
    """The value; or what it is, where ``value`` tells it."""
    value: Callable[[Process, Tree], str] | None = None


FIELDS = {
    "blockers": Field(record=LANDLOCK_ACCESS, name="blockers", says="fs.read_file"),
    "path": Field(
        record=LANDLOCK_ACCESS,
        name="path",
        says="path of the file",
        value=lambda process, tree: tree.file,
    ),
    "dev": Field(record=LANDLOCK_ACCESS, name="dev", says="tmpfs"),
    "status": Field(record=LANDLOCK_DOMAIN, name="status", says="allocated"),
    "mode": Field(record=LANDLOCK_DOMAIN, name="mode", says="enforcing"),
    "pid": Field(
        record=LANDLOCK_DOMAIN,
        name="pid",
        says="process id of who enforced the ruleset",
        value=lambda process, tree: str(process.getpid().value),
    ),
    "uid": Field(record=LANDLOCK_DOMAIN, name="uid", says="0"),
    "exe": Field(record=LANDLOCK_DOMAIN, name="exe", says="/init"),
    "comm": Field(record=LANDLOCK_DOMAIN, name="comm", says="init"),
}


@vm_only
@answers("aud-lowabi", "aud-domain-alloc")
@needs(Need.AUDIT)
@covers(FS.READ_FILE)
@table(FIELDS)
def test_field(case: Field, process: Process, tree: Tree, judge: Judge) -> None:
    """The first denial in a domain logs the access and the domain."""
    expect = since(FS.READ_FILE, NO_RECORD, (LOGGING, Seen(case.says)))
    with AuditLog(process) as log:
        sandboxed = process.under(Ruleset(fs=FS.READ_FILE))
        tried = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
        records = log.take()
    denied, record = tried.outcome, denial(records).get(case.record)
    if denied != Denied("EACCES"):
        judge(expect, denied)
    elif record is None:
        judge(expect, NO_RECORD)
    else:
        said = record.fields.get(case.name, f"no {case.name}")
        as_it_is = case.value is not None and said == case.value(sandboxed, tree)
        judge(expect, Seen(case.says if as_it_is else said))
