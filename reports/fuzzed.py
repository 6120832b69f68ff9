# SPDX-License-Identifier: MIT
"""What fuzzing came to, in words: the answer first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from reports.words import plural
from suite.errors import Exit
from suite.explore.worker import Down
from suite.fuzz.finding import Agreement, Finding, Tally, Whose
from suite.fuzz.program import Program, name_of

_MOST = 20
"""Findings that are told."""


@dataclass(slots=True)
class Fuzzed:
    """All that there is to be told."""

    findings: Sequence[Finding] = ()
    agreements: Sequence[Agreement] = ()
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    """By target."""
    down: Mapping[str, Down] = field(default_factory=dict)
    """Targets that were given up, and why."""
    seed: int = 0

    @property
    def code(self) -> Exit:
        """What it comes to; an interrupt is for others to tell."""
        ends = {it.exit for it in self.down.values()}
        if any(it.sign.whose.is_kernels for it in self.findings) or Exit.DEVIATES in ends:
            return Exit.DEVIATES
        if any(it.sign.whose is Whose.OURS for it in self.findings):
            return Exit.INFRASTRUCTURE
        if others := ends - {Exit.NO_LANDLOCK}:
            return min(others)
        return Exit.CONFORMS if self.programs else Exit.NO_LANDLOCK

    @property
    def programs(self) -> int:
        """Those that were played, on all targets."""
        return sum(it.programs + it.replayed for it in self.tallies.values())


def answer(fuzzed: Fuzzed, files: Mapping[Program, Path], *, interrupted: bool) -> str:
    """All that is to be said.

    Args:
        fuzzed: What was found.
        files: Where programs are kept.
        interrupted: Whether there would have been more.
    """
    alike: dict[Program, list[Finding]] = {}
    for it in sorted(fuzzed.findings, key=lambda it: it.order):
        alike.setdefault(it.program, []).append(it)
    parts = [_headline(fuzzed, interrupted=interrupted)]
    parts += [_told(it, files.get(program)) for program, it in [*alike.items()][:_MOST]]
    if len(alike) > _MOST:
        parts.append(f"and {plural(len(alike) - _MOST, 'more program')}")
    parts += map(_agreed, fuzzed.agreements)
    parts += [_table(fuzzed.tallies), *_left_out(fuzzed.tallies)]
    parts += [f"{target}: {down.why}" for target, down in fuzzed.down.items()]
    if any(it.programs for it in fuzzed.tallies.values()):
        parts.append(f"The same programs are written by --seed {fuzzed.seed}.")
    return "\n\n".join(filter(None, parts)) + "\n"


def _headline(fuzzed: Fuzzed, *, interrupted: bool) -> str:
    said = "interrupted; so far: " if interrupted else ""
    if not fuzzed.programs and interrupted:
        return "interrupted before anything was played"
    if not fuzzed.programs:
        return "nothing was played: no target has Landlock, or none came up"
    counts = {it: sum(f.sign.whose is it for f in fuzzed.findings) for it in Whose}
    words = {
        Whose.LANDLOCK: plural(counts[Whose.LANDLOCK], "difference") + " from the model",
        Whose.DEATH: plural(counts[Whose.DEATH], "program") + " that a kernel does not survive",
        Whose.OURS: plural(counts[Whose.OURS], "fault") + " of the model",
    }
    bad = " and ".join(words[it] for it in words if counts[it])
    of = f"{plural(fuzzed.programs, 'program')} on {plural(len(fuzzed.tallies), 'target')}"
    beside = ""
    if counts[Whose.OTHERS]:
        beside = f", and {plural(counts[Whose.OTHERS], 'difference')} that no domain has a part in"
    return f"{said}{bad or 'no difference from the model'}{beside}: {of}"


def _told(them: Sequence[Finding], path: Path | None) -> str:
    """A program, and what it shows on each target."""
    first = them[0]
    kept = f" (kept in {path})" if path else ""
    lines = [f"{name_of(first.program)}: {first.program[-1]}: {first.sign.whose.value}{kept}"]
    for it in them:
        lines.append(f"  {it.target}: {it.sign.theirs}")
        if it.sign.action:
            lines.append(f"  {it.model}: {it.sign.ours or 'nothing'}")
    lines += [f"  it looks like {it}" for it in dict.fromkeys(it.looks_like for it in them) if it]
    if not all(it.is_smallest for it in them):
        lines.append("  a smaller program may show it, too: the search for it was cut short")
    lines += [f"    {it}" for it in first.lines or first.program]
    return "\n".join(lines)


def _agreed(agreement: Agreement) -> str:
    head = f"{name_of(agreement.program)}: {agreement.target} gives what {agreement.model} gives"
    return "\n".join([head, *(f"    {it}" for it in agreement.lines)])


def _table(tallies: Mapping[str, Tally]) -> str:
    head = ["target", "programs", "a second", "steps", "kept", "met", "of them denials", "unsteady"]
    counts = any(it.reached for it in tallies.values())
    head += ["reached"] * counts
    rows = [
        (target, *(f"{it:,}" for it in (
            tally.programs, round(tally.programs / max(tally.seconds, 0.1)), tally.steps,
            tally.replayed, tally.met, tally.denials, tally.unsteady, *[tally.reached] * counts,
        )))
        for target, tally in tallies.items()
    ]  # fmt: skip
    align = ("left", *["right"] * (len(head) - 1))
    return tabulate(rows, head, disable_numparse=True, colalign=align) if rows else ""


def _left_out(tallies: Mapping[str, Tally]) -> Iterator[str]:
    """Programs that could not be played to their end."""
    lines = [
        f"  {count:,} on {target}: no word for {what}"
        for target, tally in tallies.items()
        for what, count in tally.lacking.most_common(_MOST)
    ]
    lines += [
        f"  {tally.waited:,} on {target}: a call would wait"
        for target, tally in tallies.items()
        if tally.waited
    ]
    if lines:
        yield "\n".join(["Programs that end where the model does:", *lines])
