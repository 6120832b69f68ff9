# SPDX-License-Identifier: MIT
"""io_uring: a ring, and operations that are submitted to it one at a time.

Source: include/uapi/linux/io_uring.h; io_uring(7).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import IntEnum

from suite.packed import Packed, packed, widths
from suite.process.calls.base import Caller
from suite.process.calls.sockets import message
from suite.process.promise import Call
from suite.process.target_order import open_flags
from suite.process.uapi import AT_FDCWD
from suite.values import Argument, Beyond, Fd, InOut, Pack

SETUP_SQPOLL = 1 << 1
FEAT_SQPOLL_NONFIXED = 1 << 7
_PARAMS = "30I"
"""The form of a struct io_uring_params, as far as its places are numbers of 4 bytes."""
_SQ_TAIL, _SQ_ARRAY, _CQES, _FEATURES = 44, 64, 100, 20
"""Where io_uring_setup(2) says in its struct where things are in the ring."""
_OFF_RING, _OFF_SQES = 0, 0x10000000
_ENTRIES, _ROOM = 16, 4096
_SQE, _CQE, _CQE_RES = 64, 16, 8
BLOCK_URING_CMD_DISCARD = 0x12 << 8
"""include/uapi/linux/blkdev.h: _IO(0x12, 0)."""
_IDLE_MS = 1
_SQE_ASYNC = 1 << 4
_ENTER_GETEVENTS, _ENTER_SQ_WAKEUP = 1, 2
_REGISTER_PROBE, _REGISTER_PERSONALITY = 8, 9
_OPS, _PROBE, _PROBED, _OP_FLAGS = 64, "2BH3I", "2BHI", 2
"""How many operations are asked for, the forms of struct io_uring_probe and of each, its flags."""
_OP_SUPPORTED = 1
_PROT, _MAP_SHARED_POPULATE = 1 | 2, 0x1 | 0x8000


class Op(IntEnum):
    """IORING_OP_*."""

    SENDMSG = 9
    CONNECT = 16
    OPENAT = 18
    SEND = 26
    OPENAT2 = 28
    RENAMEAT = 35
    UNLINKAT = 36
    MKDIRAT = 37
    SYMLINKAT = 38
    LINKAT = 39
    URING_CMD = 46
    FTRUNCATE = 55
    BIND = 56
    LISTEN = 57


@dataclass(slots=True)
class Ring:
    """A ring, good for 16 operations; what it was mapped to holds in forked children too.

    Every operation names the process that submits it: ``child.observe(ring.openat, path, 0)``.
    It waits for the completion, whose result is the value of the call.
    """

    fd: Call
    ring: Call
    entries: Call
    """The addresses of the ring and of the submissions."""
    tail: int
    completions: int
    """Where in the ring the submissions are counted, and the completions are."""
    features: int
    asynchronous: bool = False
    """Let a worker perform what is submitted from now on (IOSQE_ASYNC)."""
    personality: int = 0
    """With these registered credentials."""
    submitted: int = 0

    def begin(
        self,
        process: Caller,
        op: Op,
        fd: Fd,
        *,
        off: Argument = 0,
        addr: Argument = 0,
        size: int = 0,
        flags: int = 0,
        addr_len: int = 0,
        addr3: int = 0,
    ) -> None:
        """Submit an operation; the arguments are the fields of struct io_uring_sqe."""
        head = packed("BBH", op, _SQE_ASYNC if self.asynchronous else 0, 0)
        tail = packed("8xHHH2xQ8x", 0, self.personality, addr_len, addr3)
        entry = Pack((head, (4, fd), (8, off), (8, addr), (4, size), (4, flags), tail))
        # What the entry points to is there until the process answers for this part of the
        # program, and the kernel copies it when it takes the entry.
        process.poke(Beyond(self.entries, _SQE * self.submitted), entry)
        self.submitted += 1
        process.poke(Beyond(self.ring, self.tail), packed("I", self.submitted))
        process.syscall("io_uring_enter", self.fd, 1, 0, _ENTER_SQ_WAKEUP, 0, 0)

    def end(self, process: Caller) -> Call:
        """Wait for the completion of what was submitted last."""
        # No completion is ever taken from the ring: they are counted from the beginning.
        process.syscall("io_uring_enter", self.fd, 0, self.submitted, _ENTER_GETEVENTS, 0, 0)
        at = self.completions + _CQE * (self.submitted - 1) + _CQE_RES
        return process.result_at(Beyond(self.ring, at))

    def openat(self, process: Caller, path: str, flags: int) -> Call:
        """IORING_OP_OPENAT: a file descriptor."""
        self.begin(
            process,
            Op.OPENAT,
            AT_FDCWD,
            addr=path,
            size=0o666,
            flags=self._open_flags(process, flags | os.O_CLOEXEC),
        )
        return self.end(process)

    def openat2(self, process: Caller, path: str, flags: int, resolve: int = 0) -> Call:
        """IORING_OP_OPENAT2: a file descriptor."""
        how = packed("QQQ", self._open_flags(process, flags | os.O_CLOEXEC), 0, resolve)
        self.begin(process, Op.OPENAT2, AT_FDCWD, off=how, addr=path, size=len(how))
        return self.end(process)

    def _open_flags(self, process: Caller, flags: int) -> int:
        """The target's: no table of system calls says what the fields of an entry are."""
        return open_flags(flags, process.session.arch)

    def renameat(self, process: Caller, old: str, new: str) -> Call:
        """IORING_OP_RENAMEAT."""
        return self._two_paths(process, Op.RENAMEAT, old, new)

    def linkat(self, process: Caller, old: str, new: str) -> Call:
        """IORING_OP_LINKAT."""
        return self._two_paths(process, Op.LINKAT, old, new)

    def _two_paths(self, process: Caller, op: Op, old: str, new: str) -> Call:
        at = AT_FDCWD & 0xFFFFFFFF
        self.begin(process, op, AT_FDCWD, off=new, addr=old, size=at)
        return self.end(process)

    def unlinkat(self, process: Caller, path: str, flags: int = 0) -> Call:
        """IORING_OP_UNLINKAT."""
        self.begin(process, Op.UNLINKAT, AT_FDCWD, addr=path, flags=flags)
        return self.end(process)

    def mkdirat(self, process: Caller, path: str) -> Call:
        """IORING_OP_MKDIRAT."""
        self.begin(process, Op.MKDIRAT, AT_FDCWD, addr=path, size=0o777)
        return self.end(process)

    def symlinkat(self, process: Caller, content: str, path: str) -> Call:
        """IORING_OP_SYMLINKAT."""
        self.begin(process, Op.SYMLINKAT, AT_FDCWD, off=path, addr=content)
        return self.end(process)

    def ftruncate(self, process: Caller, fd: Fd, size: int = 0) -> Call:
        """IORING_OP_FTRUNCATE."""
        self.begin(process, Op.FTRUNCATE, fd, off=size)
        return self.end(process)

    def connect(self, process: Caller, fd: Fd, address: bytes) -> Call:
        """IORING_OP_CONNECT."""
        self.begin(process, Op.CONNECT, fd, off=len(address), addr=address)
        return self.end(process)

    def bind(self, process: Caller, fd: Fd, address: bytes) -> Call:
        """IORING_OP_BIND."""
        self.begin(process, Op.BIND, fd, off=len(address), addr=address)
        return self.end(process)

    def listen(self, process: Caller, fd: Fd, backlog: int = 8) -> Call:
        """IORING_OP_LISTEN."""
        self.begin(process, Op.LISTEN, fd, size=backlog)
        return self.end(process)

    def sendmsg(
        self, process: Caller, fd: Fd, data: bytes, address: bytes | None = None, flags: int = 0
    ) -> Call:
        """IORING_OP_SENDMSG of one buffer."""
        self.begin(process, Op.SENDMSG, fd, addr=Pack(message(data, address)), size=1, flags=flags)
        return self.end(process)

    def send(
        self, process: Caller, fd: Fd, data: bytes, address: bytes | None = None, flags: int = 0
    ) -> Call:
        """IORING_OP_SEND, to an address since Linux 6.1."""
        size = len(address) if address else 0
        self.begin(
            process,
            Op.SEND,
            fd,
            off=address,
            addr=data,
            size=len(data),
            flags=flags,
            addr_len=size,
        )
        return self.end(process)

    def command(self, process: Caller, fd: Fd, command: int = 0) -> Call:
        """IORING_OP_URING_CMD: a command of the file's driver."""
        self.begin(process, Op.URING_CMD, fd, off=command)
        return self.end(process)

    def discard(self, process: Caller, fd: Fd, start: int, size: int) -> Call:
        """BLOCK_URING_CMD_DISCARD: forget these bytes of a block device (Linux 6.12)."""
        command = BLOCK_URING_CMD_DISCARD
        self.begin(process, Op.URING_CMD, fd, off=command, addr=start, addr3=size)
        return self.end(process)

    def register_personality(self, process: Caller) -> int:
        """Keep the credentials of the process in the ring; at once."""
        return process.syscall("io_uring_register", self.fd, _REGISTER_PERSONALITY, 0, 0).value

    def knows(self, process: Caller, op: Op) -> bool:
        """Whether the kernel has the operation; asked at once."""
        head, each = sum(widths(_PROBE)), sum(widths(_PROBED))
        probe = InOut(Packed(bytes(head + each * _OPS), widths(_PROBE + _PROBED * _OPS)))
        call = process.syscall("io_uring_register", self.fd, _REGISTER_PROBE, probe, _OPS)
        return bool(call.data[head + each * op + _OP_FLAGS] & _OP_SUPPORTED)


class _Layouts(dict[int, tuple[int, ...]]):
    """What the kernel said of the first ring with these flags: it says the same of all."""


class Rings(Caller):
    """io_uring_setup(2)."""

    def uring(self, flags: int = 0) -> Ring:
        """A ring; with SETUP_SQPOLL a kernel thread takes what is submitted."""
        layouts = self.session.notes.of(_Layouts)
        params = InOut(packed(_PARAMS, 0, 0, flags, 0, _IDLE_MS, *[0] * 25))
        fd = self.syscall("io_uring_setup", _ENTRIES, params)
        ring, entries = (
            self.syscall("mmap", 0, _ROOM, _PROT, _MAP_SHARED_POPULATE, fd, offset)
            for offset in (_OFF_RING, _OFF_SQES)
        )
        if flags not in layouts:
            places = (_SQ_TAIL, _SQ_ARRAY, _CQES, _FEATURES)
            layouts[flags] = tuple(struct.unpack_from("<I", fd.data, at)[0] for at in places)
        tail, array, completions, features = layouts[flags]
        self.poke(Beyond(ring, array), packed(f"{_ENTRIES}I", *range(_ENTRIES)))
        return Ring(fd, ring, entries, tail, completions, features)
