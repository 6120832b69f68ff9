# SPDX-License-Identifier: MIT
"""What landlock_create_ruleset(2) makes of an attribute's content, and what it looks at first.

Source: Documentation/userspace-api/landlock.rst, "Creating a new ruleset"; security/landlock/
syscalls.c, landlock_create_ruleset().
"""

import resource

from suite.packed import packed
from cases.syscalls.attributes import FIELDS, INVALID, TOO_BIG, Field, check_bits
from cases.syscalls.memory import UNMAPPED
from suite.case import (
    CREATE, FS, NET, PERMISSION, SCOPE, Allowed, Argument, Case, Expectation, Facts, Judge, Need,
    Outcome, Process, Rejected, Row, Ruleset, answers, by_abi, covers, known_bits, needs,
    own_memory, since, table,
)  # fmt: skip
from suite.landlock.abi import ABIS, GROWTHS

READ = packed("Q", FS.READ_FILE)
UNKNOWN = 1 << 63
EMPTY, FULL = Rejected("create_ruleset", "ENOMSG"), Rejected("create_ruleset", "EMFILE")


class Attr(Case, frozen=True, kw_only=True):
    """What the fields of an attribute hold."""

    fields: tuple[int, ...]


def owed(outcome: Outcome, size: int = 8) -> Expectation:
    """What kernels that know so much of the attribute owe; to older ones it is too big."""
    return by_abi(lambda abi: outcome if ABIS[abi].attr_size >= size else TOO_BIG, *GROWTHS)


CASES = {
    "nothing-8-bytes": Attr(
        fields=(0,), expect=owed(EMPTY), answers=("sys-cr-enomsg", "gap-empty-ruleset")
    ),
    "nothing-16-bytes": Attr(
        fields=(0,) * 2, expect=owed(EMPTY), answers=("sys-cr-enomsg", "gap-empty-ruleset")
    ),
    "nothing-24-bytes": Attr(
        fields=(0,) * 3, expect=owed(EMPTY), answers=("sys-cr-enomsg", "gap-empty-ruleset")
    ),
    "nothing-48-bytes": Attr(
        fields=(0,) * 6, expect=owed(EMPTY), answers=("sys-cr-enomsg", "gap-empty-ruleset")
    ),
    "nothing-56-bytes": Attr(
        fields=(0,) * 7, expect=owed(EMPTY), answers=("sys-cr-enomsg", "gap-empty-ruleset")
    ),
    "nothing-page": Attr(
        fields=(0,) * 512, expect=owed(EMPTY), answers=("sys-cr-enomsg", "gap-empty-ruleset")
    ),
    "nothing-known-fs": Attr(
        fields=(UNKNOWN,), expect=owed(INVALID), answers="sys-cr-unknown-beats-enomsg"
    ),
    "nothing-known-net": Attr(
        fields=(0, UNKNOWN), expect=owed(INVALID, 16), answers="sys-cr-unknown-beats-enomsg"
    ),
    "nothing-known-scope": Attr(
        fields=(0, 0, UNKNOWN), expect=owed(INVALID, 24), answers="sys-cr-unknown-beats-enomsg"
    ),
    "nothing-known-permission": Attr(
        fields=(*(0,) * 6, UNKNOWN), expect=owed(INVALID, 56), answers="sys-cr-unknown-beats-enomsg"
    ),
    "net-alone": Attr(
        fields=(0, NET.BIND_TCP), expect=owed(Allowed(), 16), answers="sys-cr-net-only"
    ),
    "scope-alone": Attr(
        fields=(0, 0, SCOPE.SIGNAL), expect=owed(Allowed(), 24), answers="sys-cr-scope-only"
    ),
    "permission-alone": Attr(
        fields=(*(0,) * 6, PERMISSION.CAPABILITY_USE),
        expect=owed(Allowed(), 56),
        answers="sys-cr-permission-only",
    ),
}


@table(CASES)
def test_fields(case: Attr, process: Process, judge: Judge) -> None:
    """Something known must be handled, in whatever field, and nothing unknown."""
    attr = packed(f"{len(case.fields)}Q", *case.fields)
    judge(case.expect, process.observe(Process.create_ruleset, attr, len(attr)))


@table(FIELDS)
def test_each_bit(case: Field, facts: Facts, process: Process, judge: Judge) -> None:
    """Of the 64 bits of a field each one is accepted that the ABI version knows, and no other."""
    check_bits(case, facts, process, judge)


def ruleset_of(facts: Facts) -> Ruleset:
    """Everything handled that the kernel knows."""
    abi = max(facts.abi, 1)
    return Ruleset(known_bits(FS, abi), known_bits(NET, abi), known_bits(SCOPE, abi))


class Mixed(Row, frozen=True, kw_only=True):
    """A field in which one unknown bit is set besides all that are known."""

    place: int


MIXED = {
    "fs-known-and-unknown": Mixed(place=0),
    "net-known-and-unknown": Mixed(place=1),
    "scope-known-and-unknown": Mixed(place=2),
}


@answers("sys-cr-unknown-plus-known")
@table(MIXED)
def test_known_and_unknown(case: Mixed, facts: Facts, process: Process, judge: Judge) -> None:
    """One unknown bit is enough for the refusal of a ruleset that handles all that is known."""
    everything = ruleset_of(facts)
    values = [int(field) for field in (everything.fs, everything.net, everything.scope)]
    values[case.place] |= UNKNOWN
    while not values[-1]:
        values.pop()
    attr = packed(f"{len(values)}Q", *values)
    control = process.observe(Process.build, everything)
    observed = process.observe(Process.create_ruleset, attr, len(attr))
    judge(owed(INVALID, 8 * (case.place + 1)), observed, control)


class Flags(Row, frozen=True, kw_only=True):
    """Flags that are unknown, and an attribute."""

    attr: Argument
    size: int
    flags: int


FLAGS = {
    "flag-2-and-attr": Flags(attr=READ, size=8, flags=1 << 2),
    "flag-31-and-attr": Flags(attr=READ, size=8, flags=1 << 31),
    "flag-2-and-unmapped-attr": Flags(attr=UNMAPPED, size=8, flags=1 << 2),
    "flag-2-and-too-big-attr": Flags(attr=READ, size=-1, flags=1 << 2),
}


@answers("sys-cr-flags-unknown-attr")
@table(FLAGS)
def test_flags_first(case: Flags, process: Process, judge: Judge) -> None:
    """Unknown flags are refused before the attribute is looked at."""
    control = process.observe(Process.create_ruleset, READ, 8)
    observed = process.observe(Process.create_ruleset, case.attr, case.size, case.flags)
    judge(owed(INVALID), observed, control)


# A process that may have no more file descriptors.


class Last(Case, frozen=True, kw_only=True):
    """The arguments of a call."""

    attr: Argument
    size: int
    flags: int = 0


LAST = {
    "no-fd-left": Last(attr=READ, size=8, expect=owed(FULL), answers="sys-cr-emfile"),
    "no-fd-left-and-nothing": Last(
        attr=bytes(8), size=8, expect=owed(EMPTY), answers="sys-cr-emfile-order"
    ),
    "no-fd-left-and-unknown": Last(
        attr=packed("Q", UNKNOWN), size=8, expect=owed(INVALID), answers="sys-cr-emfile-order"
    ),
    "no-fd-left-and-version": Last(
        attr=0,
        size=0,
        flags=CREATE.VERSION,
        expect=owed(Allowed()),
        answers="sys-cr-emfile-order",
    ),
}


@table(LAST)
def test_no_fd_left(case: Last, process: Process, judge: Judge) -> None:
    """The file descriptor comes last: only a ruleset that would be made lacks one."""
    control = process.observe(Process.create_ruleset, READ, 8)
    process.limit(resource.RLIMIT_NOFILE, 0)
    observed = process.observe(Process.create_ruleset, case.attr, case.size, case.flags)
    judge(case.expect, observed, control)


# Who may make rulesets.


@needs(Need.ROOT)
@answers("sys-cr-noprivs")
@own_memory
def test_as_nobody(process: Process, judge: Judge) -> None:
    """Rulesets can be made, and rules added, by who is not root and lacks no_new_privs."""
    process.setuid(65534)
    ruleset = Ruleset(fs=FS.READ_FILE).allow("/", FS.READ_FILE)
    judge(since(FS.READ_FILE, Allowed()), process.observe(Process.build, ruleset))


def restrict(process: Process, ruleset: Ruleset) -> None:
    process.restrict(ruleset)


@covers(FS.READ_FILE)
@answers("sys-cr-inside-sandbox")
def test_in_a_domain(facts: Facts, process: Process, judge: Judge) -> None:
    """A process in a domain that denies everything can still make, extend and enforce rulesets."""
    everything = ruleset_of(facts)
    sandboxed = process.under(everything)
    observed = sandboxed.observe(restrict, everything.allow("/", everything.fs))
    judge(since(FS.READ_FILE, Allowed()), observed)
