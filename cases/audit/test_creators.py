# SPDX-License-Identifier: MIT
"""Whom the record of a domain names as its creator, where one process has several names.

Source: security/landlock/domain.c, get_current_details(): the process in the initial PID namespace
and the real user in the initial user namespace; audit.c, log_domain().
"""

import os
from collections.abc import Callable

from cases.audit.logs import NO_RECORD, logged
from suite.case import (
    CLONE_NEWPID, CLONE_NEWUSER, FS, AuditLog, Case, Denied, Judge, Need, Process, Ruleset, Seen,
    Tree, answers, needs, own_memory, table, vm_only,
)  # fmt: skip
from suite.process.uapi import PR_SET_DUMPABLE

READ = Ruleset(fs=FS.READ_FILE)
USER, OTHER = 1000, 1001


class Creator(Case, frozen=True, kw_only=True):
    """Who makes a domain, of a child of the process that reads the log."""

    become: Callable[[Process], Process]


def users(real: int, effective: int) -> Callable[[Process], Process]:
    """Somebody with these users."""

    def become(process: Process) -> Process:
        process.syscall("setresuid", real, effective, 0)
        return process

    return become


def mapped(process: Process) -> Process:
    """Root of a user namespace, who is not root outside."""
    process.setuid(USER)
    process.prctl(PR_SET_DUMPABLE, 1)
    process.unshare(CLONE_NEWUSER)
    process.map_ids(USER, 0)
    return process


def first_of_namespace(process: Process) -> Process:
    process.unshare(CLONE_NEWPID)
    return process.fork()


def made(become: Callable[[Process], Process], uid: int, *needs: Need) -> Creator:
    return Creator(
        become=become, needs=needs, expect=logged(READ.features, Seen(f"pid=CREATOR uid={uid}"))
    )


CREATORS = {
    "real-user": made(users(USER, 0), USER),
    "effective-user": made(users(0, USER), 0),
    "both-users": made(users(USER, OTHER), USER),
    "user-namespace": made(mapped, USER, Need.USER_NAMESPACES),
    "pid-namespace": made(first_of_namespace, 0),
}


@vm_only
@answers("aud-domain-creator-ids")
@needs(Need.AUDIT)
@table(CREATORS)
@own_memory
def test_creator(case: Creator, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain's record names its creator's number and real user as all of the system has them."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    with AuditLog(process) as log:
        creator = case.become(process.fork())
        creator.restrict(READ)
        denied = creator.observe(Process.open, tree.file, os.O_RDONLY)
        records = log.take()
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        assert creator.pid is not None
        made = [r.fields for r in records if r.fields.get("status") == "allocated"]
        texts = [f"pid={it['pid']} uid={it['uid']}" for it in made]
        named = (text.replace(f"pid={creator.pid.value} ", "pid=CREATOR ") for text in texts)
        outcome = Seen(" ".join(named) or NO_RECORD)
    judge(case.expect, outcome, control)
