# SPDX-License-Identifier: MIT
"""What the known bugs of a kernel mean for who runs it: the worst first, and where it is fixed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from suite.judge.records import Facts
from suite.landlock.bugs import BUGS, Bug, Impact, name_of

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
_GRAVE = {Impact.ESCAPE, Impact.MEMORY_SAFETY}
"""What each bug of these does is told, and where it is fixed."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A known bug, as it was seen."""

    name: str
    """With ``looks like`` in front where the kernel's release does not tell whether it has it."""
    bug: Bug | None
    """None of a bug that only another landproof knows."""

    @classmethod
    def of(cls, text: str) -> "Sighting":
        """From what a record says of it."""
        return cls(text.partition(":")[0], BUGS.get(name_of(text)))


def told(bugs: Iterable[str], facts: Facts) -> str:
    """The bugs that were seen on a kernel, in a sentence; empty if there are none.

    Args:
        bugs: What records say of them, each once.
        facts: What the kernel is.
    """
    seen = [*map(Sighting.of, bugs)]
    groups = [*_groups(seen, facts)]
    match len(seen):
        case 0:
            return ""
        case 1:
            return f"1 known bug {groups[0]}"
        case number:
            return f"{number} known bugs: {'; '.join(groups)}"


def _groups(seen: Sequence[Sighting], facts: Facts) -> Iterator[str]:
    known = [(impact, means, impact in _GRAVE) for impact, means in _MEANS.items()]
    for impact, (one, several), grave in [*known, (None, _UNKNOWN, False)]:
        bugs = [it for it in seen if (it.bug.impact if it.bug else None) is impact]
        if not bugs:
            continue
        details = _details(bugs, facts) if grave else ", ".join(it.name for it in bugs)
        means = one if len(bugs) == 1 else several
        yield f"{f'{len(bugs)} ' if len(seen) > 1 else ''}{means} ({details})"


def _details(bugs: Iterable[Sighting], facts: Facts) -> str:
    return "; ".join(
        f"{it.name}: {it.bug.does}, {it.bug.fixed_for(facts.release, facts.version)}"
        for it in bugs
        if it.bug
    )
