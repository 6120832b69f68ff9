# SPDX-License-Identifier: MIT
"""Files of cases take what they need from one place, ``suite.case``, in a few lines."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite import case

CASES = sorted((Path(__file__).resolve().parent.parent / "cases").rglob("*.py"))
FACE = "suite.case"
OFFERED = {name for name in vars(case) if not name.startswith("_")}
WIDTH = 100


def imports(path: Path) -> Iterator[ast.ImportFrom]:
    """What a file imports from ``suite``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("suite."):
            yield node


def in_order(name: str) -> tuple[int, str]:
    """Constants first, then types, then functions: as isort has it."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name


def statement(names: set[str]) -> str:
    """The import of these names, as it should be written."""
    ordered = sorted(names, key=in_order)
    short = f"from {FACE} import {', '.join(ordered)}"
    if len(short) <= WIDTH:
        return short
    lines = [f"from {FACE} import (", "   "]
    for name in ordered:
        if len(lines[-1]) + len(f" {name},") > WIDTH:
            lines.append("   ")
        lines[-1] += f" {name},"
    return "\n".join([*lines, ")  # fmt: skip"])


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_the_face_offers_is_taken_from_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    nodes = list(imports(path))
    names = {alias.name for node in nodes if node.module == FACE for alias in node.names}
    astray = {
        alias.name
        for node in nodes
        if node.module != FACE
        for alias in node.names
        if getattr(sys.modules.get(node.module or ""), alias.name, None) is not None
        and getattr(case, alias.name, None) is getattr(sys.modules[node.module or ""], alias.name)
    }
    wanted = statement(names | astray)
    assert not names | astray or wanted in text.split("\n\n\n")[0], f"write:\n{wanted}"
    assert not astray


def test_cases_use_all_that_the_face_offers() -> None:
    used = {alias.name for path in CASES for node in imports(path) for alias in node.names}
    assert OFFERED - used == set()


def test_a_usual_case_needs_no_other_module() -> None:
    """Half of the files at least; what is left are constants of the kernel and known bugs."""
    alone = [all(node.module == FACE for node in imports(path)) for path in CASES]
    assert 2 * sum(alone) > len(alone)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_rows_have_no_fields_of_dataclasses(path: Path) -> None:
    """A struct would take such a field for the default value itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses":
            assert not {alias.name for alias in node.names} & {"field"}, path
