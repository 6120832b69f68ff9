# SPDX-License-Identifier: MIT
"""Calls on a port by an address of each family, in a domain that denies them."""

from collections.abc import Callable
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

from suite.case import (
    NET, Case, Expectation, Fd, Need, Observation, Process, inet, inet6, unspecified,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Family:
    """The family of a socket, and an address for a port."""

    socket: int
    address: Callable[[int], bytes]
    needs: tuple[Need, ...] = ()


ANY = "0.0.0.0"  # noqa: S104 (the only one that is bound to without a family)
FAMILIES = {
    "ipv6": Family(AF_INET6, inet6, (Need.IPV6,)),
    "mapped": Family(AF_INET6, lambda port: inet6(port, "::ffff:127.0.0.1"), (Need.IPV6,)),
    "unspecified": Family(AF_INET, lambda port: unspecified(inet(port))),
    "unspecified-any": Family(AF_INET, lambda port: unspecified(inet(port, ANY))),
}


@dataclass(frozen=True, slots=True)
class Use:
    """A call with an address, what it needs, and the type of its socket."""

    right: NET
    kind: int
    call: Callable[[Process, Fd, bytes], object]
    waits: bool = True
    """Whether somebody has to be at the port."""


def bind(process: Process, fd: Fd, address: bytes) -> None:
    process.bind(fd, address)
    process.close(fd)


def connect(process: Process, fd: Fd, address: bytes) -> None:
    process.connect(fd, address)


def sendto(process: Process, fd: Fd, address: bytes) -> None:
    process.sendto(fd, b"x", address)


USES = {
    "bind-tcp": Use(NET.BIND_TCP, SOCK_STREAM, bind, waits=False),
    "connect-tcp": Use(NET.CONNECT_TCP, SOCK_STREAM, connect),
    "bind-udp": Use(NET.BIND_UDP, SOCK_DGRAM, bind, waits=False),
    "connect-udp": Use(NET.CONNECT_SEND_UDP, SOCK_DGRAM, connect),
    "sendto-udp": Use(NET.CONNECT_SEND_UDP, SOCK_DGRAM, sendto),
}


class OnPort(Case, frozen=True, kw_only=True):
    """A call, and the family of its address."""

    use: Use
    family: Family

    def attempt(self, process: Process, port: int) -> Observation:
        """What it comes to."""
        return process.observe(self._act, port)

    def _act(self, process: Process, port: int) -> None:
        fd = process.socket(self.family.socket, self.use.kind)
        self.use.call(process, fd, self.family.address(port))

    def control(self, process: Process, port: int) -> Observation:
        """With somebody at the port, whom IPv4 and IPv6 lead to."""
        if self.use.waits:
            process.server(AF_INET, self.use.kind, inet(port))
            if self.family.socket == AF_INET6:
                process.server(AF_INET6, self.use.kind, inet6(port))
        return self.attempt(process, port)


def rows(
    owed: Callable[[Use, str], Expectation], answers: str, wanted: dict[str, str]
) -> dict[str, OnPort]:
    """A row for each of the families that are named for a call."""
    return {
        f"{call}-{family}": OnPort(
            use=USES[call],
            family=FAMILIES[family],
            covers=USES[call].right,
            needs=(Need.NET, *FAMILIES[family].needs),
            answers=f"{answers}-{family}",
            expect=owed(USES[call], family),
        )
        for call, names in wanted.items()
        for family in names.split()
    }
