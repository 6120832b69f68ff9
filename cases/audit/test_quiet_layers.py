# SPDX-License-Identifier: MIT
"""Quiet rules of one layer among several: what counts is the layer whose denial is logged.

Of a file that is open already it is the layer that denied the right when it was opened.

Source: security/landlock/log.c, landlock_log_denial() and get_layer_from_deny_masks(); domain.c,
landlock_unmask_layers() and landlock_get_quiet_optional_accesses().
"""

import os
from collections.abc import Callable, Mapping

from cases.audit.logs import LOGGED, SILENT, sequence
from suite.case import (
    ADD_RULE, FS, RNDGETENTCNT, AuditLog, Case, Judge, Need, Out, Process, Ruleset, Seen, Tree,
    answers, covers, needs, since, since_layers, table, vm_only,
)  # fmt: skip

READ, WRITE, TRUNCATE, IOCTL = FS.READ_FILE, FS.WRITE_FILE, FS.TRUNCATE, FS.IOCTL_DEV
OTHER = Ruleset(fs=FS.MAKE_BLOCK)
RANDOM = "/dev/random"
Call = Callable[[Process, Tree], object]


class Layered(Case, frozen=True, kw_only=True):
    """A call that is denied, and the layers of who makes it, given a tree."""

    call: Call
    layers: Callable[[Tree], tuple[Ruleset, ...]]


def read(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


def truncate_opened(process: Process, tree: Tree) -> None:
    process.ftruncate(process.open(tree.file, os.O_WRONLY))


def ask_device(process: Process, _: Tree) -> None:
    process.ioctl(process.open(RANDOM, os.O_RDONLY), RNDGETENTCNT, Out(4))


def quiet(right: FS, place: str) -> Ruleset:
    """A layer that lacks this right, and has a quiet rule there."""
    return Ruleset(fs=right, quiet_fs=right).quiet(place)


def loud(right: FS) -> Ruleset:
    return Ruleset(fs=right)


def rows(call: Call, right: FS, place: Callable[[Tree], str]) -> Mapping[str, Layered]:
    """Each place of the quiet layer beside one that is not quiet."""

    def row(seen: str, layers: Callable[[Tree], tuple[Ruleset, ...]]) -> Layered:
        owed = since_layers([[right, ADD_RULE.QUIET], [right]], Seen(seen))
        return Layered(call=call, layers=layers, expect=owed)

    return {
        "inner-quiet": row(SILENT, lambda tree: (OTHER, quiet(right, place(tree)))),
        "outer-quiet": row(SILENT, lambda tree: (quiet(right, place(tree)), OTHER)),
        "both-deny-inner-quiet": row(SILENT, lambda tree: (loud(right), quiet(right, place(tree)))),
        "both-deny-outer-quiet": row(LOGGED, lambda tree: (quiet(right, place(tree)), loud(right))),
        "third-quiet": row(
            SILENT, lambda tree: (OTHER, loud(right), quiet(right, place(tree)), OTHER)
        ),
        "outer-denies-inner-quiet": row(
            LOGGED,
            lambda tree: (loud(right), quiet(right, place(tree)).allow(place(tree), right)),
        ),
    }


def on_file(tree: Tree) -> str:
    return tree.file


def on_device(_: Tree) -> str:
    return RANDOM


def layered(call: Call, seen: str, layers: Callable[[Tree], tuple[Ruleset, ...]]) -> Layered:
    features = [[IOCTL, ADD_RULE.QUIET], [TRUNCATE]]
    return Layered(call=call, layers=layers, expect=since_layers(features, Seen(seen)))


LAYERS = {
    f"{name}-{place}": row
    for name, found in (
        ("read", rows(read, READ, on_file)),
        ("truncate-opened", rows(truncate_opened, TRUNCATE, on_file)),
        ("ioctl", rows(ask_device, IOCTL, on_device)),
    )
    for place, row in found.items()
} | {
    # Truncation of the device is denied as well, by another layer, which is or isn't quiet.
    "ioctl-outer-quiet-inner-truncate": layered(
        ask_device, SILENT, lambda _: (quiet(IOCTL, RANDOM), loud(TRUNCATE))
    ),
    "ioctl-inner-quiet-outer-truncate": layered(
        ask_device, SILENT, lambda _: (loud(TRUNCATE), quiet(IOCTL, RANDOM))
    ),
    "ioctl-outer-inner-truncate-quiet": layered(
        ask_device, LOGGED, lambda _: (loud(IOCTL), quiet(TRUNCATE, RANDOM))
    ),
    "ioctl-inner-outer-truncate-quiet": layered(
        ask_device, LOGGED, lambda _: (quiet(TRUNCATE, RANDOM), loud(IOCTL))
    ),
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
        sandboxed = process.under(*case.layers(tree))
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
