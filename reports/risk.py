# SPDX-License-Identifier: MIT
"""What the known bugs of a kernel mean for who runs it: the worst first, and where it is fixed.

An erratum that is not fixed is one of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from reports import words
from reports.errata import as_seen, bug_name
from suite.judge.records import CaseRecord, Facts
from suite.landlock.abi import ALL_BUGS
from suite.landlock.bugs import Bug, Impact, labelled
from suite.landlock.releases import of_mainline

_MEANS = {
    Impact.ESCAPE: ("lets a sandbox escape", "let a sandbox escape"),
    Impact.MEMORY_SAFETY: ("uses freed memory", "use freed memory"),
    Impact.OVER_DENIAL: ("denies what is allowed", "deny what is allowed"),
    Impact.COST: ("costs memory", "cost memory"),
    Impact.LOG: ("is about the log only", "are about the log only"),
    Impact.OTHER: ("is a matter of detail", "are a matter of detail"),
}
"""Of one bug and of several, from worst to least."""
_UNKNOWN = ("is not known to this landproof", "are not known to this landproof")
WORST_FIRST: Sequence[Impact | None] = (*_MEANS, None)
"""None stands for bugs that only another landproof knows."""
GRAVE = frozenset({Impact.ESCAPE, Impact.MEMORY_SAFETY})
"""What each bug of these does is told, and where it is fixed."""


class Detail(Enum):
    """How much is said of bugs."""

    WORST = auto()
    """Only how many do the worst that any does."""
    FIXES = auto()
    """Of grave ones their names, and which release of the kernel's series fixes them."""
    ALL = auto()
    """Of grave ones what they do, and which releases fix them; the names of others."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A known bug, as it was seen on a kernel."""

    name: str
    like: bool
    """Whether the kernel's release does not tell that it has it."""
    bug: Bug | None
    """None of a bug that only another landproof knows."""
    cases: tuple[CaseRecord, ...]
    """Those that show it."""

    @property
    def label(self) -> str:
        """The name, with ``looks like`` in front where that is all that can be said."""
        return f"looks like {self.name}" if self.like else self.name

    @property
    def impact(self) -> Impact | None:
        """What it does to who relies on Landlock; None if that is not known."""
        return self.bug.impact if self.bug else None


def sightings(cases: Iterable[CaseRecord]) -> list[Sighting]:
    """The known bugs that records of one kernel show, the worst first."""
    found: dict[str, list[CaseRecord]] = {}
    for case in cases:
        if name := case.known_bug or _unfixed(case):
            found.setdefault(name, []).append(case)
    seen = (
        Sighting(name, is_like(shown[0]), ALL_BUGS.get(name), tuple(shown))
        for name, shown in found.items()
    )
    return sorted(seen, key=lambda it: (WORST_FIRST.index(it.impact), it.name))


def is_like(case: CaseRecord) -> bool:
    """Whether what was seen looks like a bug of which the kernel's release does not tell."""
    return labelled(case.bug)[0] == "looks like"


def _unfixed(case: CaseRecord) -> str:
    """The bug of an erratum that a record shows; empty if it shows none."""
    match as_seen(case):
        case (number, False):
            return bug_name(number)
        case _:
            return ""


def told(seen: Sequence[Sighting], facts: Facts, detail: Detail = Detail.ALL) -> str:
    """The bugs that were seen on a kernel, in a sentence; empty if there are none.

    Args:
        seen: The bugs.
        facts: What the kernel is.
        detail: How much to say.
    """
    groups = [*_groups(seen, facts, detail)]
    bugs = words.plural(len(seen), "known bug")
    match groups:
        case []:
            return ""
        case [(_, means)]:
            return f"{bugs} {means}"
        case [(number, means), *_] if detail is Detail.WORST:
            return f"{bugs}, {number} {means}"
        case _:
            return f"{bugs}: {', '.join(f'{number} {means}' for number, means in groups)}"


def _groups(seen: Sequence[Sighting], facts: Facts, detail: Detail) -> Iterator[tuple[int, str]]:
    for impact in WORST_FIRST:
        bugs = [it for it in seen if it.impact is impact]
        if bugs:
            one, several = _MEANS[impact] if impact else _UNKNOWN
            said = _details(bugs, facts, detail)
            means = one if len(bugs) == 1 else several
            yield len(bugs), f"{means} ({said})" if said else means


def _details(bugs: Sequence[Sighting], facts: Facts, detail: Detail) -> str:
    """Of grave ones; of others their names, if all is to be said."""
    match detail, bugs[0].impact in GRAVE:
        case Detail.ALL, True:
            return "; ".join(_detail(it, facts) for it in bugs)
        case Detail.ALL, False:
            return ", ".join(it.label for it in bugs)
        case Detail.FIXES, True:
            return "; ".join(_fixes(bugs, facts))
        case _:
            return ""


def _detail(it: Sighting, facts: Facts) -> str:
    assert it.bug  # noqa: S101 (only known bugs have an impact)
    like = f"looks like {it.name}: " if it.like else ""
    return f"{like}{it.bug.does}, {it.bug.fixed_for(facts.release, facts.version)}"


def _fixes(bugs: Sequence[Sighting], facts: Facts) -> Iterator[str]:
    """Names by the release of the kernel's series that fixes them."""
    names: dict[str, list[str]] = {}
    kernel = of_mainline(facts.release, facts.version)
    for it in bugs:
        first = it.bug.fix_in_series(facts.release, facts.version) if it.bug else None
        where = f": fixed in {first or f'no {kernel.series}'}" if kernel else ""
        names.setdefault(where, []).append(it.label)
    for where, labels in names.items():
        yield f"{', '.join(labels)}{where}"
