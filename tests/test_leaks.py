# SPDX-License-Identifier: MIT
"""What a case leaves in the kernel is seen, and fails it: on the small kernel around the model."""

import json

import pytest

import cases.syscalls.slabs
import suite.run.plugin  # noqa: F401 (pytester forgets what is first imported in a run of its own)
from cases.syscalls.slabs import FEW_LOOKS, NOTHING, ROUNDS, SLACK, kept
from suite.errors import InfrastructureError
from suite.judge.outcome import Allowed, Outcome, Seen
from suite.judge.records import Verdict
from suite.kernel.boot import booted
from suite.kernel.channel import ModelChannel
from suite.kernel.target import ModelTarget, named
from suite.landlock.abi import FS
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.session import Session
from suite.run.envelopes import RECORD
from suite.witness import leaks, unmounts
from suite.witness.kmsg import Kmsg
from suite.witness.unmounts import DeadlyError

pytest_plugins = ["pytester"]

RULESET = Ruleset(fs=FS.READ_FILE)
CASES = '''
"""Leaving.

Source: none.
"""

from suite.case import FS, Allowed, FileSystem, Process, Ruleset, filesystems, since

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


def test_c_is_not_to_blame(process, tree, judge):
    """It frees all, and is not told of what was left before."""
    judge(ALLOWED, process.under(LAYER).observe(Process.open, tree.path, 0))


def test_d_keeps_a_file(process, tree, ground, judge):
    """A process that outlives it has a file open."""
    ground.root.open(tree.file, 0)
    judge(ALLOWED, process.under(LAYER).observe(Process.getpid))


@filesystems(FileSystem.RAMFS)
def test_e_keeps_one_elsewhere(process, tree, ground, judge):
    """On a file system that others use, too."""
    ground.root.open(tree.file, 0)
    judge(ALLOWED, process.under(LAYER).observe(Process.getpid))


@filesystems(FileSystem.RAMFS)
def test_f_keeps_none_there(process, tree, judge):
    """It is one of those others."""
    judge(ALLOWED, process.under(LAYER).observe(Process.open, tree.path, 0))
'''
DEADLY = '''

def test_g_is_deadly(process, tree, judge):
    """Who unmounts what it was on dies."""
    process.write_file(f"{tree.path.rpartition('/')[0]}/deadly", b"")
    judge(ALLOWED, process.under(LAYER).observe(Process.getpid))


def test_h_comes_later(process, tree, judge):
    """It is not to blame."""
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
    """Keeps the records: the verdicts, and what was observed or is known of those that are bad."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self.why: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what each case came to."""
        for key, envelope in report.user_properties:
            if key == RECORD:
                case = json.loads(str(envelope))["case"]
                self.told[case["id"]] = case["verdict"]
                if report.failed:
                    self.why[case["id"]] = case["reason"] or case["observed"]["what"]


LOOKED_AT_IN_WORKERS = """
from suite.kernel.target import ModelTarget


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        ModelTarget.may_leak = True
"""


def collected(pytester: pytest.Pytester, text: str, target: str, workers: int) -> Collector:
    """What came of these cases."""
    pytester.makeconftest(LOOKED_AT_IN_WORKERS)
    (pytester.mkdir("area") / "test_leaving.py").write_text(text)
    collector = Collector()
    plugins = ["-p", "suite.run.plugin", "-p", "no:cacheprovider"]
    pytester.inline_run(*plugins, "-q", "--target", target, f"-n{workers}", plugins=[collector])
    return collector


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("target", ["model:11", "model:10"])
def test_the_case_that_left_it_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, target: str, workers: int
) -> None:
    """What it never freed only where the kernel tells that; no other one, and in the old order."""
    monkeypatch.setattr(ModelTarget, "may_leak", True)
    found = collected(pytester, CASES, target, workers)
    busy = "allowed, but its files can't be unmounted: EBUSY"
    why = {
        "area/leaving[b-leaves-a-ruleset]": "allowed, but never freed: ruleset",
        "area/leaving[d-keeps-a-file]": busy,
        "area/leaving[e-keeps-one-elsewhere-ramfs]": busy,
    }
    if target == "model:10":
        del why["area/leaving[b-leaves-a-ruleset]"]
    assert found.why == why
    assert found.told == {
        f"area/leaving[{case}]": "deviates" if f"area/leaving[{case}]" in why else "conforms"
        for case in (
            "a-frees-all",
            "b-leaves-a-ruleset",
            "c-is-not-to-blame",
            "d-keeps-a-file",
            "e-keeps-one-elsewhere-ramfs",
            "f-keeps-none-there-ramfs",
        )
    }
    assert [*found.told] == sorted(found.told)


@pytest.mark.parametrize("again", [True, False])
def test_who_makes_an_unmount_deadly_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    """If it does so again; if nobody does, the target died all the same: the last one fails."""
    plain, died = unmounts._unmounted, list[str]()

    def unmounted(process: Process, path: str) -> str:
        deadly = process.observe(Process.stat, f"{path}/deadly").outcome == Allowed()
        if deadly and (again or not died):
            died.append(path)
            raise DeadlyError(path, InfrastructureError("the agent is gone"))
        return plain(process, path)

    monkeypatch.setattr(ModelTarget, "may_leak", True)
    monkeypatch.setattr(ModelTarget, "autopsy", lambda _: (Verdict.CRASHED, "kernel BUG"))
    monkeypatch.setattr(unmounts, "_unmounted", unmounted)
    found = collected(pytester, CASES.partition("\n\ndef")[0] + DEADLY, "model:11", 0)
    whose = "g-is-deadly" if again else "h-comes-later"
    assert found.why == {f"area/leaving[{whose}]": "the agent is gone: kernel BUG"}
    assert sorted(found.told.values()) == ["conforms", "crashed"]


def test_inodes_that_are_in_use_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the mount is gone."""
    root = first_process("model:11")
    root.mkdir("/place")
    root.write_file("/agent", b"program")
    monkeypatch.setattr(Kmsg, "records", lambda _: [b"0,1,2,-;VFS: Busy inodes after unmount of x"])
    plot = unmounts.plot(root, "/place", "/agent")
    assert unmounts.plot(root, "/place", "/agent") is plot
    assert unmounts.close(root.session) == [plot.path]
    assert unmounts.close(root.session) == []
    assert unmounts.kept(root, [plot.path]) == {plot.path: "its inodes are in use"}


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
