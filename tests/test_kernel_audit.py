# SPDX-License-Identifier: MIT
"""The small kernel's audit log: who keeps a domain, what a filter takes, who may be a daemon."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from suite.kernel.audit import untrusted
from suite.kernel.boot import booted
from suite.kernel.channel import ModelChannel
from suite.kernel.sockets.filters import Filter, Instruction
from suite.kernel.target import named
from suite.landlock.abi import FS, SCOPE
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.session import Session
from suite.process.uapi import F_SETOWN
from suite.witness.audit import AuditLog

FILE = "/file"
RULESET = Ruleset(fs=FS.WRITE_FILE, scope=SCOPE.SIGNAL)
LOAD, EQUAL, RETURN = 0x28, 0x15, 0x06


@dataclass
class Stage:
    """A process outside, and one in a domain that the log names already."""

    log: AuditLog
    outside: Process
    inside: Process

    def is_freed(self) -> bool:
        """Whether the log says since it was last asked that the domain is no more."""
        return any(it.fields.get("status") == "deallocated" for it in self.log.take())


@pytest.fixture
def outside() -> Process:
    """A process of a small kernel."""
    channel = ModelChannel(booted(named("model:7")))
    return Process(Session(channel, "x86_64"), 0).fork()


@pytest.fixture
def stage(outside: Process) -> Iterator[Stage]:
    """Something was denied."""
    outside.write_file(FILE, b"")
    with AuditLog(outside) as log:
        inside = outside.under(RULESET)
        assert str(inside.observe(Process.open, FILE, os.O_WRONLY).outcome) == "EACCES"
        yield Stage(log, outside, inside)


def wait(stage: Stage) -> None:
    assert stage.inside.pid is not None
    stage.outside.wait(stage.inside.pid)


def test_zombie_keeps_its_domain(stage: Stage) -> None:
    """A domain ends when somebody has waited for its last process, not when that exits."""
    stage.inside.exit()
    assert not stage.is_freed()
    wait(stage)
    assert stage.is_freed()
    assert not stage.is_freed()


def opened(stage: Stage) -> Call:
    """A file that was opened in the domain (f_cred)."""
    return stage.inside.give(stage.inside.open(FILE, os.O_RDONLY), stage.outside)


def owned(stage: Stage) -> Call:
    """A file that was opened outside, and whose owner was set in the domain (fown_subject)."""
    fd = stage.outside.open(FILE, os.O_RDONLY)
    owner = stage.outside.getpid()
    stage.inside.fcntl(stage.outside.give(fd, stage.inside), F_SETOWN, owner)
    return fd


@pytest.mark.parametrize("make", [opened, owned])
def test_file_keeps_a_domain(stage: Stage, make: Callable[[Stage], Call]) -> None:
    """A domain outlives its last process while an open file has it."""
    fd = make(stage)
    stage.inside.exit()
    wait(stage)
    assert not stage.is_freed()
    stage.outside.close(fd)
    assert stage.is_freed()


@pytest.mark.parametrize(
    ("message", "taken"),
    [(b"\0\0\0\0\x05\x8f", True), (b"\0\0\0\0\x8f\x05", False), (b"\0\0\0\0\x05", False)],
)
def test_filter(message: bytes, *, taken: bool) -> None:
    """A filter compares what it loads in network byte order, and drops what is too short for it."""
    steps = (LOAD, 0, 0, 4), (EQUAL, 0, 1, 0x058F), (RETURN, 0, 0, 1 << 16), (RETURN, 0, 0, 0)
    assert Filter(tuple(Instruction(*step) for step in steps)).takes(message) is taken


def test_other_daemon(outside: Process) -> None:
    """A daemon in office is neither replaced nor dismissed by another process."""
    with AuditLog(outside) as log:
        first, second = outside.fork(), outside.fork()
        with log.daemon(first), log.daemon(second):
            pass
        changes = [it.text for it in log.take() if it.text.startswith("op=set audit_pid")]
    pid = first.pid.value if first.pid is not None else 0
    assert [text.split(" auid")[0] for text in changes] == [
        f"op=set audit_pid={pid} old=0",
        f"op=set audit_pid=0 old={pid}",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/a/b", '"/a/b"'),
        ("a b", "612062"),
        ('a"', "6122"),
        ("\u00e9", "C3A9"),
        ("\udcff", "FF"),
    ],
)
def test_untrusted(text: str, written: str) -> None:
    """What could be mistaken for the end of a field is written in hexadecimal."""
    assert untrusted(text) == written
