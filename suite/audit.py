# SPDX-License-Identifier: MIT
"""Read the kernel's audit records through the multicast group of readers.

Source: include/uapi/linux/audit.h; AUDIT_NLGRP_READLOG, audit_log_end() in kernel/audit.c.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from suite.agent.client import AgentLostError
from suite.calls.files import Fd
from suite.outcome import Allowed, Denied, Outcome, errno_name
from suite.process import Process
from suite.ruleset import attr_size
from suite.session import Call, Pack

LANDLOCK_ACCESS, LANDLOCK_DOMAIN = 1423, 1424
_AUDIT_SET, _AUDIT_USER, _AUDIT_ADD_RULE, _AUDIT_DEL_RULE = 1001, 1005, 1011, 1012
_STATUS_ENABLED, _STATUS_PID = 1, 4
_FILTER_EXCLUDE, _ALWAYS, _MSGTYPE, _EQUAL = 5, 2, 12, 0x40000000
_NETLINK_AUDIT = 9
_READLOG = 1
_NLM_F_REQUEST, _NLM_F_ACK = 1, 4
_MARK = "landproof-mark"
_MOST = 64
_HEAD = re.compile(r"audit\([\d.]+:(\d+)\): ")
_FIELD = re.compile(r'([\w-]+)=("[^"]*"|\S+)')


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record: its type, and its text after the time and the number of the event."""

    type: int
    text: str
    event: int = 0
    """Records of one event have its number in common."""
    fields: dict[str, str] = field(init=False)
    """As they are written, without quotes."""

    def __post_init__(self) -> None:
        """Find the fields."""
        found = {name: value.strip('"') for name, value in _FIELD.findall(self.text)}
        object.__setattr__(self, "fields", found)


class AuditLog:
    """Auditing, switched on for a ``with`` block; the records from its beginning on.

    It is off otherwise, as distributions have it: logging every denial of every case takes time.
    Only processes made in the block have all that is logged about system calls.

    Needs CAP_AUDIT_CONTROL, CAP_AUDIT_READ and CAP_AUDIT_WRITE, and the initial network namespace.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._socket: Fd = -1

    def __enter__(self) -> Self:
        self._socket = listen(self._process)
        self._enable(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, AgentLostError):
            return
        _ = self._enable(0).value

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Auditing, switched off for a block."""
        self._enable(0)
        yield
        self._enable(1)

    @contextmanager
    def excluding(self, kind: int) -> Iterator[None]:
        """Records of a type, filtered out for a block."""
        # struct audit_rule_data: one field, in arrays of 64
        arrays = [struct.pack("<64I", *[first] + [0] * 63) for first in (0, _MSGTYPE, kind, _EQUAL)]
        rule = struct.pack("<3I", _FILTER_EXCLUDE, _ALWAYS, 1) + b"".join(arrays) + bytes(4)
        self._send(_AUDIT_ADD_RULE, rule)
        yield
        self._send(_AUDIT_DEL_RULE, rule)

    @contextmanager
    def daemon(self, process: Process) -> Iterator[None]:
        """A process that takes the place of auditd for a block, and that nobody else has."""
        fd, pid = _open(process), process.getpid()
        _send(process, fd, _AUDIT_SET, _status(pid=pid))
        yield
        _send(process, fd, _AUDIT_SET, _status(pid=0))

    def records(self) -> list[AuditRecord]:
        """What was logged since they were last asked for.

        They end in a mark of our own, so that nothing is waited for.
        """
        self._mark()
        found: list[AuditRecord] = []
        for _ in range(_MOST):
            record = self._next()
            if record.type == _AUDIT_USER and _MARK in record.text:
                break
            found.append(record)
        return found

    def accesses(self) -> list[AuditRecord]:
        """The denied accesses among them."""
        return [record for record in self.records() if record.type == LANDLOCK_ACCESS]

    def until_freed(self, *domains: str) -> list[AuditRecord]:
        """What was logged, until the last of these domains was freed, which comes by itself."""
        left, found = set(domains), []
        while left:
            found.append(record := self._next())
            if record.fields.get("status") == "deallocated":
                left.discard(record.fields["domain"])
        return found

    def denial(self) -> dict[int, AuditRecord]:
        """The first denied access that was logged, and its domain's record, by type.

        Records of other domains may be among them: a domain is freed, and that logged, some time
        after its last process.
        """
        records = self.records()
        access = next((r for r in records if r.type == LANDLOCK_ACCESS), None)
        if access is None:
            return {}
        domain = access.fields["domain"]
        return {r.type: r for r in reversed(records) if r.fields.get("domain") == domain}

    def _next(self) -> AuditRecord:
        call = self._process.recv(self._socket, 8192)
        message = call.data[: call.value]
        _, kind, _, _, _ = struct.unpack_from("<IHHII", message)
        text = message[16:].decode(errors="replace").rstrip("\0\n")
        head = _HEAD.match(text)
        if head is None:
            return AuditRecord(kind, text)
        return AuditRecord(kind, text[head.end() :], int(head[1]))

    def _mark(self) -> None:
        self._send(_AUDIT_USER, _MARK.encode() + b"\0")

    def _enable(self, enabled: int) -> Call:
        return self._send(_AUDIT_SET, _status(enabled=enabled))

    def _send(self, kind: int, payload: bytes | Pack) -> Call:
        writer = _open(self._process)
        sent = _send(self._process, writer, kind, payload)
        self._process.close(writer)
        return sent


def listen(process: Process) -> Call:
    """Join the group of readers: a socket that gets what is logged from now on."""
    fd = _open(process)
    address = Pack(((2, socket.AF_NETLINK), (2, 0), (4, 0), (4, _READLOG)))
    process.syscall("bind", fd, address, 12)
    return fd


def switch_off(process: Process) -> Outcome:
    """Switch auditing off: what the kernel answers."""
    fd = _open(process)
    _send(process, fd, _AUDIT_SET, _status(enabled=0), _NLM_F_ACK)
    answer = process.recv(fd, 8192)
    process.close(fd)
    error = struct.unpack_from("<i", answer.data, 16)[0]
    return Denied(errno_name(-error)) if error else Allowed()


def _open(process: Process) -> Call:
    return process.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_AUDIT)


def _send(process: Process, fd: Fd, kind: int, payload: bytes | Pack, flags: int = 0) -> Call:
    if isinstance(payload, bytes):
        payload = Pack((payload,))
    size = 16 + attr_size(payload)
    header = struct.pack("<IHHII", size, kind, _NLM_F_REQUEST | flags, 1, 0)
    to_kernel = struct.pack("<HHII", socket.AF_NETLINK, 0, 0, 0)
    message = Pack((header, *payload.fields))
    return process.syscall("sendto", fd, message, size, 0, to_kernel, len(to_kernel))


def _status(*, enabled: int | None = None, pid: int | Call | None = None) -> Pack:
    """A struct audit_status: its mask, then what the mask names."""
    mask = _STATUS_ENABLED * (enabled is not None) | _STATUS_PID * (pid is not None)
    return Pack(((4, mask), (4, enabled or 0), (4, 0), (4, 0 if pid is None else pid), bytes(16)))
