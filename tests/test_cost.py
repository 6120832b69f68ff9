# SPDX-License-Identifier: MIT
"""``landproof cost``: what is measured, how runs become one, and what is told of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import msgspec
import pytest

from reports.bisect import Answer
from reports.cost import answer, document
from reports.cost.changes import changes
from reports.cost.text import history, text
from reports.schema import COSTS
from suite.cli.asking import CostAsker
from suite.cli.costing import Wish, chosen_hooks, measured
from suite.cli.main import main
from suite.cost import combine
from suite.cost.hooks import HOOKS
from suite.cost.measure import Effort, Measured
from suite.cost.memory import Kept
from suite.errors import Exit
from suite.judge.costs import INSTRUCTIONS, NANOSECONDS, Cost, Costs, Kernel, Memory, Point
from suite.targets.local import LocalTarget
from tests.explorations import skip_without_landlock
from tests.kernels import stored
from vm.counted import CountedTarget
from vm.store import Store

LAYERS_16 = Point(layers=16)


def kernel(name: str, added: float, *, deep: float = 2000, steady: bool = True) -> Kernel:
    """One on which open was measured at two points."""
    return Kernel(
        target=f"vm:{name}",
        release=f"{name}.1-test",
        abi=4,
        runs=2,
        costs=[
            Cost(hook="open", point=Point(), bare=5000, added=added, steady=steady, apart=9),
            Cost(hook="open", point=Point(depth=2), bare=5000, added=added + 200),
            Cost(hook="open", point=LAYERS_16, bare=5000, added=deep),
        ],
        memory=[Memory(what="first rule of a folder", bytes=112)],
        absent={"kill": "what it needs came with ABI 6"},
    )


def costs(*kernels: Kernel, unit: str = INSTRUCTIONS) -> Costs:
    """A document of these."""
    return Costs(
        landproof="1", started="2026-11-30T00:00:00+00:00", unit=unit, emulator="QEMU 7.2",
        kernels=list(kernels),
    )  # fmt: skip


def written(path: Path, *kernels: Kernel, unit: str = INSTRUCTIONS) -> str:
    """The name of a file that holds these."""
    path.write_text(document.json(costs(*kernels, unit=unit)), encoding="utf-8")
    return str(path)


def test_two_machines_count_the_same() -> None:
    found = stored("7.3")
    targets = [[CountedTarget("vm:7.3", found) for _ in range(2)]]
    points = (Point(), Point(depth=16), LAYERS_16)
    hooks = [replace(HOOKS["open"], points=points), replace(HOOKS["kill"], points=(Point(),))]
    effort = Effort(rounds=2, layouts=2, turns=4, exact=True)
    wish = Wish(hooks, effort, counted=True, memory=False, runs=2)
    (told,), interrupted = measured(targets, wish, 2)
    assert not interrupted
    assert not told.reason
    assert (told.runs, told.abi, told.absent) == (2, 11, {})
    by_key = {it.key: it for it in told.costs}
    assert all(it.steady for it in told.costs), told.costs
    at_least, deep, layered = (by_key["open", point].added for point in points)
    assert 500 < at_least < layered < deep < 10_000
    assert 0 < by_key["kill", Point()].added < at_least


def test_time_is_measured_here() -> None:
    skip_without_landlock()
    wish = Wish(
        [replace(HOOKS["open"], points=(Point(depth=16),))],
        Effort(rounds=5, layouts=5, turns=5, exact=False),
        counted=False, memory=False, runs=1,
    )  # fmt: skip
    (told,), _ = measured([[LocalTarget()]], wish, 1)
    assert not told.reason
    (cost,) = told.costs
    assert 100 < cost.bare < 10**7  # nanoseconds


def test_runs_that_differ_are_no_number_to_rely_on() -> None:
    def run(first: float, second: float) -> list[Measured]:
        return [
            Measured("open", Point(), 5000, first),
            Measured("open", LAYERS_16, 5000, second),
        ]

    one, other = combine.costs([run(1000, 2000), run(1001, 2008)])
    assert (one.added, one.apart, one.steady) == (1000.5, 1, True)
    assert (other.added, other.apart, other.steady) == (2004, 8, False)
    (kept,) = combine.memories([[Kept("rule", 72)], [Kept("rule", 80)]])
    assert (kept.bytes, kept.apart, kept.steady) == (76, 8, False)


def test_every_call_has_its_least_point_first() -> None:
    for hook in HOOKS.values():
        assert hook.points[0] == Point()
        assert len(set(hook.points)) == len(hook.points)
    assert chosen_hooks(["kill", "open"]) == [HOOKS["open"], HOOKS["kill"]]


def test_the_answer_comes_first_and_last() -> None:
    told = text(costs(kernel("6.12", 1000, steady=False), kernel("7.3", 1500)))
    lines = told.splitlines()
    assert (
        lines[0]
        == lines[-2]
        == (
            "A domain of one layer with one rule adds to open: 1,000 instructions on 6.12 (+20 %), "
            "1,500 instructions on 7.3 (+30 %)."
        )
    )
    assert (
        lines[1]
        == lines[-1]
        == (
            "Grew most: 6.12 to 7.3: open 1,000 to 1,500 at the least point (+50 %) "
            "(2 of 3 points)."
        )
    )
    assert "1,000 ±4" in told
    assert answer.NO_CYCLES in told
    assert "kill: not on 6.12, 7.3: what it needs came with ABI 6" in told
    assert "layers 16" not in told
    assert "layers 16" in text(costs(kernel("7.3", 1500)), verbose=True)


def test_nothing_measured_says_why() -> None:
    told = text(costs(Kernel(target="vm:5.10", release="5.10", reason="no Landlock here")))
    assert told == "Nothing was measured.\n\n5.10: no Landlock here\n"


def test_a_change_is_more_than_runs_are_apart() -> None:
    before = kernel("7.2", 1000)
    (change,) = changes(before, kernel("7.3", 1017), 0.0)  # 9 of one and 9 of the other
    assert change.point == Point(depth=2)
    change, _ = changes(before, kernel("7.3", 1019), 0.0)
    assert (change.name, change.point, change.part) == ("open", Point(), 0.019)
    assert not changes(before, kernel("7.3", 1019), 0.02)
    (deep,) = changes(before, kernel("7.3", 1000, deep=1000))
    assert (deep.point, deep.part) == (LAYERS_16, -0.5)


def test_diff_ends_with_1_where_a_call_costs_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(tmp_path / "old.json", kernel("7.3", 1000))
    dear = written(tmp_path / "dear.json", kernel("7.3", 1100))
    assert main(["diff", old, dear]) == Exit.DEVIATES
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "4 points compared: 1 call dearer, 0 cheaper, by more than 2.0%."
    assert second.startswith("Dearer: 7.3: open 1,000 to 1,100")
    assert main(["diff", old, dear, "--threshold", "11"]) == Exit.CONFORMS
    assert main(["diff", dear, old]) == Exit.CONFORMS
    assert "1 cheaper" in capsys.readouterr().out
    lone = written(tmp_path / "lone.json", kernel("7.3", 1000, deep=3000))
    assert main(["diff", old, lone]) == Exit.CONFORMS
    assert "At one point only, which may be chance: 7.3: open 2,000" in capsys.readouterr().out


def test_diff_of_two_kernels_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "both.json", kernel("7.2", 1100), kernel("7.3", 1000))
    assert main(["diff", file, "vm:7.3", "7.2"]) == Exit.DEVIATES
    assert main(["diff", file, "7.2", "7.3"]) == Exit.CONFORMS
    capsys.readouterr()
    assert main(["diff", file, "7.2", "7.1"]) == Exit.USAGE
    assert "holds no kernel '7.1'; it holds vm:7.2, vm:7.3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"unit": NANOSECONDS}, "instructions and ns can't be compared"),
        ({"schema": 9}, "has version 9 of the schema; this landproof reads 1"),
        ({"kernels": [{"target": 1}]}, "holds no costs"),
    ],
)
def test_what_cannot_be_compared(
    change: dict[str, object], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(tmp_path / "old.json", kernel("7.3", 1000))
    new = tmp_path / "new.json"
    builtins = msgspec.to_builtins(costs(kernel("7.3", 1000)))
    new.write_text(json.dumps(builtins | change), encoding="utf-8")
    assert main(["diff", old, str(new)]) == Exit.USAGE
    assert says in capsys.readouterr().err
    assert main(["diff", old, old, "--format", "markdown"]) == Exit.USAGE


def test_history_goes_by_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = written(tmp_path / "a.json", kernel("7.3", 1000), kernel("7.1", 1500))
    old = written(tmp_path / "b.json", kernel("6.12", 1000))
    assert main(["history", new, old]) == Exit.CONFORMS
    told = capsys.readouterr().out.splitlines()
    assert told[0] == told[-1] == "3 kernels from 6.12 to 7.3: 2 changes of more than 2%."
    assert told[1].startswith("6.12 to 7.1: open 1,000 to 1,500")
    assert "one kernel" in history([kernel("7.3", 1)])


def test_what_is_kept_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "kept.json", kernel("7.3", 1000))
    assert main(["cost", "--show", file, "--json"]) == Exit.CONFORMS
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, json.loads(COSTS.path.read_bytes()))
    assert told == json.loads(Path(file).read_bytes())
    assert main(["cost", "--show", file, "open"]) == Exit.USAGE


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing"], "there is no call 'nothing' (there is open, "),
        (["--target", "local"], "--target is for --wall"),
        (["--show", "nowhere.json"], "cannot read nowhere.json: No such file"),
    ],
)
def test_odd_words(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *words]) == Exit.USAGE
    assert says in capsys.readouterr().err


def test_a_bisection_goes_by_the_nearer_end() -> None:
    asker = CostAsker.of("open:depth=16,layers=16", Store(), None, 0.02)
    assert asker.hook.points == (Point(depth=16, layers=16),)
    old, new = Answer(None, added=4000), Answer(None, added=1900)
    assert asker.alike(Answer(None, added=4170), old, new)
    assert not asker.alike(Answer(None, added=1700), old, new)
    assert asker.alike(Answer(None, added=4010), old, Answer(None, added=4010))  # the same ends


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("open:layers=3", "open is not measured at 'layers=3' (it is at nothing; depth=2; "),
        ("kill:depth=2", "kill is not measured at 'depth=2'"),
        ("shut", "there is no call 'shut'"),
    ],
)
def test_what_is_not_measured_is_not_bisected(
    word: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bisect", word, "--cost", "--kernels", "6.1,7.3"]) == Exit.USAGE
    assert says in capsys.readouterr().err
