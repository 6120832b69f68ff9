# SPDX-License-Identifier: MIT
"""A whole run in a few words, for badges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports import words
from reports.kernel_line import KernelLine, count, summarize
from reports.matrix import is_known
from reports.risk import sightings
from suite.judge.absence import unchecked
from suite.judge.records import Fault, Results, Verdict

LABEL = "Landlock"
NO_LANDLOCK = "no Landlock"

COLORS = {
    "brightgreen": "#4c1",
    "yellow": "#dfb317",
    "lightgrey": "#9f9f9f",
    "orange": "#fe7d37",
    "red": "#e05d44",
}
"""What shields.io calls them, and how it paints them; from calm to worst."""


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says: the words tell all, the colour repeats it."""

    message: str
    color: str
    """A name of ``COLORS``."""


def badge(results: Results) -> Badge:
    """The badge of a run: green when every kernel keeps its promises, and no bug is known of it.

    Known bugs and what is listed as known are yellow, what could not be checked is grey, what was
    not heard is orange, other faults of a kernel are red.
    """
    lines = [summarize(target) for target in results.targets]
    if not lines:
        return Badge("nothing ran", "lightgrey")
    parts = _parts(results, lines)
    color = max((color for _, color in parts), key=list(COLORS).index, default="brightgreen")
    calm = "conforms" if len(lines) == 1 else "all conform"
    said = [text for text, _ in parts] or [calm]
    # Of one target, the first part says all that its subject could.
    alone = len(lines) == 1 and unchecked(results.targets)
    return Badge(", ".join(said if alone else [_subject(lines), *said]), color)


def _parts(results: Results, lines: Sequence[KernelLine]) -> list[tuple[str, str]]:
    off = unchecked(results.targets)
    # What could not be checked is silent, or breaks, for that reason alone.
    cases = [
        case
        for target in results.targets
        for case in target.cases
        if target.name not in off or case.verdict.fault is not Fault.OURS
    ]
    listed = sum(map(is_known, cases))
    new = [case for case in cases if not is_known(case)]
    verdicts = count(case.verdict for case in new)
    bugs = len(sightings(new))
    deviations = sum(case.verdict is Verdict.DEVIATES and not case.known_bug for case in new)
    silent = sum(set(line.counts) <= {Verdict.SKIPPED} for line in lines if line.target not in off)
    without = NO_LANDLOCK if len(off) == len(lines) else f"{len(off)} without Landlock"
    parts = (
        (len(off), without, "lightgrey"),
        (deviations, words.plural(deviations, "deviation"), "red"),
        *_counted(verdicts, lambda it: it.dead, "red"),
        (bugs, words.plural(bugs, "known bug"), "yellow"),
        (listed, words.plural(listed, "known deviation"), "yellow"),
        *_counted(verdicts, lambda it: it.fault is Fault.OURS, "orange"),
        (silent, f"{silent} silent", "orange"),
    )
    return [(text, color) for number, text, color in parts if number]


def _counted(
    counts: dict[Verdict, int], wanted: Callable[[Verdict], bool], color: str
) -> list[tuple[int, str, str]]:
    return [(number, f"{number} {it}", color) for it, number in counts.items() if wanted(it)]


def _subject(lines: Sequence[KernelLine]) -> str:
    if len(lines) > 1:
        return f"{len(lines)} kernels"
    claimed, provided = lines[0].claimed, lines[0].provided
    if claimed is None:
        return lines[0].absence
    return f"ABI {claimed if provided is None else provided}"
