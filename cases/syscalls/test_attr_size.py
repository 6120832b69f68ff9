# SPDX-License-Identifier: MIT
"""landlock_create_ruleset(2)'s size: attributes shorter, as long as and longer than the kernel's.

Source: copy_min_struct_from_user() in security/landlock/syscalls.c; Documentation/
userspace-api/landlock.rst, "Backward and forward compatibility".
"""

from suite.packed import packed
from cases.syscalls.attributes import (
    ACCEPTED,
    EXECUTE_ONLY,
    INVALID,
    READ_FILE_ONLY,
    SIZES,
    TOO_BIG,
    Sized,
    check_size,
    padded,
)
from suite.case import (
    ADD_RULE, FS, NET, RULE_NET_PORT, Allowed, Expectation, Judge, Need, Outcome, Process, Rejected,
    answers, by_abi, covers, needs, net_port, since, table,
)  # fmt: skip
from suite.landlock.abi import ABIS, GROWTHS


@table(SIZES)
def test_size(case: Sized, process: Process, judge: Judge) -> None:
    """Bytes past the end of the kernel's attribute must be zero."""
    check_size(case, process, judge)


# Every size from nothing to beyond what any kernel knows.

FIELD, BEYOND = 8, 64


def zeros(size: int) -> Sized:
    expect = by_abi(lambda _: INVALID if size < FIELD else Allowed())
    return Sized(attr=padded(max(size, FIELD)), size=size, expect=expect, answers=of_size(size))


def of_size(size: int) -> str:
    """The behaviour that zeros of this size show, by id."""
    if size < FIELD:
        return "sys-cr-size-small"
    return "sys-cr-tail-zero" if size > ABIS[max(ABIS)].attr_size else "sys-cr-size-mid"


@table({f"{size}-bytes-zero": zeros(size) for size in range(BEYOND + 1) if size != FIELD})
def test_zeros(case: Sized, process: Process, judge: Judge) -> None:
    """Any size from that of the first field on is accepted if nothing but that field is set."""
    control = process.observe(Process.create_ruleset, padded(BEYOND), FIELD)
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, case.size or 0), control)


LOWEST = {9: "handled_access_net", 17: "scoped", 25: "quiet_access_fs", 49: "handled_permissions"}
"""The fields whose lowest byte is the last one of so many bytes."""
LOWEST_ON_BIG = {size + FIELD - 1: name for size, name in LOWEST.items()}
"""The same where the highest byte of a field comes first (s390x)."""


class Last(Sized, frozen=True, kw_only=True):
    """The last byte is part of a field, of which it depends on the byte order."""

    on_big: Expectation


def last_byte(size: int) -> Last:
    """EXECUTE handled, and the lowest bit of the last byte set."""
    attr = EXECUTE_ONLY.ljust(size - 1, b"\0")[: size - 1] + b"\1"

    def owed(abi: int, lowest: dict[int, str]) -> Outcome:
        if size < FIELD:
            return INVALID
        if size > ABIS[abi].attr_size:
            return TOO_BIG
        return Allowed() if size in lowest else INVALID

    names = {9: ("sys-cr-size-mid-partial",), 13: ("sys-cr-size-mid-highbyte",)}
    names |= {
        49: ("sys-cr-size-mid-partial",),
        25: ("sys-cr-quiet-sizes",),
        31: ("sys-cr-quiet-sizes",),
    }
    return Last(
        attr=attr,
        expect=by_abi(lambda abi: owed(abi, LOWEST), *GROWTHS),
        on_big=by_abi(lambda abi: owed(abi, LOWEST_ON_BIG), *GROWTHS),
        answers=names.get(size, ()),
    )


@table({f"{size}-bytes-last-set": last_byte(size) for size in range(1, BEYOND + 1)})
def test_last_byte(case: Last, process: Process, judge: Judge) -> None:
    """What a field has past the size is 0; what it has before counts, and must be known."""
    expect = case.on_big if process.session.is_big else case.expect
    judge(expect, process.observe(Process.create_ruleset, case.attr, len(case.attr)))


def ones_after(size: int) -> Sized:
    """READ_FILE handled, zeros up to the size, and ones after it."""
    return Sized(attr=padded(size) + b"\xff" * BEYOND, size=size, expect=ACCEPTED)


@answers("sys-cr-size-beyond-ignored")
@table({f"{size}-bytes-then-ones": ones_after(size) for size in (8, 12, 16, 24, 32, 40, 48, 56)})
def test_after_the_size(case: Sized, process: Process, judge: Judge) -> None:
    """Nothing past the size is read."""
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, case.size or 0))


@covers(ADD_RULE.QUIET)
@answers("sys-cr-quiet-sizes")
def test_quiet_after_the_size(process: Process, judge: Judge) -> None:
    """A quiet mask counts, though one that lies past the size would be refused."""
    attr = packed("6Q", FS.READ_FILE, 0, 0, FS.READ_FILE, NET.BIND_TCP, 0)
    control = process.observe(Process.create_ruleset, attr, 32)
    observed = process.observe(Process.create_ruleset, attr, 40)
    judge(since(ADD_RULE.QUIET, INVALID), observed, control)


def add_rule_of_first_byte(process: Process, size: int) -> None:
    attr = READ_FILE_ONLY + packed("Q", NET.BIND_TCP)
    ruleset = process.create_ruleset(attr, size)
    process.add_rule(ruleset, RULE_NET_PORT, net_port(NET.BIND_TCP, 443))


@needs(Need.INET)
@covers(NET.BIND_TCP)
@answers("sys-cr-size-mid-partial")
def test_one_byte_of_a_field(process: Process, judge: Judge) -> None:
    """A right in the one byte of a field that was given is handled: a rule may carry it.

    Where the highest byte comes first, that one has no right: none is handled, so that kernels
    which do not know the field take it, too.
    """
    expect = since(NET.BIND_TCP, Allowed())
    if process.session.is_big:
        expect = since(FS.EXECUTE, Rejected("add_rule", "EINVAL"))
    judge(expect, process.observe(add_rule_of_first_byte, 9))
