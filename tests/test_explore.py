# SPDX-License-Identifier: MIT
"""Explorations: what is planted is found, nothing is lost, and nothing is done twice."""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from suite.agent import wire
from suite.errors import Exit, InfrastructureError
from suite.explore.alone import alone
from suite.explore.causes import Causes, Which
from suite.explore.compare import (
    Difference,
    Kind,
    Kinds,
    between_kernels,
    by_features,
    differences,
    in_manners,
)
from suite.explore.exploration import Exploration, Part
from suite.explore.given import ALLOWED, NOT_MODELLED, Given
from suite.explore.ledger import Ledger, Row
from suite.explore.manner import MANNERS, Relation, manners_of
from suite.explore.pool import Pool
from suite.explore.script import labels
from suite.explore.spaces import SPACES, revisions
from suite.explore.spaces.programs import CALLS
from suite.explore.worker import Chunk, Down, Up, chunks
from suite.judge.records import Facts
from suite.landlock.abi import NEWEST
from suite.model import paths as model_of_paths
from suite.process.process import Process
from suite.process.uapi import AT_FDCWD
from suite.targets.base import Ground
from suite.targets.local import LocalTarget
from tests.explorations import (
    Altered,
    Alters,
    Silent,
    explored,
    kept_target,
    made_here,
    model,
    numbered,
)

PATHS, PROGRAMS = SPACES["paths"], SPACES["programs"]
FEW = Part(most=6, every=0)


@pytest.fixture(scope="module")
def facts() -> Facts:
    """Of the running kernel."""
    target = LocalTarget()
    try:
        return target.start().facts
    finally:
        target.stop()


@pytest.fixture(autouse=True)
def needs_landlock(facts: Facts) -> None:
    if not facts.abi:
        pytest.skip("the running kernel has no Landlock")


def _allowing(name: str, only: Callable[[wire.Op], bool] = lambda _op: True) -> Alters:
    """Let a system call pass that Landlock denies."""

    def alters(op: wire.Op, record: wire.Record) -> wire.Record:
        denied = op.nr == numbered(name) and record.value == -errno.EACCES and only(op)
        return wire.Record(record.status, 0) if denied else record

    return alters


def test_equal_targets_do_not_differ(tmp_path: Path) -> None:
    targets = [Altered("one"), Altered("two")]
    found, watcher = explored(tmp_path / "state", targets, [*SPACES.values()], FEW)
    assert not found.kinds
    assert not found.faults
    assert watcher.programs == 2 * 6 * len(SPACES) == sum(it.programs for it in found.tallies)
    assert found.decisions == sum(it.decisions for it in found.tallies) > 2 * 6 * 64


def test_a_wrong_answer_of_a_kernel_is_found_with_the_smallest_program(tmp_path: Path) -> None:
    targets = [Altered("right"), Altered("wrong", _allowing("truncate"))]
    found, _ = explored(tmp_path / "state", targets, [PATHS], Part(most=20, every=0))
    assert found.unexplained
    for kind in found.unexplained:
        assert kind.why == "of the same ABI version and errata"
        assert {it.label.split()[0] for it in kind.first} == {"truncate"}
        sides = {str(kind.ours): kind.first[0].ours, str(kind.theirs): kind.first[0].theirs}
        assert sides == {"right": "EACCES", "wrong": "allowed"}
    assert found.unexplained[0].first[0].number == min(
        it.number for kind in found.unexplained for it in kind.first
    )


def test_a_wrong_rule_of_the_model_is_found(
    tmp_path: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(Which.of(facts))]
    part = Part(most=8, every=0)
    right, _ = explored(tmp_path / "right", [Altered("local")], [PATHS], part, names)
    assert not right.unexplained
    assert {it.target.name for it in right.tallies} == {"local", *names}
    monkeypatch.setattr(model_of_paths, "removing", lambda *, is_dir: 0 * is_dir)
    wrong, _ = explored(tmp_path / "wrong", [Altered("local")], [PATHS], part, names)
    assert {it.first[0].label.split()[0] for it in wrong.unexplained} == {
        "remove_dir",
        "remove_file",
    }
    assert {it.why for it in wrong.unexplained} == {"not as the model"}


def test_a_manner_that_changes_what_is_given_is_found(tmp_path: Path) -> None:
    """Such as a kernel that takes absolute paths for something else."""
    alters = _allowing("unlinkat", only=lambda op: op.args[0] == AT_FDCWD)
    target = Altered("odd", alters)
    found, _ = explored(tmp_path / "state", [target], [PATHS], Part(most=3, every=1))
    assert {it.theirs.manner for it in found.unexplained} == {
        "absolute-path",
        "bind-mount",
        "proc-fd",
    }
    assert {it.first[0].label.split()[0] for it in found.unexplained} == {
        "remove_dir",
        "remove_file",
    }


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_programs_give_the_same_in_every_manner(space: object, tmp_path: Path) -> None:
    assert isinstance(space, type(PATHS))
    part = Part(first=space.size // 3, most=2, every=1)
    found, watcher = explored(tmp_path / "state", [Altered("local")], [space], part)
    tried = manners_of(space.name, found.tallies[0].target.facts.abi)
    assert watcher.programs == 2 + 2 * len(tried)
    assert not found.kinds
    assert not found.faults
    (tally,) = found.tallies
    assert tally.again == len(tried) * tally.decisions
    assert tally.decisions


def test_a_domain_that_is_lost_by_execve_is_found(tmp_path: Path) -> None:
    executed: set[int] = set()

    def alters(op: wire.Op, record: wire.Record) -> wire.Record:
        if op.kind is wire.OpKind.EXEC:
            executed.add(op.process)
        elif op.kind is wire.OpKind.KILL:
            executed.discard(op.process)
        elif op.process in executed and record.value == -errno.EACCES:
            return wire.Record(record.status, 0)
        return record

    found, _ = explored(tmp_path / "state", [Altered("odd", alters)], [PATHS], Part(1, 2, every=1))
    assert {it.theirs.manner for it in found.unexplained} == {"exec"}
    assert {it.why for it in found.unexplained} == {"exec has to give the same"}


def test_a_program_that_did_not_enter_its_domain_has_decided_nothing(tmp_path: Path) -> None:
    """Or it would say nothing, and nobody would know."""

    def alters(op: wire.Op, record: wire.Record) -> wire.Record:
        if op.kind is wire.OpKind.EXEC:
            return wire.Record(record.status, -errno.ENOMEM)
        return record

    found, _ = explored(tmp_path / "state", [Altered("odd", alters)], [PATHS], Part(1, 2, every=1))
    assert [(manner, number) for _, manner, number, _ in found.faults] == [("exec", 1)]
    assert found.faults[0][-1].endswith("ENOMEM")


@pytest.mark.parametrize(
    ("relation", "plain", "other", "holds"),
    [
        (Relation.SAME, ALLOWED, errno.EACCES, False),
        (Relation.SAME, errno.EACCES, errno.EXDEV, False),
        (Relation.SAME, errno.EACCES, errno.EACCES, True),
        (Relation.SAME, errno.EACCES, NOT_MODELLED, True),
        (Relation.NO_MORE, ALLOWED, errno.EACCES, True),
        (Relation.NO_MORE, errno.ENOTEMPTY, errno.EACCES, True),
        (Relation.NO_MORE, errno.EACCES, ALLOWED, False),
        (Relation.NO_MORE, errno.EACCES, errno.ENOTEMPTY, False),
        (Relation.NO_MORE, errno.EACCES, errno.EXDEV, True),
    ],
)
def test_relations_hold_or_fail(relation: Relation, plain: int, other: int, holds: bool) -> None:
    assert relation.holds(plain, other) is holds
    row = Row(3, Given(bytes([plain] * 64)), Given(bytes([other] * 64)))
    assert bool([*differences(PATHS, row, relation)]) is not holds


def test_a_further_layer_that_grants_is_found(tmp_path: Path) -> None:
    kinds = Kinds()
    with Ledger(tmp_path / "state", {}) as ledger:
        target = kept_target(ledger, 7, _but(read_file=errno.EACCES))
        ledger.keep(target, "paths", "further-layer", [(0, Given(bytes(64)))])
        in_manners(ledger, PATHS, target, [MANNERS["further-layer"]], kinds)
    (kind,) = kinds.all()
    assert (kind.first[0].label, kind.count, kind.expected) == ("read_file 0", 1, False)


def _but(**codes: int) -> bytes:
    """What ``paths`` gives if all is allowed but these decisions, in the first folder."""
    names = labels(PATHS, 0)
    return bytes(codes.get(it.split()[0], 0) if it.endswith(" 0") else 0 for it in names)


def _between(ledger: Ledger, codes: dict[int, bytes]) -> Sequence[Kind]:
    kinds = Kinds()
    kept = [kept_target(ledger, abi, given) for abi, given in codes.items()]
    between_kernels(ledger, PATHS, kept, by_features, kinds)
    return kinds.all()


def test_what_a_newer_version_knows_is_predicted_and_nothing_else(tmp_path: Path) -> None:
    with Ledger(tmp_path / "one", {}) as ledger:
        (kind,) = _between(ledger, {2: bytes(64), 7: _but(truncate=errno.EACCES)})
    assert (kind.why, kind.expected, kind.count) == ("fs.truncate (ABI 3)", True, 1)
    with Ledger(tmp_path / "two", {}) as ledger:
        (kind,) = _between(ledger, {2: bytes(64), 7: _but(read_file=errno.EACCES)})
    assert (kind.why, kind.expected) == ("no change between them predicts it", False)
    with Ledger(tmp_path / "three", {}) as ledger:
        (kind,) = _between(ledger, {3: bytes(64), 7: _but(truncate=errno.EACCES)})
    assert not kind.expected


def test_targets_are_compared_on_what_both_have_played_whoever_is_between(tmp_path: Path) -> None:
    """Such as one that was given up, or has played less by now."""
    kinds = Kinds()
    with Ledger(tmp_path / "state", {}) as ledger:
        older, between, newer = (kept_target(ledger, it, bytes(64)) for it in (2, 5, 7))
        for kernel, codes in ((older, bytes(64)), (newer, _but(truncate=errno.EACCES))):
            ledger.keep(kernel, "paths", "", [(1, Given(codes))])
        between_kernels(ledger, PATHS, [older, between, newer], by_features, kinds)
    (kind,) = kinds.all()
    assert (kind.ours.target, kind.theirs.target) == ("abi-2", "abi-7")
    assert [it.number for it in kind.first] == [1]


def test_a_model_tells_which_change_flips_a_decision() -> None:
    """By no label alone: the program sends a signal behind a layer with a scope."""
    names = [*CALLS]
    closed, signal = names.index("enforce-closed"), names.index("signal-parent")
    number = closed + len(names) * signal
    older, newer = Which(2), Which(NEWEST, frozenset({1, 2, 3}))
    it = Difference("programs", number, "2 signal-parent", "allowed", "EPERM")
    assert Causes(model).between(older, newer, PROGRAMS, it) == "ABI 6"


def test_two_models_differ_by_what_their_names_say(tmp_path: Path) -> None:
    names = ["model:7", "model:7+bugs=rule-unions"]
    targets = [model(it) for it in names]
    found, _ = explored(tmp_path / "state", targets, [PATHS], Part(most=8, every=0), names)
    assert {(it.why, it.expected) for it in found.kinds} == {("the bug rule-unions", True)}


def test_one_change_after_the_other_leads_from_one_landlock_to_another() -> None:
    older, newer = Which(2, frozenset(), frozenset({"cred-transfer"})), Which(4, frozenset({1}))
    steps = [*older.steps_to(newer)]
    assert [name for name, _ in steps] == ["ABI 3", "ABI 4", "erratum 1", "the bug cred-transfer"]
    assert steps[-1][1] == newer


def test_a_model_has_the_bugs_of_a_release() -> None:
    facts = Facts(release="5.19.7", version="", machine="x86_64", abi=2, errata=None)
    which = Which.of(facts)
    assert "refer-without-right" in which.bugs
    assert str(which).startswith("model:2+errata=none+bugs=")
    fixed = Facts(release="5.19.8", version="", machine="x86_64", abi=2, errata=0b101)
    assert "refer-without-right" not in Which.of(fixed).bugs
    assert str(Which.of(fixed)).startswith("model:2+errata=3+")  # erratum 1 is of ABI 4


def test_what_was_found_is_found_again_without_playing(tmp_path: Path, facts: Facts) -> None:
    targets = [Altered("right"), Altered("wrong", _allowing("truncate"))]
    models = [str(Which.of(facts))]
    found, _ = explored(tmp_path / "state", targets, [PATHS], Part(most=9, every=4), models)
    assert found.unexplained
    with Ledger(tmp_path / "state", revisions(), to_read=True) as ledger:
        assert ledger.targets == ["right", "wrong", *models]
        again = Exploration(ledger, ["right", "wrong"], [PATHS], Part(), Silent(), Causes(model))
        again.recall()
        assert again.found() == found
        ledger.give_up("wrong", "refuses what it claims", Exit.DEVIATES)
        again.recall()
        assert again.found().down == {"wrong": Down("refuses what it claims", Exit.DEVIATES)}


def test_the_program_that_a_kernel_dies_of_is_told_and_the_others_are_played(
    tmp_path: Path,
) -> None:
    target = Altered(
        "mortal", is_deadly=lambda op: any(b"make_dir5\0" in it.data for it in op.buffers)
    )
    found, _ = explored(tmp_path / "state", [target], [PATHS], Part(most=12, every=0))
    assert [(manner, number, why) for _, manner, number, why in found.faults] == [
        ("", 5, "crashed: Kernel panic - not syncing")
    ]
    assert found.tallies[0].programs == 12
    assert found.decisions == 11 * 64
    assert target.starts == 4  # to know it, to play, to play alone what was in flight, to go on


class _Shared(Altered):
    """A target without namespaces of its own."""

    def start(self) -> Ground:
        return replace(super().start(), private=False)


def test_a_target_in_the_machines_own_network_is_not_explored(tmp_path: Path) -> None:
    """What a program sends would leave it, and what it gives is another machine's."""
    target = _Shared("shared")
    with pytest.raises(InfrastructureError, match="run it as root, or where users may make"):
        explored(tmp_path / "state", [target], [PATHS], Part(most=1))


class _Heard:
    def __init__(self) -> None:
        self.ups: dict[str, Up] = {}
        self.given: dict[str, dict[int, Given]] = {}
        self.downs: dict[str, Down] = {}

    def up(self, target: str, up: Up) -> None:
        self.ups[target] = up

    def played(self, chunk: Chunk, given: Iterable[tuple[int, Given]]) -> None:
        self.given.setdefault(chunk.target, {}).update(given)

    def down(self, target: str, down: Down) -> None:
        self.downs[target] = down


def test_workers_play_what_is_asked_for_on_several_targets() -> None:
    heard = _Heard()
    asked = {it: [*chunks(it, "paths", "", range(9), size=4)] for it in ("one", "two", "down")}
    with Pool(made_here, 2, heard) as pool:
        pool.run(asked)
    assert heard.downs == {"down": Down("it has no power")}
    assert {it: sorted(given) for it, given in heard.given.items()} == {
        "one": [*range(9)],
        "two": [*range(9)],
    }
    assert heard.given["one"] == heard.given["two"]
    assert set(heard.ups) == {"one", "two"}


def test_a_program_alone_has_its_calls_and_what_they_need() -> None:
    target = LocalTarget()
    try:
        with alone(target.start(), SPACES["refer"], 800) as played:
            lines = [it.told() for it in played.only("link ab")]
            assert len(played.labels) == len(played.given.codes) == len(played.decided)
            assert str(played.outcome("link ab")) in lines[-1]
    finally:
        target.stop()
    assert sum("landlock_restrict_self(" in it for it in lines) == 2
    assert sum("] linkat(" in it and '"l0"' in it for it in lines) == 1
    assert any("mknodat(" in it for it in lines)


@pytest.fixture
def lanes() -> Iterator[LocalTarget]:
    target = LocalTarget()
    yield target
    target.stop()


def test_scopes_of_two_lanes_are_in_flight_at_once(lanes: LocalTarget) -> None:
    """Each has ids of its own, so that no process meets one of the other's."""
    ground = lanes.start()
    session = ground.session
    one, other = session.lane(3), session.lane(3)
    first, second = (Process(it, ground.root.id) for it in (one, other))
    with one.scope(), other.scope():
        mine, its = first.fork(), second.fork()
        pids = mine.getpid(), its.getpid()
        one.launch()
        other.launch()
        assert pids[0].value != pids[1].value
        assert mine.id != its.id
    free = len(session._free)
    session.rejoin(one)
    session.rejoin(other)
    assert len(session._free) == free + 6
    session.flush()
    with pytest.raises(IndexError):
        one.new_process()
