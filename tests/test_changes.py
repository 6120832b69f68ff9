# SPDX-License-Identifier: MIT
"""Changes of Landlock that no bit tells of: each has its commit, and a case that shows it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.landlock import changes
from suite.landlock.abi import ABIS
from suite.landlock.changes import Change

CHANGES = {name: it for name, it in vars(changes).items() if isinstance(it, Change)}
CASES = Path(__file__).parents[1] / "cases"


def numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_a_commit_of_landlock(change: Change) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", change.commit)
    assert change.subject.startswith("landlock: ")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_kernel_of_its_version_has_it(change: Change) -> None:
    """It came with the release of that ABI version, or with one between it and the one before."""
    assert numbers(change.release) <= numbers(ABIS[change.since].release)
    assert numbers(change.release) > numbers(ABIS[change.since - 1].release)


def test_a_change_has_one_row() -> None:
    assert len({change.commit for change in CHANGES.values()}) == len(CHANGES)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in CASES.rglob("*.py"):
        yield path, ast.parse(path.read_text())


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_has_a_case(name: str) -> None:
    used = {node.id for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert name in used


def test_no_case_names_an_abi_version_by_its_number() -> None:
    """``ABIS[5]`` would be a number again, and so would a comparison with one."""
    found = [
        f"{path.relative_to(CASES)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if by_number(node) and isinstance(node, ast.expr)
    ]
    assert found == []


def by_number(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id="ABIS"), slice=ast.Constant()):
            return True
        case ast.Compare(left=left, comparators=[right]):
            sides = {ast.unparse(left).rpartition(".")[2], ast.unparse(right)}
            return "abi" in sides and any(
                isinstance(side, ast.Constant) and side.value not in (0, 1)
                for side in (left, right)
            )
    return False


@pytest.mark.parametrize("text", ["ABIS[5]", "abi >= 5", "facts.abi < 4"])
def test_such_a_number_would_be_found(text: str) -> None:
    assert any(map(by_number, ast.walk(ast.parse(text))))
