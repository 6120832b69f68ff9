# SPDX-License-Identifier: MIT
"""Netlink sockets that speak with the audit subsystem.

Source: net/netlink/af_netlink.c; audit_receive(), audit_netlink_ok(), audit_receive_msg() and
audit_multicast_bind() in kernel/audit.c; audit_rule_change() in kernel/auditfilter.c; netlink(7).
"""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass
from typing import NoReturn

from suite.kernel.audit import HEAD_SIZE, LOGIN, Audit, Kind, audit_of, with_head
from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.sockets.base import Socket, check_receive_flags
from suite.kernel.sockets.filters import Filter, filter_of
from suite.kernel.sockets.messages import Message, Packet
from suite.kernel.tasks import Task

NETLINK_AUDIT = 9
_SO_ATTACH_FILTER = 26
_ADDRESS = "<HHII"
_FROM_KERNEL = struct.pack(_ADDRESS, socket.AF_NETLINK, 0, 0, 0)
_READLOG = 1
"""The bit of the group of readers."""
_ERROR, _ACK, _CAPPED = 2, 4, 0x100
"""NLMSG_ERROR; NLM_F_ACK, NLM_F_CAPPED."""
_SET, _ADD_RULE, _DEL_RULE = 1001, 1011, 1012
_ENABLED, _PID = 1, 4
"""AUDIT_STATUS_*."""
_LOCKED = 2
_STATUS = struct.Struct("<4I")
"""Mask, enabled, failure, pid; the rest of struct audit_status is about limits."""
_RULE = struct.Struct("<3I64I64I64I64I")
_RULE_SIZE = _RULE.size + 4
_EXCLUDE, _ALWAYS, _MSGTYPE, _EQUAL = 5, 2, 12, 0x40000000


@dataclass(slots=True, eq=False, repr=False)
class AuditSocket(Socket):
    """A socket of the protocol NETLINK_AUDIT."""

    filter: Filter | None = None

    @property
    def audit(self) -> Audit:
        """What it speaks with."""
        return audit_of(self.kernel)

    def bind(self, task: Task, address: bytes) -> None:
        """netlink_bind(): join groups."""
        if len(address) < len(_FROM_KERNEL):
            raise Errno(errno.EINVAL)
        family, _, port, groups = struct.unpack_from(_ADDRESS, address)
        if family != socket.AF_NETLINK:
            raise Errno(errno.EINVAL)
        if groups & ~_READLOG or port:
            raise NotModelled("audit: other groups, and ports that are asked for")
        if groups:
            require(task.credentials, "AUDIT_READ", self.kernel.user)
            is_there = self.network is self.kernel.net  # the only one whose readers get anything
            if is_there and self not in self.audit.readers:
                self.audit.readers.insert(0, self)

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """netlink_connect()."""
        raise NotModelled("audit: connect")

    def getname(self, *, of_peer: bool = False) -> bytes:
        """netlink_getname()."""
        raise NotModelled("audit: getsockname")

    def set_option(self, task: Task, level: int, option: int, value: bytes) -> None:
        """SO_ATTACH_FILTER."""
        if (level, option) != (socket.SOL_SOCKET, _SO_ATTACH_FILTER):
            raise NotModelled("audit: options of sockets")
        self.filter = filter_of(task, value)

    def release(self) -> None:
        """netlink_release()."""
        self.is_dead = True
        if self in self.audit.readers:
            self.audit.readers.remove(self)
        if self.audit.daemon is self:
            self.audit.daemon, self.audit.daemon_pid = None, 0

    def deliver(self, message: bytes) -> None:
        """Let the filter, if there is one, look at a message, and take it."""
        if self.filter is None or self.filter.takes(message):
            self.queue.append(Packet(message, _FROM_KERNEL))

    def receive(self, task: Task, size: int, flags: int) -> Packet:
        """netlink_recvmsg(): one message, or as much of it as there is room for."""
        check_receive_flags(flags)
        self.kernel.free_domains()
        if not self.queue:
            self.may_wait(flags)
        packet = self.queue.popleft()
        return Packet(packet.data[:size], packet.address)

    def send(self, task: Task, message: Message) -> int:
        """netlink_sendmsg(): messages to the kernel, which answers at once."""
        if message.address is not None:
            _check_kernel(message.address)
        self.kernel.free_domains()  # before auditing is switched: that decides what is said of it
        data = message.data()
        at = 0
        while len(data) - at >= HEAD_SIZE:
            size, kind, flags, number, port = struct.unpack_from("<IHHII", data, at)
            if not HEAD_SIZE <= size <= len(data) - at:
                break
            one = data[at : at + size]
            try:
                self._take(task, kind, one[HEAD_SIZE:])
            except Errno as error:
                self._answer(-error.number, one, flags, number, port)
            else:
                if flags & _ACK:
                    self._answer(0, one[:HEAD_SIZE], _CAPPED, number, port)
            at += size + 3 & ~3
        return message.size

    def _answer(self, value: int, request: bytes, flags: int, number: int, port: int) -> None:
        """netlink_ack()."""
        body = struct.pack("<i", value) + request
        self.deliver(with_head(_ERROR, body, flags & _CAPPED, number, port))

    def _take(self, task: Task, kind: int, body: bytes) -> None:
        """What one message asks for.

        Raises:
            Errno: It is not done.
        """
        if task.credentials.user is not self.kernel.user:
            raise Errno(errno.ECONNREFUSED)
        if kind == Kind.USER:
            self._require(task, "AUDIT_WRITE")
            self._say(task, body)
            return
        if kind not in (_SET, _ADD_RULE, _DEL_RULE):
            raise NotModelled(f"audit: message {kind}")
        if task.namespaces.pids is not self.kernel.pids:
            raise Errno(errno.EPERM)
        self._require(task, "AUDIT_CONTROL")
        if kind == _SET:
            self._set(task, body)
        else:
            self._change_rule(body, adds=kind == _ADD_RULE)

    def _require(self, task: Task, capability: str) -> None:
        """netlink_capable(): both who made the socket and who sends."""
        require(self.credentials, capability, self.kernel.user)
        require(task.credentials, capability, self.kernel.user)

    def _say(self, task: Task, body: bytes) -> None:
        """AUDIT_USER: a record of a program's own."""
        if self.audit.enabled:
            pid, uid = task.group.leader.number, task.credentials.uid
            text = body[:-1].split(b"\0")[0].decode("utf-8", "surrogateescape")
            self.audit.log(Kind.USER, f"pid={pid} uid={uid} {LOGIN} msg='{text}'", of_call=False)

    def _set(self, task: Task, body: bytes) -> None:
        """AUDIT_SET: what the mask of a struct audit_status names."""
        mask, enabled, _, pid = _STATUS.unpack_from(body.ljust(_STATUS.size, b"\0"))
        if mask & ~(_ENABLED | _PID):
            raise NotModelled("audit: limits")
        if mask & _ENABLED:
            if enabled >= _LOCKED:
                raise NotModelled("audit: a locked configuration")
            self.audit.switch(enabled)
        if mask & _PID:
            self._set_daemon(task, pid)

    def _set_daemon(self, task: Task, pid: int) -> None:
        audit, own = self.audit, task.group.leader.number
        if audit.daemon is not None and pid:
            raise Errno(errno.EEXIST)
        if audit.daemon is not None and own != audit.daemon_pid:
            raise Errno(errno.EACCES)
        if pid and pid != own:
            raise Errno(errno.EINVAL)
        audit.tell_change(f"op=set audit_pid={pid} old={audit.daemon_pid}")
        audit.daemon, audit.daemon_pid = (self, pid) if pid else (None, 0)

    def _change_rule(self, body: bytes, *, adds: bool) -> None:
        """AUDIT_ADD_RULE, AUDIT_DEL_RULE: of rules there are those that leave out a type."""
        if len(body) < _RULE_SIZE:
            raise Errno(errno.EINVAL)
        rule = _RULE.unpack_from(body)
        field_, value, compares = rule[67], rule[131], rule[195]
        if (*rule[:3], field_, compares) != (_EXCLUDE, _ALWAYS, 1, _MSGTYPE, _EQUAL):
            _unknown_rule()
        excluded = self.audit.excluded
        if adds == (value in excluded):
            raise Errno(errno.EEXIST if adds else errno.ENOENT)
        (excluded.add if adds else excluded.remove)(value)
        self.audit.tell_change(f"op={'add' if adds else 'remove'}_rule key=(null) list={_EXCLUDE}")


def _check_kernel(address: bytes) -> None:
    """Messages go to the kernel alone."""
    if len(address) < len(_FROM_KERNEL):
        raise Errno(errno.EINVAL)
    family, _, port, groups = struct.unpack_from(_ADDRESS, address)
    if family != socket.AF_NETLINK:
        raise Errno(errno.EINVAL)
    if port or groups:
        raise NotModelled("audit: messages between processes")


def _unknown_rule() -> NoReturn:
    raise NotModelled("audit: other rules than of excluded types")
