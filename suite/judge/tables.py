# SPDX-License-Identifier: MIT
"""Tables over dimensions: which case stands where several conditions meet.

``cases/tables.toml`` declares them. A behaviour is a line of ``cases/behaviours.toml``; a table
says that something holds wherever it should, and a cell without a case needs a reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import TypeAlias

import msgspec

from suite.errors import UsageError

LIST = Path(__file__).parents[2] / "cases" / "tables.toml"
ANY = "*"
_PLACE = re.compile(r"\{(\w+)\}")

Cell: TypeAlias = tuple[str, ...]
"""A value of each dimension, in their order; in a key of a table, ``ANY`` is every value."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that has to be shown for every combination of some conditions."""

    says: str
    """One sentence: what the cases of all cells have in common."""
    dimensions: dict[str, list[str]]
    """The values of each, in the order of the page; the last one makes the columns."""
    cases: list[str] = []
    """Ids of cases with the names of dimensions, such as ``fs/deciding_layer[{hook}-{layer}]``."""
    cells: dict[str, str] = {}
    """The id of a case that is named otherwise, by its cell: values with slashes between them."""
    empty: dict[str, str] = {}
    """Why there can be no case, by cells; ``*`` stands for every value of a dimension."""

    def __iter__(self) -> Iterator[Cell]:
        """All cells, in the order of the page."""
        yield from product(*self.dimensions.values())

    def named(self, cell: Cell) -> list[str]:
        """The ids that the cell has by the patterns."""
        values = dict(zip(self.dimensions, cell, strict=True))
        return [pattern.format(**values) for pattern in self.cases]

    def reasons(self, cell: Cell) -> list[str]:
        """Why the cell is empty, by each key that is about it."""
        return [why for key, why in self.empty.items() if _about(key, cell)]


class Filled(msgspec.Struct, frozen=True):
    """A table held against the cases that there are."""

    cases: dict[Cell, str]
    """The case of each cell that has one."""
    reasons: dict[Cell, str]
    """Why each other one has none."""
    faults: list[str]
    """What is wrong with the table, a line each."""


def tables(path: Path = LIST) -> dict[str, Table]:
    """All of them, by id, in the order of the file.

    Raises:
        UsageError: The file is malformed.
    """
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=dict[str, Table])
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}") from error
    for name, table in found.items():
        for pattern in table.cases:
            if sorted(_PLACE.findall(pattern)) != sorted(table.dimensions):
                raise UsageError(f"{path}: {name}: '{pattern}' does not name each dimension once")
    return found


def fill(table: Table, known: Collection[str]) -> Filled:
    """Find the case of each cell among those that there are, by id."""
    cases: dict[Cell, str] = {}
    reasons: dict[Cell, str] = {}
    faults = [
        f"{key}: no such cell"
        for key in (*table.cells, *table.empty)
        if not any(_about(key, cell) for cell in table)
    ]
    for cell in table:
        own = [case for key, case in table.cells.items() if _about(key, cell)]
        found = [*own, *(name for name in table.named(cell) if name in known)]
        why = table.reasons(cell)
        place = "/".join(cell)
        if len(found) + len(why) != 1:
            said = ", ".join([*found, *why]) or "neither a case nor a reason"
            faults.append(f"{place}: {said}")
        elif found and found[0] not in known:
            faults.append(f"{place}: no case {found[0]}")
        elif found:
            cases[cell] = found[0]
        else:
            reasons[cell] = why[0]
    twice = [case for case, count in Counter(cases.values()).items() if count > 1]
    faults += [f"{case} stands in several cells" for case in twice]
    return Filled(cases, reasons, faults)


def _about(key: str, cell: Cell) -> bool:
    values = key.split("/")
    return len(values) == len(cell) and all(
        one in (ANY, other) for one, other in zip(values, cell, strict=True)
    )


def strays(listed: Mapping[str, Table], known: Collection[str]) -> list[str]:
    """Cases that look as if they were of a cell, by a pattern, and are of none in any table."""
    placed = {case for it in listed.values() for case in fill(it, known).cases.values()}
    shapes = [_shape(pattern, it.dimensions) for it in listed.values() for pattern in it.cases]
    loose = (case for case in known if case not in placed)
    return [case for case in loose if any(shape.fullmatch(case) for shape in shapes)]


def _shape(pattern: str, dimensions: Mapping[str, list[str]]) -> re.Pattern[str]:
    """What fits a pattern: known values of all dimensions but the first, which may have any."""
    first, *others = dimensions
    values = {name: f"(?:{'|'.join(map(re.escape, dimensions[name]))})" for name in others}
    values[first] = "[a-z0-9-]+"
    parts = _PLACE.split(pattern)
    return re.compile(
        "".join(values[part] if at % 2 else re.escape(part) for at, part in enumerate(parts))
    )
