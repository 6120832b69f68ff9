# SPDX-License-Identifier: MIT
"""Where the small kernel asks the model: one method a hook of Landlock's, named as the kernel does.

A hook returns nothing if the access is allowed, and raises ``Errno`` if it is denied.
"""

from __future__ import annotations

from suite.kernel.credentials import Credentials
from suite.kernel.inodes import Dentry, Path
from suite.kernel.open_files import File
from suite.kernel.tasks import Task
from suite.model.landlock import Model


class Hooks:
    """Landlock's hooks."""

    def __init__(self, model: Model) -> None:
        self.model = model

    # Files. ``parent`` is the directory in which something is made or removed.

    def path_mknod(self, task: Task, parent: Path, mode: int, device: int) -> None:
        """mknod(2), and open(2) that creates; ``mode`` with its type."""

    def path_mkdir(self, task: Task, parent: Path) -> None:
        """mkdir(2)."""

    def path_symlink(self, task: Task, parent: Path) -> None:
        """symlink(2)."""

    def path_unlink(self, task: Task, parent: Path) -> None:
        """unlink(2)."""

    def path_rmdir(self, task: Task, parent: Path) -> None:
        """rmdir(2)."""

    def path_link(self, task: Task, old: Dentry, parent: Path) -> None:
        """link(2) of a file into a directory."""

    def path_rename(
        self, task: Task, old: Dentry, parent: Path, new: Dentry | None, flags: int
    ) -> None:
        """rename(2) into a directory, onto ``new`` if there is such a file; RENAME_* flags."""

    def path_truncate(self, task: Task, path: Path) -> None:
        """truncate(2), and open(2) with O_TRUNC of what was there."""

    def file_alloc(self, file: File) -> None:
        """Every new open file, whatever its kind, also those that no hook sees opened."""

    def file_open(self, task: Task, file: File) -> None:
        """Opening a file by a path (not with O_PATH), with ``file.credentials``."""

    def file_truncate(self, task: Task, file: File) -> None:
        """ftruncate(2)."""

    def file_ioctl(self, task: Task, file: File, command: int, *, compat: bool = False) -> None:
        """ioctl(2)."""

    def change_topology(self, task: Task, path: Path) -> None:
        """mount(2), umount(2), a remount, move_mount(2), pivot_root(2)."""

    def unix_find(self, task: Task, path: Path, server: File | None) -> None:
        """connect(2) or sendto(2) to a socket with a path; ``server``: the open file of it."""

    # Sockets. ``socket`` is an open file of the sockets' area.

    def socket_bind(self, task: Task, socket: File, address: bytes) -> None:
        """bind(2), with the address as it was copied from the process."""

    def socket_connect(self, task: Task, socket: File, address: bytes) -> None:
        """connect(2)."""

    def socket_sendmsg(
        self, task: Task, socket: File, address: bytes | None, *, fast_open: bool = False
    ) -> None:
        """sendto(2) and its like, with an address or without; ``fast_open``: MSG_FASTOPEN."""

    def unix_stream_connect(self, task: Task, socket: File, other: File | None) -> None:
        """connect(2) of a stream or seqpacket UNIX socket to a listening one."""

    def unix_may_send(self, task: Task, socket: File, other: File | None) -> None:
        """A datagram of a UNIX socket to another one, and connect(2) of a datagram socket."""

    # Processes

    def task_kill(self, task: Task, receiver: Task, signal: int) -> None:
        """A signal that a task sends, 0 included."""

    def ptrace_access_check(self, task: Task, tracee: Task, *, audit: bool = True) -> None:
        """ptrace(2) and what is allowed as it is; ``audit``: without PTRACE_MODE_NOAUDIT."""

    def ptrace_traceme(self, task: Task, parent: Task) -> None:
        """PTRACE_TRACEME: ``parent`` would be the tracer."""

    def file_set_fowner(self, task: Task, file: File) -> None:
        """F_SETOWN and its like, after ``file.owner`` was set."""

    def file_send_sigiotask(self, file: File, receiver: Task, signal: int) -> None:
        """SIGIO (or what F_SETSIG set; 0 for SIGIO) of a file to one task of its owners."""

    # Credentials

    def on_exec(self, credentials: Credentials) -> Credentials:
        """What an execve(2) makes of them, as far as Landlock is concerned."""
        return credentials

    def cred_transfer(self, old: Credentials, new: Credentials) -> Credentials:
        """KEYCTL_SESSION_TO_PARENT gives a parent new credentials, with this in them."""
        return new

    def domain_freed(self) -> None:
        """Tell that tasks, files or credentials went away, and with them perhaps domains."""
