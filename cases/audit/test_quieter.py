# SPDX-License-Identifier: MIT
"""Which denials are silent, by what is denied, which layer is quiet, and where its quiet rule is.

Source: security/landlock/log.c, is_denial_quieted(): the layer that denies must be quiet about all
that lacks there; include/uapi/linux/landlock.h, LANDLOCK_ADD_RULE_QUIET and quiet_access_fs.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from cases.audit.denials import DENIALS, Denial, Scene
from cases.audit.logs import LOGGED, SILENT, sequence
from suite.case import (
    ADD_RULE, FS, NET, O_PATH, RULE_NET_PORT, RULE_PATH_BENEATH, SCOPE, AuditLog, Call, Case, Judge,
    Need, Process, Ruleset, Seen, Tree, needs, net_port, path_beneath, since_layers, table, vm_only,
)  # fmt: skip

QUIET = ADD_RULE.QUIET


class Layer(NamedTuple):
    """A layer of two: whether it denies, what is quiet in it, and where its quiet rule is."""

    denies: bool
    quiet: bool = False
    other_right: bool = False
    """It is another right that is quiet."""
    at: str = "object"
    """Or above it, beneath it, nowhere; for ports, the next one is above."""
    later: bool = False
    """The rule comes once the ruleset is enforced."""


ALLOWS, DENIES = Layer(denies=False), Layer(denies=True)
QUIET_ALLOWS, QUIET_DENIES = Layer(denies=False, quiet=True), Layer(denies=True, quiet=True)
PLACES: dict[str, tuple[tuple[Layer, Layer], str]] = {
    "inner-denier": ((ALLOWS, QUIET_DENIES), SILENT),
    "outer-denier": ((QUIET_DENIES, ALLOWS), SILENT),
    "outer-that-allows": ((QUIET_ALLOWS, DENIES), LOGGED),
    "inner-that-allows": ((DENIES, QUIET_ALLOWS), LOGGED),
    "outer-of-two-deniers": ((QUIET_DENIES, DENIES), LOGGED),
    "inner-of-two-deniers": ((DENIES, QUIET_DENIES), SILENT),
    "both-deniers": ((QUIET_DENIES, QUIET_DENIES), SILENT),
    "other-right": ((ALLOWS, QUIET_DENIES._replace(other_right=True)), LOGGED),
    "no-rule": ((ALLOWS, QUIET_DENIES._replace(at="nowhere")), LOGGED),
    "rule-above": ((ALLOWS, QUIET_DENIES._replace(at="above")), SILENT),
    "rule-beneath": ((ALLOWS, QUIET_DENIES._replace(at="beneath")), LOGGED),
    "rule-added-later": ((ALLOWS, QUIET_DENIES._replace(later=True)), LOGGED),
}
OF_RULES = {"no-rule", "rule-above", "rule-beneath", "rule-added-later"}
"""What only those can be that are about something that has rules."""


class Object(NamedTuple):
    """The path that a denial is about, one above it, and one beneath it, if anything is."""

    at: Callable[[Scene], str]
    above: Callable[[Scene], str]
    beneath: Callable[[Scene], str] | None = None


FILE = Object(lambda scene: scene.tree.file, lambda scene: scene.tree.d1)
OBJECTS = {
    "open": FILE,
    "truncate-opened": FILE,
    "ioctl-opened": Object(lambda _: "/dev/random", lambda _: "/dev"),
    "make-folder": Object(
        lambda scene: scene.tree.d1, lambda scene: scene.tree.path, lambda scene: scene.tree.sub
    ),
    "pathname": Object(lambda scene: f"{scene.tree.path}/socket", lambda scene: scene.tree.path),
}
PORTS = "bind-tcp", "connect-tcp", "sendto-udp"
SCOPES = "signal", "sigio", "abstract-stream", "abstract-datagram"
BOTH_SCOPES = SCOPE.SIGNAL | SCOPE.ABSTRACT_UNIX_SOCKET
BOTH_TCP = NET.BIND_TCP | NET.CONNECT_TCP


def with_another(denial: Denial) -> Ruleset:
    """What denies, and about something else besides, which is what is quiet."""
    match denial.denies:
        case Ruleset(fs=right) if right:
            return Ruleset(fs=right | FS.MAKE_BLOCK, quiet_fs=FS.MAKE_BLOCK)
        case Ruleset(net=right) if right:
            extra = NET.BIND_UDP if right is NET.CONNECT_SEND_UDP else BOTH_TCP ^ right
            return Ruleset(net=right | extra, quiet_net=extra)
        case Ruleset(scope=right):
            return Ruleset(scope=BOTH_SCOPES, quiet_scope=BOTH_SCOPES ^ right)


def ruleset(denial: Denial, layer: Layer) -> Ruleset:
    """Without its rules."""
    if layer.other_right:
        return with_another(denial)
    made = denial.denies if layer.denies else denial.allows
    if not layer.quiet:
        return made
    if denial.denies.scope and not layer.denies:  # what is quiet has to be handled, hence denied
        other = BOTH_SCOPES ^ denial.denies.scope
        return Ruleset(scope=other, quiet_scope=other)
    return replace(made, quiet_fs=made.fs, quiet_net=made.net, quiet_scope=made.scope)


class Quiet(Case, frozen=True, kw_only=True):
    """What is denied, and the two layers, the outer one first."""

    denial: Denial
    object: Object | None
    layers: tuple[Layer, Layer]

    def under(self, parent: Process, layer: Layer, scene: Scene) -> Process:
        """A child in one of the layers."""
        child = parent.fork()
        made = ruleset(self.denial, layer)
        fd = child.build(made if layer.denies else self.denial.rule(made, scene))
        with child.session.gate():
            if not layer.later:
                self.add(child, fd, layer, scene)
            child.no_new_privs()
            child.enforce(fd)
            if layer.later:
                self.add(child, fd, layer, scene)
        return child

    def add(self, process: Process, fd: Call, layer: Layer, scene: Scene) -> None:
        """Make the ruleset quiet about the object, where this layer's is."""
        if not layer.quiet or layer.at == "nowhere" or self.denial.denies.scope:
            return
        if self.object is None:
            rule = net_port(NET(0), scene.port)
            process.add_rule(fd, RULE_NET_PORT, rule, QUIET)
            return
        path = getattr(self.object, "at" if layer.at == "object" else layer.at)(scene)
        rule = path_beneath(FS(0), process.open(path, O_PATH))
        process.add_rule(fd, RULE_PATH_BENEATH, rule, QUIET)


def rows() -> dict[str, Quiet]:
    found = {}
    for name in (*OBJECTS, *PORTS, *SCOPES):
        denial, thing = DENIALS[name], OBJECTS.get(name)
        for place, (layers, seen) in PLACES.items():
            nowhere = place == "rule-beneath" and not (thing and thing.beneath)
            nowhere |= place == "rule-above" and not thing
            if nowhere or (name in SCOPES and place in OF_RULES):
                continue
            features = [ruleset(denial, layer).features for layer in layers]
            found[f"{name}-{place}"] = Quiet(
                denial=denial,
                object=thing,
                layers=layers,
                covers=(*denial.denies.features, QUIET),
                needs=denial.needs,
                answers=(f"aud-quiet-{place}", f"aud-quiet-of-{name}"),
                expect=since_layers(features, Seen(seen)),
            )
    return found


@vm_only
@needs(Need.AUDIT)
@table(rows())
def test_quieter(case: Quiet, process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """A denial is silent where the layer that denies is quiet about it, and in no other case."""
    denial = case.denial
    control = denial.control(process, tree.twin(), port + 1)
    scene = denial.begin(process, tree, port)
    with AuditLog(process) as log:
        sandboxed = scene.process
        for layer in case.layers:
            sandboxed = case.under(sandboxed, layer, scene)
        denied, accesses = denial.attempt(sandboxed, scene), log.accesses()
    judge(case.expect, sequence((denied, accesses), errno=denial.errno), control)
