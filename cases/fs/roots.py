# SPDX-License-Identifier: MIT
"""A root of a case's own, on which it may mount what it wants, and what to do there."""

from collections.abc import Callable

from suite.case import CLONE_NEWNS, CLONE_NEWUSER, FS, Process, Row, Ruleset, Tree

FILES = Ruleset(fs=FS.EXECUTE).allow("/", FS.EXECUTE)
"""About files, and it denies nothing that a topology is made of."""


def nothing(_: Process) -> None:
    """What most changes need beforehand."""


class Change(Row, frozen=True, kw_only=True):
    """A call in a root of its own, with a mount on ``/mount`` and an empty ``/folder``."""

    call: Callable[[Process], object]
    prepare: Callable[[Process], object] = nothing


def new_root(process: Process, tree: Tree, namespaces: int = CLONE_NEWNS) -> Process:
    """A child in a mount namespace and a root of its own."""
    child = process.fork()
    child.unshare(namespaces)
    if namespaces & CLONE_NEWUSER:
        child.map_ids()  # files need an owner
    child.mount("tmpfs", tree.d2, "tmpfs")
    child.chroot(tree.d2)
    child.chdir("/")
    child.mkdir("/folder")
    child.mkdir("/mount")
    child.mount("tmpfs", "/mount", "tmpfs")
    child.mkdir("/mount/old")
    return child
