# SPDX-License-Identifier: MIT
"""Deviations that are known: a list of them, each with its reason, source and date.

::

    [[known]]
    case = "history/tcp_fast_open[*]"
    kernel = "6.12"                # optional: part of a release, or a target's name
    verdict = "deviates"           # the default; or crashed, hung
    observed = "allowed"           # optional
    reason = "the fix is not in this series yet"
    source = "https://github.com/landlock-lsm/linux/issues/41"
    added = 2026-11-20
    expires = 2027-06-01           # optional: the last day on which it counts

``bug = "tcp-fast-open-bypass"`` in place of ``case`` excuses every case that shows this known bug,
and ``bug = "erratum 4"`` those that show that the erratum is claimed and not fixed.

An entry whose reason begins with ``TODO`` is a draft: it needs no source yet, and expires soon, so
that nothing stays excused of which nobody has said why.

The list is strict, so that it can only shrink: an entry that expired, and one whose cases ran and
did not do what it says, is a fault of the list.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from reports.errata import bug_name, erratum_half
from reports.risk import sightings
from suite.errors import UsageError
from suite.judge.records import CaseRecord, Fault, Results, TargetRecord, Verdict
from suite.landlock.abi import ALL_BUGS

TODO = "TODO"
"""How a reason begins that is yet to be written."""
DRAFT_DAYS = 30
"""How long such an entry may count."""
_CITATION = re.compile(r"https?://\S+|\b[0-9a-f]{12,40}\b")


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A known deviation."""

    case: str = ""
    """An id; ``*`` stands for anything, and nothing else is special. Empty where a bug is named."""
    bug: str = ""
    """A known bug, as reports name it; empty where cases are named."""
    kernel: str = ""
    """A release or a target's name, whole or cut off at a component; empty for every target."""
    verdict: Verdict = Verdict.DEVIATES
    observed: str = ""
    """As reports write it, such as ``EACCES`` or ``seen(no record)``; empty for anything."""
    reason: str
    source: str
    """A link, or a commit by at least 12 digits; of a draft, anything."""
    added: date
    expires: date | None = None
    """The last day on which it counts."""

    def names(self, target: TargetRecord) -> bool:
        """Whether it speaks of this target."""
        return not self.kernel or is_named(self.kernel, target)

    def covers(self, case: CaseRecord) -> bool:
        """Whether it speaks of this case, by its id or by the bug that it tells from a fix."""
        if self.bug:
            return self.bug in (told_apart(case), told_bug(case))
        pattern = ".*".join(map(re.escape, self.case.split("*")))
        return re.fullmatch(pattern, case.id) is not None

    def excuses(self, case: CaseRecord) -> bool:
        """Whether a case that it speaks of did what it says."""
        same = case.verdict is self.verdict and self.observed in ("", str(case.observed))
        return same and self.bug in ("", told_bug(case))

    @property
    def subject(self) -> str:
        """What it speaks of, in two or three words."""
        return self.case or self.bug

    @property
    def is_draft(self) -> bool:
        """Whether nobody has said yet why it is accepted."""
        return self.reason.startswith(TODO)

    def __str__(self) -> str:
        return self.reason if self.is_draft else f"{self.reason} ({self.source})"


def is_named(kernel: str, target: TargetRecord) -> bool:
    """Whether what an entry names as a kernel is this target, or its name or release begins so."""
    wholes = [target.name, target.name.removeprefix("vm:")]
    wholes += [target.facts.release] if target.facts else []
    wholes += [target.kernel.name, target.kernel.source] if target.kernel else []
    return any(_begins(whole, kernel) for whole in wholes)


def told_bug(case: CaseRecord) -> str:
    """The bug that a deviation is of, as an entry names it; empty if it may well be a new one.

    What only looks like a bug that the kernel's release can't have is a new one
    (``suite.landlock.bugs.name_of``).
    """
    faulty = _excusable(case.verdict)
    return next((it.name for it in sightings([case])), "") if faulty else ""


def told_apart(case: CaseRecord) -> str:
    """The bug that the case tells from its fix, whichever was seen; empty if not recorded."""
    half = erratum_half(case)
    return case.about_bug or (bug_name(half[0]) if half else "")


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    known: list[dict[str, Any]] = []


def read(path: Path) -> list[Known]:
    """Read a list of known deviations.

    Raises:
        UsageError: It can't be read, or an entry is not what it must be; says which and why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    try:
        tables = msgspec.toml.decode(data, type=_List).known
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}") from error
    entries = []
    for number, table in enumerate(tables, 1):
        try:
            entries.append(msgspec.convert(table, Known, builtin_types=[date]))
            wrong = next(_wrong(entries[-1]), "")
        except msgspec.ValidationError as error:
            wrong = str(error)
        if wrong:
            raise UsageError(f"{path}: entry {number}: {wrong}")
    return entries


def _wrong(entry: Known) -> Iterator[str]:
    if bool(entry.case.strip()) == bool(entry.bug.strip()):
        yield "either case or bug must be given, and not both"
    if entry.bug:
        yield from _wrong_bug(entry)
    if not entry.reason.strip():
        yield "reason must not be empty"
    if not _excusable(entry.verdict):
        *most, last = filter(_excusable, Verdict)
        choice = f"{', '.join(most)} or {last}"
        yield f"verdict {entry.verdict} is no fault of a kernel: choose {choice}"
    if entry.is_draft:
        if entry.expires is None or entry.expires - entry.added > timedelta(days=DRAFT_DAYS):
            yield f"the reason is still {TODO}: write it, or let it expire in {DRAFT_DAYS} days"
    elif not _CITATION.search(entry.source):
        yield f"source {entry.source!r} is neither a link nor a commit (12 digits or more)"
    if entry.expires and entry.expires < entry.added:
        yield f"expires on {entry.expires}, before it was added"


def _wrong_bug(entry: Known) -> Iterator[str]:
    if entry.bug not in ALL_BUGS:
        (near,) = difflib.get_close_matches(entry.bug, ALL_BUGS, n=1, cutoff=0.0)
        yield f"no known bug is called {entry.bug!r}; the nearest is {near!r}"
    if entry.verdict is not Verdict.DEVIATES:
        yield f"verdict {entry.verdict} tells of no bug: name the case"


def mark(results: Results, entries: Sequence[Known], today: date) -> Results:
    """The results with every known deviation marked as such, and no other; the first entry counts.

    An entry that expired marks nothing.
    """
    valid = [entry for entry in entries if not _expired(entry, today)]
    targets = []
    for target in results.targets:
        mine = [entry for entry in valid if entry.names(target)]
        cases = [msgspec.structs.replace(case, known=_why(case, mine)) for case in target.cases]
        targets.append(msgspec.structs.replace(target, cases=cases))
    return msgspec.structs.replace(results, targets=targets)


def faults(
    entries: Sequence[Known], results: Results, today: date, *, whole: bool
) -> Iterator[str]:
    """What is wrong with a list, held against results: a line for each such entry.

    Args:
        entries: The list.
        results: Targets and cases that did not run speak for no entry and against none.
        today: An entry that expired before is a fault.
        whole: Whether all cases were to run; then a name that no case has is a fault too.
    """
    for number, entry in enumerate(entries, 1):
        where = f" on {entry.kernel}" if entry.kernel else ""
        what = f"entry {number} ({entry.subject}{where})"
        if _expired(entry, today):
            then = "write its reason" if entry.is_draft else "look again, then renew"
            yield f"{what} expired on {entry.expires}: {then} or remove it"
            continue
        ran = [target for target in results.targets if target.facts and entry.names(target)]
        named = [case for target in ran for case in target.cases if entry.covers(case)]
        heard = [case for case in named if case.verdict.heard]
        if heard and not any(map(entry.excuses, heard)):
            seen = ", ".join(dict.fromkeys(_seen(it, entry) for it in heard[:3]))
            yield f"{what} matched nothing (seen: {seen}): remove it"
        elif whole and ran and not named and entry.case:
            yield f"{what} matched nothing: no case has that id"


def _seen(case: CaseRecord, entry: Known) -> str:
    """What it came to; with the bug that it looks like where the release can't have that."""
    if entry.bug and not case.verdict.bad:
        return case.verdict  # the cases of a bug are of many kinds
    like = "" if case.known_bug else case.bug.partition(": ")[0]
    return ", ".join(filter(None, (case.verdict, str(case.observed), like)))


def drafts(entries: Sequence[Known], today: date) -> str:
    """How many entries nobody has given a reason yet, and until when they count; empty if none."""
    left = [it.expires for it in entries if it.is_draft and it.expires and not _expired(it, today)]
    if not left:
        return ""
    several = "entries say" if len(left) > 1 else "entry says"
    return f"{len(left)} {several} {TODO}: write reason and source by {min(left)}"


def _excusable(verdict: Verdict) -> bool:
    """Whether it is a kernel's fault; that nothing was heard can't be known beforehand."""
    return verdict.fault is Fault.KERNELS


def _why(case: CaseRecord, entries: Sequence[Known]) -> str:
    if not _excusable(case.verdict):
        return ""
    fits = (entry for entry in entries if entry.covers(case) and entry.excuses(case))
    return next(map(str, fits), "")


def _expired(entry: Known, today: date) -> bool:
    return entry.expires is not None and entry.expires < today


def _begins(whole: str, start: str) -> bool:
    """Whether ``start`` is ``whole`` cut off between two components: 6.1 doesn't begin 6.12."""
    return whole.startswith(start) and not whole[len(start) : len(start) + 1].isalnum()
