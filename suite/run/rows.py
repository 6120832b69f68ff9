# SPDX-License-Identifier: MIT
"""Declaring cases: tables of rows, marks, and the permanent id of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar

import pytest

from suite.judge.expectation import Expectation
from suite.landlock.abi import Feature
from suite.run.needs import Need
from suite.targets.filesystems import FileSystem

_Function = TypeVar("_Function", bound=Callable[..., None])
_NODE = re.compile(
    r"(?P<area>[^/]+)/test_(?P<file>[^/]+)\.py::test_(?P<name>[^\[]+)\[(?P<params>.*)\]"
)
_SOURCE = re.compile(r"^Source:\s*(.+?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE)
Judge: TypeAlias = Callable[..., None]
"""``judge(expectation, observed, control=None)``: what the fixture of that name gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row may say; areas add their own fields."""

    covers: Feature | tuple[Feature, ...] = ()
    needs: tuple[Need, ...] = ()
    answers: str | tuple[str, ...] = ()
    """The behaviours of ``cases/behaviours.toml`` that it shows, by id."""
    own_memory: bool = False
    """Whether it is about memory, as ``own_memory`` says it of all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Row):
    """A row that knows what every kernel owes."""

    expect: Expectation


def table(cases: Mapping[str, Row]) -> Callable[[_Function], _Function]:
    """Run the function once a row, as ``case``; the row's name ends up in the id."""
    rows = [pytest.param(row, id=name, marks=_marks(row)) for name, row in cases.items()]

    def decorate(function: _Function) -> _Function:
        if any(mark.name == "parametrize" for mark in getattr(function, "pytestmark", ())):
            raise TypeError("@filesystems goes above @table: the row comes first in an id")
        decorated: _Function = pytest.mark.parametrize("case", rows)(function)
        return decorated

    return decorate


def filesystems(*wanted: FileSystem) -> Callable[[_Function], _Function]:
    """Run the case once on each file system, the ``tree`` lying on it.

    It goes above ``@table``, and the id is ``area/file[row-ext4]``; of a function without a table,
    ``area/file[function-ext4]``.
    """

    def decorate(function: _Function) -> _Function:
        rows = any(m.name == "parametrize" for m in getattr(function, "pytestmark", ()))
        name = function.__name__.removeprefix("test_").replace("_", "-")
        prefix = "" if rows else f"{name}-"
        params = [pytest.param(fs, id=f"{prefix}{fs.id}") for fs in wanted]
        decorated: _Function = pytest.mark.parametrize("filesystem", params, indirect=True)(
            function
        )
        return decorated

    return decorate


def _marks(row: Row) -> list[pytest.MarkDecorator]:
    return [*([needs(*row.needs)] if row.needs else ()), *([own_memory] if row.own_memory else ())]


def covers(*features: Feature) -> pytest.MarkDecorator:
    """Name the rights, scopes or flags that a case is about."""
    return pytest.mark.covers(*features)


def answers(*behaviours: str) -> pytest.MarkDecorator:
    """Name the behaviours of ``cases/behaviours.toml`` that a case shows."""
    return pytest.mark.answers(*behaviours)


def needs(*wanted: Need) -> pytest.MarkDecorator:
    """Name what a target must have for the case to be shown."""
    return pytest.mark.needs(*wanted)


own_memory = pytest.mark.own_memory
"""Where a case is about memory, or about how processes are made: none of them shares memory."""


def targets(config: pytest.Config) -> list[str]:
    """The names of the targets of a run."""
    return config.getoption("target") or ["local"]


def vm_only(function: _Function) -> _Function:
    """Run the case in virtual machines alone: it could change the machine."""
    decorated: _Function = pytest.mark.vm_only(function)
    return decorated


def target_of(item: pytest.Item) -> str:
    """The name of a case's target; empty for a test that has none."""
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("target_name", "")) if callspec else ""


def case_id(item: pytest.Item) -> str:
    """``area/file[row]``; the row of a function without a table is the function's name."""
    found = parse_node(item.nodeid, [target_of(item)])
    return found[1] if found else item.nodeid


def parse_node(nodeid: str, targets: Sequence[str]) -> tuple[str, str] | None:
    """The target of a case and the case's id, from pytest's id; None for another test."""
    match = _NODE.search(nodeid)
    if match is None:
        return None
    # The longest name first: vm:6.1 begins as vm:6.12 does.
    for name in sorted(targets, key=len, reverse=True):
        params = match["params"]
        if params == name or params.startswith(f"{name}-"):
            row = params.removeprefix(name).removeprefix("-") or match["name"].replace("_", "-")
            return name, f"{match['area']}/{match['file']}[{row}]"
    return None


def describe(item: pytest.Item) -> dict[str, Any]:
    """What a record says of the case itself."""
    summary, source = _documented(
        getattr(item, "function", None).__doc__, getattr(item, "module", None).__doc__
    )
    return {
        "id": case_id(item),
        "summary": summary,
        "source": source,
        "covers": [label for feature in covered(item) for label in feature.labels],
        "answers": answered(item),
    }


@cache
def _documented(of_function: str | None, of_module: str | None) -> tuple[str, str]:
    """The behaviour as a sentence, and its source, from the docstrings of function and module."""
    doc = inspect.cleandoc(of_function or "")
    source = _SOURCE.search(doc) or _SOURCE.search(inspect.cleandoc(of_module or ""))
    summary = doc.split("\n\n", 1)[0].replace("\n", " ")
    return summary, " ".join(source[1].split()) if source else ""


def covered(item: pytest.Item) -> list[Feature]:
    """The features that a case is about: those of its row, else those of its marks."""
    row = _row(item)
    if row and row.covers:
        return [row.covers] if isinstance(row.covers, Feature) else list(row.covers)
    return [feature for mark in item.iter_markers("covers") for feature in mark.args]


def answered(item: pytest.Item) -> list[str]:
    """The ids of the behaviours that a case shows: those of its marks and of its row."""
    row = _row(item)
    own = row.answers if row else ()
    marked = [name for mark in item.iter_markers("answers") for name in mark.args]
    return [*marked, *([own] if isinstance(own, str) else own)]


def _row(item: pytest.Item) -> Row | None:
    callspec = getattr(item, "callspec", None)
    row = callspec.params.get("case") if callspec else None
    return row if isinstance(row, Row) else None
