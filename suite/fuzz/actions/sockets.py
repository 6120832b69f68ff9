# SPDX-License-Identifier: MIT
"""What programs do with sockets."""

from __future__ import annotations

import socket

from suite.fuzz import rulesets
from suite.fuzz.action import Action, Gives, Word, plain
from suite.fuzz.run import Run
from suite.process.calls.sockets import abstract, inet, unix, unspecified
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import MSG_FASTOPEN

KINDS = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM),
    "stream": (socket.AF_UNIX, socket.SOCK_STREAM),
    "datagram": (socket.AF_UNIX, socket.SOCK_DGRAM),
}
"""By name; those of descriptors begin with it."""
PORTS = (*rulesets.PORTS, "any", "unspec", "short", "short-unspec")
ADDRESSES = ("@0", "@1", "a/s", "b/s", "s")
"""Addresses of the two families; ``@`` ones are abstract. ``unspec`` is of the family AF_UNSPEC,
and of ``short`` ones the port is missing."""


def address(run: Run, word: str) -> bytes:
    """The address of a word."""
    if word == "unspec":
        return unspecified(inet(0))
    if word.startswith("short"):
        return address(run, word.removeprefix("short-").replace("short", "any"))[:_FAMILY]
    if word == "any":
        return inet(0)
    if word.startswith(rulesets.PORT):
        return inet(rulesets.port_of(run, word))
    return abstract(run.abstract(word[1:])) if word.startswith("@") else unix(word)


_FAMILY = 2
"""Bytes of an address that are its family."""


def is_inet(descriptor: str) -> bool:
    """Whether a descriptor of this name is a socket of AF_INET."""
    return descriptor.startswith(("tcp", "udp"))


def _socket(run: Run, process: Process, kind: str) -> Call:
    return process.socket(*KINDS[kind])


def _send(run: Run, process: Process, fd: str) -> None:
    process.sendto(run.fd(fd), b"text", None, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def _send_to(run: Run, process: Process, fd: str, word: str) -> None:
    flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
    process.sendto(run.fd(fd), b"text", address(run, word), flags)


def _give(run: Run, process: Process, fd: str, name: str) -> Call:
    """Pass a descriptor; it gets a number of its own (`Run.number_of_own`)."""
    receiver = run.process(name)
    given = process.give(run.fd(fd), receiver)
    kept = receiver.dup_to(given, run.number_of_own)
    receiver.close(given)
    return kept


def _send_first(run: Run, process: Process, fd: str, word: str) -> None:
    """Connect by sending."""
    flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL | MSG_FASTOPEN
    process.sendto(run.fd(fd), b"text", address(run, word), flags)


_SOCKET, _WITH = (Word.SOCKET,), (Word.SOCKET, Word.ADDRESS)
ROWS = (
    Action("socket", (Word.KIND,), _socket, Gives.SOCKET),
    plain("bind", _WITH, lambda run, it, fd, word: it.bind(run.fd(fd), address(run, word))),
    plain("listen", _SOCKET, lambda run, it, fd: it.listen(run.fd(fd), 16)),
    plain("connect", _WITH, lambda run, it, fd, word: it.connect(run.fd(fd), address(run, word))),
    plain("send", _SOCKET, _send),
    plain("send-to", _WITH, _send_to),
    plain("send-first", _WITH, _send_first),
    Action(
        "give", (Word.DESCRIPTOR, Word.OTHER), _give, Gives.SAME,
    ),
)  # fmt: skip
