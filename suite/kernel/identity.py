# SPDX-License-Identifier: MIT
"""How a task comes to other credentials."""

from __future__ import annotations

from suite.kernel.credentials import Credentials
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task


def commit(kernel: Kernel, task: Task, new: Credentials) -> None:
    """Give a task other credentials than it has, as by set*id(2)."""
    replace_credentials(task, kernel.hooks.cred_prepare(new))


def replace_credentials(task: Task, new: Credentials) -> None:
    """Put credentials in the place of others; who gains or changes is not looked into any more.

    Source: commit_creds() in kernel/cred.c; the sysctl fs.suid_dumpable is 0.
    """
    old, task.credentials = task.credentials, new
    changed = (old.euid, old.egid, old.fsuid, old.fsgid) != (
        new.euid,
        new.egid,
        new.fsuid,
        new.fsgid,
    )
    if changed or not _is_subset(old, new):
        task.group.dumpable = 0
        task.death_signal = 0


def _is_subset(old: Credentials, new: Credentials) -> bool:
    """Whether new credentials have no capability that the old ones lack: cred_cap_issubset()."""
    if old.user is new.user:
        return not new.permitted & ~old.permitted
    return any(
        it.parent is old.user and it.owner_uid == old.euid
        for it in new.user.up()
        if it is not old.user
    )
