# SPDX-License-Identifier: MIT
"""Pseudo-terminals, and the file system that their ends are in.

Source: pty(7), ioctl_tty(2); drivers/tty/pty.c, drivers/tty/n_tty.c, drivers/tty/tty_jobctrl.c.
Of the line discipline there is what a program sees that types; nothing is echoed or written back.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from select import POLLIN, POLLOUT
from signal import SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGWINCH

from suite.kernel import devices, owners, signals
from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.filesystems import Kind, register
from suite.kernel.inodes import Dentry, Path, Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Special, add, dropped
from suite.kernel.open_files import File
from suite.kernel.tasks import Signal, Task
from suite.process.calls.ioctls import (
    TCGETS,
    TCSETS,
    TIOCGPTN,
    TIOCGPTPEER,
    TIOCSCTTY,
    TIOCSIG,
    TIOCSPTLCK,
    TIOCSTI,
    TIOCSWINSZ,
)

_PTMX = os.makedev(5, 2)
_SLAVES = 136
_TERMIOS = 36
_DEFAULT = bytes.fromhex(
    "00050000 05000000 bf000000 3b8a0000 00 031c7f1504000100 11131a00120f1716000000"
)
_ISIG, _ICANON = 1, 2
_FLAGS_AT, _KEYS_AT = 12, 17
_KEYS = {0: SIGINT, 1: SIGQUIT, 10: SIGTSTP}
"""Which places in c_cc have the keys that send signals."""


@dataclass(slots=True, eq=False)
class Terminal:
    """Both ends of a pseudo-terminal."""

    number: int
    folder: Dentry
    """The root of its file system."""
    settings: bytearray = field(default_factory=lambda: bytearray(_DEFAULT))
    """struct termios."""
    size: bytes = bytes(8)
    """struct winsize."""
    is_locked: bool = True
    session: int = 0
    """Of which it is the controlling terminal, by the number of its leader; 0: of none."""
    foreground: int = 0
    """The process group that gets its signals."""
    typed: bytearray = field(default_factory=bytearray)
    """What can be read from the slave, once its line is complete."""
    slaves: list[Slave] = field(default_factory=list)

    @property
    def readable(self) -> int:
        """How many bytes can be read now."""
        lines = int.from_bytes(self.settings[_FLAGS_AT : _FLAGS_AT + 4], "little") & _ICANON
        return self.typed.rfind(b"\n") + 1 if lines else len(self.typed)

    def signal(self, kernel: Kernel, number: int) -> None:
        """Send a signal to the foreground; nobody sends it, as Landlock sees it."""
        if self.foreground:
            for leader in signals.process_group(kernel, self.foreground):
                signals.queue(kernel, leader, Signal(number, signals.SI_KERNEL))

    def type(self, kernel: Kernel, data: bytes) -> None:
        """Take what is typed: keys that mean signals send them (n_tty_receive_buf)."""
        flags = int.from_bytes(self.settings[_FLAGS_AT : _FLAGS_AT + 4], "little")
        keys = {self.settings[_KEYS_AT + place]: number for place, number in _KEYS.items()}
        for byte in data:
            if flags & _ISIG and byte and byte in keys:
                self.signal(kernel, keys[byte])
            else:
                self.typed.append(byte)
        if self.readable:
            for slave in self.slaves:
                owners.send_sigio(kernel, slave, owners.POLL_IN)


@dataclass(slots=True, eq=False)
class _End(Special):
    """What both ends can do."""

    terminal: Terminal = field(init=False)

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """Settings and size, which both ends share (tty_mode_ioctl, pty_resize)."""
        it = self.terminal
        if command == TCGETS:
            task.memory.write(argument, bytes(it.settings))
        elif command == TCSETS:
            it.settings[:] = task.memory.read(argument, _TERMIOS)
        elif command == TIOCSWINSZ:
            size = task.memory.read(argument, 8)
            if size != it.size:
                it.size = size
                it.signal(kernel, SIGWINCH)
        else:
            raise NotModelled("terminals: ioctl")
        return 0


@dataclass(slots=True, eq=False)
class Master(_End):
    """The end that a terminal's program has: it types, and sees what is written."""

    kernel: Kernel = field(init=False)

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Make a new terminal (ptmx_open)."""
        root = self.path.dentry.parent
        if root.superblock.kind != "devpts":
            raise NotModelled("terminals: ptmx outside of devpts")
        number = next(n for n in range(1 << 20) if str(n) not in root.children)
        self.kernel, self.terminal = kernel, Terminal(number, root)
        device = os.makedev(_SLAVES, number)
        made = add(root, str(number), stat.S_IFCHR | 0o600, self.terminal, device=device)
        made.inode.uid, made.inode.gid = task.credentials.fsuid, task.credentials.fsgid

    def write(self, data: bytes) -> int:
        """Type."""
        self.terminal.type(self.kernel, data)
        return len(data)

    def read(self, size: int) -> bytes:
        """See what was written."""
        raise NotModelled("terminals: what is written to one")

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """What only this end knows (pty_unix98_ioctl)."""
        it = self.terminal
        if command == TIOCSPTLCK:
            it.is_locked = bool(task.memory.integer(argument, 4))
        elif command == TIOCGPTN:
            task.memory.put(argument, it.number, 4)
        elif command == TIOCGPTPEER:
            return self._open_peer(kernel, task, argument)
        elif command == TIOCSIG:
            if argument not in (SIGINT, SIGQUIT, SIGTSTP):
                raise Errno(errno.EINVAL)
            it.signal(kernel, argument)
        else:
            return super(Master, self).ioctl(kernel, task, command, argument)
        return 0

    def release(self) -> None:
        """Hang up: who has it as controlling terminal is told (pty_close, __tty_hangup)."""
        it = self.terminal
        dropped(it.folder, str(it.number))
        leader = self.kernel.pids.tasks.get(it.session)
        if leader is not None and it.session:
            for number in (SIGHUP, SIGCONT):
                signals.queue(self.kernel, leader, Signal(number, signals.SI_KERNEL))
        it.session = it.foreground = 0

    def _open_peer(self, kernel: Kernel, task: Task, flags: int) -> int:
        """Open the slave, whatever is mounted where (ptm_open_peer)."""
        it = self.terminal
        path = Path(self.path.mount, it.folder.children[str(it.number)])
        file = Slave(path, flags & ~(os.O_CLOEXEC | os.O_NOCTTY), task.credentials)
        kernel.hooks.file_alloc(file)
        kernel.hooks.file_open(task, file)
        file.opened(kernel, task)
        return task.files.add(file, closes_on_exec=bool(flags & os.O_CLOEXEC))


@dataclass(slots=True, eq=False)
class Slave(_End):
    """The end that looks like a terminal."""

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Only one that is unlocked can be opened (pty_open)."""
        node = self.inode.node
        if not isinstance(node, Terminal) or node.is_locked:
            raise Errno(errno.EIO)
        self.terminal = node
        node.slaves.append(self)

    def read(self, size: int) -> bytes:
        """What was typed."""
        it = self.terminal
        if not it.readable:
            if self.flags & os.O_NONBLOCK:
                raise Errno(errno.EAGAIN)
            raise Waits
        count = min(size, it.readable)
        part = bytes(it.typed[:count])
        del it.typed[:count]
        return part

    def write(self, data: bytes) -> int:
        """Nobody reads it here."""
        raise NotModelled("terminals: what is written to one")

    def poll(self) -> int:
        """Whether something was typed."""
        return (POLLIN if self.terminal.readable else 0) | POLLOUT

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """Become the controlling terminal (tiocsctty), type, and what both ends know."""
        if command == TIOCSTI:
            return self._type(kernel, task, argument)
        if command != TIOCSCTTY:
            return super(Slave, self).ioctl(kernel, task, command, argument)
        it, group = self.terminal, task.group
        leads = group.session == group.leader.number
        if leads and it.session == group.session:
            return 0
        if not leads or it.session:
            raise Errno(errno.EPERM)
        it.session, it.foreground = group.session, group.process_group
        return 0

    def _type(self, kernel: Kernel, task: Task, argument: int) -> int:
        """Type a character; tiocsti(), where dev.tty.legacy_tiocsti is 1 as by default."""
        it = self.terminal
        if it.session != task.group.session:
            require(task.credentials, "SYS_ADMIN", kernel.user)
        it.type(kernel, task.memory.read(argument, 1))
        return 0

    def set_async(self, kernel: Kernel, task: Task, *, on: bool) -> None:
        """Belong to the foreground, or to who asks, unless it has an owner (__tty_fasync)."""
        if on and not owners.owner_of(self).number:
            foreground = self.terminal.foreground
            owners.set_owner(kernel, task, self, -foreground or task.number)

    def release(self) -> None:
        """Nobody reads from it."""
        if self in self.terminal.slaves:
            self.terminal.slaves.remove(self)


def _open(path: Path, flags: int, task: Task) -> File:
    make = Master if path.inode.device == _PTMX else Slave
    return make(path, flags, task.credentials)


def _fill(_kernel: Kernel, _task: Task, made: Superblock) -> None:
    mode = int(made.options.get("ptmxmode") or "0", 8)
    add(made.root, "ptmx", stat.S_IFCHR | mode, device=_PTMX)


register(
    Kind(
        "devpts", 0o755, _fill, frozenset({"ptmxmode", "mode", "gid", "uid", "newinstance", "max"})
    )
)
devices.DRIVERS[_PTMX] = _open
devices.MAJORS[_SLAVES] = _open
