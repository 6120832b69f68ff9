# SPDX-License-Identifier: MIT
"""Imports go one way: cases, vm and reports know suite; only suite/cli knows all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "cases": {"cases", "suite"},
    "vm": {"vm", "suite"},
    "reports": {"reports", "suite"},
    "suite": {"suite"},
    "suite/cli": {"cases", "vm", "reports", "suite"},
}
ROOMS = {"cases", "vm", "reports", "suite", "tests"}


def imported(path: Path) -> Iterator[str]:
    """The rooms that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from ROOMS.intersection(name.partition(".")[0] for name in names)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may_know(room: str) -> None:
    files = [
        path
        for path in sorted((ROOT / room).rglob("*.py"))
        if room != "suite" or ROOT / "suite/cli" not in path.parents
    ]
    assert files
    for path in files:
        assert set(imported(path)) <= MAY_IMPORT[room], path


def test_only_the_command_line_is_imported_by_none() -> None:
    for path in sorted((ROOT / "suite").rglob("*.py")):
        if ROOT / "suite/cli" in path.parents:
            continue
        assert "suite.cli" not in path.read_text(encoding="utf-8"), path
