# SPDX-License-Identifier: MIT
"""Rings of the small kernel do what those of the running kernel do."""

import os
from collections.abc import Callable, Iterator
from socket import AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_STREAM

import pytest

from suite.judge.outcome import Allowed
from suite.process.calls.sockets import abstract, inet
from suite.process.calls.uring import SETUP_SQPOLL, Op, Ring
from suite.process.process import Process
from suite.process.uapi import MSG_FASTOPEN
from tests.both_kernels import running, small


@pytest.fixture(scope="module")
def local() -> Iterator[Process]:
    """A process of the running kernel, with a network and files of its own."""
    with running("io_uring", lambda it: has_rings(it.root)) as ground:
        yield ground.root.fork()


def has_rings(process: Process) -> bool:
    """Whether io_uring may be used."""
    child = process.fork()
    allowed = child.observe(Process.uring).outcome == Allowed()
    process.session.kill(child.id)
    return allowed


@pytest.fixture
def model() -> Process:
    """A process of a small kernel."""
    return small()


def files(it: Process, ring: Ring, see: Callable[..., None]) -> None:
    place = "/tmp/ring"  # noqa: S108 (a private one)
    see(ring.mkdirat, place)
    see(ring.mkdirat, place)
    see(ring.symlinkat, "nowhere", f"{place}/link")
    see(ring.openat, f"{place}/link", os.O_RDONLY)
    see(ring.openat2, f"{place}/none", os.O_WRONLY)
    it.write_file(f"{place}/file", b"content")
    see(ring.linkat, f"{place}/file", f"{place}/second")
    see(ring.renameat, f"{place}/file", f"{place}/third")
    see(ring.ftruncate, it.open(f"{place}/third", os.O_WRONLY), 3)
    see(ring.unlinkat, f"{place}/file")
    for name in ("link", "second", "third"):
        see(ring.unlinkat, f"{place}/{name}")
    see(ring.unlinkat, place)


def sockets(it: Process, ring: Ring, see: Callable[..., None]) -> None:
    address = inet(40010)
    server, client = it.socket(AF_INET, SOCK_STREAM), it.socket(AF_INET, SOCK_STREAM)
    see(ring.connect, client, address)
    see(ring.bind, server, address)
    see(ring.listen, server)
    see(ring.connect, client, address)
    see(ring.connect, client, address[:15])
    see(ring.connect, 99, address)
    see(ring.send, client, b"x")
    see(ring.sendmsg, it.socket(AF_INET, SOCK_STREAM), b"x", address, MSG_FASTOPEN)
    see(ring.send, it.socket(AF_INET, SOCK_STREAM), b"x")
    see(ring.sendmsg, it.socket(AF_INET, SOCK_DGRAM), b"x")
    see(ring.sendmsg, it.socket(AF_INET, SOCK_DGRAM), b"x", address)
    see(ring.send, it.socket(AF_UNIX, SOCK_DGRAM), b"x", abstract("nobody"))


def others(it: Process, ring: Ring, see: Callable[..., None]) -> None:
    see(ring.command, it.open("/dev/null", os.O_RDONLY))
    ring.personality = ring.register_personality(it)
    see(ring.openat, "/", os.O_RDONLY | os.O_TRUNC)
    ring.personality = 7
    see(ring.openat, "/", os.O_RDONLY)
    ring.personality, ring.asynchronous = 0, True
    see(ring.openat, "/none", os.O_RDONLY)


def outcomes(process: Process, program: Callable[..., None]) -> list[object]:
    """What the operations of a program came to, with their values."""
    ring = process.uring()
    seen: list[object] = []

    def see(action: Callable[..., object], *arguments: object) -> None:
        seen.append(process.observe(action, *arguments).with_value)

    program(process, ring, see)
    return seen


@pytest.mark.parametrize("program", [files, sockets, others], ids=lambda it: it.__name__)
def test_as_the_running_kernel(
    local: Process, model: Process, program: Callable[..., None]
) -> None:
    assert outcomes(model, program) == outcomes(local, program)


def test_a_polling_thread_has_the_credentials_of_the_maker(model: Process) -> None:
    ring = model.uring(SETUP_SQPOLL)
    model.syscall("setresuid", 1000, 1000, 1000)
    assert model.observe(Process.mkdir, "/mine").outcome != Allowed()
    assert model.observe(ring.mkdirat, "/mine").outcome == Allowed()


def test_a_probe_tells_of_all_operations_that_are_performed(model: Process) -> None:
    ring = model.uring()
    assert [op for op in Op if not ring.knows(model, op)] == []
