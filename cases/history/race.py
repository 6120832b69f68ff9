# SPDX-License-Identifier: MIT
"""Several processes at once, a bounded number of times."""

from collections.abc import Callable, Iterable

from suite.case import Observation, Outcome, Process


def at_once(process: Process, *doings: Callable[[], object]) -> None:
    """Do things beside each other, each of them by processes that take part in no other one."""
    session = process.session
    session.flush()
    launched = []
    for do in doings:
        do()
        launched.append(session.launch())
    for batch in launched:
        batch.settle()


def worst(observed: Iterable[Observation], *expected: Outcome) -> Outcome:
    """The first outcome that is none of those that may be, else the first of those."""
    outcomes = (observation.outcome for observation in observed)
    return next((outcome for outcome in outcomes if outcome not in expected), expected[0])
