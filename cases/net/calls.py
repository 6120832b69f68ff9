# SPDX-License-Identifier: MIT
"""One call on a port, of the loopback address mostly, and mostly with a socket of its own."""

from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM

from cases.controls import refused
from suite.case import NET, Fd, Outcome, Process, inet, loopback
from suite.process.uapi import MSG_FASTOPEN

NOBODYS = 65535
"""A port that no rule is on."""


def bind_tcp(process: Process, family: int, port: int) -> None:
    fd = process.socket(family, SOCK_STREAM)
    process.bind(fd, loopback(family, port))
    process.close(fd)


def bind_port_0(process: Process, family: int, port: int) -> None:
    """And let the kernel choose one."""
    process.bind(process.socket(family, SOCK_STREAM), loopback(family, 0))


def connect_tcp(process: Process, family: int, port: int) -> None:
    process.connect(process.socket(family, SOCK_STREAM), loopback(family, port))


def fast_open(process: Process, family: int, port: int) -> None:
    fd = process.socket(family, SOCK_STREAM)
    process.sendto(fd, b"x", loopback(family, port), MSG_FASTOPEN)


def bind_or_connect(process: Process, right: NET, family: int, address: bytes) -> None:
    """Whichever of the two needs this right."""
    fd = process.socket(family, SOCK_STREAM)
    call = process.bind if right is NET.BIND_TCP else process.connect
    call(fd, address)
    process.close(fd)


def connect(process: Process, fd: Fd, port: int) -> None:
    """A socket that is there."""
    process.connect(fd, inet(port))


def bind_udp(process: Process, family: int, port: int) -> None:
    fd = process.socket(family, SOCK_DGRAM)
    process.bind(fd, loopback(family, port))
    process.close(fd)


def connect_udp(process: Process, family: int, port: int) -> None:
    process.connect(process.socket(family, SOCK_DGRAM), loopback(family, port))


def sendto_udp(process: Process, family: int, port: int) -> None:
    process.sendto(process.socket(family, SOCK_DGRAM), b"x", loopback(family, port))


def listen_tcp(process: Process, family: int, port: int) -> None:
    """On a port that the kernel chooses."""
    fd = process.socket(family, SOCK_STREAM)
    process.listen(fd)
    process.close(fd)


def bind_and_sendto_udp(process: Process, family: int, port: int) -> None:
    """To itself."""
    fd = process.socket(family, SOCK_DGRAM)
    process.bind(fd, loopback(family, port))
    process.sendto(fd, b"x", loopback(family, port))
    process.close(fd)


def denies_tcp(sandboxed: Process, right: NET) -> Outcome:
    """A control: a domain that handles a right of TCP denies it where no rule is."""
    call = bind_tcp if right is NET.BIND_TCP else connect_tcp
    return refused(sandboxed.observe(call, AF_INET, NOBODYS), "EACCES")
