# SPDX-License-Identifier: MIT
"""Attributes of landlock_create_ruleset(2): of every size, none at all, and with every bit."""

from suite.packed import packed
from cases.syscalls.memory import UNMAPPED
from suite.case import (
    FS, NET, NEWEST, PERMISSION, SCOPE, Allowed, Case, Expectation, Facts, Feature, Judge, Need,
    Outcome, Process, Rejected, Row, Seen, by_abi, known_bits,
)  # fmt: skip
from suite.landlock.abi import ABIS, GROWTHS

PAGE, ANY_PAGE = 4096, 65536
EXECUTE_ONLY, READ_FILE_ONLY = packed("Q", FS.EXECUTE), packed("Q", FS.READ_FILE)
INVALID, TOO_BIG = Rejected("create_ruleset", "EINVAL"), Rejected("create_ruleset", "E2BIG")


class Sized(Case, frozen=True, kw_only=True):
    """The attribute's bytes, and the size that the kernel is told if it is another one."""

    attr: bytes
    size: int | None = None


def padded(size: int) -> bytes:
    """READ_FILE handled, then zeros."""
    return READ_FILE_ONLY.ljust(size, b"\0")


def with_last_field(size: int, value: int) -> bytes:
    """READ_FILE handled, and the last 8-byte field set."""
    return padded(size - 8) + packed("Q", value)


def of_size(size: int) -> Expectation:
    """What is owed for a field that ends at this offset."""
    return by_abi(lambda abi: Allowed() if ABIS[abi].attr_size >= size else TOO_BIG, *GROWTHS)


ACCEPTED = by_abi(lambda _: Allowed())
REFUSED = by_abi(lambda _: TOO_BIG)
SIZES = {
    "8-bytes": Sized(attr=padded(8), expect=ACCEPTED, answers="sys-cr-size-exact-8"),
    "page-but-one-zero": Sized(
        attr=padded(PAGE - 1), expect=ACCEPTED, answers=("sys-cr-tail-zero", "sys-cr-size-page")
    ),
    "page-zero": Sized(attr=padded(PAGE), expect=ACCEPTED, answers="sys-cr-size-page"),
    "page-last-byte-set": Sized(
        attr=padded(PAGE - 1) + b"\1", expect=REFUSED, answers="sys-cr-tail-nonzero"
    ),
    "page-and-one-zero": Sized(
        attr=padded(PAGE + 1), needs=(Need.PAGES_OF_4K,), expect=REFUSED, answers="sys-cr-size-huge"
    ),
    "any-page-and-one-zero": Sized(
        attr=padded(ANY_PAGE + 1), expect=REFUSED, answers="sys-cr-size-huge"
    ),
    "greatest": Sized(attr=padded(8), size=-1, expect=REFUSED, answers="sys-cr-size-huge"),
    "16-bytes-net": Sized(
        attr=with_last_field(16, NET.BIND_TCP),
        expect=of_size(16),
        answers="sys-cr-size-exact-16",
    ),
    "24-bytes-scope": Sized(
        attr=with_last_field(24, SCOPE.ABSTRACT_UNIX_SOCKET),
        expect=of_size(24),
        answers="sys-cr-size-exact-24",
    ),
    "32-bytes-quiet-fs": Sized(attr=with_last_field(32, FS.READ_FILE), expect=of_size(32)),
    "48-bytes-quiet": Sized(
        attr=packed("6Q", 1, 1, 1, 1, 1, 1),
        expect=of_size(48),
        answers="sys-cr-size-exact-48",
    ),
    # Unknown to all kernels but those that have permissions.
    "56-bytes-unknown": Sized(
        attr=with_last_field(56, PERMISSION.NAMESPACE_USE),
        expect=of_size(56),
        answers=("sys-cr-tail-nonzero", "sys-cr-size-exact-56"),
    ),
    "64-bytes-unknown": Sized(
        attr=with_last_field(64, 1), expect=of_size(64), answers="sys-cr-tail-nonzero"
    ),
}


def check_size(case: Sized, process: Process, judge: Judge) -> None:
    """What the kernel says to an attribute of this size."""
    size = len(case.attr) if case.size is None else case.size
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, size))


class Pointed(Case, frozen=True, kw_only=True):
    """A pointer to no attribute, and a size."""

    pointer: int
    size: int


def refused(pointer: int, size: int, errno: str, answers: str) -> Pointed:
    expect = by_abi(lambda _: Rejected("create_ruleset", errno))
    return Pointed(pointer=pointer, size=size, expect=expect, answers=answers)


POINTERS = {
    "null-0-bytes": refused(0, 0, "EFAULT", "sys-cr-null-first"),
    "null-7-bytes": refused(0, 7, "EFAULT", "sys-cr-null-first"),
    "null-8-bytes": refused(0, 8, "EFAULT", "sys-cr-null-first"),
    "null-any-page-and-one": refused(0, ANY_PAGE + 1, "EFAULT", "sys-cr-null-first"),
    "unmapped-0-bytes": refused(UNMAPPED, 0, "EINVAL", "sys-cr-size-small"),
    "unmapped-7-bytes": refused(UNMAPPED, 7, "EINVAL", "sys-cr-badptr-order"),
    "unmapped-8-bytes": refused(UNMAPPED, 8, "EFAULT", "sys-cr-badptr"),
    "unmapped-48-bytes": refused(UNMAPPED, 48, "EFAULT", "sys-cr-badptr"),
    "unmapped-page": refused(UNMAPPED, PAGE, "EFAULT", "sys-cr-badptr"),
    "unmapped-any-page-and-one": refused(UNMAPPED, ANY_PAGE + 1, "E2BIG", "sys-cr-badptr-order"),
    "unmapped-greatest": refused(UNMAPPED, -1, "E2BIG", "sys-cr-size-huge"),
    "of-the-kernel": refused(1 << 63, 8, "EFAULT", "sys-cr-badptr"),
}


def check_pointer(case: Pointed, process: Process, judge: Judge) -> None:
    """What it says to this pointer, and that it takes an attribute."""
    control = process.observe(Process.create_ruleset, READ_FILE_ONLY, 8)
    observed = process.observe(Process.create_ruleset, case.pointer, case.size)
    judge(case.expect, observed, control)


class Field(Row, frozen=True, kw_only=True):
    """A field of the attribute, and the kind of bits in it."""

    kind: type[Feature]
    place: int


FIELDS = {
    "fs-bits": Field(kind=FS, place=0, covers=tuple(FS), answers="sys-cr-fs-mask"),
    "net-bits": Field(kind=NET, place=1, covers=tuple(NET), answers="sys-cr-net-mask"),
    "scope-bits": Field(kind=SCOPE, place=2, covers=tuple(SCOPE), answers="sys-cr-scope-mask"),
    "permission-bits": Field(
        kind=PERMISSION, place=6, covers=tuple(PERMISSION), answers="sys-cr-permission-mask"
    ),
}


def told(field: Field, abi: int) -> Outcome:
    """The bits that an ABI version knows; how it refuses the others of the field."""
    size = 8 * (field.place + 1)
    refusal = INVALID if ABIS[abi].attr_size >= size else TOO_BIG
    return Seen(f"{known_bits(field.kind, abi):#x}, {refusal} for others")


def check_bits(case: Field, facts: Facts, process: Process, judge: Judge) -> None:
    """Which bits of the field it takes, and how it refuses the others."""
    outcomes = {}
    for bit in range(64):
        attr = bytes(8 * case.place) + packed("Q", 1 << bit)
        outcomes[bit] = process.observe(Process.create_ruleset, attr, len(attr))
    came_to = {bit: observation.outcome for bit, observation in outcomes.items()}
    accepted = sum(1 << bit for bit, outcome in came_to.items() if outcome == Allowed())
    if facts.abi > NEWEST:
        accepted &= known_bits(case.kind, NEWEST)
    refusals = {str(outcome) for outcome in came_to.values() if outcome != Allowed()}
    observed = Seen(f"{accepted:#x}, {' or '.join(sorted(refusals))} for others")
    expect = by_abi(lambda abi: told(case, abi), *case.kind, *GROWTHS)
    judge(expect, observed if facts.abi else came_to[0])
