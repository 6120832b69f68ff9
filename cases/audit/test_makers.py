# SPDX-License-Identifier: MIT
"""Whom the record of a domain names, field by field, by what its maker is.

Source: security/landlock/domain.c, get_current_details(): the process (not the thread) and its real
user, both as the first namespaces have them, the program, and the thread's name.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from cases.audit.logs import NO_RECORD, logged
from suite.case import (
    CLONE_NEWPID, CLONE_NEWUSER, FS, AuditLog, Case, Denied, Judge, Need, Process, Ruleset, Seen,
    Tree, needs, table, vm_only,
)  # fmt: skip
from suite.process.uapi import PR_SET_NAME

READ = Ruleset(fs=FS.READ_FILE)
USER = 1000


class Maker(NamedTuple):
    """Who makes a domain, given a child of a process and the path of a program; its record."""

    make: Callable[[Process, str], Process]
    uid: str = "0"
    exe: str = "/init"
    comm: str = "init"
    own_memory: bool = False
    """Where calls would be about others who share the memory."""


def itself(process: Process, _: str) -> Process:
    return process


def with_user(*, real: int = 0, effective: int = 0) -> Callable[[Process, str], Process]:
    def change(process: Process, _: str) -> Process:
        process.syscall("setresuid", real, effective, 0)
        return process

    return change


def with_file_system_user(process: Process, _: str) -> Process:
    process.syscall("setfsuid", USER)
    return process


def in_user_namespace(process: Process, _: str) -> Process:
    process.setuid(USER)
    process.unshare(CLONE_NEWUSER)
    return process


def in_pid_namespace(process: Process, _: str) -> Process:
    process.unshare(CLONE_NEWPID)
    return process.fork()


def thread(process: Process, _: str) -> Process:
    made = process.thread()
    made.prctl(PR_SET_NAME, "worker")
    return made


def renamed(process: Process, _: str) -> Process:
    process.prctl(PR_SET_NAME, "renamed")
    return process


def executed(process: Process, program: str) -> Process:
    process.exec(program)
    return process


MAKERS = {
    "plain": Maker(itself),
    "real-user": Maker(with_user(real=USER), uid=str(USER), own_memory=True),
    "effective-user": Maker(with_user(effective=USER), own_memory=True),
    "file-system-user": Maker(with_file_system_user, own_memory=True),
    "user-namespace": Maker(in_user_namespace, uid=str(USER), own_memory=True),
    "pid-namespace": Maker(in_pid_namespace),
    "thread": Maker(thread, comm="worker"),
    "renamed": Maker(renamed, comm="renamed"),
    "executed": Maker(executed, exe="PROGRAM", comm="program"),
}
FIELDS = "pid", "uid", "exe", "comm"


class Field(Case, frozen=True, kw_only=True):
    """A maker, and the field of its domain's record."""

    maker: Maker
    field: str


ROWS = {
    f"{name}-{field}": Field(
        maker=maker,
        field=field,
        own_memory=maker.own_memory,
        answers=f"aud-maker-{field}",
        expect=logged(READ.features, Seen("PID" if field == "pid" else getattr(maker, field))),
    )
    for name, maker in MAKERS.items()
    for field in FIELDS
}


@vm_only
@needs(Need.AUDIT, Need.USER_NAMESPACES)
@table(ROWS)
def test_maker(case: Field, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain is that of a process and its real user, by the program and the thread's name."""
    program = tree.program(f"{tree.d1}/program")
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    with AuditLog(process) as log:
        first = process.fork()
        maker = case.maker.make(first, program)
        maker.restrict(READ)
        denied, records = maker.observe(Process.open, tree.file, os.O_RDONLY), log.take()
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        leader = (first if case.maker.make is thread else maker).pid
        assert leader is not None
        names = {str(leader.value): "PID", program: "PROGRAM"}
        made = (it.fields for it in records if it.fields.get("status") == "allocated")
        told = next((it[case.field] for it in made), NO_RECORD)
        outcome = Seen(names.get(told, told))
    judge(case.expect, outcome, control)
