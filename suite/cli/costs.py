# SPDX-License-Identifier: MIT
"""Files of ``landproof cost`` where results files may stand: for ``diff`` and ``history``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reports.cost import document, text
from reports.cost.changes import THRESHOLD
from reports.cost.document import is_costs
from reports.render import DEFAULT
from suite.cli.report import emit
from suite.errors import Exit, UsageError
from suite.judge.costs import Costs, Kernel

__all__ = ["THRESHOLD", "diff", "history", "is_costs", "percentage"]
_VM = "vm:"


def percentage(word: str) -> float:
    """A number of percent of the command line, as a part.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        part = float(word.removesuffix("%")) / 100
    except ValueError:
        part = -1
    if not 0 <= part < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is no number of percent, such as 2 or 0.5")
    return part


def diff(words: Sequence[str], arguments: argparse.Namespace) -> int:
    """What costs otherwise: of two files by kernels' names, or of two kernels of one file.

    Raises:
        UsageError: A file can't be read, or there is nothing to compare.
    """
    _only_text(arguments)
    unit, pairs = _pairs(words)
    told, dearer = text.difference(pairs, arguments.threshold, unit)
    emit(told, arguments.output)
    return Exit.DEVIATES if dearer else Exit.CONFORMS


def history(files: Sequence[Path], arguments: argparse.Namespace, age: Callable[[str], Any]) -> int:
    """What came to cost otherwise from each kernel to the next one, by version.

    Args:
        files: That hold costs.
        arguments: Of the command line.
        age: What releases are sorted by.

    Raises:
        UsageError: A file can't be read.
    """
    _only_text(arguments)
    runs = [document.load(path) for path in files]
    _same_unit(runs)
    kernels = [it for run in runs for it in run.kernels if it.costs]
    ordered = sorted(kernels, key=lambda it: age(it.release))
    emit(text.history(ordered), arguments.output)
    return Exit.CONFORMS


def _pairs(words: Sequence[str]) -> tuple[str, list[tuple[Kernel, Kernel]]]:
    match words:
        case [before, after]:
            runs = [document.load(Path(it)) for it in (before, after)]
            pairs = _by_name(*runs)
        case [file, x, y]:
            runs = [document.load(Path(file))]
            pairs = [(_of(runs[0], file, x), _of(runs[0], file, y))]
        case [a, b, x, y]:
            runs = [document.load(Path(it)) for it in (a, b)]
            pairs = [(_of(runs[0], a, x), _of(runs[1], b, y))]
        case _:
            raise UsageError(
                "diff takes two files, a file and two of its kernels, or two files and a kernel of"
                " each; see landproof diff --help"
            )
    return _same_unit(runs), pairs


def _by_name(before: Costs, after: Costs) -> list[tuple[Kernel, Kernel]]:
    old, new = ([it for it in run.kernels if it.costs] for run in (before, after))
    if len(old) == len(new) == 1:
        return [(old[0], new[0])]
    names = {it.target: it for it in old}
    pairs = [(names[it.target], it) for it in new if it.target in names]
    if not pairs:
        raise UsageError("no kernel is in both files by the same name; name one of each")
    return pairs


def _of(run: Costs, file: str, name: str) -> Kernel:
    by_name = {it.target: it for it in run.kernels if it.costs}
    found = by_name.get(name) or by_name.get(f"{_VM}{name}")
    if found is None:
        raise UsageError(f"{file} holds no kernel {name!r}; it holds {', '.join(by_name)}")
    return found


def _same_unit(runs: Sequence[Costs]) -> str:
    units = {it.unit for it in runs}
    if len(units) > 1:
        raise UsageError(f"{' and '.join(sorted(units))} can't be compared")
    return units.pop()


def _only_text(arguments: argparse.Namespace) -> None:
    if arguments.format != DEFAULT:
        raise UsageError(f"costs are compared as text only, not as {arguments.format}")
