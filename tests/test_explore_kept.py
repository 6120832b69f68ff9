# SPDX-License-Identifier: MIT
"""What an exploration keeps: it goes on where it was, and nothing that was played is lost."""

import errno
import sqlite3
from pathlib import Path

import pytest

from suite.errors import InfrastructureError, UsageError
from suite.explore import spaces
from suite.explore.exploration import Part
from suite.explore.given import ALLOWED, LEFT_OUT, NOT_MODELLED, Given
from suite.explore.ledger import Ledger
from suite.explore.spaces import SPACES, revisions
from suite.judge.records import Facts
from tests.explorations import (
    Altered,
    explored,
    kept_target,
    skip_without_landlock,
)

PATHS, PROGRAMS = SPACES["paths"], SPACES["programs"]
FEW = Part(most=6, every=0)


@pytest.fixture(scope="module", autouse=True)
def needs_landlock() -> None:
    skip_without_landlock()


def test_an_exploration_goes_on_where_it_was(tmp_path: Path) -> None:
    state = tmp_path / "state"
    _, first = explored(state, [Altered("local")], [PATHS], Part(most=5, every=0))
    _, second = explored(state, [Altered("local")], [PATHS], Part(most=9, every=0))
    found, third = explored(state, [Altered("local")], [PATHS], Part(most=9, every=0))
    assert (first.programs, second.programs, third.programs) == (5, 4, 0)
    whole, _ = explored(tmp_path / "whole", [Altered("local")], [PATHS], Part(most=9, every=0))
    assert found.decisions == whole.decisions == 9 * 64


def test_shards_are_the_whole_together(tmp_path: Path) -> None:
    parts = [Part(first=2, end=40, shard=it, of=3, every=4) for it in (1, 2, 3)]
    numbers = [number for part in parts for number in part.numbers(PATHS)]
    assert sorted(numbers) == list(range(2, 40))
    assert all(set(part.again(PATHS)) <= set(part.numbers(PATHS)) for part in parts)
    state = tmp_path / "state"
    for part in parts:
        explored(state, [Altered("local")], [PATHS], Part(2, 11, part.shard, 3, every=0))
    whole, watcher = explored(state, [Altered("local")], [PATHS], Part(2, 11, every=0))
    assert watcher.programs == 0
    assert whole.tallies[0].programs == 9


def test_what_a_target_can_not_show_is_counted_apart(tmp_path: Path) -> None:
    given = Given(bytes([ALLOWED, NOT_MODELLED, errno.EACCES, LEFT_OUT]))
    with Ledger(tmp_path / "state", {}) as ledger:
        target = kept_target(ledger, 7, bytes(64))
        ledger.keep(target, "refer", "", [(1, given), (2, Given(b"", "died"))])
        assert ledger.count(target, "refer", plain=True) == (2, 2, 2)
        assert ledger.count(target, "refer", plain=False) == (0, 0, 0)


def test_another_kernel_of_the_name_begins_anew(tmp_path: Path) -> None:
    facts = Facts(release="6.1", version="", machine="x86_64", abi=2, errata=0)
    newer = Facts(release="6.2", version="", machine="x86_64", abi=3, errata=0)
    with Ledger(tmp_path / "state", {}) as ledger:
        target, is_other = ledger.target("local", facts, "a")
        ledger.keep(target, "paths", "", [(1, Given(bytes(64)))])
        assert not is_other
        assert ledger.target("local", facts, "a") == (target, False)
        assert ledger.done("local", "paths", "") == {1}
        assert ledger.target("local", newer, "a")[1]
        assert ledger.done("local", "paths", "") == set()
        assert ledger.target("local", newer, "b")[1]


def test_programs_of_another_landproof_are_forgotten_and_no_others(tmp_path: Path) -> None:
    state, given = tmp_path / "state", Given(bytes(64))
    with Ledger(state, {"paths": "a", "refer": "a"}) as ledger:
        assert not ledger.others
        target = kept_target(ledger, 7, bytes(64))
        ledger.keep(target, "refer", "", [(1, given)])
    changed = {"paths": "a", "refer": "b", "ports": "a"}
    with Ledger(state, changed, to_read=True) as ledger:
        assert ledger.others == ["refer"]
        assert ledger.given(target, "refer", 1) == given
    with Ledger(state, changed) as ledger:
        assert ledger.others == ["refer"]
        assert ledger.given(target, "refer", 1) is None
        assert ledger.given(target, "paths", 0) == given
        assert ledger.spaces == ["paths"]
    with Ledger(state, changed) as ledger:
        assert not ledger.others


def test_a_file_that_did_not_tell_spaces_apart_can_be_read_and_begins_anew(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Ledger(state, {}) as ledger:
        target = kept_target(ledger, 7, bytes(64))
    with sqlite3.connect(state) as base:
        base.executescript(
            "DROP TABLE spaces; CREATE TABLE programs (revision TEXT);"
            "ALTER TABLE targets DROP given_up; ALTER TABLE targets DROP exit;"
        )
    base.close()
    now = {"paths": "a", "refer": "a"}
    with Ledger(state, now, to_read=True) as ledger:
        assert (ledger.others, ledger.targets) == (["paths"], ["abi-7"])
        assert ledger.given(target, "paths", 0)
    with Ledger(state, now) as ledger:
        assert (ledger.others, ledger.spaces) == (["paths"], [])


def test_another_scene_is_another_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    before = revisions()
    assert before.keys() == SPACES.keys()
    assert len({*before.values()}) == len(SPACES)
    monkeypatch.setattr(spaces, "digest", lambda paths: ",".join(it.name for it in paths))
    assert {name: text.split(",")[0] for name, text in revisions().items()} == {
        name: f"{name}.py" for name in SPACES
    }


def test_a_full_disk_costs_nothing_that_was_kept(tmp_path: Path) -> None:
    given = [(it, Given(bytes(64))) for it in range(10_000)]
    with Ledger(tmp_path / "state", {}) as ledger:
        target = kept_target(ledger, 7, bytes(64))
        (pages,) = ledger._base.execute("PRAGMA page_count").fetchone()
        ledger._base.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(InfrastructureError, match="is full; make room, and go on"):
            ledger.keep(target, "refer", "", given)
    with Ledger(tmp_path / "state", {}, to_read=True) as ledger:
        assert ledger.spaces == ["paths"]


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is no file"):
        Ledger(tmp_path, {})
    text, base = tmp_path / "text", tmp_path / "base"
    text.write_text("text" * 1000)
    with sqlite3.connect(base) as other:
        other.execute("CREATE TABLE targets (url TEXT)")
    other.close()
    for file in (text, base):
        before = file.read_bytes()
        with pytest.raises(InfrastructureError, match="no file of an exploration"):
            Ledger(file, {})
        assert file.read_bytes() == before


def test_what_is_only_read_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing was explored yet"):
        Ledger(tmp_path / "state", {}, to_read=True)
    assert not [*tmp_path.iterdir()]


def test_two_explorations_do_not_share_a_file(tmp_path: Path) -> None:
    with (
        Ledger(tmp_path / "state", {}),
        pytest.raises(InfrastructureError, match="an exploration uses it"),
    ):
        Ledger(tmp_path / "state", {}, patience_s=0)
