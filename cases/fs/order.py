# SPDX-License-Identifier: MIT
"""What comes first: the errno of the VFS or that of Landlock."""

from collections.abc import Callable

from cases.controls import refused
from suite.case import FS, Denied, Judge, Process, Row, Tree, since


class LandlockFirst(Row, frozen=True, kw_only=True):
    """A call beneath d1 that asks for ``right``, and that the VFS refuses with it."""

    call: Callable[[Process, Tree], object]
    right: FS
    vfs: str


class VfsFirst(Row, frozen=True, kw_only=True):
    """A call that the VFS refuses before it asks Landlock for ``right``."""

    call: Callable[[Process, Tree], object]
    otherwise: Callable[[Process, Tree], object]
    """The same call on other arguments: the domain denies it."""
    right: FS
    vfs: str


def check_landlock_first(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """EACCES without the right; with it, what the VFS says."""
    with_right = process.under(tree.layer(case.right, {"d1": case.right}))
    control = refused(with_right.observe(case.call, tree), case.vfs)
    observed = process.under(tree.layer(case.right, {})).observe(case.call, tree)
    judge(since(case.right, Denied("EACCES")), observed, control)


def check_vfs_first(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """What the VFS says, in a domain that denies the right."""
    sandboxed = process.under(tree.layer(case.right, {}))
    control = refused(sandboxed.observe(case.otherwise, tree), "EACCES")
    judge(since(case.right, Denied(case.vfs)), sandboxed.observe(case.call, tree), control)
