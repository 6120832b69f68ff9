# SPDX-License-Identifier: MIT
"""The whole picture of who may import whom: a new arrow fails, and so does one that is gone."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GROUND = {"suite/distribution", "suite/errors", "suite/files", "suite/packed", "suite/values"}
"""Whoever needs them may take them."""
FLOORS: list[dict[str, set[str]]] = [
    {
        "suite/distribution": set(), "suite/errors": set(), "suite/files": set(),
        "suite/packed": set(), "suite/values": set(),
    },
    {"suite/landlock": set(), "suite/agent": set()},
    {"suite/judge": {"suite/landlock"}, "suite/model": {"suite/landlock"}},
    {"suite/process": {"suite/agent", "suite/judge", "suite/landlock"}},
    {
        "suite/repro": {"suite/agent", "suite/judge", "suite/landlock", "suite/process"},
        "suite/targets": {"suite/agent", "suite/judge", "suite/landlock", "suite/process"},
        "suite/witness": {"suite/judge", "suite/process"},
    },
    {
        "suite/run": {
            "suite/agent", "suite/judge", "suite/landlock", "suite/process", "suite/targets",
            "suite/witness",
        },
        "suite/command": {"suite/agent", "suite/judge", "suite/process", "suite/targets"},
        "suite/cost": {"suite/judge", "suite/landlock", "suite/process", "suite/targets"},
        "suite/explore": {
            "suite/agent", "suite/judge", "suite/landlock", "suite/model", "suite/process",
            "suite/repro", "suite/targets", "suite/witness",
        },
    },
    {
        "suite/kernel": {
            "suite/agent", "suite/judge", "suite/landlock", "suite/model", "suite/process",
            "suite/targets",
        },
        "suite/clients": {
            "suite/agent", "suite/command", "suite/judge", "suite/landlock", "suite/process",
            "suite/targets", "suite/witness",
        },
    },
    {
        "suite/fuzz": {
            "suite/agent", "suite/explore", "suite/kernel", "suite/landlock", "suite/model",
            "suite/process", "suite/targets",
        },
        "vm": {
            "suite/agent", "suite/clients", "suite/command", "suite/judge", "suite/process",
            "suite/targets", "suite/witness",
        },
    },
    {
        "suite/case": {
            "suite/judge", "suite/landlock", "suite/process", "suite/run", "suite/targets",
            "suite/witness",
        },
        "reports": {
            "suite/cost", "suite/explore", "suite/fuzz", "suite/judge", "suite/landlock",
            "suite/run",
        },
    },
    {
        "cases": {
            "suite/case", "suite/judge", "suite/landlock", "suite/process", "suite/targets",
            "suite/witness",
        },
    },
    {
        "suite/cli": {
            "cases", "reports", "suite/agent", "suite/clients", "suite/command", "suite/cost",
            "suite/explore", "suite/fuzz", "suite/judge", "suite/kernel", "suite/model",
            "suite/process", "suite/repro", "suite/run", "suite/targets", "vm",
        },
    },
]  # fmt: skip
"""From the ground up: what each room imports, apart from the ground."""
MAY_IMPORT = {room: known for floor in FLOORS for room, known in floor.items()}
PACKAGES = {"suite", "cases", "vm", "reports", "tests"}


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module; those inside of ``suite`` are its folders, and its few files."""
    return "/".join(parts[:2]) if parts[0] == "suite" and len(parts) > 1 else parts[0]


def files() -> Iterator[tuple[str, Path]]:
    """Every file of the packages but the tests, with its room."""
    for package in sorted(PACKAGES - {"tests"}):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield room_of(path.relative_to(ROOT).with_suffix("").parts), path


@cache
def imports_of(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Its statements that import, wherever they stand: reading all files takes seconds."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


@cache
def imported(path: Path) -> frozenset[tuple[str, ...]]:
    """The modules that a file imports from our packages, wherever in it, also for types only."""
    found: set[tuple[str, ...]] = set()
    for node in imports_of(path):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.module:
            whole = "." in node.module
            names = [node.module if whole else f"{node.module}.{it.name}" for it in node.names]
        else:
            continue
        modules = (tuple(name.split(".")) for name in names)
        found |= {parts for parts in modules if parts[0] in PACKAGES}
    return frozenset(found)


def arrows() -> dict[str, set[str]]:
    """Who imports whom, as the files have it."""
    found: dict[str, set[str]] = defaultdict(set)
    for room, path in files():
        found[room] |= {other for parts in imported(path) if (other := room_of(parts)) != room}
    return found


def test_every_file_has_a_room() -> None:
    assert {room for room, _ in files()} == {*MAY_IMPORT, "suite/__init__"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_the_picture_is_what_the_files_import(room: str) -> None:
    assert arrows()[room] - GROUND == MAY_IMPORT[room]


def test_every_arrow_goes_down() -> None:
    floor_of = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    for room, known in MAY_IMPORT.items():
        assert all(floor_of[other] < floor_of[room] for other in known), room


def test_no_file_imports_itself_by_way_of_others() -> None:
    modules = {path.relative_to(ROOT).with_suffix("").parts: path for _, path in files()}
    edges = {
        module: {other for parts in imported(path) if (other := _file_of(parts, modules))}
        for module, path in modules.items()
    }
    left = dict(edges)
    while ready := [module for module, known in left.items() if not known & left.keys()]:
        for module in ready:
            del left[module]
    assert not left, f"a circle is among {sorted('/'.join(it) for it in left)}"


def _file_of(parts: tuple[str, ...], modules: dict[tuple[str, ...], Path]) -> tuple[str, ...]:
    while parts and parts not in modules:
        parts = parts[:-1]
    return parts


def test_tests_are_imported_by_none() -> None:
    for _, path in files():
        assert not [parts for parts in imported(path) if parts[0] == "tests"], path


def test_what_files_share_is_in_no_file_of_tests() -> None:
    """Nor what files of cases do: theirs is in modules without ``test_``."""
    for path in [*(path for _, path in files()), *(ROOT / "tests").rglob("*.py")]:
        for node in imports_of(path):
            assert not re.search(r"\btest_", ast.unparse(node)), path


def test_virtme_ng_is_used_by_its_command_alone() -> None:
    """Its modules are GPL-2.0 and change as it likes; landproof is MIT."""
    for path in [*(path for _, path in files()), *(ROOT / "tests").rglob("*.py")]:
        for node in imports_of(path):
            assert not re.search(r"\bvirtme", ast.unparse(node)), path


def test_rich_draws_and_tabulate_writes() -> None:
    """Each has its job (ARCHITECTURE.md, "Decisions"): only where text leaves are both needed."""
    using: dict[str, set[str]] = defaultdict(set)
    for _, path in files():
        for node in imports_of(path):
            if isinstance(node, ast.ImportFrom) and node.module:
                using[node.module.split(".")[0]].add(str(path.relative_to(ROOT)))
    assert using["rich"] & using["tabulate"] == {"suite/cli/outlet.py"}
    assert using["tabulate"] - {"suite/cli/outlet.py"} == {
        "reports/commands.py",
        "reports/cost/text.py",
        "reports/explored/text.py",
        "reports/formats/clients.py",
        "reports/fuzzed.py",
        "reports/markdown.py",
    }
