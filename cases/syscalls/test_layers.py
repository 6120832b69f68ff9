# SPDX-License-Identifier: MIT
"""How many layers a domain may have.

Source: Documentation/userspace-api/landlock.rst, "Ruleset layers".
"""

import os

from suite.case import (
    FS, MAX_LAYERS, NET, RESTRICT, Allowed, ByBug, Denied, Judge, Process, Rejected, Ruleset, Tree,
    answers, by_abi, covers, since, since_layers,
)  # fmt: skip
from suite.landlock.bugs import MANY_LAYERS

READ = FS.READ_FILE
ALLOWED = since(READ, Allowed())
TOO_MANY = since(
    READ, ByBug(MANY_LAYERS, before=Allowed(), after=Rejected("restrict_self", "E2BIG"))
)


@answers("layer-limit-16", "gap-layers", "llr-20", "sys-rs-maxlayers")
def test_sixteen(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain can have 16 layers."""
    sandboxed = process.under(*[tree.layer(READ, {"d1": READ})] * MAX_LAYERS)
    judge(ALLOWED, sandboxed.observe(Process.open, tree.file, os.O_RDONLY))


def test_sixteenth_counts(process: Process, tree: Tree, judge: Judge) -> None:
    """The last layer denies as the first one does."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    layers = [tree.layer(READ, {"d1": READ})] * (MAX_LAYERS - 1)
    sandboxed = process.under(*layers, tree.layer(READ, {"d2": READ}))
    observed = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(READ, Denied("EACCES")), observed, control)


@answers("layer-limit-16", "gap-layers", "llr-20", "sys-rs-maxlayers")
def test_seventeenth(process: Process, tree: Tree, judge: Judge) -> None:
    """A 17th layer is refused."""
    layer = tree.layer(READ, {"d1": READ})
    sandboxed = process.under(*[layer] * MAX_LAYERS)
    judge(TOO_MANY, sandboxed.observe(Process.restrict_self, sandboxed.build(layer)))


@answers("sys-rs-maxlayers")
def test_seventeenth_of_a_bad_fd(process: Process, tree: Tree, judge: Judge) -> None:
    """A file descriptor that is no ruleset's is told of before the number of layers."""
    sandboxed = process.under(*[tree.layer(READ, {"d1": READ})] * MAX_LAYERS)
    bad_fd = by_abi(lambda _: Rejected("restrict_self", "EBADF"))
    judge(bad_fd, sandboxed.observe(Process.restrict_self, -1))


@answers("sys-rs-maxlayers-m1")
@covers(RESTRICT.LOG_SUBDOMAINS_OFF)
def test_sixteen_and_no_ruleset(process: Process, tree: Tree, judge: Judge) -> None:
    """Without a ruleset there is no layer to count."""
    sandboxed = process.under(*[tree.layer(READ, {"d1": READ})] * MAX_LAYERS)
    quietly = RESTRICT.LOG_SUBDOMAINS_OFF
    judge(since(quietly, Allowed()), sandboxed.observe(Process.restrict_self, -1, quietly))


@answers("sys-rs-maxlayers-recover")
def test_seventeenth_lifts_nothing(process: Process, tree: Tree, judge: Judge) -> None:
    """What 16 layers deny stays denied when a 17th was refused."""
    control = process.observe(Process.open, tree.other, os.O_RDONLY)
    sandboxed = process.under(*[tree.layer(READ, {"d1": READ})] * MAX_LAYERS)
    sandboxed.observe(Process.restrict_self, sandboxed.build(tree.layer(READ, {"d2": READ})))
    observed = sandboxed.observe(Process.open, tree.other, os.O_RDONLY)
    judge(since(READ, Denied("EACCES")), observed, control)


@answers("layer-limit-16", "gap-layers", "llr-20", "sys-rs-maxlayers-recover")
def test_seventeenth_changes_nothing(process: Process, tree: Tree, judge: Judge) -> None:
    """A process whose 17th layer was refused goes on in its 16."""
    sandboxed = process.under(*[tree.layer(READ, {"d1": READ})] * MAX_LAYERS)
    sandboxed.observe(Process.restrict_self, sandboxed.build(tree.layer(READ, {})))
    expect = since(READ, ByBug(MANY_LAYERS, before=Denied("EACCES"), after=Allowed()))
    judge(expect, sandboxed.observe(Process.open, tree.file, os.O_RDONLY))


@answers("layer-limit-16", "gap-layers", "llr-20", "sys-rs-maxlayers")
def test_seventeenth_in_a_child(process: Process, tree: Tree, judge: Judge) -> None:
    """A child starts with the layers of its parent."""
    layer = tree.layer(READ, {"d1": READ})
    sandboxed = process.under(*[layer] * MAX_LAYERS)
    child = sandboxed.fork()
    judge(TOO_MANY, child.observe(Process.restrict_self, child.build(layer)))


@covers(NET.BIND_TCP)
@answers("layer-limit-16", "gap-layers", "llr-20", "sys-rs-maxlayers")
def test_seventeenth_for_ports(process: Process, tree: Tree, judge: Judge) -> None:
    """Layers count whatever they are about: a 17th is refused that is not about files."""
    sandboxed = process.under(*[tree.layer(READ, {"d1": READ})] * MAX_LAYERS)
    observed = sandboxed.observe(Process.restrict_self, sandboxed.build(Ruleset(net=NET.BIND_TCP)))
    too_many = since_layers([[READ], [NET.BIND_TCP]], Rejected("restrict_self", "E2BIG"))
    judge(too_many, observed)
