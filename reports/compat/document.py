# SPDX-License-Identifier: MIT
"""``landlock-compat.json``: what Landlock's ABI says, and what kernel builds were seen to do.

``reports/compat.schema.json`` is generated from these types. Keys of ``support`` are kernels, by
their names in ``kernels``; keys of ``by_abi`` are ABI versions. ``docs/compat.md`` says what may
change in which version of the data.
"""

from enum import StrEnum

import msgspec

from suite.judge.outcome import Outcome
from suite.landlock.bugs import Impact

VERSION = 2
"""Of the shape: it changes when a reader of the old one would fail, or be misled."""
SCHEMA_FILE = f"landlock-compat-{VERSION}.schema.json"
"""What the schema is called beside the data; an editor finds it there."""


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


class By(StrEnum):
    """By what something is known."""

    MEASURED = "measured"
    """Cases showed it on the kernels named, all of whose answers are in this file."""
    MODELLED = "modelled"
    """Cases showed it on landproof's executable model of the ABI version; no kernel was asked."""
    DOCUMENTED = "documented"
    """The kernel's header, sources and history say so; no kernel was asked."""


class AbiState(StrEnum):
    """What kernels of one ABI version do about one feature, as mainline has it."""

    PROVIDED = "provided"
    REFUSED = "refused"
    """By the call and with the errno that stand beside."""
    VARIES = "varies"
    """Some builds provide it, as a backport; the others refuse it so."""


class Bugged(StrEnum):
    """What one kernel build does about one known bug."""

    SEEN = "seen"
    """A case saw it."""
    ALIKE = "alike"
    """A case saw what it does, but the kernel's release does not tell that it has it."""
    UNSEEN = "unseen"
    """Cases about it ran, and saw what fixed kernels do; a race that was lost looks the same."""
    INAPPLICABLE = "inapplicable"
    """Its ABI version does not have what the bug is about."""
    UNKNOWN = "unknown"
    """No case gave an answer."""


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel build that was measured."""

    release: str
    """uname(2) release; empty when it never came up."""
    machine: str
    version: str
    """The package version, or that of uname(2) for a kernel of no package."""
    mainline: str
    """The release of mainline that it is built from, such as ``6.12.118``; empty where its own
    release does not tell."""
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


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By what it is known what an ABI version does."""

    by: By
    kernels: list[str] = []
    """Those measured that claim it, by their names in ``kernels``."""
    models: list[str] = []
    """Where no kernel was measured: the models on which cases ran, such as ``model:3``."""


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
    evidence: Evidence


class CompatCall(msgspec.Struct, frozen=True, kw_only=True):
    """A system call."""

    number: int
    """On every architecture but alpha, which adds 110."""
    arguments: list[str]
    """As C declares them."""
    abi: int
    release: str
    """The first release of mainline."""


class RuleKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of rules: what landlock_add_rule(2) takes for ``rule_type``."""

    constant: str
    value: int
    abi: int
    release: str
    """The first release of mainline."""
    struct: str
    """In ``structs``: what ``rule_attr`` points to."""


class StructField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a struct."""

    name: str
    type: str
    """In C."""
    offset: int
    """In bytes."""
    size: int
    """In bytes."""
    abi: int
    """The ABI version that brought it."""


class CompatStruct(msgspec.Struct, frozen=True, kw_only=True):
    """A struct that a call takes; it has no padding."""

    size: int
    """In bytes, as the newest ABI version has it."""
    call: str
    fields: list[StructField]


class Support(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was seen of one feature or limit on one kernel."""

    state: State
    answers: list[Outcome] = []
    """How the kernel answered who asked for it alone; for a limit, for what is beyond it."""
    otherwise: list[Outcome] = []
    """Of what is absent: the answers where more was asked for with it, or a privilege lacked."""
    bugs: list[str] = []
    """Known bugs that cases about it saw, by their names in ``bugs``."""
    alike: list[str] = []
    """Known bugs of which cases saw what they do, though the release does not tell of them."""
    deviations: list[str] = []
    """Other cases about it that deviated, by id."""
    unfixed: list[int] = []
    """Errata about it that were seen unfixed, by number."""


class AbiSupport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What kernels of one ABI version do about one feature."""

    state: AbiState
    call: str = ""
    """The one that refuses who asks for the feature alone."""
    errno: str = ""
    by: By
    kernels: list[str] = []
    """Those of this ABI version that were seen to do so."""
    models: list[str] = []
    """Where no kernel of this ABI version was seen to do so: the models that were."""
    otherwise: list[str] = []
    """Kernels of this ABI version that were seen to do something else: ``support`` says what."""


class CompatFeature(msgspec.Struct, frozen=True, kw_only=True):
    """An access right, a scope or a flag."""

    kind: str
    """``access right``, ``scope`` or ``flag``."""
    description: str
    """What a right or a scope restricts, what a flag is for; empty of one without a phrase yet."""
    constant: str
    """In include/uapi/linux/landlock.h."""
    value: int
    call: str
    """In ``calls``: the one that takes it."""
    place: str
    """The field or argument that takes it."""
    abi: int
    """The ABI version that brought it."""
    release: str
    """The first release of mainline."""
    source: str
    fallback: str
    """What a library may do where a kernel lacks it; empty where every ABI version has it."""
    by_abi: dict[str, AbiSupport]
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
    unmeasured: str
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
    bug: str
    """In ``bugs``: what was wrong, and where it is fixed."""
    source: str
    features: list[str]
    """What the cases that show it are about."""
    support: dict[str, ErratumSupport]


class BugSupport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one bug on one kernel."""

    state: Bugged
    by_release: bool | None
    """Whether the release has it, by ``since`` and ``fixed_in``; None where it does not tell, as
    of vendors that choose what they backport."""
    affected: bool | None
    """What both come to; None where they contradict each other, or neither tells."""
    cases: list[str]
    """Those that saw it, or what it does, by id."""


class CompatBug(msgspec.Struct, frozen=True, kw_only=True):
    """A known bug that was fixed."""

    does: str
    """What a kernel that has it does."""
    impact: Impact
    erratum: int | None
    """Its number in ``errata``; None for a bug that no kernel can be asked about."""
    cve: str
    """Empty where there is none."""
    since: str
    """The first release that had it; of several series the oldest."""
    brought_by: str
    """The commit of mainline; empty where it is not known."""
    fixed_in: dict[str, str]
    """The first release with the fix, by series, the newest first. A series newer than all of
    these has the fix; an older one that is not named has not."""
    commit: str
    """The fix in mainline; empty where it is not known."""
    subject: str
    """Of that commit."""
    issue: int | None
    """Of Landlock's issue tracker."""
    workaround: str
    """What helps until then; empty where nothing does."""
    features: list[str]
    """What the cases that saw it, or its fix, are about."""
    support: dict[str, BugSupport]


class CompatChange(msgspec.Struct, frozen=True, kw_only=True):
    """What Landlock does otherwise from a release on, though no bit tells of it."""

    abi: int
    """The lowest ABI version of which every kernel has it."""
    release: str
    """The first release of mainline."""
    commit: str
    subject: str
    """Of that commit."""


class Compat(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    described_by: str = msgspec.field(name="$schema", default=SCHEMA_FILE)
    """The JSON Schema of this file."""
    schema: int = VERSION
    version: str
    """Of the published data; empty of data that somebody made of results of their own."""
    license: str
    """Of the published data, as SPDX has it."""
    landproof: list[str]
    """The versions of landproof that measured."""
    without: dict[str, str]
    """What a kernel without Landlock answers to all three calls, by errno, and why."""
    kernels: dict[str, Kernel]
    """In the order of the runs."""
    abis: dict[str, AbiVersion]
    """By number: what to ask for on a kernel that reports it."""
    calls: dict[str, CompatCall]
    rule_types: dict[str, RuleKind]
    structs: dict[str, CompatStruct]
    features: dict[str, CompatFeature]
    """By short name, such as ``fs.truncate``; the oldest first."""
    limits: dict[str, CompatLimit]
    errata: dict[str, CompatErratum]
    """By number."""
    bugs: dict[str, CompatBug]
    """Known bugs by name, those of the errata among them; the gravest first."""
    changes: dict[str, CompatChange]
