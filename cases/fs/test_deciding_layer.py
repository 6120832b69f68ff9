# SPDX-License-Identifier: MIT
"""One layer of sixteen denies, by the call: the first one, one in the middle, or the last.

Source: Documentation/userspace-api/landlock.rst, "Layers of file path access rights";
security/landlock/fs.c, unmask_layers(), current_check_access_path(),
current_check_refer_path() and hook_file_open().
"""

import os

from cases.fs.ioctl import DENIED, WITHOUT_RULE, open_and_ask
from cases.fs.rights import RIGHTS, Right
from cases.fs.roots import FILES, Change, new_root
from cases.places import PLACES, deciding
from suite.case import (
    FS, MS_RDONLY, MS_REMOUNT, NET, RENAME_EXCHANGE, Allowed, Case, Denied, Judge, Need, Process,
    Ruleset, Tree, covers, needs, since, since_layers, table,
)  # fmt: skip


class OneOf(Case, frozen=True, kw_only=True):
    """A call that needs one right, and the index of the layer without a rule, if any."""

    call: Right
    place: int | None


def exchange(process: Process, tree: Tree) -> None:
    process.rename(tree.file, f"{tree.d1}/second", RENAME_EXCHANGE)


def truncate_opened(process: Process, tree: Tree) -> None:
    process.ftruncate(process.open(tree.file, os.O_WRONLY))


CALLS = RIGHTS | {
    "open-to-truncate": Right(
        covers=FS.TRUNCATE,
        call=lambda process, tree: process.open(tree.file, os.O_WRONLY | os.O_TRUNC),
    ),
    "truncate-opened": Right(covers=FS.TRUNCATE, call=truncate_opened),
    "link": Right(
        covers=FS.MAKE_REG,
        call=lambda process, tree: process.link(tree.file, f"{tree.d1}/new"),
    ),
    "rename": Right(
        covers=FS.MAKE_REG | FS.REMOVE_FILE,
        call=lambda process, tree: process.rename(tree.file, f"{tree.d1}/new"),
    ),
    "exchange": Right(
        covers=FS.MAKE_REG | FS.REMOVE_FILE,
        prepare=lambda process, tree: process.link(tree.file, f"{tree.d1}/second"),
        call=exchange,
    ),
    "reparent": Right(
        covers=FS.REFER,
        call=lambda process, tree: process.rename(tree.file, f"{tree.sub}/new"),
        errno="EXDEV",
    ),
}
ROWS = {
    f"{name}-{place}": OneOf(
        call=call,
        place=at,
        covers=call.covers,
        needs=call.needs,
        answers=(f"layer-{place}-decides", f"layer-decides-{name}"),
        expect=since(call.covers, Allowed() if at is None else Denied(call.errno)),
    )
    for name, call in CALLS.items()
    for place, at in PLACES.items()
}


@table(ROWS)
def test_file(case: OneOf, process: Process, tree: Tree, judge: Judge) -> None:
    """One layer without a rule is enough to deny, wherever it is; with none, all is allowed."""
    call, twin = case.call, tree.twin()
    for where in (tree, twin):
        call.prepare(process, where)
    control = process.fork().observe(call.call, twin)
    without = Ruleset(fs=call.covers)
    layers = deciding(case.place, without, without.allow(call.folder(tree), call.covers))
    judge(case.expect, process.under(*layers).observe(call.call, tree), control)


class Device(Case, frozen=True, kw_only=True):
    """The index of the layer without a rule, if any."""

    place: int | None


@needs(Need.COMPAT)
@covers(FS.IOCTL_DEV)
@table(
    {
        f"ioctl-dev-compat-{place}": Device(
            place=at,
            answers="layer-compat-ioctl-decides",
            expect=since(FS.IOCTL_DEV, Allowed()) if at is None else DENIED,
        )
        for place, at in PLACES.items()
    }
)
def test_device(case: Device, process32: Process, judge: Judge) -> None:
    """The same goes for a command on a device by a program of 32 bits."""
    control = process32.observe(open_and_ask)
    ruled = WITHOUT_RULE.allow("/dev", FS.IOCTL_DEV)
    layers = deciding(case.place, WITHOUT_RULE, ruled)
    judge(case.expect, process32.under(*layers).observe(open_and_ask), control)


REMOUNT = MS_REMOUNT | MS_RDONLY
CHANGES = {
    "mount": Change(call=lambda process: process.mount("tmpfs", "/folder", "tmpfs")),
    "remount": Change(call=lambda process: process.mount("", "/mount", None, REMOUNT)),
    "umount": Change(call=lambda process: process.umount("/mount")),
    "move-mount": Change(call=lambda process: process.move_mount("/mount", "/folder")),
    "pivot-root": Change(call=lambda process: process.pivot_root("/mount", "/mount/old")),
}
NETWORK = Ruleset(net=NET.CONNECT_TCP)
"""A layer that is not about files."""


class Topology(Case, frozen=True, kw_only=True):
    """A change of what is mounted, and the index of the layer that is about files, if any."""

    change: Change
    place: int | None


def topology(name: str, change: Change, layer: str, place: int | None) -> Topology:
    features = [layer.features for layer in deciding(place, FILES, NETWORK)]
    owed = Allowed() if place is None else Denied("EPERM")
    return Topology(
        change=change,
        place=place,
        answers=(f"layer-{layer}-decides-topology", f"layer-decides-{name}"),
        expect=since_layers(features, owed),
    )


@needs(Need.MOUNT)
@covers(FS.EXECUTE, NET.CONNECT_TCP)
@table(
    {
        f"{name}-{place}": topology(name, change, place, at)
        for name, change in CHANGES.items()
        for place, at in PLACES.items()
    }
)
def test_topology(case: Topology, process: Process, tree: Tree, judge: Judge) -> None:
    """One layer about files is enough to fix the topology, wherever it is among others."""
    outside, sandboxed = (new_root(process, tree) for _ in range(2))
    sandboxed.restrict(*deciding(case.place, FILES, NETWORK))
    judge(case.expect, sandboxed.observe(case.change.call), outside.observe(case.change.call))
