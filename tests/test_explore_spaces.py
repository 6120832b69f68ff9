# SPDX-License-Identifier: MIT
"""Spaces: numbers are programs, all of them and each once; and what a kernel gives on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from errno import EACCES, EBADF
from itertools import product
from math import comb

import pytest

from suite.agent.wire import encode_program
from suite.errors import UsageError
from suite.explore.explorer import play, started
from suite.explore.given import DENIALS, word
from suite.explore.script import labels, on_paper, written
from suite.explore.space import Space, digits, named
from suite.explore.spaces import SPACES, flags, logs, paths, ports, refer, relations
from suite.explore.spaces.programs import CALLS
from suite.landlock.abi import RESTRICT
from suite.targets.base import Ground
from suite.targets.local import LocalTarget
from tests.explorations import model


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    target = LocalTarget()
    try:
        ground = target.start()
        if not ground.facts.abi:
            pytest.skip("the running kernel has no Landlock")
        yield ground
    finally:
        target.stop()


def _sample(space: Space, count: int) -> list[int]:
    """Numbers from all over a space: the first ones, and others evenly apart."""
    return sorted({*range(count), *range(0, space.size, space.size // count), space.size - 1})


def _program(space: Space, number: int) -> bytes:
    """All that is asked of a kernel, as bytes."""
    pending = on_paper(space.scene, number).session.pending
    return encode_program(1, pending.ops)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_another_number_is_another_program(space: Space) -> None:
    numbers = _sample(space, 10)
    assert len({_program(space, it) for it in numbers}) == len(numbers)
    assert _program(space, 7) == _program(space, 7)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_labels_of_a_program_tell_its_decisions_apart(space: Space) -> None:
    for number in _sample(space, 5):
        names = labels(space, number)
        assert names == tuple(on_paper(space.scene, number).labels)
        assert len(set(names)) == len(names)


def test_the_numbers_of_digits_are_all_combinations() -> None:
    assert {tuple(digits(it, 3, 4, 5)) for it in range(3 * 4 * 5)} == set(
        product(range(3), range(4), range(5))
    )


def test_a_right_sees_every_combination_of_policies() -> None:
    """Each right of a program has another policy; over all programs, each has all."""
    for module, slices, layers in ((paths, paths.SLICES, 3), (ports, ports.SLICES, 3)):
        count = len(module.POLICIES)
        assert len({it.shift % count for it in slices}) == len(slices)
        assert SPACES[module.__name__.rpartition(".")[2]].size == count**layers
        assert len(set(module.POLICIES)) == count
    assert len(paths.POLICIES) == 1 + 2**4
    assert len(ports.POLICIES) == 1 + 2**5


def test_of_two_folders_that_could_be_swapped_there_is_one() -> None:
    pairs = [refer.pair(it) for it in range(refer.PAIRS)]
    assert len(set(pairs)) == len(pairs)
    assert {*pairs, *((second, first) for first, second in pairs)} == set(
        product(range(256), repeat=2)
    )
    assert SPACES["refer"].size == 5**4 + len(pairs)


def test_policies_of_folders_are_all_different() -> None:
    numbers = [*range(5**4), *range(5**4, SPACES["refer"].size, 53)]
    found = [tuple(refer.policies(it)) for it in numbers]
    assert len(set(found)) == len(found)
    assert [len(it) for it in found] == [1] * 5**4 + [2] * (len(found) - 5**4)


def test_trees_are_as_many_as_there_are() -> None:
    """Counted without making them: of trees, by their size, and of sets of them."""
    own = {True: 5, False: 11}  # what a process enforces: a leaf; one that has children

    def sets(sizes: dict[int, int], total: int, largest: int) -> int:
        if total == 0:
            return 1
        if largest == 0:
            return 0
        return sum(
            comb(sizes[largest] + count - 1, count)
            * sets(sizes, total - count * largest, largest - 1)
            for count in range(total // largest + 1)
        )

    counted = {1: own[True]}
    for size in (2, 3, 4):
        counted[size] = own[False] * sets(counted, size - 1, size - 1)
    found = relations.trees()
    assert len(set(found)) == len(found) == SPACES["relations"].size
    assert [sum(it.processes == size for it in found) for size in (2, 3, 4)] == [
        counted[size] for size in (2, 3, 4)
    ]
    sizes = [(it.processes, it.layers) for it in found]
    assert sizes == sorted(sizes)


def test_programs_are_of_forty_calls() -> None:
    assert len(CALLS) == 40
    assert SPACES["programs"].size == 40**3


def _denied(ground: Ground, space: Space, numbers: list[int]) -> Iterator[tuple[int, list[str]]]:
    for number, given in play(ground, space, numbers):
        assert not given.fault
        names = labels(space, number)
        yield number, [it for it, code in zip(names, given.codes, strict=True) if code in DENIALS]


def test_a_path_is_denied_by_each_layer_without_a_rule_above(ground: Ground) -> None:
    space = SPACES["paths"]
    for number, denied in _denied(ground, space, _sample(space, 60)):
        layers = digits(number, *[len(paths.POLICIES)] * 3)
        owed = [
            f"{its.label} {depth}"
            for its in paths.SLICES
            for depth in range(4)
            if its.right.since <= ground.facts.abi
            and any(
                places is not None and not any(place <= depth for place in places)
                for it in layers
                for places in [paths.POLICIES[(it + its.shift) % len(paths.POLICIES)]]
            )
        ]
        if not paths._makes_devices(ground.facts):
            on_devices = ("ioctl_dev", "make_char", "make_block")
            owed = [it for it in owed if not it.startswith(on_devices)]
        assert denied == owed


def test_a_port_is_denied_by_each_layer_without_its_rule(ground: Ground) -> None:
    space = SPACES["ports"]
    for number, denied in _denied(ground, space, _sample(space, 60)):
        layers = digits(number, *[len(ports.POLICIES)] * 3)
        owed = {
            f"{its.label} {port}"
            for its in ports.SLICES
            for port in ports.PORTS
            if its.right.since <= ground.facts.abi
            and any(
                allowed is not None and port not in allowed
                for it in layers
                for allowed in [ports.POLICIES[(it + its.shift) % len(ports.POLICIES)]]
            )
        }
        found = {" ".join(it.split()[:2]) for it in denied if not it.startswith("unbound")}
        assert found == owed


def test_a_process_acts_on_none_that_is_in_no_domain_of_its_own(ground: Ground) -> None:
    """ptrace(2): on itself and what is beneath, if it is in a domain at all."""
    space = SPACES["relations"]
    for number, denied in _denied(ground, space, _sample(space, 40)):
        domains = list(_domains(relations.trees()[number], ()))
        owed = [
            f"ptrace p{one}→p{other}"
            for one, mine in enumerate(domains)
            for other, its in enumerate(domains)
            if one != other and its[: len(mine)] != mine
        ]
        assert [it for it in denied if it.startswith("ptrace")] == owed


def _domains(tree: relations.Tree, above: tuple[object, ...]) -> Iterator[tuple[object, ...]]:
    """The domain of each process: the layers, each of which is an object of its own."""
    inherited = (*above, *(object() for _ in range(tree.before)))
    yield (*inherited, *(object() for _ in range(tree.after)))
    for child in tree.children:
        yield from _domains(child, inherited)


def test_trees_of_tasks_are_as_many_as_there_are() -> None:
    """Rooted trees whose edges are of two kinds: OEIS A000151."""
    found = [[it for it in flags._tasks(size) if not it.is_thread] for size in range(1, 5)]
    assert [len(set(it)) for it in found] == [len(it) for it in found] == [1, 2, 7, 26]
    assert len(set(flags.programs())) == len(flags.programs()) == SPACES["flags"].size


@dataclass
class _Task:
    """What a task has, stated without the model."""

    process: int
    layers: set[str]
    no_new_privs: bool = False


def _become(it: flags.Pair, abi: int) -> list[_Task]:
    """What the tasks of two calls become: TSYNC gives a process's other tasks what the caller has.

    Source: Documentation/userspace-api/landlock.rst; prctl(2), PR_SET_NO_NEW_PRIVS.
    """
    tasks: list[_Task] = []

    def call(place: int, way: flags.Way, layer: str) -> None:
        caller = tasks[place]
        caller.no_new_privs |= way.sets_it_before
        if way.flags.since > abi:
            return
        caller.no_new_privs |= RESTRICT.NO_NEW_PRIVS in way.flags
        if way.has_ruleset:
            caller.layers.add(layer)
        if RESTRICT.TSYNC in way.flags:
            for other in tasks:
                if other.process == caller.process:
                    other.layers = set(caller.layers)
                    other.no_new_privs |= caller.no_new_privs

    def grow(task: flags.Task, parent: _Task | None) -> None:
        place = len(tasks)
        of = parent if parent and task.is_thread else None
        inherited = (set(parent.layers), parent.no_new_privs) if parent else (set(), False)
        tasks.append(_Task(of.process if of else place, *inherited))
        if it.early and place == it.first:
            call(place, it.one, "first")
        made = tasks[place]
        for child in task.children:
            grow(child, made)

    grow(it.root, None)
    if not it.early:
        call(it.first, it.one, "first")
    call(it.second, it.other, "second")
    return tasks


@pytest.mark.parametrize("where", ["local", "model:11"])
def test_tasks_become_what_two_calls_make_of_them(where: str, ground: Ground) -> None:
    space = SPACES["flags"]
    target = model(where) if where != "local" else None
    ground = target.start() if target else ground
    numbers = [it for it in _sample(space, 150) if isinstance(flags.programs()[it], flags.Pair)]
    for number, given in play(ground, space, numbers):
        program = flags.programs()[number]
        assert isinstance(program, flags.Pair)
        codes = dict(zip(labels(space, number), given.codes, strict=True))
        tasks = _become(program, ground.facts.abi)
        for place, task in enumerate(tasks):
            assert (codes[f"write t{place}"] == EACCES) is ("first" in task.layers), number
            assert (codes[f"read t{place}"] == EACCES) is ("second" in task.layers), number
            assert (codes[f"no_new_privs t{place}"] == EBADF) is task.no_new_privs, number


@dataclass
class _Layer:
    """A layer of a history, as its log goes."""

    it: logs.Layer
    muted: bool
    executed: bool = False
    """Whether another program was executed since."""

    @property
    def is_logged(self) -> bool:
        """Whether a denial of it is told.

        Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_LOG_*.
        """
        off, on = RESTRICT.LOG_SAME_EXEC_OFF, RESTRICT.LOG_NEW_EXEC_ON
        wanted = on in self.it.flags if self.executed else off not in self.it.flags
        return wanted and not self.muted and not self.it.quiet


def _logged(actions: list[logs.Action]) -> list[_Layer]:
    layers: list[_Layer] = []
    off = False
    for action in actions:
        if isinstance(action, logs.Layer):
            layers.append(_Layer(action, muted=off))
            off |= RESTRICT.LOG_SUBDOMAINS_OFF in action.flags
        elif action == logs.OFF:
            off = True
        elif action == logs.EXEC:
            for it in layers:
                it.executed = True
    return layers


def test_a_denial_is_logged_as_the_flags_of_its_layer_and_of_those_before_say() -> None:
    space = SPACES["logs"]
    ground = started(model("model:11"))
    words = set()
    for number, given in play(ground, space, _sample(space, 200)):
        layers = _logged(logs.history(number))
        found = dict(zip(labels(space, number), map(word, given.codes), strict=True))
        told = [found[it] for it in found if it.startswith("log ")]
        owed = ["logged" if it.is_logged else "not logged" for it in layers]
        assert told == [*owed, *["no event"] * (3 - len(owed))], logs.history(number)
        words |= {*told}
    assert words == {"logged", "not logged", "no event"}


def test_no_trace_is_begun_on_a_machine_that_is_not_ours(ground: Ground) -> None:
    space = SPACES["logs"]
    ((_, given),) = play(ground, space, [0])
    found = dict(zip(labels(space, 0), map(word, given.codes), strict=True))
    assert {found[it] for it in found if it.startswith("log ")} == {"left out"}
    assert found["deny write_file"] == "EACCES"


def test_a_written_program_shows_its_layers_and_the_decision() -> None:
    lines = written(SPACES["refer"], 800, "link ab")
    assert sum("landlock_restrict_self(" in it for it in lines) == 2
    assert 'linkat(3, "l0", 4, "l0", 0)' in lines[-1]
    assert not any("mknodat" in it for it in lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path:1", "there is no space 'path' (there is paths, refer, ports"),
        ("paths:4913", "programs of paths have numbers from 0 to 4912"),
        ("paths:-1", "numbers from 0"),
        ("paths:", "numbers from 0"),
    ],
)
def test_a_name_that_means_no_program_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        named(text, SPACES)
    assert said in str(caught.value)


def test_a_name_is_that_of_its_program() -> None:
    assert str(named("ports:12", SPACES)) == "ports:12"
