# SPDX-License-Identifier: MIT
"""Declaring cases: tables of rows, marks, and the permanent id of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, TypeAlias, TypeVar

import msgspec
import pytest

from suite.judge.expectation import Expectation
from suite.landlock.abi import Feature
from suite.landlock.bugs import Bug
from suite.run.needs import Need
from suite.targets.filesystems import FileSystem

_Function = TypeVar("_Function", bound=Callable[..., None])
_NODE = re.compile(
    r"(?P<area>[^/]+)/test_(?P<file>[^/]+)\.py::test_(?P<name>[^\[]+)\[(?P<params>.*)\]"
)
_ROWS, _FILESYSTEMS = "rows", "filesystems"
"""The marks that hold what a function is run with."""
_SOURCE = re.compile(r"^Source:\s*(.+?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE)
Judge: TypeAlias = Callable[..., None]
"""``judge(expectation, observed, control=None)``: what the fixture of that name gives."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What every row may say; areas add their own fields.

    No dataclass: to make one takes sixty times as long, and the cases have 300 kinds of rows.
    """

    covers: Feature | tuple[Feature, ...] = ()
    needs: tuple[Need, ...] = ()
    answers: str | tuple[str, ...] = ()
    """The behaviours of ``cases/behaviours.toml`` that it shows, by id."""
    own_memory: bool = False
    """Whether it is about memory, as ``own_memory`` says it of all rows."""


class Case(Row, frozen=True, kw_only=True):
    """A row that knows what every kernel owes."""

    expect: Expectation


_Row = TypeVar("_Row", bound=Row)


@dataclass(frozen=True, slots=True)
class Variant:
    """What a function is run with; the fields are what the tables above it are made of."""

    id: str = ""
    """As it stands in brackets; empty for a function that is a case by itself."""
    case: Row | None = None
    filesystem: FileSystem | None = None


def table(cases: Mapping[str, Row]) -> Callable[[_Function], _Function]:
    """Run the function once a row, as ``case``; the row's name ends up in the id."""

    def decorate(function: _Function) -> _Function:
        if any(mark.name == _FILESYSTEMS for mark in marks_of(function)):
            raise TypeError("@filesystems goes above @table: the row comes first in an id")
        decorated: _Function = pytest.mark.rows(cases)(function)
        return decorated

    return decorate


def split(behaviour: str, cases: Mapping[str, _Row]) -> dict[str, _Row]:
    """The same rows, each with a behaviour of its own besides: ``behaviour`` and the row's name.

    For rows that different branches of the kernel decide: a brief run has each of them.
    """
    return {
        name: msgspec.structs.replace(row, answers=(*answered((), row), f"{behaviour}-{name}"))
        for name, row in cases.items()
    }


def filesystems(*wanted: FileSystem) -> Callable[[_Function], _Function]:
    """Run the case once on each file system, the ``tree`` lying on it.

    It goes above ``@table``, and the id is ``area/file[row-ext4]``; of a function without a table,
    ``area/file[function-ext4]``.
    """

    def decorate(function: _Function) -> _Function:
        decorated: _Function = pytest.mark.filesystems(*wanted)(function)
        return decorated

    return decorate


def marks_of(thing: object) -> list[pytest.Mark]:
    """The marks of a function or of a module, the nearest first."""
    found: Any = getattr(thing, "pytestmark", [])
    marks: list[Any] = found if isinstance(found, list) else [found]
    return [it.mark if isinstance(it, pytest.MarkDecorator) else it for it in marks]


def variants(function: Callable[..., object]) -> list[Variant]:
    """What a function is run with, in the order of the ids.

    Raises:
        TypeError: Its cases are declared otherwise than by ``@table`` and ``@filesystems``.
    """
    marks = {mark.name: mark for mark in marks_of(function)}
    if "parametrize" in marks:
        raise TypeError(f"{function.__name__}: the rows of cases are declared by @table")
    rows = dict(marks[_ROWS].args[0]) if _ROWS in marks else {}
    wanted = marks[_FILESYSTEMS].args if _FILESYSTEMS in marks else ()
    if not wanted:
        return [Variant(name, row) for name, row in rows.items()] or [Variant()]
    if not rows:
        own = row_of(function.__name__)
        return [Variant(f"{own}-{it.id}", filesystem=it) for it in wanted]
    pairs = product(rows.items(), wanted)
    return [Variant(f"{name}-{it.id}", row, it) for (name, row), it in pairs]


def parametrize(metafunc: pytest.Metafunc, wanted: Sequence[Variant]) -> None:
    """Make one test of each variant, as ``case`` and ``filesystem``."""
    fields = [it for it in ("case", "filesystem") if getattr(wanted[0], it) is not None]
    if fields:
        params = [
            pytest.param(*(getattr(it, name) for name in fields), id=it.id, marks=_marks(it.case))
            for it in wanted
        ]
        metafunc.parametrize(fields, params, indirect=[it for it in fields if it == "filesystem"])


def _marks(row: Row | None) -> list[pytest.MarkDecorator]:
    """What marks say otherwise, and a row may say."""
    if row is None:
        return []
    return [*([needs(*row.needs)] if row.needs else ()), *([own_memory] if row.own_memory else ())]


def marks_of_row(row: Row | None) -> list[pytest.Mark]:
    """The marks that a row stands for."""
    return [it.mark for it in _marks(row)]


def row_of(function: str) -> str:
    """The row of a case that is a function without a table."""
    return function.removeprefix("test_").replace("_", "-")


def covers(*features: Feature) -> pytest.MarkDecorator:
    """Name the rights, scopes or flags that a case is about."""
    return pytest.mark.covers(*features)


def answers(*behaviours: str) -> pytest.MarkDecorator:
    """Name the behaviours of ``cases/behaviours.toml`` that a case shows."""
    return pytest.mark.answers(*behaviours)


def needs(*wanted: Need) -> pytest.MarkDecorator:
    """Name what a target must have for the case to be shown."""
    return pytest.mark.needs(*wanted)


def fatal(bug: Bug) -> pytest.MarkDecorator:
    """Name the known bug of which a kernel may die, or hang, in the case."""
    return pytest.mark.fatal(bug)


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
            row = params.removeprefix(name).removeprefix("-") or row_of(match["name"])
            return name, f"{match['area']}/{match['file']}[{row}]"
    return None


def describe(item: pytest.Item) -> dict[str, Any]:
    """What a record says of the case itself."""
    function, module = getattr(item, "function", None), getattr(item, "module", None)
    return described(case_id(item), function, module, item.iter_markers(), _row(item))


def described(
    case: str, function: object, module: object, marks: Iterable[pytest.Mark], row: Row | None
) -> dict[str, Any]:
    """As ``describe``, of the case of this id that a function and its row are."""
    marks = list(marks)
    summary, source = _documented(function.__doc__, module.__doc__)
    return {
        "id": case,
        "summary": summary,
        "source": source,
        "covers": [label for feature in covered(marks, row) for label in feature.labels],
        "answers": answered(marks, row),
    }


@cache
def _documented(of_function: str | None, of_module: str | None) -> tuple[str, str]:
    """The behaviour as a sentence, and its source, from the docstrings of function and module."""
    doc = inspect.cleandoc(of_function or "")
    source = _SOURCE.search(doc) or _SOURCE.search(inspect.cleandoc(of_module or ""))
    summary = doc.split("\n\n", 1)[0].replace("\n", " ")
    return summary, " ".join(source[1].split()) if source else ""


def covered(marks: Iterable[pytest.Mark], row: Row | None) -> list[Feature]:
    """The features that a case is about: those of its row, else those of its marks."""
    if row and row.covers:
        return [row.covers] if isinstance(row.covers, Feature) else list(row.covers)
    return [feature for mark in marks if mark.name == "covers" for feature in mark.args]


def answered(marks: Iterable[pytest.Mark], row: Row | None) -> list[str]:
    """The ids of the behaviours that a case shows: those of its marks and of its row."""
    own = row.answers if row else ()
    marked = [name for mark in marks if mark.name == "answers" for name in mark.args]
    return [*marked, *([own] if isinstance(own, str) else own)]


def takes_port(function: Callable[..., object]) -> bool:
    """Whether a case is given a port, and so needs TCP/IP without saying so."""
    code = function.__code__
    return "port" in code.co_varnames[: code.co_argcount]


def _row(item: pytest.Item) -> Row | None:
    callspec = getattr(item, "callspec", None)
    row = callspec.params.get("case") if callspec else None
    return row if isinstance(row, Row) else None
