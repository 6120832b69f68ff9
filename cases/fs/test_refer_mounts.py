# SPDX-License-Identifier: MIT
"""Reparenting in, and between, mounts.

Source: Documentation/userspace-api/landlock.rst, "Bind mounts and OverlayFS"; vfs_link() and
vfs_rename() in fs/namei.c, which know one mount only.
"""

from collections.abc import Callable, Mapping

from cases.controls import refused
from cases.fs.moves import link, rename
from cases.fs.order import VfsFirst, check_vfs_first
from suite.case import (
    CLONE_NEWNS, FS, Allowed, Case, Denied, Judge, Need, Process, Tree, covers, needs, since, table,
)  # fmt: skip

ALLOWED = since(FS.REFER, Allowed())
EXDEV = since(FS.REFER, Denied("EXDEV"))


def prepare(process: Process, tree: Tree) -> None:
    """Bind d1 to ``bind``, and mount a tmpfs with two folders on ``mount``."""
    process.unshare(CLONE_NEWNS)
    for name in ("bind", "mount"):
        process.mkdir(f"{tree.path}/{name}")
    process.bind_mount(tree.d1, f"{tree.path}/bind")
    process.mount("tmpfs", f"{tree.path}/mount", "tmpfs")
    for name in ("a", "b"):
        process.mkdir(f"{tree.path}/mount/{name}")
    process.write_file(f"{tree.path}/mount/a/file", b"")


ACROSS = {
    "across-rename": VfsFirst(
        right=FS.MAKE_REG,
        call=rename("bind/file", "d2/new"),
        otherwise=rename("d1/file", "d1/new"),
        vfs="EXDEV",
        answers="refer-cross-mount-vfs",
    ),
    "across-link": VfsFirst(
        right=FS.MAKE_REG,
        call=link("bind/file", "d1/new"),
        otherwise=link("d1/file", "d1/new"),
        vfs="EXDEV",
        answers="refer-cross-mount-vfs",
    ),
}


@needs(Need.MOUNT)
@covers(FS.REFER)
@table(ACROSS)
def test_across(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """What stays in its folder, but comes to another mount, is refused before Landlock is asked."""
    prepare(process, tree)
    check_vfs_first(case, process, tree, judge)


class Mounted(Case, frozen=True, kw_only=True):
    """A call in a layer that allows to reparent beneath these folders."""

    call: Callable[[Process, Tree], object]
    rules: Mapping[str, FS]


EVERYWHERE = {
    "across-rename-refer-everywhere": Mounted(
        call=rename("bind/file", "d2/new"),
        rules={"": FS.REFER},
        expect=EXDEV,
        answers="refer-cross-mount-vfs",
    ),
    "across-link-refer-everywhere": Mounted(
        call=link("bind/file", "d2/new"),
        rules={"": FS.REFER},
        expect=EXDEV,
        answers="refer-cross-mount-vfs",
    ),
}


@needs(Need.MOUNT)
@covers(FS.REFER)
@table(EVERYWHERE)
def test_refer_everywhere(case: Mounted, process: Process, tree: Tree, judge: Judge) -> None:
    """REFER does not make possible what the VFS refuses: a link from one mount to another."""
    prepare(process, tree)
    control = refused(process.observe(case.call, tree), "EXDEV")
    layer = tree.layer(FS.REFER, case.rules)
    judge(case.expect, process.under(layer).observe(case.call, tree), control)


WITHIN = {
    "bound-rule-on-its-source": Mounted(
        call=rename("bind/file", "bind/sub/new"),
        rules={"d1": FS.REFER},
        expect=ALLOWED,
        answers="refer-within-bind-mount",
    ),
    "bound-rule-elsewhere": Mounted(
        call=rename("bind/file", "bind/sub/new"), rules={"d2": FS.REFER}, expect=EXDEV
    ),
    "mounted-rule-above-the-mount-point": Mounted(
        call=rename("mount/a/file", "mount/b/new"),
        rules={"": FS.REFER},
        expect=ALLOWED,
        answers="refer-rule-above-mountpoint",
    ),
    "mounted-rule-above-and-on-the-source": Mounted(
        call=rename("mount/a/file", "mount/b/new"),
        rules={"": FS.REFER, "mount/a": FS.REFER},
        expect=ALLOWED,
        answers="refer-rule-above-mountpoint",
    ),
    "mounted-rule-above-and-on-the-destination": Mounted(
        call=rename("mount/a/file", "mount/b/new"),
        rules={"": FS.REFER, "mount/b": FS.REFER},
        expect=ALLOWED,
        answers="refer-rule-above-mountpoint",
    ),
    "mounted-rule-on-the-root": Mounted(
        call=rename("mount/a/file", "mount/b/new"), rules={"mount": FS.REFER}, expect=ALLOWED
    ),
    "mounted-rule-on-one-folder": Mounted(
        call=rename("mount/a/file", "mount/b/new"), rules={"mount/a": FS.REFER}, expect=EXDEV
    ),
}


@needs(Need.MOUNT)
@covers(FS.REFER)
@table(WITHIN)
def test_within(case: Mounted, process: Process, tree: Tree, judge: Judge) -> None:
    """Within a mount, rules count from the folder up to the root, through every mount point."""
    twin = tree.twin()
    for where in (tree, twin):
        prepare(process, where)
    control = process.observe(case.call, twin)
    layer = tree.layer(FS.REFER, case.rules)
    judge(case.expect, process.under(layer).observe(case.call, tree), control)
