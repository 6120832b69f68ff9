# SPDX-License-Identifier: MIT
"""``landlock-compat.json``: what Landlock's ABI says, and what kernel builds were seen to do.

``reports/compat.schema.json`` is generated from these types. Keys of ``support`` are kernels, by
their names in ``kernels``.
"""

from enum import StrEnum

import msgspec

from suite.judge.outcome import Outcome

VERSION = 1


class State(StrEnum):
    """What one kernel build does about one feature or limit."""

    PROVIDED = "provided"
    """Claimed, and seen to work."""
    LACKING = "lacking"
    """Claimed, and seen not to work: ``answers`` says how."""
    ABSENT = "absent"
    """Not claimed, and not there: ``answers`` says how the kernel refuses it."""
    UNCLAIMED = "unclaimed"
    """Accepted although the claimed ABI version does not have it."""
    UNKNOWN = "unknown"
    """No case gave an answer."""


class Fixed(StrEnum):
    """What one kernel build does about one erratum."""

    FIXED = "fixed"
    """Seen to behave as fixed kernels do."""
    UNFIXED = "unfixed"
    """Seen to behave as kernels did before the fix."""
    UNCLEAR = "unclear"
    """Seen to do something else, or both."""
    INAPPLICABLE = "inapplicable"
    """Its ABI version does not have what the erratum is about."""
    UNKNOWN = "unknown"
    """No case gave an answer."""


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel build that was measured."""

    release: str
    """uname(2) release; empty when it never came up."""
    machine: str
    version: str
    """The package version, or that of uname(2) for a kernel of no package."""
    source: str
    """``debian:SUITE``, ``path:FOLDER`` or ``host``; empty when it is not known."""
    sha256: str
    """Of the vmlinuz; empty when it is not known."""
    abi: int | None
    """The claimed ABI version; 0 without Landlock, None when it never came up."""
    errata: list[int] | None
    """Numbers of the claimed errata; None without the errata interface."""
    provided: int | None
    """The ABI version seen to be provided; None when that is not established."""
    line: str
    """What it claims and what it provides, in a few words."""
    measured: str
    """When the run started: ISO 8601, UTC."""


class AbiVersion(msgspec.Struct, frozen=True, kw_only=True):
    """All that one ABI version accepts, as masks."""

    release: str
    """The first release of mainline."""
    merge: str
    """The commit that merged it into mainline."""
    attr_size: int
    """Bytes of struct landlock_ruleset_attr that it knows."""
    handled_access_fs: int
    """The greatest mask; quiet_access_fs takes the same once attr_size has it."""
    handled_access_net: int
    scoped: int
    create_ruleset_flags: int
    """Stable kernels of older ABI versions may have LANDLOCK_CREATE_RULESET_ERRATA too."""
    add_rule_flags: int
    restrict_self_flags: int
    adds: list[str]
    """Features that came with it."""


class Support(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was seen of one feature or limit on one kernel."""

    state: State
    answers: list[Outcome] = []
    """How the kernel answered who asked for it alone; for a limit, for what is beyond it."""
    otherwise: list[Outcome] = []
    """Of what is absent: the answers where more was asked for with it, or a privilege lacked."""
    bugs: list[str] = []
    """Known bugs that cases about it saw, by their names in ``bugs``."""
    deviations: list[str] = []
    """Other cases about it that deviated, by id."""
    unfixed: list[int] = []
    """Errata about it that were seen unfixed, by number."""


class CompatFeature(msgspec.Struct, frozen=True, kw_only=True):
    """An access right, a scope or a flag."""

    constant: str
    """In include/uapi/linux/landlock.h."""
    value: int
    place: str
    """The field or argument that takes it."""
    abi: int
    """The ABI version that brought it."""
    release: str
    """The first release of mainline."""
    source: str
    support: dict[str, Support]


class CompatLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The most, or the least, that the kernel takes of something."""

    constant: str
    """In the kernel; empty where it has none of its own."""
    value: int
    counts: str
    """What is counted."""
    least: bool
    """Whether it is the least that the kernel takes; else it is the most."""
    abi: int
    source: str
    unmeasured: str = ""
    """Why no case can show it; empty where one can."""
    support: dict[str, Support]


class ErratumSupport(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one erratum on one kernel."""

    state: Fixed
    claimed: bool
    """Whether the kernel's errata mask has it."""


class CompatErratum(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered fix."""

    name: str
    value: int
    """Its bit of what LANDLOCK_CREATE_RULESET_ERRATA gives."""
    abi: int
    """The ABI version from which it applies."""
    release: str
    """The first release of mainline with the fix; stable series have it too."""
    source: str
    features: list[str]
    """What the cases that show it are about."""
    support: dict[str, ErratumSupport]


class Compat(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    schema: int = VERSION
    landproof: list[str]
    """The versions of landproof that measured."""
    kernels: dict[str, Kernel]
    """In the order of the runs."""
    abis: dict[str, AbiVersion]
    """By number: what to ask for on a kernel that reports it."""
    features: dict[str, CompatFeature]
    """By short name, such as ``fs.truncate``; the oldest first."""
    limits: dict[str, CompatLimit]
    errata: dict[str, CompatErratum]
    """By number."""
    bugs: dict[str, str]
    """Known bugs that were seen: the subject of the fix, its commit and its releases."""
