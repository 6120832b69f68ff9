# SPDX-License-Identifier: MIT
"""The record of a run: what each target is, and what each case observed there.

``reports/schema.json`` is generated from these types.
"""

from collections.abc import Iterable
from enum import Enum, StrEnum, auto
from typing import Self

import msgspec

from suite.judge.enforced import ClientFacts, ClientRecord
from suite.judge.outcome import Outcome, Seen
from suite.judge.standing import Standing
from suite.landlock import bugs

SCHEMA_VERSION = 2


class Fault(Enum):
    """Whose fault a verdict is."""

    KERNELS = auto()
    OURS = auto()
    """Or the machine's."""
    NOBODYS = auto()


class Verdict(StrEnum):
    """What one case says about one target."""

    # A member is declared as ``NAME = value, fault, judged, rank, mark``. Nothing else lists
    # verdicts: whoever tells some from others asks for a property, which a new one has too.

    fault: Fault
    judged: bool
    """Whether an outcome was held against what the kernel owes."""
    rank: int
    """From calm to worst: the worst of its cases names a cell.

    Skipped comes first: a need that this machine does not meet must not hide what was heard.
    """
    mark: str
    """What a cell says; faults are in capitals, so that nothing depends on colour."""

    def __new__(cls, value: str, fault: Fault, judged: bool, rank: int, mark: str) -> Self:
        """Make a member from its row."""
        self = str.__new__(cls, value)
        self._value_ = value
        self.fault, self.judged, self.rank, self.mark = fault, judged, rank, mark
        return self

    CONFORMS = "conforms", Fault.NOBODYS, True, 2, "ok"
    """Behaves as its ABI version and errata promise."""
    ABSENT = "absent", Fault.NOBODYS, True, 1, "-"
    """The kernel does not claim the feature, and answers exactly as a kernel without it must."""
    UNFIXED = "unfixed", Fault.NOBODYS, True, 3, "unfix"
    """The erratum is not claimed, and the old behaviour was seen."""
    DEVIATES = "deviates", Fault.KERNELS, True, 6, "DEV"
    """Observed something else than what the kernel owes."""
    SKIPPED = "skipped", Fault.NOBODYS, False, 0, "skip"
    """This environment cannot show it; the reason names the unmet need."""
    BROKEN = "broken", Fault.OURS, False, 4, "BROKEN"
    """The set-up or the control did not work: never counted for or against a kernel."""
    CRASHED = "crashed", Fault.KERNELS, False, 8, "CRASH"
    """The kernel or the agent died."""
    HUNG = "hung", Fault.KERNELS, False, 7, "HUNG"
    """A call outlived its limit."""
    LOST = "lost", Fault.OURS, False, 5, "LOST"
    """Nothing was heard."""

    @property
    def good(self) -> bool:
        """Whether the kernel did what it owes."""
        return self.judged and not self.bad

    @property
    def bad(self) -> bool:
        """Whether someone has to look at it; what was skipped is neither good nor bad."""
        return self.fault is not Fault.NOBODYS

    @property
    def dead(self) -> bool:
        """Whether the kernel came to no outcome, and that is its own fault."""
        return self.fault is Fault.KERNELS and not self.judged

    @property
    def heard(self) -> bool:
        """Whether it tells anything of the kernel, be it that it died."""
        return self.judged or self.dead


NOT_RUN = "not run (interrupted)"
"""The reason of a case that a run did not come to, and of a target that it did not start."""
NOT_MODELLED = "not modelled: "
"""How the reason begins of a case that is skipped because its target lacks a word for a call."""


_ACCEPTS = "accepts "


def accepts(names: Iterable[str]) -> Seen:
    """What was seen of a kernel that takes more than it claims."""
    return Seen(_ACCEPTS + ", ".join(names))


def accepted(outcome: Outcome | None) -> list[str]:
    """What such a kernel takes; nothing if an outcome says nothing of it."""
    match outcome:
        case Seen(what) if what.startswith(_ACCEPTS):
            return what.removeprefix(_ACCEPTS).split(", ")
        case _:
            return []


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a target is, probed once."""

    release: str
    """uname(2) release."""
    version: str
    """uname(2) version."""
    machine: str
    abi: int
    """The claimed ABI version; 0 when there is no Landlock."""
    errata: int | None
    """The claimed errata mask; None when the kernel has no errata interface."""
    missing: str | None = None
    """What landlock_create_ruleset(2) gave where abi is 0, ``SIGSYS`` if a filter kills who calls
    it; ``suite.judge.absence`` says what it means."""
    lsm: list[str] = []
    """Active LSMs in order; empty when securityfs can't tell."""
    security_modules: bool | None = None
    """Whether the kernel has any, be they active or not; None when /proc can't tell."""
    uid: int = 0
    """Effective user id outside of any user namespace of ours."""
    capabilities: int = 0
    """Effective capability mask of the processes that run the cases."""
    in_user_namespace: bool = False
    """Whether the cases run in a user namespace that is not the initial one."""
    user_namespaces: bool = False
    filesystems: list[str] = []
    ipv6: bool = False
    audit: bool = False
    tracefs: bool = False
    client: ClientFacts | None = None
    """Somebody else's enforcer that makes the domains there."""
    standing: Standing = Standing()
    """What the processes have inherited; of results of before it was asked, nothing special."""


MODEL = "model"
"""The source of what is no kernel, but the executable model of Landlock."""


class KernelBuild(msgspec.Struct, frozen=True, kw_only=True):
    """Where a kernel came from."""

    name: str
    """What it was asked for by, such as ``6.12``."""
    release: str
    """Such as ``6.12.43+deb12-cloud-amd64``."""
    version: str
    """The package version, such as ``6.12.43-1~bpo12+1``."""
    source: str
    """``debian:SUITE``, ``path:FOLDER``, ``host``; of another source, its name and what it says;
    ``MODEL`` of a model."""
    sha256: str
    """Of the vmlinuz."""
    commit: str = ""
    """Full hash of the commit that it was built from, where the release and the tree tell."""
    parameters: str = ""
    """What the user added to its command line."""
    processors: int = 1
    """How many its machine has."""


class CaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one case said about one target."""

    id: str
    """``area/file[row]``; permanent."""
    verdict: Verdict
    summary: str = ""
    """The behaviour as a sentence."""
    source: str = ""
    """The header, page or commit subject that the expectation comes from."""
    covers: list[str] = []
    """Short names of features, such as ``fs.truncate``."""
    answers: list[str] = []
    """The behaviours of ``cases/behaviours.toml`` that it shows, by id."""
    expected: Outcome | None = None
    observed: Outcome | None = None
    control: Outcome | None = None
    clause: str = ""
    """Which clause of the expectation applied, such as ``ABI 3+``."""
    clauses: list[str] = []
    """All clauses of the expectation."""
    bug: str = ""
    """The known bug that was seen, by id and title, with CVE and fixing commit; ``looks like`` in
    front if the kernel's release can't have it, or does not tell."""
    about_bug: str = ""
    """The known bug, by name, that what was owed tells from its fix, whichever was seen."""
    known: str = ""
    """Why a fault was to be expected, with its source, where a list of known deviations says so."""
    excused: str = ""
    """Why its fault does not count for the exit code of the run: it is known, or in the baseline,
    or no fault was to end the run."""
    reason: str = ""
    """Why it was skipped, broken, crashed, hung or lost; console tail included."""
    calls: list[str] = []
    """Where the verdict is a fault: its last calls, ``[process] call = result``, oldest first."""
    seconds: float = 0.0
    client: ClientRecord | None = None
    """What somebody else's enforcer made of it, on a target that has one."""

    @property
    def known_bug(self) -> str:
        """The name of the known bug; empty if none was seen, or the release can't have it."""
        return bugs.name_of(self.bug)


def is_not_modelled(verdict: Verdict, reason: str) -> bool:
    """Whether a case was skipped because its target has no word for a call."""
    return verdict is Verdict.SKIPPED and reason.startswith(NOT_MODELLED)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What travels with pytest's report of a case, as JSON: plain data would take its time."""

    target: str
    case: CaseRecord
    facts: Facts | None = None
    """With the first case of a target."""
    kernel: KernelBuild | None = None
    began: list[str] = []
    """How the target came up since the last case; see ``TargetRecord.starts``."""


class TargetRecord(msgspec.Struct, kw_only=True):
    """One target of a run."""

    name: str
    """``local`` or ``vm:7.3``; of a kernel with a label, or of the user's own, ``vm:LABEL``."""
    facts: Facts | None = None
    """None when the target never came up."""
    kernel: KernelBuild | None = None
    reason: str = ""
    """Why it never came up, where no case can tell."""
    starts: dict[str, int] = {}
    """How often its machines were ``booted``, and ``restored`` as they were after a boot."""
    cases: list[CaseRecord] = []

    @property
    def absence(self) -> str:
        """Why nothing is known of its kernel, in two or three words; empty where something is."""
        if self.facts is not None:
            return ""
        return NOT_RUN if self.reason == NOT_RUN else "never came up"


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """What lets a run end with another code than 0, besides the faults of its cases."""

    id: str
    """Such as ``target/required``; no case has it."""
    target: str = ""
    """Empty when it is about the whole run."""
    summary: str
    """What would have been right, as a sentence."""
    reason: str
    verdict: Verdict = Verdict.BROKEN
    """Deviates, where a user asked for more than the kernel does."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that a shard runs on a target: those from ``first`` up to ``end`` of all cases."""

    shard: int
    """From 1 on."""
    target: str
    first: int
    end: int
    """The one after the last."""


class Sharding(msgspec.Struct, frozen=True, kw_only=True):
    """Which shard of a run a results file is, and what all of them were to run."""

    shard: int
    of: int
    cases: list[str]
    """Of the whole run, in its order, by id."""
    parts: list[Part]
    """Of all shards, target by target."""


class Results(msgspec.Struct, kw_only=True):
    """A results file."""

    schema: int = SCHEMA_VERSION
    landproof: str
    """The version of landproof that observed."""
    started: str
    """ISO 8601, UTC."""
    seconds: float
    targets: list[TargetRecord] = []
    complaints: list[Complaint] | None = None
    """None where nobody has said what the run is held against."""
    sharding: Sharding | None = None
    """None of a whole run."""
