# SPDX-License-Identifier: MIT
"""Phrases that the formats for people share."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reports.diff import Change, Diff, KernelChange, Kind
from reports.kernel_line import KernelLine
from reports.matrix import KNOWN, LEGEND, Deviation, Matrix, Row, Silence, word
from suite.judge.absence import unchecked
from suite.judge.outcome import Allowed
from suite.judge.records import CaseRecord, Results, Verdict, is_not_modelled
from suite.landlock.bugs import labelled

FAULTS_TITLE = ", ".join(
    verdict
    for verdict in sorted(Verdict, key=lambda verdict: -verdict.rank)
    if verdict.bad and not verdict.judged
).capitalize()
SKIPPED_TITLE = "Skipped"
UNMODELLED_TITLE = "Not modelled"

KIND_TITLES = {
    Kind.REGRESSION: "Regressions",
    Kind.FIXED: "Fixed",
    Kind.CHANGED: "Changed",
    Kind.EXPECTATION: "Changed expectations",
    Kind.NEW: "New cases",
    Kind.GONE: "Cases gone",
}

_KIND_COUNTS = {
    Kind.REGRESSION: "{} regressed",
    Kind.FIXED: "{} fixed",
    Kind.CHANGED: "{} changed",
    Kind.EXPECTATION: "{} expected otherwise",
    Kind.NEW: "{} new",
    Kind.GONE: "{} gone",
}

_CONTROL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NAMED = 3
_EACH = 50
"""New cases, or cases gone, that are named one by one."""
_KNOWN_WORDS = {word(verdict, known=True) for verdict in Verdict if verdict.bad}


def printable(text: str) -> str:
    """Text from a target with control characters spelled out.

    A console tail may hold escape sequences; they must not act on the reader's terminal.
    Those for colour and cursor go altogether, since consoles are full of them.
    """
    if text.isprintable():
        return text  # nearly all are, and the loop is slow
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in _CONTROL else _escape(char)
        for char in _SEQUENCE.sub("", text).replace("\r\n", "\n").expandtabs()
    )


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def plural(number: int, noun: str) -> str:
    """``1 case``, ``2 cases``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def files(cases: Iterable[str]) -> str:
    """The files of cases with how many of each; an option -k takes their names as they are."""
    counts = Counter(case.partition("[")[0] for case in cases)
    return some([f"{file} ({number})" for file, number in counts.items()])


def span(order: Sequence[str], some: Iterable[str]) -> str:
    """Names in their order, with long runs shortened."""
    places = sorted(map(order.index, some))
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(
        f"{order[run[0]]} … {order[run[-1]]}" if len(run) > 2 else ", ".join(order[i] for i in run)
        for run in runs
    )


def headline(results: Results) -> str:
    """What ran, and when."""
    cases = len({case.id for target in results.targets for case in target.cases})
    it = results.sharding
    return (
        f"landproof {results.landproof}, {results.started}, "
        f"{f'shard {it.shard}/{it.of}, ' if it else ''}"
        f"{plural(len(results.targets), 'target')}, {plural(cases, 'case')}, "
        f"{results.seconds:.0f} s{_machines(results)}"
    )


def _machines(results: Results) -> str:
    """How the machines came up, if there were any."""
    starts = sum((Counter(target.starts) for target in results.targets), Counter())
    told = " and ".join(f"{number} {how}" for how, number in sorted(starts.items()))
    return f"; {told}" if told else ""


def warnings(results: Results) -> list[str]:
    """What comes before all else: on which targets nothing could be checked, why, what mends it."""
    return [
        f"nothing could be checked on {name}: {off}"
        for name, off in unchecked(results.targets).items()
    ]


def seen(lines: Sequence[KernelLine]) -> list[Verdict]:
    """The verdicts that occurred on any target, in their order."""
    return [verdict for verdict in Verdict if any(verdict in line.counts for line in lines)]


def legend(rows: Iterable[Row], *, short: bool = False) -> tuple[tuple[str, str], ...]:
    """The marks that occur in rows of a matrix, with their meaning."""
    used = set()
    for cell in {cell.text(short=short) for row in rows for cell in row.cells}:
        word, _, number = cell.rstrip("+").partition(" ")
        # "ok" has a legend of its own where some cases were skipped.
        part = "8/9" if "/" in number else "9"
        used |= {f"{word} {part}" if word == "ok" else word or "blank", cell[-1:]}
        used |= {"2/9"} if "/" in number and word != "ok" else set()
        used |= {KNOWN, word.upper()} if word in _KNOWN_WORDS else set()
    return tuple(entry for entry in LEGEND if entry[0] in used)


def unreached(names: Sequence[str]) -> str:
    """That cases about these features say what is expected, and no kernel has shown it."""
    return f"No kernel reached {', '.join(names)}: no release has it yet."


def deviations_title(matrix: Matrix) -> str:
    """How many deviations there are, and how many of them are known."""
    known = sum(bool(entry.known) for entry in matrix.deviations)
    return f"Deviations ({len(matrix.deviations)}{f', {known} known' if known else ''})"


def deviation(entry: Deviation) -> Iterator[tuple[str, str]]:
    """The labelled lines of a deviation."""
    yield "on", ", ".join(entry.targets)
    yield from evidence(entry)


def evidence(entry: Deviation | CaseRecord) -> Iterator[tuple[str, str]]:
    """The labelled lines of what was expected and what came of it."""
    clause = f" ({entry.clause})" if entry.clause else ""
    yield "expected", f"{entry.expected or 'not recorded'}{clause}"
    yield "observed", str(entry.observed or "nothing")
    # A control is worth a line only where it did not work as it should.
    if entry.control is not None and not isinstance(entry.control, Allowed):
        yield "control", str(entry.control)
    if entry.bug:
        yield labelled(entry.bug)
    if entry.known:
        yield "known", entry.known
    if entry.reason:
        yield "reason", entry.reason
    if entry.source:
        yield "source", entry.source


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Entries of one kind under a title of their own."""

    id: str
    title: str
    entries: list[Silence]


def unjudged(matrix: Matrix) -> list[Unjudged]:
    """What was not judged, as far as there is any: what someone has to look at comes first.

    That a target has no word for a call is told apart: no other machine would show the case.
    """
    groups = (
        Unjudged("faults", FAULTS_TITLE, [it for it in matrix.silences if it.verdict.bad]),
        Unjudged("skipped", SKIPPED_TITLE, [it for it in matrix.silences if _is_unmet(it)]),
        Unjudged("unmodelled", UNMODELLED_TITLE, [it for it in matrix.silences if _lacks_word(it)]),
    )
    return [group for group in groups if group.entries]


def _lacks_word(entry: Silence) -> bool:
    return is_not_modelled(entry.verdict, entry.reason)


def _is_unmet(entry: Silence) -> bool:
    return not entry.verdict.bad and not _lacks_word(entry)


def cases_of(entry: Silence) -> str:
    """One case by its id; several by their number, and the first few ids."""
    if len(entry.cases) == 1:
        return entry.cases[0]
    return f"{plural(len(entry.cases), 'case')}: {some(entry.cases)}"


def diff_headlines(diff: Diff) -> Iterator[str]:
    """What was compared, and what came of it."""
    if diff.renamed:
        yield f"{diff.renamed[0]} compared with {diff.renamed[1]}"
    if diff.landproof[0] != diff.landproof[1]:
        yield f"observed by landproof {diff.landproof[0]}, then {diff.landproof[1]}"
    if diff.targets_new:
        yield f"new targets: {', '.join(diff.targets_new)}"
    if diff.targets_gone:
        yield f"targets gone: {', '.join(diff.targets_gone)}"
    found = [_KIND_COUNTS[kind].format(number(diff.of(kind))) for kind in Kind if diff.of(kind)]
    worse = sum(kernel.worse for kernel in diff.kernels)
    found += [f"{plural(worse, 'kernel')} worse"] if worse else []
    yield f"{plural(diff.compared, 'case')} compared: {', '.join(found) or 'no change'}"


def step(before: object, after: object) -> str:
    """``a -> b``, or ``a`` when they are the same."""
    return str(before) if before == after else f"{before} -> {after}"


def kernel_change(entry: KernelChange) -> Iterator[tuple[str, str]]:
    """The labelled lines of a kernel that is not what it was."""
    yield "kernel", step(entry.before.kernel or "none", entry.after.kernel or "none")
    if str(entry.before) == str(entry.after):
        yield "still", str(entry.after)
    else:
        yield "before", str(entry.before)
        yield "after", str(entry.after)


def number(changes: Sequence[Change]) -> int:
    """How many changes: a case on two targets is two."""
    return sum(len(change.targets) for change in changes)


def alike(changes: Sequence[Change]) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """Cases that changed in the same way, with the labelled lines that say how.

    A panic that lost 300 cases is one entry.
    """
    cases: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for entry in changes:
        cases.setdefault(tuple(_change(entry)), []).append(entry.case)
    return [(names, list(lines)) for lines, names in cases.items()]


def one_sided(changes: Sequence[Change]) -> Iterator[tuple[str, str, str]]:
    """Cases that are new or gone: case, verdict, targets; of many, a line a file of cases."""
    if len(changes) <= _EACH:
        for entry in changes:
            yield entry.case, str(_verdict(entry)), ", ".join(entry.targets)
        return
    for file, group in groupby(changes, key=lambda entry: entry.case.partition("[")[0]):
        found = list(group)
        verdicts = Counter(map(_verdict, found))
        targets = dict.fromkeys(name for entry in found for name in entry.targets)
        told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        yield f"{file}: {plural(len(found), 'case')}", told, ", ".join(targets)


def _verdict(entry: Change) -> Verdict | str:
    record = entry.after or entry.before
    return record.verdict if record else ""


def _change(entry: Change) -> Iterator[tuple[str, str]]:
    """All that is known of a regression; of other changes, what differs."""
    was, now = entry.before, entry.after
    if was is None or now is None:
        return
    yield "on", ", ".join(entry.targets)
    yield "verdict", step(was.verdict, now.verdict)
    answered = now.observed is not None
    regressed = entry.kind is Kind.REGRESSION
    if answered and (regressed or was.expected != now.expected):
        yield "expected", step(was.expected or "not recorded", now.expected or "not recorded")
    if answered and (regressed or was.observed != now.observed):
        yield "observed", step(was.observed or "nothing", now.observed or "nothing")
    if was.bug or now.bug:
        yield "known bug", step(was.bug or "none", now.bug or "none")
    if now.known:
        yield "known", now.known
    if now.reason:
        yield "reason", now.reason
