# SPDX-License-Identifier: MIT
"""Which cases are run, decided before pytest makes a test of any, once for all targets.

pytest takes longer to make a test than we to read what is declared of the case. A brief run on
eleven kernels would have it make 53,000 tests, of which 14,000 are run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest

from suite.run import rows
from suite.run.needs import Need
from suite.run.rows import Variant

Chosen: TypeAlias = dict[Path, dict[str, list[Variant]]]
"""What is run of each file, by the name of the function; other files are run whole."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A case as its file declares it."""

    id: str
    path: Path
    module: ModuleType
    function: Callable[..., object]
    marks: tuple[pytest.Mark, ...]
    """Of the function, then of its row and of its file; as pytest has them of the test."""
    variant: Variant

    @property
    def answers(self) -> list[str]:
        """The behaviours that it shows."""
        return rows.answered(self.marks, self.variant.case)

    @property
    def needs(self) -> list[Need]:
        """What a target must have."""
        return [need for mark in self.marks if mark.name == "needs" for need in mark.args]

    @property
    def vm_only(self) -> bool:
        """Whether it could change the machine."""
        return any(mark.name == "vm_only" for mark in self.marks)


def declared(session: pytest.Session) -> tuple[list[Entry], list[Path]]:
    """The cases of the files that pytest was told to collect, in its order; and unreadable files.

    Of those, pytest says why, if it is let.
    """
    paths = dict.fromkeys(path for arg in session.config.args for path in _files(session, arg))
    entries: list[Entry] = []
    unread: list[Path] = []
    for path in paths:
        try:
            module = pytest.Module.from_parent(session, path=path).obj
            entries += list(_entries(path, module))
        except (Exception, pytest.skip.Exception):  # noqa: BLE001 (whatever the file does)
            _forget(path)
            unread.append(path)
    return entries, unread


def _forget(path: Path) -> None:
    """Have a file imported once more; pytest would take what there is of it for all of it."""
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) == str(path):
            del sys.modules[name]


def _files(session: pytest.Session, arg: str) -> list[Path]:
    path = session.config.invocation_params.dir / arg.partition("::")[0]
    return sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


def _entries(path: Path, module: ModuleType) -> Iterator[Entry]:
    of_file = rows.marks_of(module)
    for name, function in vars(module).items():
        if name.startswith("test") and callable(function):
            of_function = rows.marks_of(function)
            silent = [rows.needs(Need.INET).mark] if rows.takes_port(function) else []
            for variant in rows.variants(function):
                row = variant.id or rows.row_of(name)
                marks = (*of_function, *rows.marks_of_row(variant.case), *silent, *of_file)
                case = f"{path.parent.name}/{path.stem.removeprefix('test_')}[{row}]"
                yield Entry(case, path, module, function, marks, variant)


def chosen(entries: list[Entry], kept: list[Entry]) -> Chosen:
    """What is kept of each file."""
    found: Chosen = {entry.path: {} for entry in entries}
    for entry in kept:
        found[entry.path].setdefault(entry.function.__name__, []).append(entry.variant)
    return found
