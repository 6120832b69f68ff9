# SPDX-License-Identifier: MIT
"""The path in the event of a denied umount(2), which is that in the mounted file system.

Source: security/landlock/trace.c, landlock_trace_denial(), which has no mount for such a path;
dentry_path_raw() in fs/d_path.c.
"""

from suite.case import (
    CLONE_NEWNS, FS, Denied, Judge, Need, Process, Ruleset, Seen, Trace, Tree, answers, needs,
    since, vm_only,
)  # fmt: skip

READ = Ruleset(fs=FS.READ_FILE)
LONG_NAME, LEVELS = "n" * 255, 17
"""As many folders as make a path of more than PATH_MAX (4096) bytes."""


@vm_only
@answers("trc-umount-too-long")
@needs(Need.TRACEPOINTS, Need.MOUNT)
def test_too_long(process: Process, tree: Tree, judge: Judge) -> None:
    """Of a mount whose root is too deep for a path, the event says that its path is too long."""
    process.unshare(CLONE_NEWNS)
    process.chdir(tree.d1)
    for _ in range(LEVELS):
        process.mkdir(LONG_NAME)
        process.chdir(LONG_NAME)
    for _ in range(2):  # one for the control
        process.bind_mount(".", tree.d2)
    control = process.observe(Process.umount, tree.d2)
    with Trace(process, "deny_access_fs") as trace:
        tried = process.under(READ).observe(Process.umount, tree.d2)
        events = trace.take()
    outcome = tried.outcome
    if outcome == Denied("EPERM"):
        outcome = Seen(" ".join(event.fields["path"] for event in events))
    judge(since(READ.fs, Seen("<too_long>")), outcome, control)
