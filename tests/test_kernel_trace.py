# SPDX-License-Identifier: MIT
"""The small kernel's trace: instances of tracefs, and how paths are written and cut."""

import os

import pytest

from suite.judge.outcome import Allowed, Denied
from suite.kernel.boot import booted
from suite.kernel.channel import ModelChannel
from suite.kernel.landlock_events import escaped
from suite.kernel.target import named
from suite.landlock.abi import FS
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.session import Session
from suite.witness.tracefs import Trace, mounted

MOST = 6117
"""Bytes of an escaped string, with a zero byte at its end."""
MARK = "\N{HORIZONTAL ELLIPSIS}"


def process(name: str) -> Process:
    """A process of a small kernel."""
    return Process(Session(ModelChannel(booted(named(name))), "x86_64"), 0).fork()


@pytest.mark.parametrize(("name", "outcome"), [("model:10", "ENOENT"), ("model:11", "allowed")])
def test_events_come_with_an_abi(name: str, outcome: str) -> None:
    """Only kernels of ABI 11 have Landlock's events, though all have tracefs."""
    asking = process(name)
    root = mounted(asking)
    assert asking.observe(Process.access, "events", os.F_OK, at=root).outcome == Allowed()
    found = asking.observe(Process.access, "events/landlock", os.F_OK, at=root).outcome
    assert str(found) == outcome


def test_instances_are_apart() -> None:
    """An instance has a buffer and switches of its own, and a name is taken once."""
    asking = process("model:11")
    with Trace(asking, "create_ruleset") as trace:
        root = mounted(asking)
        asking.build(Ruleset(fs=FS.READ_FILE))
        again = asking.observe(Process.mkdir, "instances/landproof", at=root).outcome
        pipe = asking.open("trace_pipe", os.O_RDONLY | os.O_NONBLOCK, at=root)
        unasked = asking.observe(Process.read, pipe, 100).outcome
        events = trace.take()
    assert again == Denied("EEXIST")
    assert unasked == Denied("EAGAIN")
    assert [str(event) for event in events] == [
        "create_ruleset ruleset=R1.0 handled_fs=read_file handled_net= scoped="
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a" * (MOST - 1), "a" * (MOST - 1)),
        ("a" * MOST, "a" * (MOST - 4) + MARK),
        ("a" * (MOST - 6) + " bcdef", "a" * (MOST - 6) + MARK),
        ("a" * (MOST - 8) + " bcdefgh", "a" * (MOST - 8) + r"\040" + MARK),
        (b"a\0=", r"a\000\075"),
    ],
)
def test_cut(text: str | bytes, written: str) -> None:
    """What gets too long ends behind a whole character, with a mark."""
    assert escaped(text) == written
