# SPDX-License-Identifier: MIT
"""Typed calls of the mount API that works on file descriptors (Linux 5.2 and later)."""

import os

from suite.process.calls.base import Caller
from suite.process.promise import Call
from suite.process.uapi import (
    AT_FDCWD,
    FSCONFIG_CMD_CREATE,
    FSMOUNT_CLOEXEC,
    FSOPEN_CLOEXEC,
    FSPICK_CLOEXEC,
)
from suite.values import Fd, Pack


class Mounts(Caller):
    """fsopen(2) and its kin; all fds are close-on-exec."""

    def fsopen(self, kind: str) -> Call:
        """fsopen(2): the context of a new file system."""
        return self.syscall("fsopen", kind, FSOPEN_CLOEXEC)

    def fspick(self, path: str) -> Call:
        """fspick(2): the context of the file system that is mounted there."""
        return self.syscall("fspick", AT_FDCWD, path, FSPICK_CLOEXEC)

    def fsconfig(self, fd: Fd, command: int, key: str | None = None) -> Call:
        """fsconfig(2) of a flag, or a command."""
        return self.syscall("fsconfig", fd, command, key, None, 0)

    def fsmount(self, fd: Fd, flags: int = 0) -> Call:
        """fsmount(2): the root of a detached mount."""
        return self.syscall("fsmount", fd, flags | FSMOUNT_CLOEXEC, 0)

    def new_mount(self, kind: str = "tmpfs", flags: int = 0) -> Call:
        """A detached mount of a new file system, with flags of fsmount(2)."""
        context = self.fsopen(kind)
        self.fsconfig(context, FSCONFIG_CMD_CREATE)
        return self.fsmount(context, flags)

    def mount_setattr(self, path: str, *, on: int = 0, off: int = 0, propagation: int = 0) -> Call:
        """mount_setattr(2): turn attributes on and off, set the propagation."""
        attr = Pack(((8, on), (8, off), (8, propagation), (8, 0)))
        return self.syscall("mount_setattr", AT_FDCWD, path, 0, attr, 32)

    def open_tree_attr(self, path: str, flags: int, *, on: int = 0) -> Call:
        """open_tree_attr(2): open_tree(2) with attributes turned on."""
        attr = Pack(((8, on), (8, 0), (8, 0), (8, 0)))
        return self.syscall("open_tree_attr", AT_FDCWD, path, flags | os.O_CLOEXEC, attr, 32)

    def fchroot(self, fd: Fd) -> Call:
        """fchroot(2)."""
        return self.syscall("fchroot", fd, 0)
