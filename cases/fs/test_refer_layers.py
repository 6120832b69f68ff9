# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_REFER in domains of several layers, some of which are not about files.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER, "always denied by default";
landlock_get_fs_access_mask() in security/landlock/ruleset.h.
"""

from collections.abc import Callable
from dataclasses import replace

from cases.fs.moves import EXCHANGE, LINK, RENAME, link, rename
from suite.case import (
    FS, NET, SCOPE, Allowed, Case, Denied, Expectation, Judge, Outcome, Process, Ruleset, Tree,
    covers, since, since_layers, table,
)  # fmt: skip


def refer(tree: Tree) -> Ruleset:
    """Allows to reparent everywhere."""
    return tree.layer(FS.REFER, {"": FS.REFER})


def execute(tree: Tree) -> Ruleset:
    """Does not handle REFER."""
    return tree.layer(FS.EXECUTE, {"": FS.EXECUTE})


def network(_: Tree) -> Ruleset:
    """Handles no right on files."""
    return Ruleset(net=NET.BIND_TCP)


def scope(_: Tree) -> Ruleset:
    """Handles no right on files either."""
    return Ruleset(scope=SCOPE.SIGNAL)


def files_and_network(tree: Tree) -> Ruleset:
    """Handles both, and allows to reparent everywhere."""
    return replace(refer(tree), net=NET.BIND_TCP)


def more_in_d2(tree: Tree) -> Ruleset:
    """Allows to reparent everywhere, but not to gain a right by it."""
    return tree.layer(FS.REFER | FS.READ_FILE, {"": FS.REFER, "d2": FS.READ_FILE})


def no_reading(tree: Tree) -> Ruleset:
    """Allows to reparent everywhere, and to read nowhere."""
    return tree.layer(FS.REFER | FS.READ_FILE, {"": FS.REFER})


class Layers(Case, frozen=True, kw_only=True):
    """Layers, outermost first."""

    call: Callable[[Process, Tree], object] = LINK
    layers: tuple[Callable[[Tree], Ruleset], ...]


def refer_then_network(then: Outcome) -> Expectation:
    return since_layers([[FS.REFER], [NET.BIND_TCP]], then)


CASES = {
    "allowed-by-both": Layers(layers=(refer, refer), expect=since(FS.REFER, Allowed())),
    "not-handled-by-the-inner": Layers(
        layers=(refer, execute),
        expect=since(FS.REFER, Denied("EXDEV")),
        answers="refer-two-layers-one-unhandled",
    ),
    "not-handled-by-the-inner-within": Layers(
        call=link(new="d1/new"),
        layers=(refer, execute),
        expect=since(FS.REFER, Allowed()),
        answers="refer-two-layers-one-unhandled",
    ),
    "network-only": Layers(
        layers=(network,),
        expect=since(NET.BIND_TCP, Allowed()),
        answers=("refer-no-fs-layer", "gap-implicit-refer"),
    ),
    "network-only-rename": Layers(
        call=RENAME,
        layers=(network,),
        expect=since(NET.BIND_TCP, Allowed()),
        answers=("refer-no-fs-layer", "gap-implicit-refer"),
    ),
    "network-only-rename-folder": Layers(
        call=rename("d1/sub"),
        layers=(network,),
        expect=since(NET.BIND_TCP, Allowed()),
        answers=("refer-no-fs-layer", "gap-implicit-refer"),
    ),
    "scope-only": Layers(
        layers=(scope,),
        expect=since(SCOPE.SIGNAL, Allowed()),
        answers=("refer-no-fs-layer", "gap-implicit-refer"),
    ),
    "network-and-scope-only": Layers(
        layers=(network, scope), expect=since_layers([[NET.BIND_TCP], [SCOPE.SIGNAL]], Allowed())
    ),
    "network-only-outside": Layers(
        layers=(network, refer),
        expect=since_layers([[NET.BIND_TCP], [FS.REFER]], Denied("EXDEV")),
        answers=("refer-netonly-first-then-fs", "gap-implicit-refer"),
    ),
    # A layer that is not about files can't allow what it denies once another one is.
    "network-only-inside": Layers(
        layers=(refer, network),
        expect=refer_then_network(Denied("EXDEV")),
        answers=("refer-netonly-layer-on-fs-layer", "gap-implicit-refer"),
    ),
    "network-only-inside-rename": Layers(
        call=RENAME,
        layers=(refer, network),
        expect=refer_then_network(Denied("EXDEV")),
        answers=("refer-netonly-layer-on-fs-layer", "gap-implicit-refer"),
    ),
    "network-only-inside-exchange": Layers(
        call=EXCHANGE,
        layers=(refer, network),
        expect=refer_then_network(Denied("EXDEV")),
        answers=("refer-netonly-layer-on-fs-layer", "gap-implicit-refer"),
    ),
    "network-only-inside-rename-within": Layers(
        call=rename(new="d1/new"),
        layers=(refer, network),
        expect=refer_then_network(Allowed()),
        answers=("refer-netonly-layer-on-fs-layer", "gap-implicit-refer"),
    ),
    "scope-only-inside": Layers(
        layers=(refer, scope),
        expect=since_layers([[FS.REFER], [SCOPE.SIGNAL]], Denied("EXDEV")),
        answers=("refer-scopeonly-layer-on-fs-layer", "gap-implicit-refer"),
    ),
    "files-and-network-in-one": Layers(
        layers=(files_and_network,),
        expect=since((FS.REFER, NET.BIND_TCP), Allowed()),
        answers="refer-combined-fs-net-ruleset",
    ),
    "gains-in-one-layer": Layers(
        layers=(refer, more_in_d2),
        expect=since(FS.REFER, Denied("EXDEV")),
        answers="refer-layer-gain-in-one-layer",
    ),
    # What an outer layer denies anyway could still be gained in an inner one.
    "gains-what-the-outer-denies": Layers(
        layers=(no_reading, more_in_d2),
        expect=since(FS.REFER, Denied("EXDEV")),
        answers="refer-layer-gain-in-one-layer",
    ),
    "gains-what-the-inner-denies": Layers(
        layers=(more_in_d2, no_reading),
        expect=since(FS.REFER, Denied("EXDEV")),
        answers="refer-layer-gain-in-one-layer",
    ),
}


@covers(FS.REFER)
@table(CASES)
def test_layers(case: Layers, process: Process, tree: Tree, judge: Judge) -> None:
    """Every layer of a domain about files must allow to reparent."""
    control = process.observe(case.call, tree.twin())
    layers = [layer(tree) for layer in case.layers]
    judge(case.expect, process.under(*layers).observe(case.call, tree), control)
