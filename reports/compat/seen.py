# SPDX-License-Identifier: MIT
"""Kernel builds as runs saw them: what the compatibility data are built from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from reports.compat.document import Kernel
from reports.kernel_line import Blame, summarize
from reports.risk import is_like
from suite.judge.outcome import Allowed, Outcome, Seen
from suite.judge.records import MODEL, CaseRecord, Facts, Results, TargetRecord, Verdict
from suite.landlock import abi as table
from suite.landlock.releases import of_mainline


@dataclass(frozen=True, slots=True)
class Build:
    """One kernel build, and what was recorded of it."""

    target: TargetRecord
    measured: str
    about: Mapping[str, Sequence[CaseRecord]]
    """The cases that cover a feature."""
    blame: Blame

    @classmethod
    def of(cls, target: TargetRecord, measured: str) -> "Build":
        """What was recorded of a target, in a run that started then."""
        about: dict[str, list[CaseRecord]] = defaultdict(list)
        for case in target.cases:
            for label in case.covers:
                about[label].append(case)
        abi = target.facts.abi if target.facts else 0
        return cls(target, measured, about, Blame.of(target.cases, abi))

    @property
    def cases(self) -> Sequence[CaseRecord]:
        """All records."""
        return self.target.cases

    @property
    def facts(self) -> Facts | None:
        """What was probed; None when it never came up."""
        return self.target.facts

    @property
    def abi(self) -> int:
        """The claimed ABI version; 0 without Landlock."""
        return self.target.facts.abi if self.target.facts else 0

    @property
    def is_model(self) -> bool:
        """Whether it is no kernel but landproof's model of one."""
        return bool(self.target.kernel and self.target.kernel.source == MODEL)

    @property
    def kernel(self) -> Kernel:
        """Its row."""
        line, facts, package = summarize(self.target), self.facts, self.target.kernel
        release, version = (facts.release, facts.version) if facts else ("", "")
        return Kernel(
            release=release,
            machine=facts.machine if facts else "",
            version=package.version if package else version,
            mainline=str(of_mainline(release, version) or ""),
            source=package.source if package else "",
            sha256=package.sha256 if package else "",
            abi=line.claimed,
            errata=None if facts is None or facts.errata is None else list(line.errata),
            provided=line.provided,
            line=str(line),
            measured=self.measured,
        )


def builds(runs: Iterable[Results]) -> dict[str, Build]:
    """The builds of all runs by name; of a case that ran on one in several, the last counts."""
    found: dict[tuple[str, str], Build] = {}
    for run in runs:
        for target in run.targets:
            key = (target.name.removeprefix("vm:"), _build(target))
            cases = {case.id: case for case in found[key].cases} if key in found else {}
            cases |= {case.id: case for case in target.cases}
            whole = replace(target, cases=[cases[it] for it in sorted(cases)])
            found[key] = Build.of(whole, run.started)
    names = [name for name, _ in found]
    return {
        name if names.count(name) == 1 else f"{name} ({build})": it
        for (name, build), it in found.items()
    }


def _build(target: TargetRecord) -> str:
    facts = target.facts
    return f"{facts.release} {facts.machine} {facts.version}" if facts else target.absence


def judged(cases: Iterable[CaseRecord]) -> list[CaseRecord]:
    """Those that came to a verdict on the kernel."""
    return [case for case in cases if case.verdict.judged]


def deviating(cases: Iterable[CaseRecord]) -> list[CaseRecord]:
    """Those that saw something else than the kernel owes."""
    return [case for case in cases if case.verdict is Verdict.DEVIATES]


def answers(cases: Iterable[CaseRecord]) -> list[Outcome]:
    """What was observed, each outcome once."""
    return list(dict.fromkeys(case.observed for case in cases if case.observed))


def refusals(cases: Iterable[CaseRecord]) -> list[Outcome]:
    """Not what was allowed: of a kernel without a feature, a case may observe a side of it only."""
    return [it for it in answers(cases) if not isinstance(it, Allowed | Seen)]


def sorted_out(cases: Iterable[CaseRecord]) -> tuple[list[str], list[str], list[str]]:
    """What deviating cases show: known bugs, those that they look like, and cases of neither."""
    bugs, alike, others = set(), set(), []
    for case in cases:
        name = case.known_bug
        if name not in table.ALL_BUGS:
            others.append(case.id)
        elif is_like(case):
            alike.add(name)
        else:
            bugs.add(name)
    return sorted(bugs), sorted(alike), others
