# SPDX-License-Identifier: MIT
"""Quiet rules of one layer among several: what counts is the layer whose denial is logged.

Of a file that is open already it is the layer that denied the right when it was opened.

Source: security/landlock/log.c, landlock_log_denial() and get_layer_from_deny_masks(); domain.c,
landlock_unmask_layers() and landlock_get_quiet_optional_accesses().
"""

import os
from collections.abc import Callable

from cases.audit.logs import LOGGED, SILENT, sequence
from suite.case import (
    ADD_RULE, FS, RNDGETENTCNT, AuditLog, Case, Judge, Need, Out, Process, Ruleset, Seen, Tree,
    answers, covers, needs, since, since_layers, table, vm_only,
)  # fmt: skip

READ, WRITE, TRUNCATE, IOCTL = FS.READ_FILE, FS.WRITE_FILE, FS.TRUNCATE, FS.IOCTL_DEV
RANDOM = "/dev/random"
Call = Callable[[Process, Tree], object]
Layer = Callable[[FS, str], Ruleset]
"""Made of the right that is denied, and of the path of what it is denied on."""


class Layered(Case, frozen=True, kw_only=True):
    """A call that is denied this right, on what, and the layers of who makes it."""

    call: Call
    right: FS
    device: bool = False
    layers: tuple[Layer, ...]


def read(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


def truncate_opened(process: Process, tree: Tree) -> None:
    process.ftruncate(process.open(tree.file, os.O_WRONLY))


def ask_device(process: Process, _: Tree) -> None:
    process.ioctl(process.open(RANDOM, os.O_RDONLY), RNDGETENTCNT, Out(4))


def quiet(right: FS, place: str) -> Ruleset:
    """A layer that lacks this right, and has a quiet rule there."""
    return Ruleset(fs=right, quiet_fs=right).quiet(place)


def quiet_and_allowed(right: FS, place: str) -> Ruleset:
    return quiet(right, place).allow(place, right)


def loud(right: FS, _: str) -> Ruleset:
    """A layer that lacks this right, and is not quiet."""
    return Ruleset(fs=right)


def other(_: FS, __: str) -> Ruleset:
    return Ruleset(fs=FS.MAKE_BLOCK)


def loud_truncate(_: FS, place: str) -> Ruleset:
    return loud(TRUNCATE, place)


def quiet_truncate(_: FS, place: str) -> Ruleset:
    return quiet(TRUNCATE, place)


PLACES: dict[str, tuple[str, tuple[Layer, ...]]] = {
    "inner-quiet": (SILENT, (other, quiet)),
    "outer-quiet": (SILENT, (quiet, other)),
    "both-deny-inner-quiet": (SILENT, (loud, quiet)),
    "both-deny-outer-quiet": (LOGGED, (quiet, loud)),
    "third-quiet": (SILENT, (other, loud, quiet, other)),
    "outer-denies-inner-quiet": (LOGGED, (loud, quiet_and_allowed)),
}
OF_DEVICES: dict[str, tuple[str, tuple[Layer, ...]]] = {
    # Truncation of the device is denied as well, by another layer, which is or isn't quiet.
    "outer-quiet-inner-truncate": (SILENT, (quiet, loud_truncate)),
    "inner-quiet-outer-truncate": (SILENT, (loud_truncate, quiet)),
    "outer-inner-truncate-quiet": (LOGGED, (loud, quiet_truncate)),
    "inner-outer-truncate-quiet": (LOGGED, (quiet_truncate, loud)),
}


def layered(call: Call, right: FS, seen: str, layers: tuple[Layer, ...]) -> Layered:
    features = [layer(right, "/").features for layer in layers]
    return Layered(
        call=call,
        right=right,
        device=call is ask_device,
        layers=layers,
        expect=since_layers(features, Seen(seen)),
    )


LAYERS = {
    f"{name}-{place}": layered(call, right, *row)
    for name, call, right, rows in (
        ("read", read, READ, PLACES),
        ("truncate-opened", truncate_opened, TRUNCATE, PLACES),
        ("ioctl", ask_device, IOCTL, PLACES | OF_DEVICES),
    )
    for place, row in rows.items()
}


@vm_only
@answers("aud-quiet-layer")
@covers(ADD_RULE.QUIET)
@needs(Need.AUDIT)
@table(LAYERS)
def test_layers(case: Layered, process: Process, tree: Tree, judge: Judge) -> None:
    """A quiet rule silences what its own layer denies, wherever that stands, and nothing else."""
    control = process.observe(case.call, tree.twin())
    with AuditLog(process) as log:
        place = RANDOM if case.device else tree.file
        sandboxed = process.under(*(layer(case.right, place) for layer in case.layers))
        denied, accesses = sandboxed.observe(case.call, tree), log.accesses()
    judge(case.expect, sequence((denied, accesses)), control)


class Above(Case, frozen=True, kw_only=True):
    """Where the quiet rule is, and where one that is not, and allows something else."""

    quiet: str
    loud: str


ABOVE = {
    "quiet-beneath-rule": Above(quiet="d1", loud="", expect=since(ADD_RULE.QUIET, Seen(SILENT))),
    "quiet-above-rule": Above(quiet="", loud="d1", expect=since(ADD_RULE.QUIET, Seen(SILENT))),
    "quiet-file-beneath-rule": Above(
        quiet="d1/file", loud="d1", expect=since(ADD_RULE.QUIET, Seen(SILENT))
    ),
}


@vm_only
@answers("aud-quiet-kept")
@covers(ADD_RULE.QUIET)
@needs(Need.AUDIT)
@table(ABOVE)
def test_above(case: Above, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule that is not quiet, above or beneath, takes nothing from a quiet one."""
    control = process.observe(read, tree.twin())
    ruleset = Ruleset(fs=READ | WRITE, quiet_fs=READ)
    ruleset = ruleset.quiet(f"{tree.path}/{case.quiet}").allow(f"{tree.path}/{case.loud}", WRITE)
    with AuditLog(process) as log:
        denied, accesses = process.under(ruleset).observe(read, tree), log.accesses()
    judge(case.expect, sequence((denied, accesses)), control)
