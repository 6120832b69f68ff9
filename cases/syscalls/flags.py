# SPDX-License-Identifier: MIT
"""Flags of the three system calls, alone and in pairs, and which of them are known."""

from collections.abc import Callable
from itertools import combinations

from suite.case import (
    ADD_RULE, CREATE, FS, NEWEST, RESTRICT, RULE_PATH_BENEATH, Call, Facts, Judge, Outcome, Process,
    Rejected, Row, Ruleset, Seen, by_abi,
)  # fmt: skip

BITS = [1 << bit for bit in range(32)]
PAIRS = [one | other for one, other in combinations(BITS, 2)]
NO_RULESET = -2
"""Not -1, which landlock_restrict_self(2) takes with some flags."""


def create(process: Process, flags: int) -> Call:
    return process.create_ruleset(0, 0, flags)


def add_rule(process: Process, flags: int) -> Call:
    return process.add_rule(NO_RULESET, RULE_PATH_BENEATH, 0, flags)


def restrict(process: Process, flags: int) -> Call:
    return process.restrict_self(NO_RULESET, flags)


class Words(Row, frozen=True, kw_only=True):
    """A system call that looks at its flags first, flags, and which of them it knows."""

    call: Callable[[Process, int], Call]
    words: list[int]
    known: Callable[[int], list[int]]


def nothing(abi: int) -> list[int]:
    return []


def pairs_to_restrict(abi: int) -> list[int]:
    bits = [bit for bit in RESTRICT if bit.since <= abi]
    return [int(one | other) for one, other in combinations(bits, 2)]


FLAGS = {
    # Whether ERRATA is known is no matter of the ABI version: claims/accepted shows it.
    "create-one": Words(
        call=create,
        words=[bit for bit in BITS if bit != CREATE.ERRATA],
        known=lambda abi: [int(CREATE.VERSION)],
        covers=CREATE.VERSION,
        answers="sys-cr-flags-combo",
    ),
    "create-two": Words(call=create, words=PAIRS, known=nothing, answers="sys-cr-flags-combo"),
    "add-rule-one": Words(
        call=add_rule,
        words=BITS,
        known=lambda abi: [int(bit) for bit in ADD_RULE if bit.since <= abi],
        covers=ADD_RULE.QUIET,
        answers=("sys-ar-flags-unknown", "sys-ar-flag-quiet-lowabi"),
    ),
    "add-rule-two": Words(
        call=add_rule, words=PAIRS, known=nothing, answers="sys-ar-flags-unknown"
    ),
    "restrict-one": Words(
        call=restrict,
        words=BITS,
        known=lambda abi: [int(bit) for bit in RESTRICT if bit.since <= abi],
        covers=tuple(RESTRICT),
        answers=("sys-rs-flags-abi", "gap-modes"),
    ),
    "restrict-two": Words(
        call=restrict,
        words=PAIRS,
        known=pairs_to_restrict,
        covers=tuple(RESTRICT),
        answers=("sys-rs-flags-abi", "gap-modes"),
    ),
}


def shown(words: list[int]) -> Outcome:
    return Seen(" ".join(f"{word:#x}" for word in sorted(words)) or "none")


def check_flags(case: Words, facts: Facts, process: Process, judge: Judge) -> None:
    """Which of them the kernel takes."""
    process.build(Ruleset(fs=FS.READ_FILE))  # so that kernels without Landlock say so
    process.no_new_privs()
    seen = {flags: process.observe(case.call, flags) for flags in case.words}
    outcomes = {flags: observation.outcome for flags, observation in seen.items()}
    refused = {Rejected(call, "EINVAL") for call in ("create_ruleset", "add_rule", "restrict_self")}
    accepted = [flags for flags, outcome in outcomes.items() if outcome not in refused]
    if facts.abi > NEWEST:
        accepted = [flags for flags in accepted if flags in case.known(NEWEST)]
    first = outcomes[case.words[0]]
    expect = by_abi(lambda abi: shown(case.known(abi)), *ADD_RULE, *RESTRICT)
    judge(expect, shown(accepted) if facts.abi else first)
