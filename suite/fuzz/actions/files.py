# SPDX-License-Identifier: MIT
"""What programs do with files."""

from __future__ import annotations

import os
import stat

from suite.fuzz.action import Action, Gives, Word, plain
from suite.fuzz.run import DEVICE, Run
from suite.process.calls import ioctls
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import CLONE_NEWNS, RENAME_EXCHANGE, RENAME_NOREPLACE
from suite.values import Out

NAMES = ("a/f", "b/f", "a/d/f", "a/g", "b/g", "a/d", "b/d", "a/l", "a", "b")
"""Paths that are tried from the folder of a program.

None leads out of the folder, or a program could change the machine that it runs on; so none is
absolute, and none is ``..``.
"""
NEW = ("a/g", "b/g", "b/d", "a/l", "a/d/g", "a/f")
"""Those that nothing has to begin with, but for the last one."""
FOLDERS = ("a", "b", "a/d", "b/d", "a/f")
"""Those that are folders, or may be, but for the last one."""
OPENED = (*NAMES, DEVICE)
INNER = {
    NAMES: ("f", "g", "d", "l", "../b/f", "../a/f"),
    NEW: ("g", "l", "d", "../b/g"),
    FOLDERS: (".", "d", "../b", "f"),
    OPENED: ("f", "g", "d", "l", "../b/f", "../a/f", DEVICE),
}
"""What is tried in their place from elsewhere: what is there depends on where chdir(2) led to."""
MODES = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY,
    "rw": os.O_RDWR,
    "wt": os.O_WRONLY | os.O_TRUNC,
    "rt": os.O_RDONLY | os.O_TRUNC,
    "wc": os.O_WRONLY | os.O_CREAT,
    "rcx": os.O_RDONLY | os.O_CREAT | os.O_EXCL,
    "wct": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "path": os.O_PATH,
    "folder": os.O_RDONLY | os.O_DIRECTORY,
    "unnamed": os.O_RDWR | os.O_TMPFILE,
}
COMMANDS = {
    "tcgets": ioctls.TCGETS,
    "fionread": ioctls.FIONREAD,
    "fioclex": ioctls.FIOCLEX,
    "fs_ioc_getflags": ioctls.FS_IOC_GETFLAGS,
    "nobodys": ioctls.NOBODYS,
}


def _open(run: Run, process: Process, name: str, mode: str) -> Call:
    # A FIFO would be waited for.
    return process.open(run.path(name), MODES[mode] | os.O_NONBLOCK)


def _open_at(run: Run, process: Process, folder: str, name: str, mode: str) -> Call:
    flags = MODES[mode] | os.O_NONBLOCK
    return process.open(run.path(name), flags, at=run.fd(folder))


def _reopen(run: Run, process: Process, file: str, mode: str) -> Call:
    """By /proc/self/fd, whose numbers are known beforehand only if we choose them."""
    process.dup_to(run.fd(file), _CHOSEN)
    return process.open(f"/proc/self/fd/{_CHOSEN}", MODES[mode] | os.O_NONBLOCK)


_CHOSEN = 400


def _bind(run: Run, process: Process, old: str, new: str) -> None:
    """Mount it in a namespace of the process's own, or others would see it."""
    process.unshare(CLONE_NEWNS)
    process.bind_mount(old, new)


def _umount(run: Run, process: Process, name: str) -> None:
    process.unshare(CLONE_NEWNS)
    process.umount(name)


_NAME, _NEW, _FOLDER = (Word.NAME,), (Word.NEW,), (Word.FOLDER,)
_TWO = (Word.NAME, Word.NAME)
_FILE = (Word.FILE,)
ROWS = (
    Action("open", (Word.OPENED, Word.MODE), _open, Gives.FILE),
    Action("open-at", (Word.FILE, Word.NAME, Word.MODE), _open_at, Gives.FILE),
    Action("reopen", (Word.FILE, Word.MODE), _reopen, Gives.FILE),
    Action(
        "dup", (Word.DESCRIPTOR,),
        lambda run, it, fd: it.dup_to(run.fd(fd), run.number_of_own), Gives.SAME,
    ),
    plain("close", (Word.DESCRIPTOR,), lambda run, it, fd: it.close(run.fd(fd))),
    plain("create", _NEW, lambda run, it, name: it.mknod(name, stat.S_IFREG)),
    plain("mkdir", _NEW, lambda run, it, name: it.mkdir(name)),
    plain("mkfifo", _NEW, lambda run, it, name: it.mkfifo(name)),
    plain("whiteout", _NEW, lambda run, it, name: it.mknod(name, stat.S_IFCHR)),
    plain("symlink", _NEW, lambda run, it, name: it.symlink("../b/f", name)),
    plain("link", (Word.NAME, Word.NEW), lambda run, it, old, new: it.link(old, new)),
    plain(
        "link-file", (Word.FILE, Word.NEW),
        lambda run, it, fd, new: it.link_fd(run.fd(fd), new), is_capable=True,
    ),
    plain("rename", _TWO, lambda run, it, old, new: it.rename(old, new)),
    plain(
        "rename-new", (Word.NAME, Word.NEW),
        lambda run, it, old, new: it.rename(old, new, RENAME_NOREPLACE),
    ),
    plain("exchange", _TWO, lambda run, it, old, new: it.rename(old, new, RENAME_EXCHANGE)),
    plain("unlink", _NAME, lambda run, it, name: it.unlink(name)),
    plain("rmdir", _FOLDER, lambda run, it, name: it.rmdir(name)),
    plain("truncate", _NAME, lambda run, it, name: it.truncate(name)),
    plain("ftruncate", _FILE, lambda run, it, fd: it.ftruncate(run.fd(fd))),
    plain("write", _FILE, lambda run, it, fd: it.write(run.fd(fd), b"text")),
    plain("read", _FILE, lambda run, it, fd: it.read(run.fd(fd), 8)),
    plain("list", _FILE, lambda run, it, fd: it.list_dir(run.fd(fd))),
    plain(
        "ioctl", (Word.FILE, Word.COMMAND),
        lambda run, it, fd, command: it.ioctl(run.fd(fd), COMMANDS[command], Out(64)),
    ),
    plain("chdir", _FOLDER, lambda run, it, name: it.chdir(name)),
    plain("fchdir", _FILE, lambda run, it, fd: it.syscall("fchdir", run.fd(fd))),
    plain("chroot", _FOLDER, lambda run, it, name: it.chroot(name), is_private=True),
    plain("bind-mount", (Word.FOLDER, Word.FOLDER), _bind, is_private=True),
    plain("umount", _FOLDER, _umount, is_private=True),
)  # fmt: skip
