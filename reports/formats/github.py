# SPDX-License-Identifier: MIT
"""For the log of a GitHub step: annotations, which GitHub shows above the run and in its checks.

GitHub shows ten of a level and step, and drops the rest without a word: what is alike
is one annotation here, and the tenth tells how many more there are. They name no file, since the
cases are not in the repository that the workflow runs in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reports import again, words
from reports.answer import Answer, BugCell, answer, reproducer
from reports.diff import Change, Diff, Kind
from reports.matrix import Deviation, Silence, build
from reports.render import Format, Style
from suite.judge.absence import unchecked
from suite.judge.records import Fault, Results
from suite.landlock.bugs import name_of

_MOST = 10
"""Of one level, in one step."""

_ERROR, _WARNING, _NOTICE = "error", "warning", "notice"


@dataclass(frozen=True, slots=True)
class _Annotation:
    level: str
    title: str
    message: str


def results(results: Results, _style: Style) -> str:
    """A run: errors for what a kernel does wrong, warnings for known bugs and for silence.

    What is listed as known is a notice.
    """
    matrix, places = build(results), again.places(results)
    faults = [entry for entry in matrix.silences if entry.verdict.bad]
    came_up_not = (
        _Annotation(_WARNING, f"{target.name} {target.absence}", target.reason or "no reason given")
        for target in results.targets
        if target.facts is None and not target.cases
    )
    new = [it for it in matrix.deviations if not it.known]
    unchecked_ones = (
        _Annotation(_ERROR, f"nothing could be checked on {name}", str(off))
        for name, off in unchecked(results.targets).items()
    )
    return _page(
        [
            *unchecked_ones,
            *(_fault(it) for it in faults if not it.known),
            *(_deviation(it, places[it.targets[0]]) for it in new if not name_of(it.bug)),
            *came_up_not,
            *_bugs(answer(results, matrix)),
            *_listed([*matrix.deviations, *faults]),
        ]
    )


def diff(diff: Diff, _style: Style) -> str:
    """A comparison: an error for each kernel that is worse, and for cases that regressed alike.

    A regression that is listed as known is a notice.
    """
    kernels = (
        _Annotation(_ERROR, f"{it.target} is worse", _lines(words.kernel_change(it)))
        for it in diff.kernels
        if it.worse
    )
    return _page([*kernels, *_regressions(diff.of(Kind.REGRESSION))])


def _deviation(entry: Deviation, place: str) -> _Annotation:
    lines = words.evidence(entry)
    message = "\n".join(part for part in (entry.summary, _lines(lines)) if part)
    message += f"\nnew: report it, with a reproducer: {reproducer(entry.case, place)}"
    return _Annotation(_ERROR, f"deviates: {entry.case} on {', '.join(entry.targets)}", message)


def _bugs(told: Answer) -> Iterator[_Annotation]:
    """One for each bug, however many cases and targets show it."""
    for row in told.bugs:
        seen = [
            (it.target, cell)
            for it, cell in zip(told.kernels, row.cells, strict=True)
            if cell.cases and not cell.known
        ]
        if not seen:
            continue
        label = "looks like" if all(cell.like for _, cell in seen) else "known bug"
        title = f"{label} {row.name} ({row.impact}) on {', '.join(name for name, _ in seen)}"
        lines = [
            ("does", row.says),
            ("fixed in", row.bug.releases if row.bug else "nobody knows"),
            ("in their series", "; ".join(_fixes(seen))),
            ("until then", row.bug.workaround if row.bug else ""),
            ("CVE", row.bug.cve if row.bug else ""),
            ("seen in", words.files(row.cases)),
        ]
        yield _Annotation(_WARNING, title, _lines(it for it in lines if it[1]))


def _fixes(seen: Iterable[tuple[str, BugCell]]) -> Iterator[str]:
    """Which release of a kernel's series fixes a bug: ``6.18.40 for vm:6.18; none for vm:6.16``."""
    names: dict[str, list[str]] = {}
    for name, cell in seen:
        if cell.fix is not None:
            names.setdefault(cell.fix or "none", []).append(name)
    return (f"{fix} for {', '.join(on)}" for fix, on in names.items())


def _listed(entries: Iterable[Deviation | Silence]) -> Iterator[_Annotation]:
    """One for each reason, however many cases and targets it excuses."""
    cases: dict[str, list[str]] = {}
    targets: dict[str, list[str]] = {}
    for entry in entries:
        if not entry.known:
            continue
        cases.setdefault(entry.known, []).extend(
            [entry.case] if isinstance(entry, Deviation) else entry.cases
        )
        targets.setdefault(entry.known, []).extend(entry.targets)
    for known, names in cases.items():
        seen = words.some(list(dict.fromkeys(names)))
        title = f"known on {', '.join(dict.fromkeys(targets[known]))}"
        yield _Annotation(_NOTICE, title, _lines([("why", known), ("seen in", seen)]))


def _fault(entry: Silence) -> _Annotation:
    level = _WARNING if entry.verdict.fault is Fault.OURS else _ERROR
    title = f"{entry.verdict}: {words.cases_of(entry)} on {', '.join(entry.targets)}"
    return _Annotation(level, title, entry.reason.strip() or "no reason given")


def _regressions(changes: Sequence[Change]) -> Iterator[_Annotation]:
    known = [it for it in changes if it.after and it.after.known]
    new = [it for it in changes if it not in known]
    for level, word, found in ((_ERROR, "regression", new), (_NOTICE, "known regression", known)):
        for cases, lines in words.alike(found):
            yield _Annotation(level, f"{word}: {words.some(cases)}", _lines(lines))


def _lines(lines: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{label}: {text}" for label, text in lines)


def _page(annotations: Sequence[_Annotation]) -> str:
    """The worst level first; of each as many as are shown."""
    lines: list[str] = []
    for level in (_ERROR, _WARNING, _NOTICE):
        of_level = [it for it in annotations if it.level == level]
        shown = of_level if len(of_level) <= _MOST else of_level[: _MOST - 1]
        lines += map(_command, shown)
        if left := len(of_level) - len(shown):
            message = f"{left} more like these: see the summary of the run, or the results file"
            lines.append(_command(_Annotation(level, f"and {left} more", message)))
    return "\n".join(lines or ["landproof: nothing to annotate"]) + "\n"


def _command(it: _Annotation) -> str:
    title = _escape(it.title).replace(":", "%3A").replace(",", "%2C")
    return f"::{it.level} title={title}::{_escape(it.message)}"


def _escape(text: str) -> str:
    """As GitHub's toolkit escapes the data of a workflow command."""
    shown = words.printable(text).replace("%", "%25")
    return shown.replace("\r", "%0D").replace("\n", "%0A")


FORMAT = Format(name="github", results=results, diff=diff, commands=True)
