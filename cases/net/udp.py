# SPDX-License-Identifier: MIT
"""What the cases of UDP share: its rights, ways to send, and controls."""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM
from typing import TypeAlias

from cases.controls import refused
from cases.net.calls import NOBODYS
from suite.case import NET, Allowed, Fd, Int, Need, Observation, Outcome, Process, inet, inet6

BIND, SEND = NET.BIND_UDP, NET.CONNECT_SEND_UDP
UDP = BIND | SEND
TCP = NET.BIND_TCP | NET.CONNECT_TCP
ANY = "0.0.0.0"  # noqa: S104 (in a network namespace of our own)
MAPPED = "::ffff:127.0.0.1"
MESSAGE = b"x"

Way: TypeAlias = Callable[[Process, Fd, bytes], object]
"""What a process does with a socket and an address."""


def bind(process: Process, fd: Fd, address: bytes) -> None:
    process.bind(fd, address)


def connect(process: Process, fd: Fd, address: bytes) -> None:
    process.connect(fd, address)


def sendto(process: Process, fd: Fd, address: bytes) -> None:
    process.sendto(fd, MESSAGE, address)


def sendmsg(process: Process, fd: Fd, address: bytes) -> None:
    process.sendmsg(fd, MESSAGE, address)


def sendmmsg(process: Process, fd: Fd, address: bytes) -> None:
    process.sendmmsg(fd, MESSAGE, address)


def connect_by_ring(process: Process, fd: Fd, address: bytes) -> None:
    process.uring().connect(process, fd, address)


def send_by_ring(process: Process, fd: Fd, address: bytes) -> None:
    process.uring().send(process, fd, MESSAGE, address)


def sendmsg_by_ring(process: Process, fd: Fd, address: bytes) -> None:
    process.uring().sendmsg(process, fd, MESSAGE, address)


WAYS: dict[str, tuple[Way, tuple[Need, ...]]] = {
    "connect": (connect, ()),
    "sendto": (sendto, ()),
    "sendmsg": (sendmsg, ()),
    "sendmmsg": (sendmmsg, ()),
    "io-uring-connect": (connect_by_ring, (Need.URING,)),
    "io-uring-send": (send_by_ring, (Need.URING_SEND_TO,)),
    "io-uring-sendmsg": (sendmsg_by_ring, (Need.URING,)),
}


def splice(process: Process, fd: Fd) -> None:
    """Move a message from a pipe into the socket."""
    pipe = process.pipe()
    process.write(Int(pipe, 4), MESSAGE)
    process.syscall("splice", Int(pipe, 0), 0, fd, 0, len(MESSAGE), 0)


def udp(process: Process, family: int = AF_INET) -> Fd:
    """A socket without a port."""
    return process.socket(family, SOCK_DGRAM)


def bound(process: Process, family: int = AF_INET) -> Fd:
    """A socket with a port that the kernel chose, for both families if it is of AF_INET6."""
    any_address = inet6(0, "::") if family == AF_INET6 else inet(0, ANY)
    return process.server(family, SOCK_DGRAM, any_address)


def denies_to_bind(sandboxed: Process) -> Outcome:
    """A control: the domain denies what it has no rule for."""
    fd = udp(sandboxed)
    return refused(sandboxed.observe(bind, fd, inet(NOBODYS)), "EACCES")


def with_port(observation: Observation) -> Outcome:
    """The outcome; if all was allowed, with the port that its getsockname(2) tells."""
    outcome = observation.outcome
    if outcome != Allowed():
        return outcome
    name = next(call.data for call in observation.calls if call.name == "getsockname")
    return Allowed(int.from_bytes(name[2:4], "big"))
