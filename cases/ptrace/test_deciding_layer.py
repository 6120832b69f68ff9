# SPDX-License-Identifier: MIT
"""Tracer and tracee have layers in common and part at one of sixteen.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions"; domain_scope_le() in
security/landlock/task.c.
"""

from cases.places import PLACES
from cases.processes import attach
from cases.ptrace.reach import RULESET, traceable
from suite.case import (
    MAX_LAYERS, PTRACE_TRACEME, Allowed, Case, Denied, Judge, Process, own_memory, since, table,
)  # fmt: skip

FEATURES = RULESET.features


class Parting(Case, frozen=True, kw_only=True):
    """The index of the first layer that the two do not have in common, if any."""

    place: int | None


def rows(way: str) -> dict[str, Parting]:
    return {
        f"{way}-{place}": Parting(
            place=at,
            answers=(f"ptr-layer-{place}-decides", f"ptr-layer-decides-{way}"),
            expect=since(FEATURES, Allowed() if at is None else Denied("EPERM")),
        )
        for place, at in PLACES.items()
    }


def parted(process: Process, place: int | None) -> tuple[Process, Process]:
    """Two processes, a child of the other, each in sixteen layers."""
    common = MAX_LAYERS if place is None else place
    older = process.under(*[RULESET] * common) if common else process.fork()
    younger = older.fork()
    for each in (older, younger):
        each.restrict(*[RULESET] * (MAX_LAYERS - common))
    return older, younger


@own_memory
@table(rows("attach"))
def test_attach(case: Parting, process: Process, judge: Judge) -> None:
    """Tracing is denied wherever the domains part, and not where they don't."""
    control = process.observe(attach, traceable(process.fork()).getpid())
    tracer, tracee = parted(process, case.place)
    judge(case.expect, tracer.observe(attach, traceable(tracee).getpid()), control)


@own_memory
@table(rows("traceme"))
def test_traceme(case: Parting, process: Process, judge: Judge) -> None:
    """PTRACE_TRACEME asks the same of the parent."""
    control = process.fork().observe(Process.ptrace, PTRACE_TRACEME)
    _, tracee = parted(process, case.place)
    judge(case.expect, tracee.observe(Process.ptrace, PTRACE_TRACEME), control)
