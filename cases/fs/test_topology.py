# SPDX-License-Identifier: MIT
"""The topology of mounts: fixed in a domain that handles any right on files.

Source: Documentation/userspace-api/landlock.rst, "Filesystem topology modification"; "landlock:
Allow FS topology changes for domains without such rule type" (d7220364039f).
"""

import dataclasses

from msgspec.structs import replace

from cases.fs.roots import FILES, Change, new_root
from suite.case import (
    AT_FDCWD, CLONE_NEWNS, CLONE_NEWUSER, FS, MNT_DETACH, MS_BIND, MS_RDONLY, MS_REMOUNT, NET,
    OPEN_TREE_CLONE, SCOPE, Allowed, Denied, Judge, Need, Observation, Process, Row, Ruleset, Tree,
    answers, covers, needs, own_memory, since, split, table,
)  # fmt: skip
from suite.process.uapi import (
    FSCONFIG_CMD_RECONFIGURE,
    FSCONFIG_SET_FLAG,
    MOVE_MOUNT_SET_GROUP,
    MS_MOVE,
    MS_PRIVATE,
    MS_SHARED,
)

EPERM = since(FS.EXECUTE, Denied("EPERM"))


def remount(flags: int) -> Change:
    return Change(
        call=lambda process: process.mount("", "/mount", None, flags), answers="topo-mount"
    )


def attach_clone(process: Process) -> None:
    process.attach_mount(process.open_tree("/mount", OPEN_TREE_CLONE), "/folder")


def attach_new(process: Process) -> None:
    process.attach_mount(process.new_mount(), "/folder")


def reconfigure(process: Process) -> None:
    context = process.fspick("/mount")
    process.fsconfig(context, FSCONFIG_SET_FLAG, "ro")
    process.fsconfig(context, FSCONFIG_CMD_RECONFIGURE)


def prepare_group(process: Process) -> None:
    process.mount("", "/mount", None, MS_SHARED)
    process.bind_mount("/mount", "/folder")
    process.mount("", "/folder", None, MS_PRIVATE)


def join_group(process: Process) -> None:
    process.syscall("move_mount", AT_FDCWD, "/mount", AT_FDCWD, "/folder", MOVE_MOUNT_SET_GROUP)


CHANGES = {
    "mount": Change(
        call=lambda process: process.mount("tmpfs", "/folder", "tmpfs"), answers="topo-mount"
    ),
    "mount-without-source": Change(
        call=lambda process: process.syscall("mount", None, "/folder", "tmpfs", 0, None),
        answers="topo-mount",
    ),
    "bind": Change(
        call=lambda process: process.bind_mount("/mount", "/folder"), answers="topo-mount"
    ),
    "remount": remount(MS_REMOUNT | MS_BIND | MS_RDONLY),
    "remount-file-system": remount(MS_REMOUNT | MS_RDONLY),
    "propagation": remount(MS_PRIVATE),
    "move": Change(
        call=lambda process: process.mount("/mount", "/folder", None, MS_MOVE),
        answers="topo-mount",
    ),
    "reconfigure": Change(call=reconfigure, answers="topo-fspick-reconfigure"),
    "umount": Change(call=lambda process: process.umount("/mount"), answers="topo-umount"),
    "umount-detach": Change(
        call=lambda process: process.umount("/mount", MNT_DETACH), answers="topo-umount"
    ),
    "move-mount": Change(
        call=lambda process: process.move_mount("/mount", "/folder"), answers="topo-move-mount"
    ),
    "move-mount-detached": Change(call=attach_clone, answers="topo-move-mount"),
    "move-mount-new": Change(call=attach_new, answers=("topo-move-mount", "topo-fsopen-fsmount")),
    "move-mount-set-group": Change(
        prepare=prepare_group, call=join_group, answers="topo-move-mount"
    ),
    "pivot-root": Change(
        call=lambda process: process.pivot_root("/mount", "/mount/old"), answers="topo-pivot-root"
    ),
}
UNSHARE = {"unshare": Change(call=lambda process: process.unshare(CLONE_NEWNS))}


def also(suffix: str, answers: str, changes: dict[str, Change]) -> dict[str, Change]:
    """The same changes for another test."""
    return {f"{name}-{suffix}": replace(row, answers=answers) for name, row in changes.items()}


def try_both(
    case: Change, process: Process, tree: Tree, ruleset: Ruleset, namespaces: int = CLONE_NEWNS
) -> tuple[Observation, Observation]:
    """The change in the domain, and outside of it."""
    outside, sandboxed = (new_root(process, tree, namespaces) for _ in range(2))
    case.prepare(outside)
    case.prepare(sandboxed)
    sandboxed.restrict(ruleset)
    return sandboxed.observe(case.call), outside.observe(case.call)


@needs(Need.MOUNT)
@covers(FS.EXECUTE)
@answers("mnt-fs-domain")
@table(split("topo-change", CHANGES))
def test_change(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that handles a right on files can't change what is mounted where."""
    judge(EPERM, *try_both(case, process, tree, FILES))


@needs(Need.MOUNT, Need.USER_NAMESPACES)
@covers(FS.EXECUTE)
@answers("mnt-userns")
@table(also("user-namespace", "topo-mount-in-new-userns", CHANGES))
@own_memory
def test_user_namespace(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """Nor what it mounted itself, before, in a user namespace of its own."""
    judge(EPERM, *try_both(case, process, tree, FILES, CLONE_NEWUSER | CLONE_NEWNS))


class About(Row, frozen=True, kw_only=True):
    """What the domain handles, and allows everywhere."""

    handled: FS


RIGHTS = {
    f"mount-{right.labels[0].removeprefix('fs.').replace('_', '-')}": About(
        handled=right, covers=right, answers="topo-mount"
    )
    for right in FS
}


@needs(Need.MOUNT)
@table(RIGHTS)
def test_right(case: About, process: Process, tree: Tree, judge: Judge) -> None:
    """Any right on files makes a domain one that can't."""
    ruleset = Ruleset(fs=case.handled).allow("/", case.handled)
    expect = since(case.handled, Denied("EPERM"))
    judge(expect, *try_both(CHANGES["mount"], process, tree, ruleset))


@needs(Need.MOUNT)
@covers(NET.BIND_TCP)
@answers("mnt-net-scope-domain", "llr-11")
@table(also("network-only", "topo-net-only", CHANGES))
def test_network_only(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that handles rights on ports alone may."""
    sandboxed = new_root(process, tree)
    case.prepare(sandboxed)
    sandboxed.restrict(Ruleset(net=NET.BIND_TCP))
    judge(since(NET.BIND_TCP, Allowed()), sandboxed.observe(case.call))


@needs(Need.MOUNT)
@covers(SCOPE.SIGNAL)
@answers("mnt-net-scope-domain")
@table(also("scope-only", "topo-scope-only", CHANGES | UNSHARE))
def test_scope_only(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that has scopes alone may."""
    sandboxed = new_root(process, tree)
    case.prepare(sandboxed)
    sandboxed.restrict(Ruleset(scope=SCOPE.SIGNAL | SCOPE.ABSTRACT_UNIX_SOCKET))
    judge(since(SCOPE.SIGNAL, Allowed()), sandboxed.observe(case.call))


@needs(Need.MOUNT)
@covers(FS.EXECUTE, NET.BIND_TCP)
@table(also("network-and-files", "topo-net-plus-fs", CHANGES))
def test_network_and_files(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """One that handles rights on ports and on files may not."""
    ruleset = dataclasses.replace(FILES, net=NET.BIND_TCP)
    expect = since(ruleset.features, Denied("EPERM"))
    judge(expect, *try_both(case, process, tree, ruleset))
