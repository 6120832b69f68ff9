# SPDX-License-Identifier: MIT
"""Processes of the small kernel do what those of the running kernel do, call by call."""

import mmap
import os
from collections.abc import Callable, Iterator
from signal import SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGWINCH

import pytest

from suite.judge.outcome import Outcome
from suite.kernel.target import ModelTarget, named
from suite.packed import packed
from suite.process.around import Around
from suite.process.process import Process
from suite.process.promise import Mode, NotModelledError
from suite.process.uapi import (
    CLONE_FILES,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_VM,
    PR_SET_PDEATHSIG,
    PTRACE_ATTACH,
    PTRACE_DETACH,
    WALL,
    WNOHANG,
    WUNTRACED,
)
from suite.targets.base import Ground
from tests.both_kernels import running

NOBODY, LOST = 65534, 1 << 21
"""A user, and an id that no process has."""


@pytest.fixture(scope="module")
def local() -> Iterator[Ground]:
    """The running kernel, with processes of our own."""
    with running("root", lambda it: not it.facts.uid) as ground:
        yield ground


@pytest.fixture(scope="module")
def model() -> Ground:
    """A small kernel."""
    return ModelTarget("model:none", named("model:none")).start()


class Seen:
    """What the calls of a program came to; no ids of processes, which are not the same."""

    def __init__(self) -> None:
        self.all: list[object] = []

    def __call__(self, process: Process, action: Callable[..., object], *given: object) -> Outcome:
        """Do it, and remember the outcome."""
        outcome = process.observe(action, *given).outcome
        self.all.append(outcome)
        return outcome

    def status(self, process: Process, child: Process, options: int = WALL) -> None:
        """Wait for a child, and remember how it is."""
        assert child.pid is not None
        self.all.append(process.wait(child.pid, options).data[:4])


def ends(see: Seen, it: Process, ground: Ground) -> None:
    it.block_signals(SIGCHLD, SIGUSR1)
    exits, killed, told = it.fork(), it.fork(), it.fork(at_end=SIGUSR1)
    for child, status in ((exits, 7), (told, 0)):
        child.exit(status)
        see.status(it, child)
    assert killed.pid is not None
    see(it, Process.kill, killed.pid, SIGWINCH)
    see(it, Process.wait, killed.pid, WALL | WNOHANG)
    see(it, Process.kill, killed.pid, SIGTERM)
    see.status(it, killed)
    see(it, Process.wait, killed.pid)
    for number in (SIGUSR1, SIGCHLD, SIGCHLD):
        see(it, Process.take_signal, number)


def stops(see: Seen, it: Process, ground: Ground) -> None:
    child = it.fork()
    assert child.pid is not None
    it.kill(child.pid, SIGSTOP)
    see.status(it, child, WALL | WUNTRACED)
    it.kill(child.pid, SIGCONT)
    see.status(it, child, WALL | os.WCONTINUED)
    see(child, Process.getpid)
    it.kill(child.pid, SIGKILL)
    see.status(it, child)


def wrong_signals(see: Seen, it: Process, ground: Ground) -> None:
    for pid, number in ((LOST, 0), (-LOST, 0), (0, 65), (0, 0)):
        see(it, Process.kill, pid, number)
    see(it, Process.tgkill, 0, 1, 0)
    see(it, Process.tkill, LOST, 0)
    other, user = it.fork(), it.fork()
    assert other.pid is not None
    user.setuid(NOBODY)
    see(user, Process.kill, other.pid, 0)
    see(user, Process.kill, other.pid, 65)
    see(user, Process.ptrace, PTRACE_ATTACH, other.pid)


def parents_death(see: Seen, it: Process, ground: Ground) -> None:
    parent = it.fork()
    child = parent.fork()
    child.block_signals(SIGUSR1)
    child.prctl(PR_SET_PDEATHSIG, SIGUSR1)
    parent.exit()
    see.status(it, parent)
    see(child, Process.take_signal, SIGUSR1)


def shared(see: Seen, it: Process, ground: Ground) -> None:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = it.syscall("mmap", 0, 4096, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    sibling, copy = it.fork(CLONE_VM | CLONE_FILES), it.fork()
    it.poke(page, b"x")
    see.all += [sibling.peek(page, 1).data[:1], copy.peek(page, 1).data[:1]]
    fd = sibling.open("/", os.O_RDONLY)
    see(it, Process.close, fd)
    see(copy, Process.close, fd)
    with it.session.in_mode(Mode.DEATH):
        copy.peek(8, 8)
    see.status(it, copy)


def namespaces(see: Seen, it: Process, ground: Ground) -> None:
    first = it.fork(CLONE_NEWPID)
    second = first.fork()
    assert second.pid is not None
    see.all += [first.getpid().value, second.getpid().value, second.pid.value]
    see(second, Process.kill, 1, SIGTERM)
    see(first, Process.kill, second.pid, 0)
    user = it.fork(CLONE_NEWUSER)
    see.all.append(user.syscall("getuid").value)
    see(user, Process.chroot, "/")
    see(user, Process.unshare, CLONE_NEWUSER)


def programs(see: Seen, it: Process, ground: Ground) -> None:
    folder = f"{ground.place}/programs"
    it.mkdir(folder)
    for name, content, mode in (
        ("script", f"#! {ground.agent}\n".encode(), 0o755),
        ("itself", f"#!{folder}/itself\n".encode(), 0o755),
        ("nowhere", b"#!/nowhere\n", 0o755),
        ("none", bytes(64), 0o755),
        ("plain", b"#!/nowhere\n", 0o644),
    ):
        it.write_file(f"{folder}/{name}", content, mode)
    for name in ("script", "itself", "nowhere", "none", "plain", "missing", "script/x", ""):
        see(it.fork(), Process.exec, f"{folder}/{name}")
    see(it.fork(), Process.exec, "")
    busy = it.fork()
    busy.open(f"{folder}/script", os.O_WRONLY)
    see(it.fork(), Process.exec, f"{folder}/script")


def tracing(see: Seen, it: Process, ground: Ground) -> None:
    child = it.fork()
    assert child.pid is not None
    see(it, Process.ptrace, PTRACE_DETACH, child.pid)
    see(it, Process.ptrace, PTRACE_ATTACH, child.pid)
    see.status(it, child)
    see(it, Process.ptrace, PTRACE_ATTACH, child.pid)
    see(it, Process.ptrace, PTRACE_DETACH, child.pid)
    see(child, Process.getpid)


def capabilities(see: Seen, it: Process, ground: Ground) -> None:
    user = it.fork()
    user.setuid(NOBODY)
    see(user, Process.setuid, 0)
    see(user, Process.unshare, 1 << 17)
    less = it.fork()
    less.drop_capabilities()
    see(less, Process.drop_capabilities, 1)
    see(less, Process.setuid, NOBODY)
    see(less, Process.setuid, 0)
    header, all_of_it = packed("Ii", 0x20080522, LOST), bytes(24)
    see(it, Process.syscall, "capset", header, all_of_it)


PROGRAMS = (
    ends, stops, wrong_signals, parents_death, shared, namespaces, programs, tracing, capabilities,
)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda it: str(it.__name__))
def test_a_program_comes_to_the_same(
    program: Callable[[Seen, Process, Ground], None], local: Ground, model: Ground
) -> None:
    seen = []
    for ground in (local, model):
        with ground.session.scope():
            see = Seen()
            program(see, ground.root.fork(), ground)
            seen.append(see.all)
    assert seen[1] == seen[0]
    assert len(seen[0]) > 1


def test_the_parent_writes_around_its_clone(local: Ground) -> None:
    """And reads in between."""
    with local.session.scope():
        parent = local.root.fork()
        file = parent.syscall("memfd_create", "around", 0)
        call = parent.fork(around=Around(file, b"before", b"behind")).pid
        assert call is not None
        assert call.data.rstrip(b"\0") == b"before"
        assert parent.read_file(f"/proc/self/fd/{file.value}") == b"beforebehind"


def test_a_small_kernel_says_that_it_writes_nothing_around_clones(model: Ground) -> None:
    with model.session.scope():
        parent = model.root.fork()
        call = parent.fork(around=Around(parent.dup(0), b"before", b"behind")).pid
        assert call is not None
        with pytest.raises(NotModelledError, match="around"):
            _ = call.value
