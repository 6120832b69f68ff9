# SPDX-License-Identifier: MIT
"""A wrong rule and a wrong expectation are found; and the mutants that are made are those meant."""

import ast
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from suite.cli.run import run
from suite.errors import UsageError
from suite.judge.expectation import since
from suite.judge.outcome import Allowed
from suite.judge.records import CaseRecord, Verdict
from suite.landlock.abi import FS
from suite.model import paths
from tests.mutation.equivalent import EQUIVALENT, read
from tests.mutation.mutants import Mutant, Source

CASE = "fs/truncate[truncate]"
SMALL = '''
"""Words."""
LIMIT = 3

def rule(asked: int, handled: int, *, quiet: bool = False) -> bool:
    """Words."""
    if asked >= LIMIT and not quiet:
        return any(it & handled for it in range(asked))
    return True
'''


class Wrong:
    """A plugin that makes a row owe something else."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The call is owed to be allowed."""
        for item in items:
            params = getattr(item, "callspec").params  # noqa: B009 (of functions with rows)
            row = params["case"]
            params["case"] = msgspec.structs.replace(row, expect=since(FS.TRUNCATE, Allowed()))


def record(target: str, *plugins: object) -> CaseRecord:
    """What the case comes to."""
    [found] = run([target], select=CASE, plugins=plugins).results.targets[0].cases
    return found


def small(folder: Path, text: str = SMALL) -> Source:
    """A module of this text."""
    module = ModuleType("suite.model.small")
    file = folder / "small.py"
    file.write_text(text, encoding="utf-8")
    module.__file__ = str(file)
    exec(compile(text, str(file), "exec"), vars(module))  # noqa: S102 (text of ours)
    return Source(module)


def of(mutants: list[Mutant], name: str) -> Mutant:
    """The mutant of this name."""
    [found] = [it for it in mutants if it.name == f"small:{name}"]
    return found


def test_a_wrong_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert record("model:11").verdict is Verdict.CONFORMS
    monkeypatch.setattr(paths, "truncate", lambda *_: None)
    assert record("model:11").verdict is Verdict.DEVIATES


@pytest.mark.parametrize("target", ["model:11", "local"])
def test_a_wrong_expectation_is_found(target: str) -> None:
    assert record(target, Wrong()).verdict is Verdict.DEVIATES


def test_each_operator_is_changed_and_nothing_that_only_describes(tmp_path: Path) -> None:
    mutants = list(small(tmp_path).mutants())
    made = {(it.name.removeprefix("small:"), it.becomes) for it in mutants}
    assert {
        ("LIMIT:constant:1", "4"),
        ("LIMIT:constant:2", "2"),
        ("rule:constant:1", "True"),
        ("rule:branch:1", "True"),
        ("rule:branch:2", "False"),
        ("rule:boolean:1", "or"),
        ("rule:comparison:1", ">"),
        ("rule:comparison:2", "<"),
        ("rule:call:1", "all"),
        ("rule:mask:1", "|"),
        ("rule:range:1", "asked + 1"),
        ("rule:return:1", "return None"),
    } <= made
    assert len({it.name for it in mutants}) == len(mutants)
    assert "Words" not in "".join(it.source for it in mutants)


def test_a_mutant_changes_the_function_that_others_have_imported(tmp_path: Path) -> None:
    source = small(tmp_path)
    rule = vars(source.module)["rule"]
    mutants = list(source.mutants())
    assert rule(3, 0) is False
    of(mutants, "rule:branch:2").install()
    assert rule(3, 0) is True


def test_a_variant_leaves_the_rule_and_its_tree_alone(tmp_path: Path) -> None:
    source = small(tmp_path)
    was = ast.dump(source.tree)
    mutant = of(list(source.mutants()), "rule:comparison:1")
    assert mutant.variant is not None
    variant = mutant.variant()["small:rule"]
    assert variant(3, 0) is True
    assert vars(source.module)["rule"](3, 0) is False
    assert ast.dump(source.tree) == was


def test_a_mutant_is_shown_with_its_place(tmp_path: Path) -> None:
    mutant = of(list(small(tmp_path).mutants()), "rule:comparison:1")
    lines = str(mutant).splitlines()
    assert lines[0] == "small:rule:comparison:1, line 7"
    assert lines[2].index("^") == lines[1].index("asked")


def test_the_list_gives_reasons(tmp_path: Path) -> None:
    read(EQUIVALENT)
    bare = tmp_path / "bare.toml"
    bare.write_text('"paths:up:branch:1" = ""\n', encoding="utf-8")
    with pytest.raises(UsageError, match="needs a reason"):
        read(bare)
