# SPDX-License-Identifier: MIT
"""Reproducers of what a results file has: a file for each fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from reports.again import places
from reports.results import load
from suite.cli.near import few
from suite.cli.outlet import put, tell
from suite.cli.report import emit
from suite.errors import Exit, InfrastructureError, LandproofError, UsageError
from suite.judge.records import CaseRecord, Fault, TargetRecord
from suite.repro.program import Shape
from suite.run.tracing import Traced


@dataclass(frozen=True, slots=True)
class Found:
    """A case of a results file."""

    target: str
    """As reports call it."""
    place: str
    """What ``--target`` takes for it."""
    case: CaseRecord

    def name(self, *, with_target: bool) -> str:
        """Of its file."""
        whole = f"{self.target}-{self.case.id}" if with_target else self.case.id
        return re.sub(r"[^\w.-]+", "_", whole).strip("_") + ".c"


Run: TypeAlias = Callable[[str, list[str]], tuple[TargetRecord, list[Traced]]]
"""Runs cases on a target; gives what is known of it, and those that came to something there."""
Write: TypeAlias = Callable[[Traced, TargetRecord, Shape], str]


def faults(file: Path, case: str | None, target: str | None) -> list[Found]:
    """The faults of kernels in a results file; or a case there, whatever its verdict.

    Args:
        file: The results.
        case: The id of the only one that is wanted, or how it begins.
        target: The only target that is wanted, as reports or ``--target`` call it.

    Raises:
        InfrastructureError: It can't be read.
        UsageError: It has none.
    """
    results = load(file)
    known = places(results)
    every = [
        Found(it.name, known[it.name], record)
        for it in results.targets
        if target is None or target in (it.name, known[it.name])
        for record in it.cases
    ]
    if not every:
        names = ", ".join(known) or "no target at all"
        raise UsageError(f"{file} has no case of {target or 'any target'}; it has {names}")
    if case is None:
        found = [it for it in every if it.case.verdict.fault is Fault.KERNELS]
        if not found:
            raise UsageError(f"{file} has no fault of a kernel; name a case to have it written")
        return found
    found = [it for it in every if it.case.id == case]
    found = found or [it for it in every if it.case.id.startswith(case)]
    ids = {it.case.id for it in found}
    if len(ids) != 1:
        what = f"{len(ids)} cases of {file} begin with" if ids else f"{file} has no case"
        raise UsageError(f"{what} {case!r}{f': {few(sorted(ids))}' if ids else ''}")
    return [it for it in found if it.case.verdict.fault is Fault.KERNELS] or found[:1]


def write_all(
    found: Sequence[Found], output: Path | None, shape: Shape, run: Run, write: Write
) -> int:
    """Run cases where they were seen, and write a file each; gives the exit code.

    A target that can't be had, and a case that can't be written, is a line on standard error.

    Raises:
        UsageError: There are several, and no folder for them.
        InfrastructureError: Not one could be written.
    """
    if len(found) > 1 and (output is None or output.is_file()):
        names = few([f"{it.case.id} ({it.target})" for it in found])
        raise UsageError(
            f"{len(found)} files to write: give a folder (--output), or name one case: {names}"
        )
    into = output if output and (len(found) > 1 or output.is_dir()) else None
    written: list[str] = []
    lost: list[str] = []
    for target in dict.fromkeys(it.target for it in found):
        mine = [it for it in found if it.target == target]
        texts = _texts(mine, shape, run, write, lost)
        for it in mine:
            if it.case.id not in texts:
                continue
            text, verdict = texts[it.case.id]
            several = len({other.target for other in found}) > 1
            path = into / it.name(with_target=several) if into else output
            if into:
                _make(into)
            emit(text, path)
            if path is not None:
                written.append(f"{path}: {it.case.id} on {it.target}: {verdict}")
            else:
                written.append("")
    if not written:
        raise InfrastructureError("; ".join(lost))
    for line in lost:
        tell(f"landproof: {line}")
    if into:
        put(f"{len(written)} of {len(found)} written\n" + "".join(f"{it}\n" for it in written))
    return Exit.INFRASTRUCTURE if lost else Exit.CONFORMS


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}") from error


def _texts(
    found: Sequence[Found], shape: Shape, run: Run, write: Write, lost: list[str]
) -> dict[str, tuple[str, str]]:
    """The files of one target's cases and their verdicts now, by id; why one has none is lost."""
    target = found[0].target
    try:
        record, traced = run(found[0].place, [it.case.id for it in found])
    except LandproofError as error:
        lost.append(f"{target} can't be had{'' if error.told else f': {error}'}")
        return {}
    if record.facts is None and not traced:
        lost.append(f"{target} can't be had: {record.reason or 'it never came up'}")
        return {}
    by_id = {it.record.id: it for it in traced}
    texts: dict[str, tuple[str, str]] = {}
    for it in found:
        now = by_id.get(it.case.id)
        if now is None:
            ran = (case.reason for case in record.cases if case.id == it.case.id)
            why = next(ran, "this version has no such case")
            lost.append(f"{it.case.id} came to no outcome on {target}{f': {why}' if why else ''}")
            continue
        try:
            text = write(now, record, shape)
        except LandproofError as error:
            lost.append(str(error))
            continue
        verdict = str(now.record.verdict)
        changed = now.record.verdict is not it.case.verdict
        texts[it.case.id] = text, f"{verdict}, was {it.case.verdict}" if changed else verdict
    return texts
