# SPDX-License-Identifier: MIT
"""Who may trace whom. Source: kernel/ptrace.c."""

from __future__ import annotations

from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task

READ, ATTACH, NOAUDIT, FSCREDS, REALCREDS = 1, 2, 4, 8, 16


def may_access(kernel: Kernel, task: Task, target: Task, mode: int) -> bool:
    """ptrace_may_access."""
    if target.group is task.group:
        return True
    mine, its = task.credentials, target.credentials
    uid, gid = (mine.fsuid, mine.fsgid) if mode & FSCREDS else (mine.uid, mine.gid)
    same = {its.uid, its.euid, its.suid} == {uid} and {its.gid, its.egid, its.sgid} == {gid}
    if not same and not capable(mine, "SYS_PTRACE", its.user):
        return False
    if target.group.dumpable != 1 and not capable(mine, "SYS_PTRACE", its.user):
        return False
    caller = mine.effective if mode & FSCREDS else mine.permitted
    subset = mine.user is its.user and not its.permitted & ~caller
    if not subset and not capable(mine, "SYS_PTRACE", its.user):
        return False
    try:
        kernel.hooks.ptrace_access_check(task, target, audit=not mode & NOAUDIT)
    except Errno:
        return False
    return True
