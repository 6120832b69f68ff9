# SPDX-License-Identifier: MIT
"""A child that gives its session keyring to its parent replaces the parent's credentials.

Source: "landlock: Don't lose track of restrictions on cred_transfer" (39705a6c29f8).
"""

import os

from suite.case import (
    FS, Allowed, ByBug, Denied, Judge, Process, Ruleset, Tree, answers, own_memory, since,
)  # fmt: skip
from suite.landlock.bugs import CRED_TRANSFER
from suite.process.uapi import KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_SESSION_TO_PARENT

pytestmark = own_memory

EXPECT = since(FS.READ_FILE, ByBug(CRED_TRANSFER, before=Allowed(), after=Denied("EACCES")))


@answers("async-cred-transfer", "llr-01", "inh-keyctl")
def test_session_to_parent(process: Process, tree: Tree, judge: Judge) -> None:
    """A process keeps its domain when a child hands it a session keyring."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    sandboxed = process.under(Ruleset(fs=FS.READ_FILE))
    child = sandboxed.fork()
    child.keyctl(KEYCTL_JOIN_SESSION_KEYRING, "landproof")
    child.keyctl(KEYCTL_SESSION_TO_PARENT)
    sandboxed.getpid()  # the new credentials come with the return to user space
    judge(EXPECT, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)
