# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_REFER in domains of several layers, some of which are not about files.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER, "always denied by default";
landlock_get_fs_access_mask() in security/landlock/ruleset.h.
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS, NET
from suite.expectation import since, since_layers
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset
from suite.tree import Tree


def refer(tree: Tree) -> Ruleset:
    """Allows to reparent everywhere."""
    return tree.layer(FS.REFER, {"": FS.REFER})


def execute(tree: Tree) -> Ruleset:
    """Does not handle REFER."""
    return tree.layer(FS.EXECUTE, {"": FS.EXECUTE})


def network(_: Tree) -> Ruleset:
    """Handles no right on files."""
    return Ruleset(net=NET.BIND_TCP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers(Case):
    """Layers, outermost first."""

    layers: tuple[Callable[[Tree], Ruleset], ...]


CASES = {
    "allowed-by-both": Layers(
        layers=(refer, refer),
        expect=since(FS.REFER, Allowed()),
    ),
    "not-handled-by-the-inner": Layers(
        layers=(refer, execute),
        expect=since(FS.REFER, Denied("EXDEV")),
    ),
    "network-only": Layers(
        layers=(network,),
        expect=since(NET.BIND_TCP, Allowed()),
    ),
    "network-only-outside": Layers(
        layers=(network, refer),
        expect=since((FS.REFER, NET.BIND_TCP), Denied("EXDEV")),
    ),
    # A layer that is not about files can't allow what it denies once another one is.
    "network-only-inside": Layers(
        layers=(refer, network),
        expect=since_layers([[FS.REFER], [NET.BIND_TCP]], Denied("EXDEV")),
    ),
}


@covers(FS.REFER)
@table(CASES)
def test_layers(case: Layers, process: Process, tree: Tree, judge: Judge) -> None:
    """Every layer of a domain about files must allow to reparent."""
    control = process.observe(Process.link, tree.file, f"{tree.d2}/control")
    layers = [layer(tree) for layer in case.layers]
    observed = process.under(*layers).observe(Process.link, tree.file, f"{tree.d2}/new")
    judge(case.expect, observed, control)
