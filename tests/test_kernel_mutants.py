# SPDX-License-Identifier: MIT
"""The list of changes of the kernel's code; trying them takes a source tree, and hours."""

from contextlib import suppress
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.run.declared import Declared
from tests.kernel_mutants import CODE, PAGE, Mutant, main, mutants, page

LISTED = mutants()
CHANGE = Mutant(file="log.c", old="i > layer;", new="i >= layer;", why="", seen="")


def test_each_is_seen_by_a_case_that_there_is(declared: dict[str, Declared]) -> None:
    ids = {case.id for case in declared.values()}
    assert {name: it.seen for name, it in LISTED.items() if it.seen not in ids} == {}


def test_each_is_a_change_of_its_own() -> None:
    changes = {(it.file, it.old, it.new) for it in LISTED.values()}
    assert len(changes) == len(LISTED) >= 40
    assert [name for name, it in LISTED.items() if it.old == it.new or not it.why] == []


def test_the_page_in_docs_is_of_the_list() -> None:
    assert page() == PAGE.read_text(), "run python -m tests.kernel_mutants --page"


def tree(tmp_path: Path, text: str) -> Path:
    """A source tree with this one file."""
    path = tmp_path / CODE / "log.c"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_a_change_is_taken_back(tmp_path: Path) -> None:
    """Also when what is tried of it fails."""
    path = tree(tmp_path, "for (; i > layer; i--)\n")
    with suppress(KeyboardInterrupt), CHANGE.made(tmp_path):
        assert path.read_text() == "for (; i >= layer; i--)\n"
        raise KeyboardInterrupt
    assert path.read_text() == "for (; i > layer; i--)\n"


@pytest.mark.parametrize("text", ["", "i > layer; i > layer;"])
def test_a_line_that_is_not_there_once_is_told(tmp_path: Path, text: str) -> None:
    tree(tmp_path, text)
    with pytest.raises(UsageError, match="not once: 'i > layer;'"), CHANGE.made(tmp_path):
        pass


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "nothing"], "no such change: nothing"),
        ([], "is no source tree of a kernel"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = ["kernel_mutants", str(tmp_path), str(tmp_path), *options]
    monkeypatch.setattr("sys.argv", argv)
    assert main() == UsageError.exit
    assert said in capsys.readouterr().err
