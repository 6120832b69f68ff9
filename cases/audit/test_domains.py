# SPDX-License-Identifier: MIT
"""The record of a domain: when it is logged, whom it names, and what it counts.

Source: Documentation/admin-guide/LSM/landlock.rst, "AUDIT_LANDLOCK_DOMAIN"; security/landlock/
audit.c, log_domain() and landlock_audit_free_domain().
"""

import os
from collections.abc import Iterable

from cases.audit.logs import NO_RECORD, inode, logged, logs, stats
from suite.case import (
    FS, LANDLOCK_ACCESS, LANDLOCK_DOMAIN, AuditLog, AuditRecord, Denied, Expectation, Judge, Need,
    Observation, Outcome, Process, Ruleset, Seen, Tree, answers, needs, own_memory, vm_only,
)  # fmt: skip
from suite.process.uapi import PR_SET_NAME

READ, WRITE, LIST = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE), Ruleset(fs=FS.READ_DIR)
SYSCALL, PROCTITLE, END_OF_EVENT = 1300, 1327, 1320
PATHS = (1302, 1307)
"""PATH and CWD: with some releases, of calls on paths."""


def owed(text: str) -> Expectation:
    return logged(READ.features, Seen(text))


def read(process: Process, tree: Tree) -> Observation:
    return process.observe(Process.open, tree.file, os.O_RDONLY)


def unless_refused(denied: Observation, text: str) -> Outcome:
    """What was logged, if the process was in a domain and denied."""
    outcome = denied.outcome
    return Seen(text) if outcome == Denied("EACCES") else outcome


def domain_record(records: Iterable[AuditRecord]) -> str:
    """The first record of a domain that was allocated, without its number."""
    for record in records:
        if record.fields.get("status") == "allocated":
            return record.text.partition(" ")[2]
    return NO_RECORD


@vm_only
@answers("aud-types", "aud-domain-alloc-once")
@needs(Need.AUDIT)
def test_events(process: Process, tree: Tree, judge: Judge) -> None:
    """The first denial of a domain logs it in the same event, before the system call; no other."""
    control = read(process, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(READ)
        denied = [read(sandboxed, tree) for _ in range(3)]
        records = log.take()
    events: dict[int, list[int]] = {}
    for record in records:
        if record.type not in PATHS:
            events.setdefault(record.event, []).append(record.type)
    seen = [kinds for kinds in events.values() if LANDLOCK_ACCESS in kinds]
    later = [LANDLOCK_ACCESS, SYSCALL, PROCTITLE, END_OF_EVENT]
    first = [LANDLOCK_ACCESS, LANDLOCK_DOMAIN, *later[1:]]
    text = str(seen) if seen else NO_RECORD
    judge(owed(str([first, later, later])), unless_refused(denied[-1], text), control)


@vm_only
@answers("aud-domain-alloc")
@needs(Need.AUDIT)
@own_memory
def test_creator(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain's record names its creator as it was then, whoever is denied, and what it is now."""
    control = read(process, tree)
    with AuditLog(process) as log:
        creator = process.fork()
        pid = creator.getpid()
        creator.restrict(READ)
        child = creator.fork()
        child.prctl(PR_SET_NAME, "child")
        child.setuid(1000)
        denied = read(child, tree)
        records = log.take()
    record = domain_record(records).replace(f"pid={pid.value} ", "pid=CREATOR ")
    named = 'status=allocated mode=enforcing pid=CREATOR uid=0 exe="/init" comm="init"'
    judge(owed(named), unless_refused(denied, record), control)


@vm_only
@answers("aud-tgid", "llr-40")
@needs(Need.AUDIT)
def test_creating_thread(process: Process, tree: Tree, judge: Judge) -> None:
    """The process id of a creator is that of its process, also where a thread made the domain."""
    control = read(process, tree)
    with AuditLog(process) as log:
        leader = process.fork()
        pid = leader.getpid()
        thread = leader.thread()
        thread.restrict(READ)
        denied = read(thread, tree)
        records = log.take()
    named = f" pid={pid.value} " in domain_record(records)
    judge(
        owed("of the process"),
        unless_refused(denied, "of the process" if named else NO_RECORD),
        control,
    )


@vm_only
@answers("aud-exe-deleted")
@needs(Need.AUDIT)
def test_deleted_program(process: Process, tree: Tree, judge: Judge) -> None:
    """The creator's program is named as deleted, in hexadecimal, if it was."""
    control = read(process, tree)
    program = tree.program(f"{tree.d1}/program")
    with AuditLog(process) as log:
        creator = process.fork()
        creator.exec(program)
        creator.unlink(program)
        creator.restrict(READ)
        denied = read(creator, tree)
        records = log.take()
    named = f" exe={f'{program} (deleted)'.encode().hex().upper()} " in domain_record(records)
    judge(owed("deleted"), unless_refused(denied, "deleted" if named else NO_RECORD), control)


@vm_only
@answers("aud-path-escape")
@needs(Need.AUDIT)
def test_escaped_path(process: Process, tree: Tree, judge: Judge) -> None:
    """A path with a space is logged in hexadecimal."""
    path = f"{tree.d1}/with space"
    process.write_file(path, b"")
    control = process.observe(Process.open, path, os.O_RDONLY)
    with AuditLog(process) as log:
        denied = process.under(READ).observe(Process.open, path, os.O_RDONLY)
        accesses, files = log.accesses(), stats(process, path)
    names = {path.encode().hex().upper(): "PATH", str(inode(files[path])): "INODE"}
    observed = logs(accesses, denied, names=names)
    judge(owed('blockers=fs.read_file path=PATH dev="tmpfs" ino=INODE'), observed, control)
