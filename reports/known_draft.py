# SPDX-License-Identifier: MIT
"""A first list of known deviations: all that deviates in results and is in no list yet.

Known bugs are named as such, with what they do and where that is fixed. Of what is no known bug
nobody but a reader of the draft can say why it is accepted: such an entry says ``TODO``, and
expires soon (``reports.known.DRAFT_DAYS``).
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import tomlkit
from msgspec.structs import replace

from reports import words
from reports.known import DRAFT_DAYS, TODO, Known, is_named, mark, told_bug
from suite.judge.records import CaseRecord, Fault, Results, TargetRecord, Verdict
from suite.landlock.abi import ALL_BUGS
from suite.landlock.bugs import Bug, labelled

_SERIES = re.compile(r"\d+\.\d+")
_WIDTH = 98
_HEAD = f"""\
Known deviations, drafted by landproof {{version}} on {{today}} from results of {{started}}.
What stands here fails no run, so read it, and write in the reason why you accept it.
An entry whose reason is TODO expires {DRAFT_DAYS} days after it was added."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be listed, and the cases for which."""

    known: Known
    target: TargetRecord
    cases: tuple[CaseRecord, ...]


def draft(results: Results, listed: Sequence[Known], today: date) -> list[Entry]:
    """An entry for each bug and kernel, and one for each case or table that shows no known bug.

    Args:
        results: What they say of an earlier list is not asked.
        listed: What these entries excuse is left out.
        today: When the entries are added.
    """
    found: list[Entry] = []
    targets = mark(results, listed, today).targets
    for target in targets:
        kernel = _kernel(target, targets)
        base = Known(kernel=kernel, reason="", source="", added=today)
        new = [it for it in target.cases if it.verdict.fault is Fault.KERNELS and not it.known]
        found += _of_bugs(base, target, new)
        found += _of_cases(base, target, [it for it in new if told_bug(it) not in ALL_BUGS])
    return found


def write(entries: Sequence[Entry], results: Results, today: date) -> str:
    """The list, as a file in TOML that ``reports.known.read`` takes."""
    started = results.started.partition("T")[0]
    head = _HEAD.format(version=results.landproof, today=today, started=started)
    parts = ["".join(map(_comment, head.splitlines()))]
    last = None
    for entry in entries:
        if entry.target is not last:
            last = entry.target
            parts.append(_comment(_told(last, [it for it in entries if it.target is last])))
        parts.append(_comment(_cases(entry)) + tomlkit.dumps({"known": [_fields(entry.known)]}))
    return "\n".join(parts)


def _of_bugs(base: Known, target: TargetRecord, cases: Sequence[CaseRecord]) -> Iterator[Entry]:
    for name in dict.fromkeys(map(told_bug, cases)):
        if bug := ALL_BUGS.get(name):
            reason, source = _why(bug, target)
            known = replace(base, bug=name, reason=reason, source=source)
            yield Entry(known, target, tuple(it for it in cases if told_bug(it) == name))


def _of_cases(base: Known, target: TargetRecord, cases: Sequence[CaseRecord]) -> Iterator[Entry]:
    for table in dict.fromkeys(map(_table, cases)):
        mine = tuple(it for it in cases if _table(it) == table)
        ran = [it for it in target.cases if _table(it) == table and it.verdict.heard]
        alike = {(it.verdict, it.expected, it.observed, told_bug(it)) for it in ran}
        if len(ran) > 1 and len(alike) == 1:
            yield Entry(_open(replace(base, case=f"{table}[*]"), mine[0]), target, mine)
        else:
            yield from (Entry(_open(replace(base, case=it.id), it), target, (it,)) for it in mine)


def _open(known: Known, case: CaseRecord) -> Known:
    """An entry for a case, whose reason is to be written."""
    seen, owed = case.observed, case.expected
    what = f"{seen}, where {owed} is owed" if case.verdict.judged else str(case.verdict)
    return replace(
        known,
        verdict=case.verdict,
        observed=str(seen) if seen else "",
        reason=f"{TODO}: {_flat(what)}; why is that accepted?",
        source=TODO,
        expires=known.added + timedelta(days=DRAFT_DAYS),
    )


def _table(case: CaseRecord) -> str:
    return case.id.partition("[")[0]


def _kernel(target: TargetRecord, targets: Sequence[TargetRecord]) -> str:
    """What names this target alone: its series, so that the next build is meant too, or more."""
    release = target.facts.release if target.facts else ""
    series = _SERIES.match(release)
    names = [series[0] if series else "", release, target.name]
    alone = (it for it in names if it and sum(is_named(it, one) for one in targets) == 1)
    return next(alone, target.name)


def _why(bug: Bug, target: TargetRecord) -> tuple[str, str]:
    """The reason and the source of an entry that names it."""
    release, version = (target.facts.release, target.facts.version) if target.facts else ("", "")
    return f"{bug.does}; {bug.fixed_for(release, version)}", bug.commit or _changelog(bug)


def _changelog(bug: Bug) -> str:
    """The changelog that told of a fix whose commit is not known."""
    major = bug.mainline.partition(".")[0]
    return f"https://www.kernel.org/pub/linux/kernel/v{major}.x/ChangeLog-{bug.mainline}"


def _fields(known: Known) -> dict[str, str | date]:
    """What is to be written of an entry: all but what is as if it were not there."""
    fields: dict[str, str | date | None] = {
        "case": known.case,
        "bug": known.bug,
        "kernel": known.kernel,
        "verdict": "" if known.verdict is Verdict.DEVIATES else str(known.verdict),
        "observed": known.observed,
        "reason": known.reason,
        "source": known.source,
        "added": known.added,
        "expires": known.expires,
    }
    return {key: value for key, value in fields.items() if value}


def _told(target: TargetRecord, entries: Sequence[Entry]) -> str:
    cases = [case for entry in entries for case in entry.cases]
    kernel = target.facts.release if target.facts else target.name
    bugs = sum(bool(entry.known.bug) for entry in entries)
    rest = sum(len(entry.cases) for entry in entries if not entry.known.bug)
    parts = (
        f"{words.plural(bugs, 'known bug')} in {words.plural(len(cases) - rest, 'case')}"
        if bugs
        else "",
        f"{words.plural(rest, 'case')} of no known bug" if rest else "",
    )
    return f"== {kernel}: {', '.join(filter(None, parts))} =="


def _cases(entry: Entry) -> str:
    """What a reader has to know of an entry to judge it."""
    first = entry.cases[0]
    if entry.known.bug:
        return ", ".join(case.id for case in entry.cases)
    label, bug = labelled(first.bug.partition(": ")[0])
    return f"{first.summary} {f'{label.capitalize()} {bug}.' if bug else ''}"


def _comment(text: str) -> str:
    lines = textwrap.wrap(_flat(text), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _flat(text: str) -> str:
    return " ".join(words.printable(text).split())
