# SPDX-License-Identifier: MIT
"""The topology of mounts: fixed in a domain that handles any right on files.

Source: Documentation/userspace-api/landlock.rst, "Filesystem topology modification"; "landlock:
Allow FS topology changes for domains without such rule type" (d7220364039f).
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS, NET
from suite.calls.files import (
    MNT_DETACH,
    MS_BIND,
    MS_MOVE,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REMOUNT,
    OPEN_TREE_CLONE,
)
from suite.expectation import since
from suite.needs import Need
from suite.outcome import Allowed, Denied
from suite.process import CLONE_NEWNS, Process
from suite.rows import Judge, Row, covers, needs, table
from suite.ruleset import Ruleset
from suite.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Row):
    """A call in a root of its own, with a mount on ``/mount`` and an empty ``/folder``."""

    call: Callable[[Process], object]


def attach_clone(process: Process) -> None:
    process.attach_mount(process.open_tree("/mount", OPEN_TREE_CLONE), "/folder")


CHANGES = {
    "mount": Change(call=lambda process: process.mount("tmpfs", "/folder", "tmpfs")),
    "bind": Change(call=lambda process: process.bind_mount("/mount", "/folder")),
    "remount": Change(
        call=lambda process: process.mount("", "/mount", None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    ),
    "propagation": Change(call=lambda process: process.mount("", "/mount", None, MS_PRIVATE)),
    "move": Change(call=lambda process: process.mount("/mount", "/folder", None, MS_MOVE)),
    "umount": Change(call=lambda process: process.umount("/mount")),
    "umount-detach": Change(call=lambda process: process.umount("/mount", MNT_DETACH)),
    "move-mount": Change(call=lambda process: process.move_mount("/mount", "/folder")),
    "move-mount-detached": Change(call=attach_clone),
    "pivot-root": Change(call=lambda process: process.pivot_root("/mount", "/mount/old")),
}


def new_root(process: Process, tree: Tree) -> Process:
    """A child in a mount namespace and a root of its own."""
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    child.mount("tmpfs", tree.d2, "tmpfs")
    child.chroot(tree.d2)
    child.chdir("/")
    child.mkdir("/folder")
    child.mkdir("/mount")
    child.mount("tmpfs", "/mount", "tmpfs")
    child.mkdir("/mount/old")
    return child


@needs(Need.MOUNT)
@covers(FS.EXECUTE)
@table(CHANGES)
def test_change(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that handles a right on files can't change what is mounted where."""
    control = new_root(process, tree).observe(case.call)
    sandboxed = new_root(process, tree)
    sandboxed.restrict(Ruleset(fs=FS.EXECUTE).allow("/", FS.EXECUTE))
    judge(since(FS.EXECUTE, Denied("EPERM")), sandboxed.observe(case.call), control)


@needs(Need.MOUNT)
@covers(NET.BIND_TCP)
@table({f"{name}-network-only": row for name, row in CHANGES.items()})
def test_network_only(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that handles rights on ports alone may."""
    sandboxed = new_root(process, tree)
    sandboxed.restrict(Ruleset(net=NET.BIND_TCP))
    judge(since(NET.BIND_TCP, Allowed()), sandboxed.observe(case.call))
