# SPDX-License-Identifier: MIT
"""Shapes of kernels that do otherwise than they say, a row each; and the rules that make them.

A real kernel is given such a shape by a liar (``suite/targets/lying.py``), which answers Landlock's
system calls in its place. What a shape does not speak of is done as the kernel does it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from suite.agent.lies import ALL, Change, Lie, Place, Privileged, Test
from suite.landlock.abi import (
    ABIS,
    ADD_RULE,
    CREATE,
    ERRATA,
    FS,
    LANDLOCK_CALLS,
    NET,
    NEWEST,
    RESTRICT,
    RULESET_ATTR,
    SCOPE,
    Feature,
    known_bits,
)
from suite.landlock.calls import CALLS
from suite.landlock.changes import FLAGS_FIRST

_CREATE, _ADD, _RESTRICT = LANDLOCK_CALLS


def _argument(call: str, name: str) -> int:
    """Which argument of a call has this name, from 0 on."""
    names = [declared.replace("*", " ").split()[-1] for declared in CALLS[call].arguments]
    return names.index(name)


_ATTR, _SIZE = _argument(_CREATE, "attr"), _argument(_CREATE, "size")
_RULESET = _argument(_RESTRICT, "ruleset_fd")
_FLAGS = {call: _argument(call, "flags") for call in LANDLOCK_CALLS}
"""All three are unsigned integers of 4 bytes."""
_U32 = 0xFFFFFFFF
_QUIET: dict[str, type[Feature]] = {
    "quiet_access_fs": FS,
    "quiet_access_net": NET,
    "quiet_scoped": SCOPE,
}
"""Of which kind the bits are in the fields that ``ADD_RULE.QUIET`` brought."""
_HARMLESS = FS.MAKE_BLOCK
"""What is handled instead where only bits are that nobody knows: of all rights it denies least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a kernel does otherwise than it says."""

    about: str
    """What it says and does, for people."""
    claims: int | None = None
    """The ABI version that it claims; None for the kernel's own."""
    more: int = 0
    """So many ABI versions are added to the kernel's own claim."""
    knows: int | None = None
    """It knows nothing that is newer than this ABI version; None for all that the kernel knows."""
    refuses: tuple[Feature, ...] = ()
    """What it refuses with EINVAL, though it claims it."""
    accepts: int = 0
    """Bits that it accepts and ignores in the fields that it claims, of those unknown to it."""
    errata: int | None = None
    """The mask of errata that it claims, or -EINVAL without that interface; None for its own."""
    enforces: bool = True
    """Whether a ruleset that is enforced restricts anyone."""

    def claimed(self, abi: int) -> int:
        """The ABI version that a kernel of this one claims."""
        return abi + self.more if self.claims is None else self.claims


def lies(shape: Shape, abi: int) -> list[Lie]:
    """The rules that give a shape to a kernel that claims this ABI version, and honestly."""
    return [*_claims(shape, abi), *_refusals(shape), *_acceptance(shape, abi), *_idle(shape, abi)]


def _claims(shape: Shape, abi: int) -> Iterator[Lie]:
    """What the kernel says of itself; only to who asks as it is to be asked."""
    if shape.claimed(abi) != abi:
        yield Lie(_CREATE, _asking(CREATE.VERSION), shape.claimed(abi))
    if shape.errata is not None:
        yield Lie(_CREATE, _asking(CREATE.ERRATA), shape.errata)


def _asking(flag: CREATE) -> tuple[Test, ...]:
    return Test(Place(_ATTR), ALL), Test(Place(_SIZE), ALL), _flags(_CREATE, flag)


def _flags(call: str, value: int) -> Test:
    return Test(Place(_FLAGS[call]), _U32, value)


def _field(number: int, unwanted: int) -> Test:
    """Whether a field of the attribute has one of these bits."""
    return Test(Place(_ATTR, 8 * number, _SIZE), unwanted & ALL, negated=True)


def _refusals(shape: Shape) -> Iterator[Lie]:
    """What is too new, or refused; in the kernel's order: first a field, then a bit."""
    if shape.knows is None and not shape.refuses:
        return
    makes = _flags(_CREATE, 0)
    size = ABIS[shape.knows].attr_size if shape.knows else 8 * len(RULESET_ATTR)
    for number, _ in enumerate(RULESET_ATTR):
        if shape.knows and 8 * number >= size:
            yield Lie(_CREATE, (makes, _field(number, ALL)), -errno.E2BIG)
    for number, field in enumerate(RULESET_ATTR[: size // 8]):
        if unwanted := _unwanted(shape, _QUIET.get(field.name, field.of)):
            yield Lie(_CREATE, (makes, _field(number, unwanted)), -errno.EINVAL)
    for call, of in ((_ADD, ADD_RULE), (_RESTRICT, RESTRICT)):
        if unwanted := _unwanted(shape, of) & _U32:
            flagged = Test(Place(_FLAGS[call]), unwanted, negated=True)
            if call == _RESTRICT and (shape.knows or NEWEST) < FLAGS_FIRST.since:
                yield Lie(call, (flagged, Test(Privileged(), ALL)), -errno.EPERM)
            yield Lie(call, (flagged,), -errno.EINVAL)


def _unwanted(shape: Shape, kind: type[Feature]) -> int:
    """The bits of a kind that it refuses, or does not know."""
    refused = sum(int(bits) for bits in shape.refuses if isinstance(bits, kind))
    unknown = ALL & ~int(known_bits(kind, shape.knows)) if shape.knows else 0
    return refused | unknown


def _acceptance(shape: Shape, abi: int) -> Iterator[Lie]:
    """Unknown bits are taken out of the attribute, and the kernel makes a ruleset of the rest."""
    if not shape.accepts:
        return
    makes = _flags(_CREATE, 0)
    size = ABIS[min(shape.claimed(abi), NEWEST)].attr_size
    known = [_known(number, min(abi, NEWEST)) for number, _ in enumerate(RULESET_ATTR)]
    accepted = [
        shape.accepts & ~bits if 8 * number < size else 0 for number, bits in enumerate(known)
    ]
    changes = tuple(
        Change(Place(_ATTR, 8 * number, _SIZE), ALL & ~bits) for number, bits in enumerate(accepted)
    )
    handled = tuple(
        Test(Place(_ATTR, 8 * number, _SIZE), ALL & ~accepted[number])
        for number, field in enumerate(RULESET_ATTR)
        if field.name not in _QUIET
    )
    nothing_else = (Change(changes[0].place, changes[0].mask, _HARMLESS), *changes[1:])
    for number, bits in enumerate(accepted[: size // 8]):
        has = _field(number, bits)
        yield Lie(_CREATE, (makes, has, *handled), changes=nothing_else)
        yield Lie(_CREATE, (makes, has), changes=changes)


def _known(number: int, abi: int) -> int:
    """The bits of a field of the attribute that an ABI version knows."""
    field = RULESET_ATTR[number]
    if 8 * number >= ABIS[abi].attr_size:
        return 0
    return int(known_bits(_QUIET.get(field.name, field.of), abi))  # whose ~ knows names alone


def _idle(shape: Shape, abi: int) -> Iterator[Lie]:
    """A success of who would be restricted, without that; errors are left to the kernel."""
    if shape.enforces:
        return
    unknown = _U32 & ~int(known_bits(RESTRICT, abi))
    on_ruleset = Test(Place(_RULESET), _U32, _U32, negated=True)  # -1 stands for none
    may = on_ruleset, Test(Place(_FLAGS[_RESTRICT]), unknown)
    yield Lie(_RESTRICT, (*may, Test(Privileged(), ALL, 1)), 0)
    if abi >= RESTRICT.NO_NEW_PRIVS.since:
        flag = RESTRICT.NO_NEW_PRIVS
        yield Lie(_RESTRICT, (*may, Test(Place(_FLAGS[_RESTRICT]), flag, flag)), 0)


SHAPES = {
    "honest": Shape(about="says what it does: a control, for which all but the lies is the same"),
    "rocky-9.7": Shape(
        about="claims ABI 6; refuses fs.ioctl_dev and both scopes with EINVAL, as the kernels of "
        "RHEL 9 from 5.14.0-603.el9 on did",
        claims=6,
        knows=6,
        refuses=(FS.IOCTL_DEV, SCOPE.SIGNAL | SCOPE.ABSTRACT_UNIX_SOCKET),
    ),
    "one-more": Shape(about="claims one ABI version more than it provides", more=1),
    "one-less": Shape(about="claims one ABI version less than it provides", more=-1),
    "future": Shape(
        about="claims an ABI version that nobody knows, and accepts and ignores bits of rights "
        "and scopes that nobody knows",
        claims=99,
        accepts=ALL,
    ),
    "accepts-unknown": Shape(
        about="accepts and ignores a bit of access rights and scopes that nobody knows",
        accepts=1 << 63,
    ),
    "no-errata": Shape(about="claims no erratum, whatever is fixed", errata=0),
    "no-errata-interface": Shape(
        about="refuses who asks for errata with EINVAL, as kernels older than that interface do",
        errata=-errno.EINVAL,
    ),
    "all-errata": Shape(
        about="claims every erratum, whatever is fixed",
        errata=sum(1 << (number - 1) for number in ERRATA),
    ),
    "enforces-nothing": Shape(
        about="accepts every ruleset that it knows, says that it is enforced, and restricts nobody",
        enforces=False,
    ),
}
"""By name."""
