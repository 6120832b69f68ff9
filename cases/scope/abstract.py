# SPDX-License-Identifier: MIT
"""Talking to abstract UNIX sockets."""

from collections.abc import Callable
from dataclasses import dataclass
from socket import AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM

from suite.case import SCOPE, Allowed, Case, Denied, Expectation, Process, Ruleset, since

SCOPED = Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)
DENIED = since(SCOPE.ABSTRACT_UNIX_SOCKET, Denied("EPERM"))
ALLOWED = since(SCOPE.ABSTRACT_UNIX_SOCKET, Allowed())
REFUSED = since(SCOPE.ABSTRACT_UNIX_SOCKET, Denied("ECONNREFUSED"))
CONNECTIONS: dict[str, int] = {"stream": SOCK_STREAM, "seqpacket": SOCK_SEQPACKET}
KINDS: dict[str, int] = {"datagram": SOCK_DGRAM, **CONNECTIONS}


class Kind(Case, frozen=True, kw_only=True):
    """A type of UNIX sockets."""

    kind: int


def of(kinds: dict[str, int], name: str, answers: str, expect: Expectation) -> dict[str, Kind]:
    """A row a type, by a name such as ``own-{}``."""
    return {
        name.format(kind): Kind(kind=number, answers=answers, expect=expect)
        for kind, number in kinds.items()
    }


def connect(process: Process, address: bytes, kind: int = SOCK_STREAM) -> None:
    process.connect(process.socket(AF_UNIX, kind), address)


def sendto(process: Process, address: bytes, kind: int = SOCK_DGRAM) -> None:
    process.sendto(process.socket(AF_UNIX, kind), b"x", address)


def sendmsg(process: Process, address: bytes, kind: int = SOCK_DGRAM) -> None:
    process.sendmsg(process.socket(AF_UNIX, kind), b"x", address)


def sendmmsg(process: Process, address: bytes, kind: int = SOCK_DGRAM) -> None:
    process.sendmmsg(process.socket(AF_UNIX, kind), b"x", address)


@dataclass(frozen=True, slots=True)
class Way:
    """A type of socket, and how one begins to talk to another of that type."""

    kind: int
    talk: Callable[[Process, bytes, int], None]


WAYS = {
    "stream": Way(SOCK_STREAM, connect),
    "seqpacket": Way(SOCK_SEQPACKET, connect),
    "datagram-connect": Way(SOCK_DGRAM, connect),
    "datagram-sendto": Way(SOCK_DGRAM, sendto),
    "datagram-sendmsg": Way(SOCK_DGRAM, sendmsg),
    "datagram-sendmmsg": Way(SOCK_DGRAM, sendmmsg),
    "raw": Way(SOCK_RAW, sendto),
}
