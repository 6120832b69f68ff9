# SPDX-License-Identifier: MIT
"""Several processes at once, a bounded number of times.

Most races need that a process stands still in the middle of a call while another one does several
things. Two processors hardly ever do that, since both go on; one does, if whoever is to stand still
runs only while nobody else would (`give_way`), and the other one wakes by a timer (`next_tick`).
"""

from collections.abc import Callable, Iterable

from suite.case import Observation, Outcome, Process
from suite.packed import packed
from suite.process.uapi import SCHED_IDLE


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


def give_way(process: Process) -> None:
    """Have a process interrupted by whoever wakes, wherever it is; and so what it makes later."""
    process.syscall("sched_setscheduler", 0, SCHED_IDLE, packed("i", 0))


def next_tick(process: Process) -> None:
    """Sleep until the kernel looks at its timers again: at any place of what others do."""
    process.syscall("nanosleep", packed("2Q", 0, 1), None)
