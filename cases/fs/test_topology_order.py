# SPDX-License-Identifier: MIT
"""What comes first for a change of the topology: the errno of the VFS or Landlock's EPERM.

Source: security/landlock/fs.c, hook_sb_mount(), hook_sb_umount(), hook_move_mount(), and where
the system calls ask them.
"""

from cases.controls import refused
from cases.fs.roots import FILES, Change, new_root
from suite.case import (
    AT_FDCWD, FS, MS_BIND, Denied, Judge, Need, Process, Tree, answers, covers, needs, since, table,
)  # fmt: skip
from suite.process.uapi import MS_MOVE


class Refused(Change, frozen=True, kw_only=True):
    """What the VFS refuses with this errno outside of a domain."""

    vfs: str


LANDLOCK_FIRST = {
    "mount-unknown-type": Refused(
        call=lambda process: process.mount("none", "/folder", "unknown"),
        vfs="ENODEV",
        answers="topo-mount",
    ),
    "bind-without-source": Refused(
        call=lambda process: process.syscall("mount", None, "/folder", None, MS_BIND, None),
        vfs="EINVAL",
        answers="topo-mount",
    ),
    "bind-missing-source": Refused(
        call=lambda process: process.bind_mount("/missing", "/folder"), vfs="ENOENT"
    ),
    "move-no-mount": Refused(
        call=lambda process: process.mount("/mount/old", "/folder", None, MS_MOVE), vfs="EINVAL"
    ),
    "move-mount-no-mount": Refused(
        call=lambda process: process.move_mount("/mount/old", "/folder"), vfs="EINVAL"
    ),
    "pivot-root-no-mount": Refused(
        call=lambda process: process.pivot_root("/folder", "/folder"), vfs="EBUSY"
    ),
}
VFS_FIRST = {
    "mount-missing-target": Refused(
        call=lambda process: process.mount("tmpfs", "/missing", "tmpfs"),
        vfs="ENOENT",
        answers="topo-mount-missing-target",
    ),
    "umount-no-mount": Refused(
        call=lambda process: process.umount("/folder"), vfs="EINVAL", answers="topo-umount"
    ),
    "umount-missing": Refused(
        call=lambda process: process.umount("/missing"), vfs="ENOENT", answers="topo-umount"
    ),
    "umount-unknown-flag": Refused(
        call=lambda process: process.umount("/mount", 1 << 30), vfs="EINVAL", answers="topo-umount"
    ),
    "pivot-root-missing": Refused(
        call=lambda process: process.pivot_root("/missing", "/mount/old"),
        vfs="ENOENT",
        answers="topo-pivot-root",
    ),
    "move-mount-missing": Refused(
        call=lambda process: process.move_mount("/missing", "/folder"), vfs="ENOENT"
    ),
    "move-mount-unknown-flag": Refused(
        call=lambda process: process.syscall(
            "move_mount", AT_FDCWD, "/mount", AT_FDCWD, "/folder", 1 << 30
        ),
        vfs="EINVAL",
        answers="topo-move-mount",
    ),
}


def check(case: Refused, process: Process, tree: Tree, judge: Judge, errno: str) -> None:
    sandboxed = new_root(process, tree)
    sandboxed.restrict(FILES)
    observed = sandboxed.observe(case.call)
    outside = new_root(process, tree).observe(case.call)
    judge(since(FS.EXECUTE, Denied(errno)), observed, refused(outside, case.vfs))


@needs(Need.MOUNT)
@covers(FS.EXECUTE)
@table(LANDLOCK_FIRST)
def test_landlock_first(case: Refused, process: Process, tree: Tree, judge: Judge) -> None:
    """The domain refuses what the VFS would refuse once it looked closer."""
    check(case, process, tree, judge, "EPERM")


@needs(Need.MOUNT)
@covers(FS.EXECUTE)
@table(VFS_FIRST)
def test_vfs_first(case: Refused, process: Process, tree: Tree, judge: Judge) -> None:
    """What is no mount, what is missing and what no kernel knows is told as ever."""
    check(case, process, tree, judge, case.vfs)


@needs(Need.MOUNT)
@covers(FS.EXECUTE)
@answers("topo-unprivileged-errno")
def test_unprivileged(process: Process, tree: Tree, judge: Judge) -> None:
    """Without capabilities the errno does not tell whether there is a domain."""
    root = new_root(process, tree)
    root.drop_capabilities()
    sandboxed = root.under(FILES)
    observed = sandboxed.observe(Process.mount, "tmpfs", "/folder", "tmpfs")
    outside = root.observe(Process.mount, "tmpfs", "/folder", "tmpfs")
    judge(since(FS.EXECUTE, Denied("EPERM")), observed, refused(outside, "EPERM"))
