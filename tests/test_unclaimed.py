# SPDX-License-Identifier: MIT
"""Kernels that take more than they claim: the cases of ``claims/unknown_bits`` tell them."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from cases.claims.unclaimed import MASKS, Mask, check_next, check_next_rule_type
from suite.judge.expectation import Expectation
from suite.judge.outcome import Allowed, Outcome, Rejected, Seen
from suite.judge.records import Facts, Verdict, accepted
from suite.judge.verdict import Judgement, judge
from suite.landlock.abi import ADD_RULE, FS, NET, NEWEST, PERMISSION, RESTRICT, SCOPE

EINVAL, E2BIG = Rejected("create_ruleset", "EINVAL"), Rejected("create_ruleset", "E2BIG")
TYPE = Rejected("add_rule", "EINVAL")
EMPTY = Rejected("add_rule", "ENOMSG")


def facts(abi: int) -> Facts:
    return Facts(release="r", version="v", machine="m", abi=abi, errata=0)


class Kernel:
    """A process on a kernel that answers by the bit alone."""

    def __init__(self, answer: Callable[[int], Outcome]) -> None:
        self.answer = answer
        self.asked: list[int] = []

    def observe(self, _: object, bit: int) -> SimpleNamespace:
        """As a process does it."""
        self.asked.append(bit)
        return SimpleNamespace(outcome=self.answer(bit))


def judged(
    case: Callable[..., None], abi: int, answer: Callable[[int], Outcome], *row: Mask
) -> tuple[Judgement, list[int]]:
    said: list[Judgement] = []

    def keep(expect: Expectation, observed: Outcome) -> None:
        said.append(judge(expect, facts(abi), observed))

    kernel = Kernel(answer)
    case(*row, facts(abi), kernel, keep)
    return said[0], kernel.asked


@pytest.mark.parametrize(
    ("row", "abi", "first", "last"),
    [
        ("next-fs", 1, 1 << 13, 1 << 63),
        ("next-fs", 4, FS.IOCTL_DEV, 1 << 63),
        ("next-fs", NEWEST, 1 << 17, 1 << 63),
        ("next-net", 3, NET.BIND_TCP, 1 << 63),
        ("next-net", 9, NET.BIND_UDP, 1 << 63),
        ("next-scope", 6, 1 << 2, 1 << 63),
        ("next-quiet-net", 10, 1 << 4, 1 << 63),
        ("next-permission", 11, PERMISSION.NAMESPACE_USE, 1 << 63),
        ("next-permission", 12, 1 << 2, 1 << 63),
        ("next-create", 6, 1 << 2, 1 << 31),
        ("next-add-rule", 9, ADD_RULE.QUIET, 1 << 31),
        ("next-restrict", 7, RESTRICT.TSYNC, 1 << 31),
        ("next-fs", NEWEST + 1, 1 << 63, 1 << 63),
        ("next-restrict", NEWEST + 3, 1 << 31, 1 << 31),
    ],
)
def test_every_bit_is_tried_that_the_claim_does_not_have(
    row: str, abi: int, first: int, last: int
) -> None:
    bits = MASKS[row].unclaimed(abi)
    assert (bits[0], bits[-1]) == (first, last)
    assert len(bits) == last.bit_length() - int(first).bit_length() + 1


@pytest.mark.parametrize(
    ("row", "abi", "bits", "names"),
    [
        ("next-fs", 2, FS.TRUNCATE, ["fs.truncate"]),
        ("next-fs", NEWEST, 1 << 17, ["fs bit 17"]),
        ("next-fs", 9, 1 << 17 | 1 << 40, ["fs bit 17", "fs bit 40"]),
        ("next-net", 6, NET.BIND_UDP, ["net.bind_udp"]),
        ("next-scope", 7, SCOPE(0) | 1 << 2, ["scope bit 2"]),
        ("next-restrict", 7, RESTRICT.TSYNC, ["restrict.tsync"]),
        ("next-permission", 12, 1 << 2, ["permission bit 2"]),
        ("next-add-rule", 7, ADD_RULE.QUIET, ["add_rule.quiet"]),
    ],
)
def test_what_it_takes_has_a_name(row: str, abi: int, bits: int, names: list[str]) -> None:
    case = MASKS[row]
    refusal = case.expect.under(facts(abi)).outcome
    assert refusal is not None
    said, _ = judged(check_next, abi, lambda bit: Allowed() if bit & bits else refusal, case)
    assert said.verdict == Verdict.DEVIATES
    assert accepted(said.observed) == names


def test_a_kernel_that_refuses_all_conforms() -> None:
    said, asked = judged(check_next, 6, lambda _: EINVAL, MASKS["next-fs"])
    assert said.verdict == Verdict.CONFORMS
    assert len(asked) == 64 - 16


def test_another_errno_for_one_bit_is_what_was_observed() -> None:
    case = MASKS["next-fs"]
    said, _ = judged(check_next, 6, lambda bit: E2BIG if bit == 1 << 30 else EINVAL, case)
    assert (said.verdict, said.observed) == (Verdict.DEVIATES, E2BIG)


def test_a_newer_kernel_may_have_more() -> None:
    """Of it only the highest bit is asked for."""
    case = MASKS["next-fs"]
    said, _ = judged(
        check_next, NEWEST + 1, lambda bit: EINVAL if bit == 1 << 63 else Allowed(), case
    )
    assert said.verdict == Verdict.CONFORMS


@pytest.mark.parametrize(
    ("abi", "known", "names"),
    [
        (3, {1}, []),
        (3, {1, 2}, ["rules of type 2"]),
        (4, {1, 2}, []),
        (11, {1, 2, 3}, ["rules of type 3"]),
        (NEWEST, {1, 2, 3, 4}, []),
        (NEWEST, {1, 2, 3, 4, 5}, ["rules of type 5"]),
        (NEWEST + 1, {1, 2, 3, 4, 5}, []),
    ],
)
def test_types_of_rules(abi: int, known: set[int], names: list[str]) -> None:
    said, _ = judged(check_next_rule_type, abi, lambda kind: EMPTY if kind in known else TYPE)
    assert said.verdict == (Verdict.DEVIATES if names else Verdict.CONFORMS)
    assert accepted(said.observed) == names


def test_other_outcomes_tell_nothing_of_the_kind() -> None:
    assert accepted(Allowed()) == accepted(None) == accepted(Seen("accept")) == []
