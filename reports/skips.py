# SPDX-License-Identifier: MIT
"""What was not shown, in a line: how many cases lack what, and what would lift it."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from suite.judge.records import (
    NOT_RUN,
    CaseRecord,
    Results,
    TargetRecord,
    Verdict,
    is_not_modelled,
)
from suite.run.needs import Need

_PRIVILEGE = re.compile(r"\broot\b|\bCAP_")


@dataclass(frozen=True, slots=True)
class Lack:
    """Why cases were skipped, roughly."""

    says: str
    """What they need, as a verb's phrase."""
    lift: str
    """The command that lifts it, or where to read more; empty where nothing is known to."""
    fits: Callable[[TargetRecord, CaseRecord], bool]
    """Whether it is why a case was skipped."""


_LACKS = (
    Lack("were not run", "", lambda _, case: case.reason == NOT_RUN),
    Lack(
        "need a machine of their own",
        "landproof matrix",
        lambda _, case: case.reason == Need.DISPOSABLE.value,
    ),
    Lack(
        "need calls that the target can't make",
        "",
        lambda _, case: is_not_modelled(case.verdict, case.reason),
    ),
    Lack(
        "need root there",
        "?sudo after the target",
        lambda target, case: (
            target.name.startswith("ssh:")
            and _is_user(target)
            and bool(_PRIVILEGE.search(case.reason))
        ),
    ),
    Lack(
        "need root",
        "sudo landproof",
        lambda target, case: _is_user(target) and bool(_PRIVILEGE.search(case.reason)),
    ),
    Lack(
        "need what the running kernel lacks",
        "landproof matrix",
        lambda target, case: target.name == "local" and case.reason.startswith("needs "),
    ),
    Lack("need what the kernel lacks", "-vv", lambda _, case: case.reason.startswith("needs ")),
    Lack("feel what landproof runs under", "landproof doctor", lambda *_: True),
)
"""The first that fits counts."""


def _is_user(target: TargetRecord) -> bool:
    return target.facts is not None and target.facts.uid != 0


def told(results: Results, *, options: bool = True) -> str:
    """The line; empty if nothing was skipped.

    Args:
        results: The run.
        options: Whether the reader can add an option that tells more.
    """
    counts: Counter[Lack] = Counter()
    total = 0
    for target in results.targets:
        total += len(target.cases)
        for case in target.cases:
            if case.verdict is Verdict.SKIPPED:
                counts[next(it for it in _LACKS if it.fits(target, case))] += 1
    if not counts:
        return ""
    lifts = {it: it.lift for it in counts if options or not it.lift.startswith("-")}
    parts = (
        f"{number:,} {it.says}{f' ({lift})' if (lift := lifts.get(it)) else ''}"
        for it, number in counts.most_common()
    )
    return f"{counts.total():,} of {total:,} were not shown: {', '.join(parts)}"
