# SPDX-License-Identifier: MIT
"""The record of a run: what each target is, and what each case observed there.

``reports/schema.json`` is generated from these types.
"""

from enum import StrEnum

import msgspec

from suite.judge.outcome import Outcome

SCHEMA_VERSION = 2


class Verdict(StrEnum):
    """What one case says about one target."""

    CONFORMS = "conforms"
    """Behaves as its ABI version and errata promise."""
    ABSENT = "absent"
    """The kernel does not claim the feature, and answers exactly as a kernel without it must."""
    UNFIXED = "unfixed"
    """The erratum is not claimed, and the old behaviour was seen."""
    DEVIATES = "deviates"
    """Observed something else than what the kernel owes."""
    SKIPPED = "skipped"
    """This environment cannot show it; the reason names the unmet need."""
    BROKEN = "broken"
    """The set-up or the control did not work: never counted for or against a kernel."""
    CRASHED = "crashed"
    """The kernel or the agent died."""
    HUNG = "hung"
    """A call outlived its limit."""
    LOST = "lost"
    """Nothing was heard."""


GOOD = frozenset({Verdict.CONFORMS, Verdict.ABSENT, Verdict.UNFIXED})
"""Verdicts of a kernel that does what it owes."""


NOT_MODELLED = "not modelled: "
"""How the reason begins of a case that is skipped because its target lacks a word for a call."""


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
    """Why abi is 0: ENOSYS not built, EOPNOTSUPP disabled at boot, another errno: blocked."""
    lsm: list[str] = []
    """Active LSMs in order; empty when securityfs can't tell."""
    uid: int = 0
    """Effective user id outside of any user namespace of ours."""
    capabilities: int = 0
    """Effective capability mask of the processes that run the cases."""
    user_namespaces: bool = False
    filesystems: list[str] = []
    ipv6: bool = False
    audit: bool = False
    tracefs: bool = False


class KernelBuild(msgspec.Struct, frozen=True, kw_only=True):
    """Where a kernel of the catalogue came from."""

    name: str
    """The wish that was resolved, such as ``6.12``."""
    release: str
    """Such as ``6.12.43+deb12-cloud-amd64``."""
    version: str
    """The package version, such as ``6.12.43-1~bpo12+1``."""
    source: str
    """``debian:SUITE``, ``path:FOLDER`` or ``host``."""
    sha256: str
    """Of the vmlinuz."""


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
    """The known bug that was seen, by id and title, with CVE and fixing commit."""
    known: str = ""
    """Why a fault was to be expected, with its source, where a list of known deviations says so."""
    reason: str = ""
    """Why it was skipped, broken, crashed, hung or lost; console tail included."""
    calls: list[str] = []
    """Where the verdict is a fault: its last calls, ``[process] call = result``, oldest first."""
    seconds: float = 0.0


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What travels with pytest's report of a case, as JSON: plain data would take its time."""

    target: str
    case: CaseRecord
    facts: Facts | None = None
    """With the first case of a target."""
    kernel: KernelBuild | None = None


class TargetRecord(msgspec.Struct, kw_only=True):
    """One target of a run."""

    name: str
    """``local`` or ``vm:7.3``."""
    facts: Facts | None = None
    """None when the target never came up."""
    kernel: KernelBuild | None = None
    reason: str = ""
    """Why it never came up, where no case can tell."""
    cases: list[CaseRecord] = []


class Results(msgspec.Struct, kw_only=True):
    """A results file."""

    schema: int = SCHEMA_VERSION
    landproof: str
    """The version of landproof that observed."""
    started: str
    """ISO 8601, UTC."""
    seconds: float
    targets: list[TargetRecord] = []
