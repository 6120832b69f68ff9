# SPDX-License-Identifier: MIT
"""System calls on sockets, in the order in which net/socket.c looks at their arguments."""

from __future__ import annotations

import errno
import os
import socket as so

from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CALLS, CInt, CUint, CUlong, Pointer, call
from suite.kernel.sockets import requests, unix
from suite.kernel.sockets.base import Socket, become_file, new_path, send
from suite.kernel.sockets.making import flags_of, made
from suite.kernel.sockets.messages import Message, address_at, message_at, put_address
from suite.kernel.sockets.requests import found
from suite.kernel.tasks import Task

_AT_ONCE = 1024
"""UIO_MAXIOV: how many messages sendmmsg(2) takes."""
_MOST_OPTION = 4096
_MOST_WAITING = 4096
"""net.core.somaxconn."""


def _opened(task: Task, it: Socket, flags: int) -> int:
    return task.files.add(it, closes_on_exec=bool(flags & so.SOCK_CLOEXEC))


@call("socket")
def socket(kernel: Kernel, task: Task, family: CInt, kind: CInt, protocol: CInt) -> int:
    """socket(2)."""
    return _opened(task, made(kernel, task, family, kind, protocol), kind)


@call("socketpair")
def socketpair(
    kernel: Kernel, task: Task, family: CInt, kind: CInt, protocol: CInt, pair: Pointer
) -> int:
    """socketpair(2)."""
    flags_of(kind)
    task.memory.write(pair, bytes(8))
    one, other = (made(kernel, task, family, kind, protocol) for _ in range(2))
    if not isinstance(one, unix.UnixSocket) or not isinstance(other, unix.UnixSocket):
        raise Errno(errno.EOPNOTSUPP)
    unix.join(one, other)
    for at, it in ((pair, one), (pair + 4, other)):
        task.memory.put(at, _opened(task, it, kind), 4)
    return 0


@call("bind")
def bind(kernel: Kernel, task: Task, fd: CInt, address: Pointer, size: CInt) -> int:
    """bind(2)."""
    it = found(task, fd)
    return requests.bind(kernel, task, it, address_at(task, address, size))


@call("connect")
def connect(kernel: Kernel, task: Task, fd: CInt, address: Pointer, size: CInt) -> int:
    """connect(2), which looks at the address before it knows that it has a socket."""
    task.files.get(fd)
    raw = address_at(task, address, size)
    return requests.connect(kernel, task, found(task, fd), raw)


@call("listen")
def listen(kernel: Kernel, task: Task, fd: CInt, backlog: CInt) -> int:
    """listen(2)."""
    it = found(task, fd)
    it.listen(task, backlog if 0 <= backlog <= _MOST_WAITING else _MOST_WAITING)
    return 0


@call("accept4")
def accept4(
    kernel: Kernel, task: Task, fd: CInt, address: Pointer, size: Pointer, flags: CInt
) -> int:
    """accept4(2)."""
    it = found(task, fd)
    flags_of(flags)
    if flags & ~(so.SOCK_CLOEXEC | so.SOCK_NONBLOCK):
        raise Errno(errno.EINVAL)
    accepted = it.accept(task)
    accepted.path = new_path(kernel)
    become_file(accepted, task, flags & os.O_NONBLOCK)
    if address:
        put_address(task, accepted.getname(of_peer=True), address, size)
    return _opened(task, accepted, flags)


@call("accept")
def accept(kernel: Kernel, task: Task, fd: CInt, address: Pointer, size: Pointer) -> int:
    """accept(2)."""
    return accept4(kernel, task, fd, address, size, 0)


@call("getsockname")
def getsockname(kernel: Kernel, task: Task, fd: CInt, address: Pointer, size: Pointer) -> int:
    """getsockname(2)."""
    put_address(task, found(task, fd).getname(), address, size)
    return 0


@call("getpeername")
def getpeername(kernel: Kernel, task: Task, fd: CInt, address: Pointer, size: Pointer) -> int:
    """getpeername(2)."""
    put_address(task, found(task, fd).getname(of_peer=True), address, size)
    return 0


@call("sendto")
def sendto(
    kernel: Kernel,
    task: Task,
    fd: CInt,
    data: Pointer,
    size: CUlong,
    flags: CUint,
    address: Pointer,
    address_size: CInt,
) -> int:
    """sendto(2)."""
    it = found(task, fd)
    to = address_at(task, address, address_size) if address else None
    return send(it, task, Message(size, lambda: task.memory.read(data, size), to, flags))


@call("send")
def send_(kernel: Kernel, task: Task, fd: CInt, data: Pointer, size: CUlong, flags: CUint) -> int:
    """send(2)."""
    return sendto(kernel, task, fd, data, size, flags, 0, 0)


@call("sendmsg")
def sendmsg(kernel: Kernel, task: Task, fd: CInt, header: Pointer, flags: CUint) -> int:
    """sendmsg(2)."""
    it = found(task, fd)
    return send(it, task, message_at(task, header, flags))


@call("sendmmsg")
def sendmmsg(
    kernel: Kernel, task: Task, fd: CInt, headers: Pointer, count: CUint, flags: CUint
) -> int:
    """sendmmsg(2): how many were sent; an errno only if none was."""
    it = found(task, fd)
    each = 32 if task.arch == "i386" else 64
    for number in range(min(count, _AT_ONCE)):
        header = headers + each * number
        try:
            sent = send(it, task, message_at(task, header, flags))
        except Errno:
            if not number:
                raise
            return number
        task.memory.put(header + each - (4 if task.arch == "i386" else 8), sent, 4)
    return min(count, _AT_ONCE)


@call("recvfrom")
def recvfrom(
    kernel: Kernel,
    task: Task,
    fd: CInt,
    data: Pointer,
    size: CUlong,
    flags: CUint,
    address: Pointer,
    address_size: Pointer,
) -> int:
    """recvfrom(2)."""
    packet = found(task, fd).receive(task, size, flags)
    task.memory.write(data, packet.data)
    if address:
        put_address(task, packet.address, address, address_size)
    return len(packet.data)


@call("shutdown")
def shutdown(kernel: Kernel, task: Task, fd: CInt, how: CInt) -> int:
    """shutdown(2)."""
    it = found(task, fd)
    if not 0 <= how <= so.SHUT_RDWR:
        raise Errno(errno.EINVAL)
    it.shutdown(task, how)
    return 0


@call("setsockopt")
def setsockopt(
    kernel: Kernel, task: Task, fd: CInt, level: CInt, option: CInt, value: Pointer, size: CInt
) -> int:
    """setsockopt(2)."""
    if size < 0:
        raise Errno(errno.EINVAL)
    it = found(task, fd)
    if size < 4:
        raise Errno(errno.EINVAL)
    it.set_option(task, level, option, task.memory.read(value, min(size, _MOST_OPTION)))
    return 0


_BY_NUMBER = {
    1: ("socket", 3), 2: ("bind", 3), 3: ("connect", 3), 4: ("listen", 2), 5: ("accept", 3),
    6: ("getsockname", 3), 7: ("getpeername", 3), 8: ("socketpair", 4), 9: ("send", 4),
    11: ("sendto", 6), 12: ("recvfrom", 6), 13: ("shutdown", 2), 14: ("setsockopt", 5),
    16: ("sendmsg", 3), 18: ("accept4", 4), 20: ("sendmmsg", 4),
}  # fmt: skip
"""The calls of socketcall(2), and how many arguments each has. Source: include/uapi/linux/net.h."""


@call("socketcall")
def socketcall(kernel: Kernel, task: Task, number: CInt, arguments: Pointer) -> int:
    """socketcall(2) of i386: the arguments are in memory."""
    if number not in _BY_NUMBER:
        raise Errno(errno.EINVAL)
    name, count = _BY_NUMBER[number]
    values = [task.memory.integer(arguments + 4 * it, 4) for it in range(count)]
    return CALLS[name](kernel, task, values)
