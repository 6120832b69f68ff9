# SPDX-License-Identifier: MIT
"""All bits that come after those of the claimed ABI version, one by one."""

from collections import Counter
from collections.abc import Callable, Iterable

from suite.packed import packed
from suite.case import (
    ADD_RULE, CREATE, FS, NET, NEWEST, O_PATH, PERMISSION, RESTRICT, RULE_PATH_BENEATH, SCOPE,
    Allowed, Case, Expectation, Facts, Feature, Judge, Outcome, Process, Rejected, Ruleset, by_abi,
    known_bits, path_beneath,
)  # fmt: skip
from suite.judge.records import accepts
from suite.landlock.abi import PREFIX
from suite.landlock.calls import RULE_TYPES

READ = Ruleset(fs=FS.READ_FILE)
RIGHTS, FLAGS = 64, 32
BEYOND = (1 << 31) - 1
"""The highest type of rules."""
KIND_OF = {"fs": FS, "net": NET, "scope": SCOPE}


def invalid(syscall: str) -> Expectation:
    return by_abi(lambda _: Rejected(syscall, "EINVAL"))


def unknown_field_until(first: Feature) -> Expectation:
    """Before its first bit, the field is past the end of the kernel's attribute."""
    return by_abi(
        lambda abi: Rejected("create_ruleset", "E2BIG" if abi < first.since else "EINVAL"), first
    )


class Mask(Case, frozen=True, kw_only=True):
    """A mask of bits of a kind, and a call with one of them."""

    kind: type[Feature]
    bits: int
    call: Callable[[Process, int], object]

    def unclaimed(self, abi: int) -> list[int]:
        """Every bit that an ABI version can't have: of one newer than we know, the highest."""
        first = known_bits(self.kind, abi).bit_length() if abi <= NEWEST else self.bits - 1
        return [1 << bit for bit in range(first, self.bits)]

    def named(self, bit: int) -> str:
        """Its short name, or its number."""
        known = self.kind(bit).labels
        return known[0] if known else f"{PREFIX[self.kind]} bit {bit.bit_length() - 1}"


def with_bit(place: int) -> Callable[[Process, int], object]:
    """Handle READ_FILE, and have a bit in a field of the attribute."""

    def call(process: Process, bit: int) -> None:
        values = [int(FS.READ_FILE), *[0] * place][: place + 1]
        values[place] |= bit
        attr = packed(f"{len(values)}Q", *values)
        process.create_ruleset(attr, len(attr))

    return call


def create_with(process: Process, flag: int) -> None:
    process.create_ruleset(0, 0, flag)


def add_rule_with(process: Process, flag: int) -> None:
    rule = path_beneath(FS.READ_FILE, process.open("/", O_PATH))
    process.add_rule(process.build(READ), RULE_PATH_BENEATH, rule, flag)


def restrict_with(process: Process, flag: int) -> None:
    process.no_new_privs()
    process.enforce(process.build(READ), flag)


MASKS = {
    "next-fs": Mask(kind=FS, bits=RIGHTS, call=with_bit(0), expect=invalid("create_ruleset")),
    "next-net": Mask(
        kind=NET, bits=RIGHTS, call=with_bit(1), expect=unknown_field_until(NET.BIND_TCP)
    ),
    "next-scope": Mask(
        kind=SCOPE, bits=RIGHTS, call=with_bit(2), expect=unknown_field_until(SCOPE.SIGNAL)
    ),
    **{
        f"next-quiet-{name}": Mask(
            kind=kind,
            bits=RIGHTS,
            call=with_bit(3 + number),
            expect=unknown_field_until(ADD_RULE.QUIET),
        )
        for number, (name, kind) in enumerate(KIND_OF.items())
    },
    "next-permission": Mask(
        kind=PERMISSION,
        bits=RIGHTS,
        call=with_bit(6),
        expect=unknown_field_until(PERMISSION.NAMESPACE_USE),
    ),
    "next-create": Mask(
        kind=CREATE, bits=FLAGS, call=create_with, expect=invalid("create_ruleset")
    ),
    "next-add-rule": Mask(
        kind=ADD_RULE, bits=FLAGS, call=add_rule_with, expect=invalid("add_rule")
    ),
    "next-restrict": Mask(
        kind=RESTRICT, bits=FLAGS, call=restrict_with, expect=invalid("restrict_self")
    ),
}


def check_next(case: Mask, facts: Facts, process: Process, judge: Judge) -> None:
    """What becomes of each bit that the claimed ABI version does not have."""
    bits = case.unclaimed(facts.abi)
    observed = {bit: process.observe(case.call, bit) for bit in bits}
    came_to = {bit: observation.outcome for bit, observation in observed.items()}
    accepted = [case.named(bit) for bit, outcome in came_to.items() if outcome == Allowed()]
    judge(case.expect, accepts(accepted) if accepted else odd_one(came_to.values()))


def odd_one(outcomes: Iterable[Outcome]) -> Outcome:
    """What they come to; if not all to the same, then another one than the most."""
    return min(Counter(outcomes).items(), key=lambda item: item[1])[0]


def check_next_rule_type(facts: Facts, process: Process, judge: Judge) -> None:
    """What becomes of each type of rules that it does not have."""
    known_from = {row.value: row.since for row in RULE_TYPES.values()}
    first = next(kind for kind in range(1, FLAGS) if known_from.get(kind, BEYOND) > facts.abi)
    types = [*range(first, FLAGS), BEYOND] if facts.abi <= NEWEST else [BEYOND]

    def add(process: Process, kind: int) -> None:
        process.add_rule(process.build(READ), kind, bytes(64))  # no rights: ENOMSG, if it is known

    observed = {kind: process.observe(add, kind) for kind in types}
    came_to = {kind: it.outcome for kind, it in observed.items()}
    known = [kind for kind, it in came_to.items() if it == Rejected("add_rule", "ENOMSG")]
    accepted = [f"rules of type {kind}" for kind in known]
    judge(invalid("add_rule"), accepts(accepted) if accepted else odd_one(came_to.values()))
