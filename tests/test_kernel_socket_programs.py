# SPDX-License-Identifier: MIT
"""Random programs of calls on sockets come to the same on the small kernel and the running one.

They are the same in each run. A program that asks for what is not modelled is left out.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
)

import pytest

from suite.judge.outcome import Allowed, Outcome
from suite.packed import packed
from suite.process.calls.sockets import abstract, inet, inet6, unix, unspecified
from suite.process.process import Process
from suite.process.promise import Call, NotModelledError
from suite.process.uapi import CLONE_NEWNET
from suite.values import InOut, Out
from tests.both_kernels import running, small

PORT, ANY, MAPPED = 40010, "0.0.0.0", "::ffff:127.0.0.1"  # noqa: S104 (in a network of our own)
POLLED = 0x2007
"""POLLIN, POLLPRI, POLLOUT, POLLRDHUP."""
PROGRAMS = 40
IPV4 = [
    inet(0), inet(PORT), inet(PORT + 1), inet(PORT, ANY), inet(PORT, "127.0.0.2"), inet(0, ANY),
    unspecified(inet(PORT)), unspecified(inet(PORT))[:2], unspecified(inet(PORT, ANY)),
]  # fmt: skip
IPV6 = [
    inet6(0), inet6(PORT), inet6(PORT + 1), inet6(PORT, "::"), inet6(0, "::"),
    inet6(PORT, MAPPED), unspecified(inet6(PORT)),
]  # fmt: skip
LOCAL = [
    abstract("one"), abstract("two"), abstract(""), unix("/tmp/one"), unix("/tmp/two"),  # noqa: S108
    unspecified(abstract("one")), b"\1\0",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """Which sockets and addresses programs are made of."""

    kinds: tuple[tuple[int, int], ...]
    addresses: list[bytes]


WORLDS = {
    "unix": World(
        ((AF_UNIX, SOCK_STREAM), (AF_UNIX, SOCK_DGRAM), (AF_UNIX, SOCK_SEQPACKET)), LOCAL
    ),
    "tcp": World(((AF_INET, SOCK_STREAM),), IPV4),
    "tcp-both": World(((AF_INET, SOCK_STREAM), (AF_INET6, SOCK_STREAM)), IPV4 + IPV6),
    "udp": World(((AF_INET, SOCK_DGRAM),), IPV4),
    "udp-both": World(((AF_INET, SOCK_DGRAM), (AF_INET6, SOCK_DGRAM)), IPV4 + IPV6),
}


def poll(process: Process, fd: Call) -> Call:
    entry = InOut(packed("ihh", fd.value, POLLED, 0))
    return process.syscall("ppoll", entry, 1, packed("2Q", 0, 0), 0, 8)


ACTIONS: dict[str, Callable[[Process, Call, bytes], object]] = {
    "bind": lambda it, fd, address: it.bind(fd, address),
    "connect": lambda it, fd, address: it.connect(fd, address),
    "listen": lambda it, fd, _: it.listen(fd, 3),
    "accept": lambda it, fd, _: it.syscall("accept4", fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK),
    "send": lambda it, fd, _: it.sendto(fd, b"xy", None, MSG_NOSIGNAL),
    "sendto": lambda it, fd, address: it.sendto(fd, b"abc", address, MSG_NOSIGNAL),
    "recv": lambda it, fd, _: it.recv(fd, 2, MSG_DONTWAIT),
    "getpeername": lambda it, fd, _: it.syscall("getpeername", fd, Out(128), packed("I", 128)),
    "shutdown": lambda it, fd, address: it.shutdown(fd, len(address) % 3),
    "poll": lambda it, fd, _: poll(it, fd),
}


@pytest.fixture(scope="module")
def local() -> Iterator[Process]:
    """A process of the running kernel."""
    with running() as ground:
        yield ground.root


def played(process: Process, world: World, seed: int) -> list[object]:
    """What the calls of a program came to, with what they gave."""
    chance = random.Random(seed)  # noqa: S311 (nothing is secret)
    blocking = chance.choice((0, SOCK_NONBLOCK))
    fds = [
        process.socket(family, kind | blocking) for family, kind in chance.choices(world.kinds, k=3)
    ]
    seen: list[object] = []
    for _ in range(chance.randint(4, 14)):
        name, fd = chance.choice(list(ACTIONS)), chance.choice(fds)
        address = chance.choice(world.addresses)
        if name == "accept" and not blocking:
            continue  # it would wait
        done = process.observe(ACTIONS[name], fd, address)
        outcome: Outcome = done.outcome if name == "accept" else done.with_value
        call = done.calls[-1]
        if name == "accept" and outcome == Allowed():
            fds.append(call)
        given = call.data[6:8] if name == "poll" and call.data else b""
        seen.append((name, outcome, given))
    return seen


@pytest.mark.parametrize("name", WORLDS)
def test_as_the_running_kernel(local: Process, name: str) -> None:
    compared = 0
    for seed in range(PROGRAMS):
        try:
            expected = played(small(), WORLDS[name], seed)
        except NotModelledError:
            continue
        child = local.fork()
        child.unshare(CLONE_NEWNET)
        child.loopback_up()
        assert played(child, WORLDS[name], seed) == expected, seed
        for path in ("/tmp/one", "/tmp/two"):  # noqa: S108 (a private one)
            _ = child.observe(Process.unlink, path).outcome  # which is done now, and may fail
        local.session.kill(child.id)
        compared += 1
    assert compared > PROGRAMS * 0.8
