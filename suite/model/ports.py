# SPDX-License-Identifier: MIT
"""Ports: bind(2), connect(2) and sending, of TCP and UDP sockets.

Source: security/landlock/net.c; Documentation/userspace-api/landlock.rst, "Network flags".
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Hashable
from dataclasses import dataclass

from suite.landlock.abi import NET, Erratum
from suite.landlock.changes import RIGHT_OF_CALL
from suite.model.landlock import (
    Model,
    Subject,
    layers_with,
    missing_net,
    tell_met,
    without,
)
from suite.model.verdicts import Cause, Denial, Request, youngest

_FAMILY_BYTES = 2
_LENGTHS: dict[int, int] = {socket.AF_UNSPEC: 16, socket.AF_INET: 16, socket.AF_INET6: 24}
"""The least bytes of an address: a struct sockaddr_in; a sockaddr_in6 may lack its scope."""
_ANY = bytes(4)
"""INADDR_ANY"""


@dataclass(frozen=True, slots=True)
class Socket:
    """What Landlock looks at of a socket."""

    family: int
    """``AF_INET``, ``AF_INET6`` or another one."""
    is_tcp: bool = False
    is_udp: bool = False
    is_stream: bool = False
    """Whether it is of type SOCK_STREAM, of whatever protocol."""
    is_bound: bool = False
    """Whether it has a local port already."""


def bind(model: Model, subject: Subject, of: Socket, address: bytes) -> Denial | None:
    """Give a socket an address, as the process wrote it."""
    if _counts_as_tcp(model, of):
        return _check(model, subject, of, address, NET.BIND_TCP)
    if of.is_udp:
        return _check(model, subject, of, address, NET.BIND_UDP)
    return None


def connect(model: Model, subject: Subject, of: Socket, address: bytes) -> Denial | None:
    """Connect a socket. One of UDP without a port gets one by it, as if bound to port 0."""
    if _counts_as_tcp(model, of):
        return _check(model, subject, of, address, NET.CONNECT_TCP, connecting=True)
    if not of.is_udp:
        return None
    denial = _check(model, subject, of, address, NET.CONNECT_SEND_UDP, connecting=True)
    if denial or len(address) < _FAMILY_BYTES or _family(address) == socket.AF_UNSPEC:
        return denial
    return _autobind(model, subject, of)


def send(
    model: Model, subject: Subject, of: Socket, address: bytes | None, *, fast_open: bool
) -> Denial | None:
    """sendto(2) and its like, with an address or on a connected socket.

    A datagram needs the right to its destination's port. TCP Fast Open connects by sending.

    Source: hook_socket_sendmsg(); "landlock: Fix TCP Fast Open connection bypass".
    """
    opens = fast_open and not model.has("tcp-fast-open-bypass")
    if opens and address is not None and _counts_as_tcp(model, of):
        return _check(model, subject, of, address, NET.CONNECT_TCP, connecting=True)
    if not of.is_udp:
        return None
    if address is not None:
        denial = _check(model, subject, of, address, NET.CONNECT_SEND_UDP)
        if denial:
            return denial
    return _autobind(model, subject, of)


def _counts_as_tcp(model: Model, of: Socket) -> bool:
    """Whether the rights on TCP hold for a socket.

    Source: "landlock: Fix non-TCP sockets restriction".
    """
    if model.fixed(Erratum.TCP_SOCKET_IDENTIFICATION):
        return of.is_tcp
    return of.is_stream


def _autobind(model: Model, subject: Subject, of: Socket) -> Denial | None:
    """A UDP socket without a port is about to get one: that takes the right to bind to port 0."""
    if of.is_bound:
        return None
    return _allowed(model, subject, NET.BIND_UDP, 0)


def _check(
    model: Model,
    subject: Subject,
    of: Socket,
    address: bytes,
    right: NET,
    *,
    connecting: bool = False,
) -> Denial | None:
    """Whether a domain allows a right on the port of an address.

    Of an address that the protocol would refuse, the errno is the protocol's, so that a restricted
    program sees nothing else than others do.

    Source: current_check_access_socket().
    """
    if not model.knows(right) or not _is_about(model, subject, right):
        return None
    if len(address) < _FAMILY_BYTES:
        return Denial(errno.EINVAL)
    find = _port_with_bug if model.has("short-unspec") else _port
    found = find(of, address, right, connecting=connecting)
    if found is None or isinstance(found, Denial):
        return found
    return _allowed(model, subject, right, found)


_NO_PORT = object()
"""Of an address that no rule can be about."""


def _is_about(model: Model, subject: Subject, right: NET) -> bool:
    """Whether a domain has a say in it: before a change, if it handles any right on ports.

    Source: "landlock: Prepare to use credential instead of domain for network".
    """
    wanted = int(right) if model.abi >= RIGHT_OF_CALL.since else ~0
    return bool(layers_with(subject.domain, lambda handled: handled.net & wanted))


def _port(of: Socket, address: bytes, right: NET, *, connecting: bool) -> Hashable | Denial | None:
    """The port for which a rule is needed, or the answer if it is known without one.

    An address of the family AF_UNSPEC dissolves a connection, which is always allowed. In bind(2)
    it means AF_INET on an IPv4 socket, if it is INADDR_ANY, and is wrong on an IPv6 socket. Sent
    to, it means AF_INET on an IPv4 socket; on an IPv6 socket it means no address at all, but that
    socket could become one of IPv4 meanwhile.
    """
    family = _family(address)
    if family == socket.AF_UNSPEC:
        if connecting:
            return None
        if of.family != socket.AF_INET:
            if right is NET.CONNECT_SEND_UDP:
                return _NO_PORT
            is_short = len(address) < _LENGTHS[socket.AF_INET6]
            return Denial(errno.EINVAL if is_short else errno.EAFNOSUPPORT)
    if family not in _LENGTHS:
        return None
    if len(address) < _LENGTHS[family] or family not in (of.family, socket.AF_UNSPEC):
        return Denial(errno.EINVAL)
    return _bound_to(address, right)


def _port_with_bug(
    of: Socket, address: bytes, right: NET, *, connecting: bool
) -> Hashable | Denial | None:
    """The same before "landlock: Fix TCP handling of short AF_UNSPEC addresses"."""
    family = _family(address)
    if family not in _LENGTHS:
        return None
    if len(address) < _LENGTHS[family] or family not in (of.family, socket.AF_UNSPEC):
        return Denial(errno.EINVAL)
    if family == socket.AF_UNSPEC and connecting:
        return None
    return _bound_to(address, right)


def _bound_to(address: bytes, right: NET) -> int | Denial:
    is_bind = right in (NET.BIND_TCP, NET.BIND_UDP)
    if is_bind and _family(address) == socket.AF_UNSPEC and address[4:8] != _ANY:
        return Denial(errno.EAFNOSUPPORT)
    (port,) = struct.unpack_from("!H", address, _FAMILY_BYTES)
    return int(port)


def _allowed(model: Model, subject: Subject, right: NET, port: Hashable) -> Denial | None:
    handled = missing_net(subject.domain, int(right))
    rules = tuple(layer.ruleset.ports.get(port) for layer in subject.domain)
    tell_met(model, subject.domain, port, rules, handled)
    missing = without(handled, rules)
    if not any(missing):
        return None
    layer, access = youngest(missing, int(right))
    rule = rules[layer]
    quiet = rule is not None and rule.quiet
    return Denial(errno.EACCES, (Cause(subject, Request.NET_ACCESS, layer, access, quiet),))


def _family(address: bytes) -> int:
    return int.from_bytes(address[:2], "little")
