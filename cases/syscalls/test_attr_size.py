# SPDX-License-Identifier: MIT
"""landlock_create_ruleset(2)'s size: attributes shorter, as long as and longer than the kernel's.

Source: copy_min_struct_from_user() in security/landlock/syscalls.c; Documentation/
userspace-api/landlock.rst, "Backward and forward compatibility".
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from suite.case import (
    ADD_RULE, FS, NET, RULE_NET_PORT, SCOPE, Allowed, Case, Judge, Need, Outcome, Process, Rejected,
    answers, by_abi, covers, net_port, since, table,
)  # fmt: skip
from suite.landlock.abi import ABIS

PAGE, ANY_PAGE = 4096, 65536
EXECUTE_ONLY, READ_FILE_ONLY = struct.pack("<Q", FS.EXECUTE), struct.pack("<Q", FS.READ_FILE)
TOO_SMALL, TOO_BIG = Rejected("create_ruleset", "EINVAL"), Rejected("create_ruleset", "E2BIG")
INVALID = Rejected("create_ruleset", "EINVAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attr(Case):
    """The attribute's bytes, and the size that the kernel is told if it is another one."""

    attr: bytes
    size: int | None = None


def padded(size: int) -> bytes:
    """READ_FILE handled, then zeros."""
    return READ_FILE_ONLY.ljust(size, b"\0")


def with_last_field(size: int, value: int) -> bytes:
    """READ_FILE handled, and the last 8-byte field set."""
    return padded(size - 8) + struct.pack("<Q", value)


def known_from(size: int) -> Callable[[int], Outcome]:
    """What an ABI version owes for a field that ends at this offset."""
    return lambda abi: Allowed() if ABIS[abi].attr_size >= size else TOO_BIG


ACCEPTED = by_abi(lambda _: Allowed())
REFUSED = by_abi(lambda _: TOO_BIG)
CASES = {
    "8-bytes": Attr(attr=padded(8), expect=ACCEPTED, answers="sys-cr-size-exact-8"),
    "page-but-one-zero": Attr(
        attr=padded(PAGE - 1), expect=ACCEPTED, answers=("sys-cr-tail-zero", "sys-cr-size-page")
    ),
    "page-zero": Attr(attr=padded(PAGE), expect=ACCEPTED, answers="sys-cr-size-page"),
    "page-last-byte-set": Attr(
        attr=padded(PAGE - 1) + b"\1", expect=REFUSED, answers="sys-cr-tail-nonzero"
    ),
    "page-and-one-zero": Attr(
        attr=padded(PAGE + 1), needs=(Need.PAGES_OF_4K,), expect=REFUSED, answers="sys-cr-size-huge"
    ),
    "any-page-and-one-zero": Attr(
        attr=padded(ANY_PAGE + 1), expect=REFUSED, answers="sys-cr-size-huge"
    ),
    "greatest": Attr(attr=padded(8), size=-1, expect=REFUSED, answers="sys-cr-size-huge"),
    "16-bytes-net": Attr(
        attr=with_last_field(16, NET.BIND_TCP),
        expect=by_abi(known_from(16)),
        answers="sys-cr-size-exact-16",
    ),
    "24-bytes-scope": Attr(
        attr=with_last_field(24, SCOPE.ABSTRACT_UNIX_SOCKET),
        expect=by_abi(known_from(24)),
        answers="sys-cr-size-exact-24",
    ),
    "32-bytes-quiet-fs": Attr(
        attr=with_last_field(32, FS.READ_FILE), expect=by_abi(known_from(32))
    ),
    "48-bytes-quiet": Attr(
        attr=struct.pack("<6Q", 1, 1, 1, 1, 1, 1),
        expect=by_abi(known_from(48)),
        answers="sys-cr-size-exact-48",
    ),
    "56-bytes-unknown": Attr(
        attr=with_last_field(56, 1), expect=by_abi(known_from(56)), answers="sys-cr-tail-nonzero"
    ),
}


@table(CASES)
def test_size(case: Attr, process: Process, judge: Judge) -> None:
    """Bytes past the end of the kernel's attribute must be zero."""
    size = len(case.attr) if case.size is None else case.size
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, size))


# Every size from nothing to beyond what any kernel knows.

FIELD, BEYOND = 8, 64


def zeros(size: int) -> Attr:
    expect = by_abi(lambda _: TOO_SMALL if size < FIELD else Allowed())
    return Attr(attr=padded(max(size, FIELD)), size=size, expect=expect, answers=of_size(size))


def of_size(size: int) -> str:
    """The behaviour that zeros of this size show, by id."""
    if size < FIELD:
        return "sys-cr-size-small"
    return "sys-cr-tail-zero" if size > ABIS[max(ABIS)].attr_size else "sys-cr-size-mid"


@table({f"{size}-bytes-zero": zeros(size) for size in range(BEYOND + 1) if size != FIELD})
def test_zeros(case: Attr, process: Process, judge: Judge) -> None:
    """Any size from that of the first field on is accepted if nothing but that field is set."""
    control = process.observe(Process.create_ruleset, padded(BEYOND), FIELD)
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, case.size or 0), control)


def last_byte(size: int) -> Attr:
    """EXECUTE handled, and the lowest bit of the last byte set."""
    attr = EXECUTE_ONLY.ljust(size - 1, b"\0")[: size - 1] + b"\1"

    def owed(abi: int) -> Outcome:
        if size < FIELD:
            return TOO_SMALL
        if size > ABIS[abi].attr_size:
            return TOO_BIG
        lowest_of = {9: "handled_access_net", 17: "scoped", 25: "quiet_access_fs"}
        return Allowed() if size in lowest_of else INVALID

    names = {9: ("sys-cr-size-mid-partial",), 13: ("sys-cr-size-mid-highbyte",)}
    names |= {25: ("sys-cr-quiet-sizes",), 31: ("sys-cr-quiet-sizes",)}
    return Attr(attr=attr, expect=by_abi(owed), answers=names.get(size, ()))


@table({f"{size}-bytes-last-set": last_byte(size) for size in range(1, BEYOND + 1)})
def test_last_byte(case: Attr, process: Process, judge: Judge) -> None:
    """What a field has past the size is 0; what it has before counts, and must be known."""
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, len(case.attr)))


def ones_after(size: int) -> Attr:
    """READ_FILE handled, zeros up to the size, and ones after it."""
    return Attr(attr=padded(size) + b"\xff" * BEYOND, size=size, expect=ACCEPTED)


@answers("sys-cr-size-beyond-ignored")
@table({f"{size}-bytes-then-ones": ones_after(size) for size in (8, 12, 16, 24, 32, 40, 48)})
def test_after_the_size(case: Attr, process: Process, judge: Judge) -> None:
    """Nothing past the size is read."""
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, case.size or 0))


@covers(ADD_RULE.QUIET)
@answers("sys-cr-quiet-sizes")
def test_quiet_after_the_size(process: Process, judge: Judge) -> None:
    """A quiet mask counts, though one that lies past the size would be refused."""
    attr = struct.pack("<6Q", FS.READ_FILE, 0, 0, FS.READ_FILE, NET.BIND_TCP, 0)
    control = process.observe(Process.create_ruleset, attr, 32)
    observed = process.observe(Process.create_ruleset, attr, 40)
    judge(since(ADD_RULE.QUIET, INVALID), observed, control)


def add_rule_of_first_byte(process: Process, size: int) -> None:
    attr = READ_FILE_ONLY + struct.pack("<Q", NET.BIND_TCP)
    ruleset = process.create_ruleset(attr, size)
    process.add_rule(ruleset, RULE_NET_PORT, net_port(NET.BIND_TCP, 443))


@covers(NET.BIND_TCP)
@answers("sys-cr-size-mid-partial")
def test_one_byte_of_a_field(process: Process, judge: Judge) -> None:
    """A right in the one byte of a field that was given is handled: a rule may carry it."""
    judge(since(NET.BIND_TCP, Allowed()), process.observe(add_rule_of_first_byte, 9))
