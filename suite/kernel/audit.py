# SPDX-License-Identifier: MIT
"""The audit subsystem: whether it is on, what it leaves out, and how records become messages.

Source: kernel/audit.c and kernel/auditsc.c of Linux, whose functions are named.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from suite.kernel.kernel import Kernel
from suite.kernel.mounts import name_of
from suite.kernel.tasks import Task

LOGIN = f"auid={0xFFFFFFFF} ses={0xFFFFFFFF}"
"""Of who never logged in."""
HEAD_SIZE = 16
"""sizeof(struct nlmsghdr)"""
_PRINTABLE = range(0x21, 0x7F)


class Kind(IntEnum):
    """Types of records. Source: include/uapi/linux/audit.h."""

    USER = 1005
    SYSCALL = 1300
    CONFIG_CHANGE = 1305
    END_OF_EVENT = 1320
    PROCTITLE = 1327
    LANDLOCK_ACCESS = 1423
    LANDLOCK_DOMAIN = 1424


class Reader(Protocol):
    """A socket that gets the log."""

    def deliver(self, message: bytes) -> None:
        """Put a message into its queue, unless its filter drops it."""


@dataclass(slots=True, eq=False, repr=False)
class Audit:
    """The state of the subsystem, which is off at boot."""

    kernel: Kernel
    enabled: int = 0
    excluded: set[int] = field(default_factory=set)
    """The types of records that a rule leaves out."""
    readers: list[Reader] = field(default_factory=list)
    """Who joined the group of readers (AUDIT_NLGRP_READLOG), the last one first."""
    daemon: Reader | None = None
    daemon_pid: int = 0
    """In the initial PID namespace; 0 without a daemon."""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _newer_than: int | None = None
    """The last task that was made before auditing was ever on: calls of older ones, and its own,
    are never described."""
    _event: int = 0
    """The number of what is logged of the call that is performed now; 0 while that is nothing."""

    def switch(self, enabled: int) -> None:
        """Switch it on or off: audit_set_enabled()."""
        self.tell_change(f"op=set audit_enabled={enabled} old={self.enabled}")
        self.enabled = enabled
        if enabled and self._newer_than is None:
            self._newer_than = self.kernel.pids.last

    def tell_change(self, text: str) -> None:
        """Something else was asked for, and is done."""
        if self.enabled:
            self.log(Kind.CONFIG_CHANGE, f"{text} {LOGIN} res=1")

    def log(self, kind: Kind, text: str, *, of_call: bool = True) -> bool:
        """Make a record; whether no rule leaves it out. ``of_call``: it is about a system call.

        Source: audit_log_start(), audit_log_end(); auditsc_get_stamp(): records of one call have a
        number in common, and are followed by others that describe the call.
        """
        if kind in self.excluded:
            return False
        number = self._event if of_call and self._event else next(self._numbers)
        if of_call and not self._event and self._is_described():
            self._event = number
            self.kernel.endings.append(self._end_call)
        seconds, milliseconds = divmod(int(self.kernel.clock * 1000), 1000)
        self._send(kind, f"audit({seconds}.{milliseconds:03}:{number}): {text}")
        return True

    def _is_described(self) -> bool:
        """Whether calls of the task have a context: audit_alloc()."""
        return self._newer_than is not None and self.kernel.current.number > self._newer_than

    def _send(self, kind: Kind, text: str) -> None:
        """kauditd_send_multicast_skb(), auditd_send_unicast_skb(), kauditd_printk_skb()."""
        message = with_head(kind, text.encode("utf-8", "surrogateescape"))
        for reader in self.readers:
            reader.deliver(message)
        if self.daemon is not None:
            self.daemon.deliver(message)
        elif kind is not Kind.END_OF_EVENT:
            self.kernel.printed.append((self.kernel.clock, f"audit: type={kind.value} {text}"))

    def _end_call(self, value: int) -> None:
        """What a call ends with that something was logged of: audit_log_exit().

        Command lines are not kept here; the program stands for it, as with the first process.
        """
        task = self.kernel.current
        who = task.credentials
        success = "no" if value < 0 else "yes"
        self.log(
            Kind.SYSCALL,
            f"success={success} exit={value} pid={task.group.leader.number} {LOGIN} uid={who.uid} "
            f"gid={who.gid} euid={who.euid} suid={who.suid} fsuid={who.fsuid} egid={who.egid} "
            f"sgid={who.sgid} fsgid={who.fsgid} comm={untrusted(task.name)} "
            f"exe={untrusted(program_of(task))}",
        )
        self.log(Kind.PROCTITLE, f"proctitle={untrusted(program_of(task))}")
        self.log(Kind.END_OF_EVENT, "")
        self._event = 0


def with_head(kind: int, body: bytes, flags: int = 0, number: int = 0, port: int = 0) -> bytes:
    """A message of netlink: a struct nlmsghdr, and what comes with it."""
    return struct.pack("<IHHII", HEAD_SIZE + len(body), kind, flags, number, port) + body


def audit_of(kernel: Kernel) -> Audit:
    """The audit subsystem of a kernel."""
    found = kernel.extra.get("audit")
    if not isinstance(found, Audit):
        found = kernel.extra["audit"] = Audit(kernel)
    return found


def program_of(task: Task) -> str:
    """The path of what a task runs, as itself sees it."""
    return "" if task.executable is None else name_of(task.executable, task.fs.root)


def untrusted(text: str) -> str:
    """A string from a process: in quotes, or in hexadecimal if there is anything odd in it.

    Source: audit_log_untrustedstring().
    """
    raw = text.encode("utf-8", "surrogateescape")
    if all(byte in _PRINTABLE and byte != ord('"') for byte in raw):
        return f'"{text}"'
    return raw.hex().upper()
