# SPDX-License-Identifier: MIT
"""Typed calls of the mount API that works on file descriptors (Linux 5.2 and later)."""

import os

from suite.process.calls.base import Caller
from suite.process.calls.files import AT_FDCWD
from suite.process.promise import Call
from suite.values import Fd, Pack

OPEN_TREE_NAMESPACE = 2
FSMOUNT_NAMESPACE = 2
UNSHARE_EMPTY_MNTNS = 1 << 20
MOVE_MOUNT_SET_GROUP = 0x100
MOUNT_ATTR_RDONLY = 1
MS_SHARED = 1 << 20
FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING = 0, 1
FSCONFIG_CMD_CREATE, FSCONFIG_CMD_RECONFIGURE = 6, 7
_CLOEXEC = 1


class Mounts(Caller):
    """fsopen(2) and its kin; all fds are close-on-exec."""

    def fsopen(self, kind: str) -> Call:
        """fsopen(2): the context of a new file system."""
        return self.syscall("fsopen", kind, _CLOEXEC)

    def fspick(self, path: str) -> Call:
        """fspick(2): the context of the file system that is mounted there."""
        return self.syscall("fspick", AT_FDCWD, path, _CLOEXEC)

    def fsconfig(self, fd: Fd, command: int, key: str | None = None) -> Call:
        """fsconfig(2) of a flag, or a command."""
        return self.syscall("fsconfig", fd, command, key, None, 0)

    def fsmount(self, fd: Fd, flags: int = 0) -> Call:
        """fsmount(2): the root of a detached mount."""
        return self.syscall("fsmount", fd, flags | _CLOEXEC, 0)

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
