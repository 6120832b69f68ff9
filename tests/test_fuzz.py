# SPDX-License-Identifier: MIT
"""Fuzzing: what is planted is found and made small, kept, and played first the next time."""

import time
from pathlib import Path

import pytest

from suite.fuzz.compare import Pair
from suite.fuzz.finding import Agreement, Finding, Sign, Tally, Whose
from suite.fuzz.hunt import Hunt
from suite.fuzz.kept import Folder
from suite.fuzz.program import Program, read
from suite.fuzz.subject import Subject
from suite.model import moves
from suite.model.landlock import Model
from suite.model.landlock import Subject as Subjects
from suite.model.verdicts import Denial
from tests.explorations import model

NEWEST = "model:11"


def _pair(name: str = NEWEST, other: str = "") -> Pair:
    """A model that is held against itself, or another one."""
    other = other or name
    return Pair(name, Subject(model(name)), other, Subject(model(other)))


def _hunted(pair: Pair, most: int, seed: int = 1) -> tuple[Hunt, list[Finding]]:
    found: list[Finding] = []

    def told(it: Finding | Agreement | Tally) -> None:
        if isinstance(it, Finding):
            found.append(it)

    hunt = Hunt(pair, most, time.monotonic() + 60, seed, told)
    hunt.run()
    return hunt, found


def test_nothing_is_found_of_a_model_against_itself() -> None:
    hunt, found = _hunted(_pair(), 60)
    assert not found
    assert hunt.tally.programs == 60
    assert hunt.tally.unsteady == 0
    assert hunt.tally.denials > 20  # or there was nothing to find
    assert hunt.tally.steps > 60 * 8


def test_the_same_seed_writes_the_same_programs() -> None:
    tallies = [_hunted(_pair("model:7"), 25, seed)[0].tally for seed in (5, 5, 6)]
    for it in tallies:
        it.seconds = 0
    assert tallies[0] == tallies[1] != tallies[2]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A target whose model lets every rename and link pass; the target itself is right."""
    right = moves.move

    def move(of: Model, subject: Subjects, asked: moves.Move) -> Denial | None:
        return right(of, subject, asked) if 1 in of.errata else None

    monkeypatch.setattr(moves, "move", move)
    # Erratum 1 tells them apart: no program shows it.
    return _pair(NEWEST, f"{NEWEST}+errata=2,3,4")


def test_a_wrong_rule_is_found_and_the_program_made_small(planted: Pair) -> None:
    _, found = _hunted(planted, 80)
    whole = [it for it in found if it.lines]
    assert {it.sign.action for it in whole} & {"rename", "link", "exchange", "rename-new"}
    for it in whole:
        assert it.sign.whose is Whose.LANDLOCK
        assert it.is_smallest
        assert len(it.program) <= 4
        assert any(step.action == "enforce" for step in it.program)
        assert "landlock_restrict_self(" in " ".join(it.lines)
        assert planted.steadily(it.program) == (it.sign, it.program)
    assert max(len(it.program) for it in found) > 4  # they were not so small to begin with


def test_what_was_kept_is_played_first(planted: Pair, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "kept")
    program = read("p0 enforce fs=make_reg\np0 rename a/f a/g\np0 fork = p1")
    sign = Sign("rename", "allowed", "EACCES", Whose.LANDLOCK)
    path = folder.keep(Finding("one", "other", sign, program))
    assert path.read_text().startswith("# Of the last step, one gives EACCES, other allowed.\n")
    (tmp_path / "kept" / "bad.txt").write_text("nonsense")
    programs, bad = folder.programs()
    assert programs == {path.stem: program}
    assert len(bad) == 1
    told: list[Finding] = []
    tally = _replayed(planted, programs, told)
    assert [(it.sign, it.program, it.was_kept) for it in told] == [(sign, program[:2], True)]
    assert (tally.replayed, tally.settled, tally.programs) == (1, 0, 0)
    tally = _replayed(_pair(), programs, told)
    assert (tally.replayed, tally.settled, len(told)) == (1, 1, 1)


def _replayed(pair: Pair, programs: dict[str, Program], told: list[Finding]) -> Tally:
    def keep(it: Finding | Agreement | Tally) -> None:
        if isinstance(it, Finding):
            told.append(it)

    hunt = Hunt(pair, 0, time.monotonic(), 0, keep)
    hunt.replay(programs.values())
    return hunt.tally
