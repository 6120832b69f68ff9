# SPDX-License-Identifier: MIT
"""Tables over dimensions: every cell has a case or a reason, and nothing is said twice."""

from pathlib import Path

import pytest

from reports.tables import render
from suite.errors import UsageError
from suite.judge.tables import Table, fill, strays, tables
from suite.run.declared import Declared
from tests.tables_page import PAGE

TABLES = tables()
KNOWN = {"fs/a[open-first]", "fs/a[open-last]", "fs/b[alone]"}


def table(**changes: object) -> Table:
    """Two calls by two layers, all right as it is."""
    fields: dict[str, object] = {
        "says": "Each layer counts.",
        "dimensions": {"call": ["open", "link"], "layer": ["first", "last"]},
        "cases": ["fs/a[{call}-{layer}]"],
        "cells": {"link/first": "fs/b[alone]"},
        "empty": {"link/last": "no such thing"},
    }
    return Table(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_has_a_case_or_a_reason(name: str, declared: dict[str, Declared]) -> None:
    filled = fill(TABLES[name], declared)
    assert filled.faults == []
    assert filled.cases


def test_no_case_is_left_out_of_the_tables(declared: dict[str, Declared]) -> None:
    assert strays(TABLES, declared) == []


def test_the_page_in_docs_is_up_to_date(declared: dict[str, Declared]) -> None:
    stale = "docs/tables.md is stale: run python -m tests.tables_page"
    assert PAGE.read_text(encoding="utf-8") == render(TABLES, declared), stale


def test_what_is_right() -> None:
    filled = fill(table(), KNOWN)
    assert filled.faults == []
    assert filled.cases == {
        ("open", "first"): "fs/a[open-first]",
        ("open", "last"): "fs/a[open-last]",
        ("link", "first"): "fs/b[alone]",
    }
    assert filled.reasons == {("link", "last"): "no such thing"}


WRONG: dict[str, tuple[dict[str, object], set[str], str]] = {
    "empty-cell": ({"empty": {}}, KNOWN, "link/last: neither a case nor a reason"),
    "case-and-reason": (
        {"empty": {"link/last": "none", "open/first": "none"}},
        KNOWN,
        "open/first: fs/a[open-first], none",
    ),
    "two-cases": (
        {"cells": {"link/first": "fs/b[alone]", "open/last": "fs/b[other]"}},
        KNOWN,
        "open/last: fs/b[other], fs/a[open-last]",
    ),
    "two-reasons": (
        {"empty": {"link/last": "one", "link/*": "other"}, "cells": {}},
        KNOWN,
        "link/last: one, other",
    ),
    "no-such-case": (
        {"cells": {"link/first": "fs/gone[it]"}},
        KNOWN,
        "link/first: no case fs/gone[it]",
    ),
    "no-such-cell": (
        {"empty": {"link/last": "none", "bind/*": "none"}},
        KNOWN,
        "bind/*: no such cell",
    ),
    "twice": (
        {"cells": {"link/first": "fs/b[alone]", "link/last": "fs/b[alone]"}, "empty": {}},
        KNOWN,
        "fs/b[alone] stands in several cells",
    ),
}


@pytest.mark.parametrize(("changes", "known", "fault"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(changes: dict[str, object], known: set[str], fault: str) -> None:
    assert fill(table(**changes), known).faults == [fault]


def test_a_case_of_the_shape_of_a_cell_is_in_one_or_astray() -> None:
    known = KNOWN | {"fs/a[mkdir-first]", "fs/a[mkdir-middle]"}
    assert strays({"a": table()}, known) == ["fs/a[mkdir-first]"]
    other = table(dimensions={"call": ["mkdir"], "layer": ["first"]}, cells={}, empty={})
    assert strays({"a": table(), "b": other}, known) == []


MALFORMED = {
    "no-toml": "[a",
    "unknown-key": '[a]\nsays = "It."\ndimensions = {}\ncell = {}\n',
    "dimension-left-out": '[a]\nsays = "It."\ncases = ["fs/a[{one}]"]\n'
    'dimensions = { one = ["x"], two = ["y"] }\n',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tables.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=str(path)):
        tables(path)


def test_the_page_has_cells_and_reasons() -> None:
    page = render({"place": table()}, KNOWN)
    assert "| open | `fs/a[open-first]` | `fs/a[open-last]` |" in page
    assert "| link | `fs/b[alone]` | 1 |" in page
    assert "1. no such thing" in page
