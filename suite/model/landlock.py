# SPDX-License-Identifier: MIT
"""Rulesets, layers and domains: what Landlock consists of.

A ruleset says which access rights it handles, and holds rules, each of which allows some of them on
a file or a port. When a thread enforces it, the ruleset becomes a layer: the last of the stack that
the thread's children inherit, and that nobody can shorten. That stack is the thread's domain. What
a layer handles is denied, unless a rule of that same layer allows it; and every layer has to allow.

Source: Documentation/userspace-api/landlock.rst; Documentation/security/landlock.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import NamedTuple, TypeAlias

from suite.landlock import bugs
from suite.landlock.abi import FS, MAX_LAYERS, Erratum, Feature, known_bits

MODELLED = frozenset(
    bug.name
    for bug in (
        bugs.ATTR_BEFORE_RULESET,
        bugs.AUDIT_WITHOUT_SOCKET,
        bugs.CRED_TRANSFER,
        bugs.FLAGS_BEFORE_PRIVILEGES,
        bugs.LOG_SUBDOMAINS_ON,
        bugs.MANY_LAYERS,
        bugs.REFER_WITHOUT_RIGHT,
        bugs.RULESET_LINK,
        bugs.RULE_UNIONS,
        bugs.SHORT_UNSPEC,
        bugs.SIGIO_BYPASS,
        bugs.TCP_FAST_OPEN_BYPASS,
        bugs.TSYNC_WITHOUT_RULESET,
    )
)
"""The known bugs that rules have a word for, by name; the others are about memory, and races."""


def nobody(_: object) -> None:
    """Whom rules tell of nothing."""


@dataclass(frozen=True, slots=True)
class Model:
    """Which Landlock: every rule is a function of one."""

    abi: int
    """The ABI version; 0 without Landlock."""
    errata: frozenset[Erratum] = frozenset()
    """Those that are fixed."""
    bugs: frozenset[str] = frozenset()
    """Known bugs that it has, of ``MODELLED``."""
    tells_errata: bool = True
    """Whether it can be asked for its errata."""
    meets: Callable[[Met], object] = field(default=nobody, compare=False, repr=False)
    """Who is told of the rules that checks come across, which decides nothing."""

    def knows(self, feature: Feature) -> bool:
        """Whether it has a right, a scope or a flag."""
        return self.abi >= feature.since

    def fixed(self, erratum: Erratum) -> bool:
        """Whether it has the fix of an erratum."""
        return erratum in self.errata

    def has(self, bug: str) -> bool:
        """Whether it has a known bug."""
        return bug in self.bugs


class Masks(NamedTuple):
    """Access rights on files and ports, scopes, and permissions, as bits."""

    fs: int = 0
    net: int = 0
    scope: int = 0
    permissions: int = 0


NOTHING = Masks()


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed on a file (and beneath it), or on a port."""

    access: int
    quiet: bool = False
    """Whether denials there are not logged (LANDLOCK_ADD_RULE_QUIET)."""

    def __or__(self, other: Rule) -> Rule:
        return Rule(self.access | other.access, self.quiet or other.quiet)


Rules: TypeAlias = Mapping[Hashable, Rule]
"""By inode, or by port."""


class Uses(NamedTuple):
    """What the rules on a permission come to: kinds of namespaces, or capabilities, as bits."""

    access: int = 0
    quiet: int = 0
    """Those whose denials are not logged."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What is handled, and the rules."""

    handled: Masks
    quiet: Masks = NOTHING
    """Of what is handled, what is not logged where a rule is quiet, and which scopes."""
    files: Rules = field(default_factory=dict)
    """By inode: a file has one set of rules, whatever its names."""
    ports: Rules = field(default_factory=dict)
    """By port, in host order."""
    used: Mapping[int, Uses] = field(default_factory=dict)
    """By permission."""

    def with_file(self, inode: Hashable, rule: Rule) -> Ruleset:
        """With one more rule on a file: what two rules on it allow is the union.

        Source: security/landlock/ruleset.c, landlock_store_rule().
        """
        return replace(self, files={**self.files, inode: _joined(self.files, inode, rule)})

    def with_port(self, port: int, rule: Rule) -> Ruleset:
        """With one more rule on a port."""
        return replace(self, ports={**self.ports, port: _joined(self.ports, port, rule)})

    def uses(self, permission: int) -> Uses:
        """What its rules on a permission come to."""
        return self.used.get(permission, Uses())

    def with_uses(self, permission: int, rule: Uses) -> Ruleset:
        """With one more rule on a permission; several allow, and mute, what one of them does."""
        was = self.uses(permission)
        both = Uses(was.access | rule.access, was.quiet | rule.quiet)
        return replace(self, used={**self.used, permission: both})


def _joined(rules: Rules, key: Hashable, rule: Rule) -> Rule:
    return rules[key] | rule if key in rules else rule


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Layer:
    """A ruleset that was enforced: later changes of the ruleset do not reach it.

    Equal to nothing but itself: whoever enforces the same ruleset once more gets another layer.
    """

    ruleset: Ruleset
    logs_same_exec: bool = True
    """Whether denials of the program that enforced it are logged."""
    logs_new_exec: bool = False
    """Whether those of programs executed since then are."""
    muted: bool = False
    """Whether an older layer has turned off the logs of its descendants."""

    @property
    def handled(self) -> Masks:
        """What is denied unless a rule allows it."""
        return self.ruleset.handled


Domain: TypeAlias = tuple[Layer, ...]
"""The layers of a thread, the oldest first; none: no domain.

Who has the same layers has the same domain. A domain whose layers begin with those of another one
is its descendant.
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a thread's credentials keep of Landlock."""

    domain: Domain = ()
    same_exec: frozenset[Layer] = frozenset()
    """The layers that were enforced since the last execve(2)."""
    log_subdomains_off: bool = False
    """Whether layers that it enforces from now on are muted."""


NO_SUBJECT = Subject()
"""Of a thread that never used Landlock."""


def max_layers(model: Model) -> int:
    """How many layers a domain may have.

    Source: security/landlock/limits.h, LANDLOCK_MAX_NUM_LAYERS; "landlock: Reduce the maximum
    number of layers to 16".
    """
    return 64 if model.has("many-layers") else MAX_LAYERS


def handled_fs(model: Model, layer: Layer) -> int:
    """The rights on files that a layer denies unless it allows them.

    REFER is among them even if the ruleset does not handle it, or nothing: files can't be moved to
    where other rules hold, unless each layer says so.

    Source: Documentation/userspace-api/landlock.rst, "Filesystem flags"; access.h there.
    """
    handled = layer.handled.fs
    if not model.has("refer-without-right"):
        handled |= FS.REFER
    return int(handled)


def layers_with(domain: Domain, handles: Callable[[Masks], int]) -> tuple[int, ...]:
    """The layers that handle something, counted from 0, the oldest first.

    Source: security/landlock/cred.h, landlock_get_applicable_subject().
    """
    return tuple(number for number, layer in enumerate(domain) if handles(layer.handled))


# What is missing

Missing: TypeAlias = tuple[int, ...]
"""For each layer of a domain, the rights that it has not allowed yet; empty: none lacks any."""


def missing_fs(model: Model, domain: Domain, request: int) -> Missing:
    """What a request for rights on files lacks, before any rule is looked at."""
    return tuple(request & handled_fs(model, layer) for layer in domain)


def missing_net(domain: Domain, request: int) -> Missing:
    """What a request for rights on ports lacks, before any rule is looked at."""
    return tuple(request & layer.handled.net for layer in domain)


def without(missing: Missing, rules: tuple[Rule | None, ...]) -> Missing:
    """What is missing yet, after each layer's rule (if it has one) on one file or port.

    A layer allows a request if its rules do so together: those of a file and of all folders above.

    Source: security/landlock/domain.c, landlock_unmask_layers(); "landlock: Fix same-layer rule
    unions".
    """
    return tuple(it & ~rule.access if rule else it for it, rule in zip(missing, rules, strict=True))


@dataclass(frozen=True, slots=True)
class Met:
    """The rules of a domain on one file or port, as a check comes across them."""

    domain: Domain
    key: Hashable
    """The inode, or the port."""
    rules: tuple[Rule | None, ...]
    request: int
    """The rights that the check is about, as far as the domain handles them."""


def tell_met(
    model: Model, domain: Domain, key: Hashable, rules: tuple[Rule | None, ...], missing: Missing
) -> None:
    """Tell of rules on a file or port, if there are any; ``missing`` is what was at first.

    Source: security/landlock/fs.c, unmask_layers_fs(); net.c, unmask_layers_net().
    """
    if any(rules):
        model.meets(Met(domain, key, rules, reduce(or_, missing)))


def all_rights(model: Model, kind: type[Feature]) -> int:
    """Every bit of a kind that the model knows."""
    return int(known_bits(kind, model.abi))
