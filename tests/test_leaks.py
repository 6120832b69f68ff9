# SPDX-License-Identifier: MIT
"""What a case leaves in the kernel is seen, and fails it: on the small kernel around the model."""

import json

import pytest

import cases.syscalls.slabs
import suite.run.plugin  # noqa: F401 (pytester forgets what is first imported in a run of its own)
from cases.syscalls.slabs import FEW_LOOKS, NOTHING, ROUNDS, SLACK, kept
from suite.judge.outcome import Outcome, Seen
from suite.kernel.boot import booted
from suite.kernel.channel import ModelChannel
from suite.kernel.target import ModelTarget, named
from suite.landlock.abi import FS
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.session import Session
from suite.run.envelopes import RECORD
from suite.witness import leaks

pytest_plugins = ["pytester"]

RULESET = Ruleset(fs=FS.READ_FILE)
CASES = '''
"""Leaving.

Source: none.
"""

from suite.case import FS, Allowed, Process, Ruleset, since

LAYER = Ruleset(fs=FS.READ_FILE)
ALLOWED = since(FS.READ_FILE, Allowed())


def test_a_frees_all(process, judge):
    """What it made ends with it."""
    process.close(process.build(LAYER))
    judge(ALLOWED, process.under(LAYER).observe(Process.getpid))


def test_b_leaves_a_ruleset(process, ground, judge):
    """A process that outlives it holds a ruleset."""
    ground.root.build(LAYER)
    judge(ALLOWED, process.observe(Process.getpid))


def test_c_is_not_to_blame(process, judge):
    """It frees all, and is not told of what was left before."""
    judge(ALLOWED, process.under(LAYER).observe(Process.getpid))
'''


def first_process(name: str) -> Process:
    """The first one of a small kernel."""
    return Process(Session(ModelChannel(booted(named(name))), "x86_64"), 0)


def test_what_is_held_is_told_once_and_what_is_freed_is_not() -> None:
    root = first_process("model:11")
    leaks.watch(root)
    child = root.fork()
    child.close(child.build(RULESET))
    assert leaks.made(root.session) == {}
    child.build(RULESET)
    child.restrict(RULESET)
    made = leaks.made(root.session)
    assert sorted(made.values()) == ["domain", "ruleset"]
    assert leaks.kept(root.session, made) == set(made)
    assert leaks.kept(root.session, made) == set()
    assert leaks.made(root.session) == {}


def test_what_is_freed_later_is_not_kept() -> None:
    root = first_process("model:11")
    leaks.watch(root)
    fd = root.build(RULESET)
    made = leaks.made(root.session)
    root.close(fd)
    assert leaks.kept(root.session, made) == set()


def test_nothing_is_told_of_a_trace_with_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lost what was made or freed can blame nobody."""
    root = first_process("model:11")
    leaks.watch(root)
    root.build(RULESET)
    assert leaks.made(root.session)
    monkeypatch.setattr(leaks, "_received", lambda *_: "CPU:0 [LOST 12 EVENTS]\n")
    assert leaks.made(root.session) == {}


@pytest.mark.parametrize(("name", "asked"), [("model:11", False), ("model:10", True)])
def test_nothing_is_told_where_nobody_watches(name: str, *, asked: bool) -> None:
    """Or where there is nothing to watch by."""
    root = first_process(name)
    if asked:
        leaks.watch(root)
    root.build(RULESET)
    assert leaks.made(root.session) == {}


class Collector:
    """Keeps the records."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what each case came to."""
        for key, envelope in report.user_properties:
            if key == RECORD:
                case = json.loads(str(envelope))["case"]
                assert report.failed == (case["verdict"] == "deviates")
                self.told[case["id"]] = case["verdict"]


LOOKED_AT_IN_WORKERS = """
from suite.kernel.target import ModelTarget


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        ModelTarget.may_leak = True
"""


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("target", ["model:11", "model:10"])
def test_the_case_that_left_it_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, target: str, workers: int
) -> None:
    """Where the kernel tells what is freed; no other one, and none in another order."""
    monkeypatch.setattr(ModelTarget, "may_leak", True)
    pytester.makeconftest(LOOKED_AT_IN_WORKERS)
    (pytester.mkdir("area") / "test_leaving.py").write_text(CASES)
    collector = Collector()
    words = [
        "-p",
        "suite.run.plugin",
        "-p",
        "no:cacheprovider",
        "-q",
        "--target",
        target,
        f"-n{workers}",
    ]
    pytester.inline_run(*words, plugins=[collector])
    assert list(collector.told.items()) == list(
        {
            "area/leaving[a-frees-all]": "conforms",
            "area/leaving[b-leaves-a-ruleset]": "deviates" if target == "model:11" else "conforms",
            "area/leaving[c-is-not-to-blame]": "conforms",
        }.items()
    )


TIMES = 100


def counted(monkeypatch: pytest.MonkeyPatch, *counts: int) -> Outcome:
    """What is said of these counts of the objects of one cache; the last one stays."""
    left = list(counts)

    def objects(_: Process) -> dict[str, int]:
        return {"kmalloc-64": left.pop(0) if len(left) > 1 else left[0], "pid": 7}

    monkeypatch.setattr(cases.syscalls.slabs, "objects", objects)
    monkeypatch.setattr(cases.syscalls.slabs, "pause", lambda process, look: None)
    return kept(first_process("model:11"), TIMES, lambda: None)


def test_what_grows_with_each_round_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though as many objects as processors have at hand seemed to be in use before."""
    rounds = (number * TIMES - SLACK for number in range(1, ROUNDS + 1))
    looks = [count for count in rounds for _ in range(FEW_LOOKS)]
    assert counted(monkeypatch, 0, *looks) == Seen("kept in kmalloc-64")


@pytest.mark.parametrize(
    "counts",
    [(500, 500), (500, 400), (500, 500 + SLACK // 2), (500, 900, 900, 510), (0, 70)],
    ids=["same", "fewer", "at-hand", "freed-later", "once"],
)
def test_what_does_not_is_not(monkeypatch: pytest.MonkeyPatch, counts: tuple[int, ...]) -> None:
    assert counted(monkeypatch, *counts) == NOTHING
