# SPDX-License-Identifier: MIT
"""Read the kernel's audit records through the multicast group of readers.

Source: include/uapi/linux/audit.h; AUDIT_NLGRP_READLOG, audit_log_end() in kernel/audit.c.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from suite.judge.outcome import Allowed, Denied, Outcome, errno_name
from suite.packed import joined, packed
from suite.process.process import Process
from suite.process.promise import Call, Later
from suite.values import Fd, Pack
from suite.witness.base import Witness

LANDLOCK_ACCESS, LANDLOCK_DOMAIN = 1423, 1424
_AUDIT_SET, _AUDIT_USER, _AUDIT_ADD_RULE, _AUDIT_DEL_RULE = 1001, 1005, 1011, 1012
_STATUS_ENABLED, _STATUS_PID = 1, 4
_FILTER_EXCLUDE, _ALWAYS, _MSGTYPE, _EQUAL = 5, 2, 12, 0x40000000
_NETLINK_AUDIT = 9
_READLOG = 1
_NLM_F_REQUEST, _NLM_F_ACK = 1, 4
_MARK = "landproof-mark"
_MARKED = re.compile(rf"{_MARK} (\d+)")
_MOST, _SIZE = 16, 1024
"""How many records are asked for at once, and how long each may be."""
_SO_ATTACH_FILTER = 26
_LOAD_HALF, _IF_EQUAL, _RETURN = 0x28, 0x15, 0x06
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


class AuditLog(Witness[AuditRecord]):
    """The audit log: auditing is switched on for a ``with`` block, and records are read from there.

    It is off otherwise, as distributions have it: logging every denial of every case takes time.
    Only processes made in the block have all that is logged about system calls.

    Needs CAP_AUDIT_CONTROL, CAP_AUDIT_READ and CAP_AUDIT_WRITE, and the initial network namespace.
    """

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self._control: Fd = -1
        self._marks: Fd = -1
        self._socket: Fd = -1
        self._rest: list[AuditRecord] = []
        """What came after the last mark."""
        self._parts: dict[int, list[AuditRecord]] = {}
        """What came before each mark, and after the mark before it."""
        self._sent = 0
        """How many marks."""

    def _prepare(self) -> None:
        self._control = _open(self._process)
        self._marks = listen(self._process)
        _pass_only(self._process, self._marks, _AUDIT_USER)
        self._socket = listen(self._process)  # the last one that joins is served first

    def _switch(self, *, on: bool) -> Call:
        return self._send(_AUDIT_SET, _status(enabled=int(on)))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Auditing, switched off for a block."""
        self._switch(on=False)
        yield
        self._switch(on=True)

    @contextmanager
    def excluding(self, kind: int) -> Iterator[None]:
        """Records of a type, filtered out for a block."""
        # struct audit_rule_data: one field, in arrays of 64
        arrays = [packed("64I", *[first] + [0] * 63) for first in (0, _MSGTYPE, kind, _EQUAL)]
        rule = packed("3I", _FILTER_EXCLUDE, _ALWAYS, 1) + joined(arrays) + bytes(4)
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

    def take(self) -> Later[AuditRecord]:
        """The records since they were last taken; to be looked at after the block, too.

        They end in a mark of our own. The kernel serves all readers with a record before the next
        one: who got the mark finds all that was before it, and has to wait for nothing else.
        """
        self._sent += 1
        number = self._sent
        mark = self._send(_AUDIT_USER, f"{_MARK} {number}".encode() + b"\0")
        self._process.recv(self._marks, _SIZE)
        self._receive()
        return Later(lambda: self._before(mark, number))

    def accesses(self) -> Later[AuditRecord]:
        """The same, but only those of denied accesses."""
        records = self.take()
        return Later(lambda: [record for record in records if record.type == LANDLOCK_ACCESS])

    def _next(self) -> list[AuditRecord]:
        self._read()
        if not self._rest:
            self._receive(wait=True)
            self._read()
        return [self._rest.pop(0)]

    def _freed(self, entry: AuditRecord) -> str | None:
        freed = entry.fields.get("status") == "deallocated"
        return entry.fields["domain"] if freed else None

    def _before(self, mark: Call, number: int) -> list[AuditRecord]:
        """What came before a mark, and after the mark before it."""
        if mark.record is None:  # a domain was refused: there is nothing to be logged
            return []
        self._read()
        while number not in self._parts:  # there was more than was asked for
            self._receive(wait=True)
            self._read()
        return self._parts[number]

    def _receive(self, *, wait: bool = False) -> None:
        self._unread.append(self._process.observe(_receive, self._socket, wait=wait))

    def _read(self) -> None:
        """Look at what was received, and part it by the marks in it."""
        unread, self._unread = self._unread, []
        for call in [call for observation in unread for call in observation.done]:
            record = _parse(call.data[: call.value])
            if mark := _is_mark(record):
                self._parts[mark], self._rest = self._rest, []
            else:
                self._rest.append(record)

    def _send(self, kind: int, payload: bytes | Pack) -> Call:
        return _send(self._process, self._control, kind, payload)


MESSAGE = "IHHII"
"""The form of the head of a message: struct nlmsghdr."""


def denial(records: Sequence[AuditRecord]) -> dict[int, AuditRecord]:
    """The first denied access that was logged, and its domain's record, by type.

    Records of other domains may be among them: a domain is freed, and that logged, some time
    after its last process.
    """
    access = next((r for r in records if r.type == LANDLOCK_ACCESS), None)
    if access is None:
        return {}
    domain = access.fields["domain"]
    return {r.type: r for r in reversed(records) if r.fields.get("domain") == domain}


def _receive(process: Process, fd: Fd, *, wait: bool) -> None:
    for number in range(_MOST):
        process.recv(fd, _SIZE, 0 if wait and not number else socket.MSG_DONTWAIT, MESSAGE)


def _parse(message: bytes) -> AuditRecord:
    _, kind, _, _, _ = struct.unpack_from("<IHHII", message)
    text = message[16:].decode(errors="replace").rstrip("\0\n")
    head = _HEAD.match(text)
    if head is None:
        return AuditRecord(kind, text)
    return AuditRecord(kind, text[head.end() :], int(head[1]))


def _is_mark(record: AuditRecord) -> int:
    """Its number, or 0."""
    mark = _MARKED.search(record.text) if record.type == _AUDIT_USER else None
    return int(mark[1]) if mark else 0


def listen(process: Process) -> Call:
    """Join the group of readers: a socket that gets what is logged from now on."""
    fd = _open(process)
    address = Pack(((2, socket.AF_NETLINK), (2, 0), (4, 0), (4, _READLOG)))
    process.syscall("bind", fd, address, 12)
    return fd


def _pass_only(process: Process, fd: Fd, kind: int) -> None:
    """Have a socket get messages of one type alone: a classic BPF program looks at it."""
    program = joined(
        packed("HBBI", *step)
        for step in (
            (_LOAD_HALF, 0, 0, 4),  # in network byte order
            (_IF_EQUAL, 0, 1, process.session.htons(kind)),
            (_RETURN, 0, 0, 1 << 16),
            (_RETURN, 0, 0, 0),
        )
    )
    filter_ = Pack(((2, len(program) // 8), bytes(6), (8, program)))
    process.syscall("setsockopt", fd, socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_, 16)


def switch_off(process: Process) -> Outcome:
    """Switch auditing off: what the kernel answers."""
    fd = _open(process)
    _send(process, fd, _AUDIT_SET, _status(enabled=0), _NLM_F_ACK)
    answer = process.recv(fd, 8192, form="IHHIIi")
    process.close(fd)
    error = struct.unpack_from("<i", answer.data, 16)[0]
    return Denied(errno_name(-error)) if error else Allowed()


def _open(process: Process) -> Call:
    return process.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_AUDIT)


def _send(process: Process, fd: Fd, kind: int, payload: bytes | Pack, flags: int = 0) -> Call:
    if isinstance(payload, bytes):
        payload = Pack((payload,))
    size = 16 + payload.size
    header = packed("IHHII", size, kind, _NLM_F_REQUEST | flags, 1, 0)
    to_kernel = packed("HHII", socket.AF_NETLINK, 0, 0, 0)
    message = Pack((header, *payload.fields))
    return process.syscall("sendto", fd, message, size, 0, to_kernel, len(to_kernel))


def _status(*, enabled: int | None = None, pid: int | Call | None = None) -> Pack:
    """A struct audit_status: its mask, then what the mask names."""
    mask = _STATUS_ENABLED * (enabled is not None) | _STATUS_PID * (pid is not None)
    return Pack(((4, mask), (4, enabled or 0), (4, 0), (4, 0 if pid is None else pid), bytes(16)))
