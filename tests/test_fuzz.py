# SPDX-License-Identifier: MIT
"""Fuzzing: what is planted is found and made small, kept, and played first the next time."""

import errno
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from suite.agent import wire
from suite.errors import UsageError
from suite.explore.causes import Which
from suite.fuzz.action import Word
from suite.fuzz.actions import ACTIONS, OPTIONS, PATHS
from suite.fuzz.compare import Pair
from suite.fuzz.explain import Explains
from suite.fuzz.finding import Agreement, Finding, Sign, Tally, Whose
from suite.fuzz.hunt import Hunt
from suite.fuzz.kept import Folder, load
from suite.fuzz.program import Program, name_of, read, written
from suite.fuzz.run import DEVICE
from suite.fuzz.shrink import shrunk, tidy
from suite.fuzz.subject import Subject
from suite.model import moves
from suite.model.landlock import Model
from suite.model.landlock import Subject as Subjects
from suite.model.verdicts import Denial
from suite.process.uapi import AT_REMOVEDIR
from tests.explorations import Altered, Alters, model, numbered

NEWEST = "model:11"
PROGRAMS = Path(__file__).parent / "data" / "fuzz"


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
    tallies = [_hunted(_pair("model:7"), 15, seed)[0].tally for seed in (5, 5, 6)]
    for it in tallies:
        it.seconds = 0
    assert tallies[0] == tallies[1] != tallies[2]


def test_programs_that_reach_new_code_are_what_others_begin_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three reach one counter more each."""

    def kept(pair: Pair) -> int:
        hunt, _ = _hunted(pair, 8)
        assert hunt.tally.reached == len(reached)
        return len(hunt._fresh)

    reached: set[tuple[str, int]] = set()
    told = chain([1, 2, 2, 3], repeat(3))

    def read_counters() -> frozenset[tuple[str, int]]:
        reached.add(("fs.gcda", next(told)))
        return frozenset(reached)

    of_model = kept(_pair())
    pair = _pair()
    monkeypatch.setattr(pair.target.target, "reached", read_counters)
    assert kept(pair) == of_model + 3


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
    folder.make()
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


# On the running kernel

MakePair = Callable[..., Pair]


@pytest.fixture
def local() -> Iterator[MakePair]:
    """Makes a pair of the running kernel, altered, and its model."""
    made: list[Subject] = []

    def make(
        alters: Alters = lambda _op, record: record,
        is_deadly: Callable[[wire.Op], bool] = lambda _op: False,
    ) -> Pair:
        target = Subject(Altered("local", alters, is_deadly))
        made.append(target)
        facts = target.up().facts
        if not facts.abi:
            pytest.skip("the running kernel has no Landlock")
        return Pair("local", target, NEWEST, Subject(model(str(Which.of(facts)))))

    yield make
    for subject in made:
        subject.stop()


@pytest.mark.parametrize("path", sorted(PROGRAMS.iterdir()), ids=lambda it: it.stem)
def test_programs_on_which_a_model_differed_once_show_nothing(path: Path, local: MakePair) -> None:
    pair = local()
    assert pair.target.up().private or "mount" not in path.read_text()
    assert pair.steadily(load(path)) is None
    assert path.read_text().startswith("# ")  # what was wrong


def test_the_running_kernel_gives_what_its_model_gives(local: MakePair) -> None:
    pair = local()
    explains = Explains(Which.of(pair.target.up().facts), model)
    hunt, found = _hunted(pair, 25)
    kernels = [it for it in found if it.lines and it.sign.whose.is_kernels]
    assert [it for it in kernels if not explains(it.sign, it.program)] == []
    assert hunt.tally.programs == 25


def test_what_differs_without_a_domain_is_not_of_landlock(local: MakePair) -> None:
    """As where something else denies, in every domain and out of it."""

    def alters(op: wire.Op, record: wire.Record) -> wire.Record:
        is_it = op.nr == numbered("truncate") and not record.failed
        return wire.Record(record.status, -errno.EACCES) if is_it else record

    program = read("p0 fork = p1\np1 enforce fs=make_sym\np1 truncate a/f")
    found = local(alters).steadily(program)
    assert found == (Sign("truncate", "allowed", "EACCES", Whose.OTHERS), program)


def test_a_program_that_a_kernel_dies_of_is_made_small_and_told(local: MakePair) -> None:
    def is_deadly(op: wire.Op) -> bool:
        return op.nr == numbered("unlinkat") and op.args[2] == AT_REMOVEDIR

    pair = local(is_deadly=is_deadly)
    steps = ["p0 create a/g", "p0 open a/g r = file0", "p0 rmdir b/d", "p0 fork = p1"]
    found: list[Finding] = []

    def told(it: Finding | Agreement | Tally) -> None:
        if isinstance(it, Finding):
            found.append(it)

    hunt = Hunt(pair, 0, time.monotonic(), 0, told)
    shown = pair.judged(read("\n".join(steps)))
    assert shown is not None
    hunt._settle(*shown)
    assert [str(it) for it in found[-1].program] == ["p0 rmdir a"]
    assert found[-1].sign == Sign("", "", "crashed: Kernel panic - not syncing", Whose.DEATH)
    assert '    unlinkat(AT_FDCWD, "a", AT_REMOVEDIR)' in found[-1].lines


def test_nobody_but_who_fuzzes_waits_for_hypothesis() -> None:
    modules = "suite.cli.fuzz, suite.cli.repro, suite.cli.explore, suite.run.plugin"
    code = f"import sys, {modules}; sys.exit('hypothesis' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_known_bug_that_a_difference_looks_like_is_named() -> None:
    program = read("p0 enforce net=connect_tcp\np0 socket tcp = tcp0\np0 send-first tcp0 port0")
    bypass, right = f"{NEWEST}+bugs=tcp-fast-open-bypass", Which(11, frozenset({1, 2, 3, 4}))
    shown = _pair(bypass, NEWEST).steadily(program)
    assert shown is not None
    assert (shown[0].ours, shown[0].whose) == ("EACCES", Whose.LANDLOCK)
    assert Explains(right, model)(*shown) == "the known bug tcp-fast-open-bypass"
    planted = _pair("model:6+errata=1,3,4", "model:6").steadily(
        read("p0 thread = p1\np1 enforce scope=signal\np1 signal-thread p0")
    )
    assert planted is not None
    errata = frozenset({1, 2, 3, 4})
    assert Explains(Which(6, errata), model)(*planted) == "what erratum 2 fixes"


# Programs


def test_a_program_is_what_its_text_says() -> None:
    text = "p0 fork = p1\np1 open a/f rw = file0\np1 enforce fs=make_reg,refer a:refer x=3\n"
    program = read(f"# a note\n\n{text}")
    assert written(program) == text
    assert read(written(program, ["a note"])) == program
    assert name_of(program) != name_of(program[:2])
    assert program[1].gives == "file0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no step"),
        ("p0", "no step of a program: 'p0'"),
        ("p0 fork =", "no step of a program: 'p0 fork ='"),
        ("p0 fork", "needs a name for what it makes"),
        ("p0 dance", "step 1: there is no 'dance'"),
        ("p0 mkdir", "step 1: mkdir takes a path that nothing may have yet"),
        ("p0 exit now", "step 1: exit takes nothing"),
        ("p0 exit = p1", "exit needs no name"),
        ("p1 exit", "step 1: there is no 'p1'"),
        ("p0 fork = p1\np0 close file0", "step 2: there is no 'file0'"),
        ("p0 open a/f rwx = file0", "step 1: 'rwx' is not how a file is opened, of r, w"),
        ("p0 open /etc/passwd w = file0", "step 1: '/etc/passwd' is not a path that can be opened"),
        ("p0 enforce fs=fly", "there is no 'fly'"),
        ("p0 enforce x=99", "no word of a ruleset: 'x=99'"),
        ("p0 enforce /etc:read_file", "no word of a ruleset: '/etc:read_file'"),
        ("p0 socket tcp = tcp0\np0 bind tcp0 port9", "step 2: 'port9' is not an address"),
    ],
)
def test_what_is_no_program_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "it.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"{path.name}: ") as raised:
        load(path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_shrunk_program_has_no_step_word_or_process_that_it_does_not_need() -> None:
    program = read(
        "p0 fork = p1\np1 open b/f wct = file3\np1 fork = p5\np5 enforce fs=make_reg,refer x=9\n"
        "p5 chdir a\np5 truncate b/f\np5 close file3"
    )

    def shows(it: Program) -> Program | None:
        return it if all(word in written(it) for word in ("make_reg", "truncate")) else None

    steps = [*shrunk(program, shows)]
    assert [str(it) for it in tidy(steps[-1])] == ["p0 enforce fs=make_reg", "p0 truncate a/f"]
    assert len(steps) > 1


def test_names_of_a_tidy_program_are_in_order() -> None:
    program = read("p0 fork = p4\np4 open a/f r = file7\np4 give file7 p0 = file9\np0 read file9")
    assert written(tidy(program)) == (
        "p0 fork = p1\np1 open a/f r = file0\np1 give file0 p0 = file1\np0 read file1\n"
    )


def test_no_action_leads_out_of_the_folder_of_a_program() -> None:
    """As root on a machine of somebody else, a program must not change anything."""
    for action in ACTIONS.values():
        for path in (it for kind in action.takes if kind in PATHS for it in OPTIONS[kind]):
            assert path != ".."
            assert not path.startswith("/") or (path == DEVICE and Word.OPENED in action.takes)
