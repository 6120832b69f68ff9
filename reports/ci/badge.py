# SPDX-License-Identifier: MIT
"""A whole run in a few words, for badges."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports import words
from reports.summary import KernelLine, summarize
from suite.records import Results, Verdict

LABEL = "Landlock"

COLORS = {
    "brightgreen": "#4c1",
    "yellow": "#dfb317",
    "orange": "#fe7d37",
    "red": "#e05d44",
    "lightgrey": "#9f9f9f",
}
"""What shields.io calls them, and how it paints them; from calm to worst."""


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says: the words tell all, the colour repeats it."""

    message: str
    color: str
    """A name of ``COLORS``."""


def badge(results: Results) -> Badge:
    """The badge of a run: green when every kernel keeps its promises.

    Known bugs alone are yellow, what was not heard is orange, other faults of a kernel are red.
    """
    lines = [summarize(target) for target in results.targets]
    if not lines:
        return Badge("nothing ran", "lightgrey")
    parts = _parts(results, lines)
    color = max((color for _, color in parts), key=list(COLORS).index, default="brightgreen")
    calm = "conforms" if len(lines) == 1 else "all conform"
    return Badge(", ".join([_subject(lines), *(text for text, _ in parts or [(calm, "")])]), color)


def _parts(results: Results, lines: Sequence[KernelLine]) -> list[tuple[str, str]]:
    cases = [case for target in results.targets for case in target.cases]
    verdicts = {it: sum(line.counts.get(it, 0) for line in lines) for it in Verdict}
    bugs = len({case.bug for case in cases if case.bug})
    new = sum(case.verdict is Verdict.DEVIATES and not case.bug for case in cases)
    silent = sum(set(line.counts) <= {Verdict.SKIPPED} for line in lines)
    parts = (
        (new, words.plural(new, "deviation"), "red"),
        *((verdicts[it], f"{verdicts[it]} {it}", "red") for it in (Verdict.CRASHED, Verdict.HUNG)),
        (bugs, words.plural(bugs, "known bug"), "yellow"),
        *(
            (verdicts[it], f"{verdicts[it]} {it}", "orange")
            for it in (Verdict.BROKEN, Verdict.LOST)
        ),
        (silent, f"{silent} silent", "orange"),
    )
    return [(text, color) for number, text, color in parts if number]


def _subject(lines: Sequence[KernelLine]) -> str:
    if len(lines) > 1:
        return f"{len(lines)} kernels"
    claimed, provided = lines[0].claimed, lines[0].provided
    if claimed is None:
        return "never came up"
    if claimed < 1:
        return "not available"
    return f"ABI {claimed if provided is None else provided}"
