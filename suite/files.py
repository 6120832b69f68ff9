# SPDX-License-Identifier: MIT
"""Files that we leave for others, and folders that are to be ours alone."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import re
import secrets
import stat
from pathlib import Path

_MOST_LINKS = 40
"""As many as the kernel follows."""
_DESCRIPTOR = re.compile(r"/proc/(?P<pid>\d+)/fd/(?P<number>\d+)")


def write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file whole or not at all; what is no regular file (a pipe, a tty) directly.

    The user's own link to a file stays a link. A file that was there keeps its mode, and its owner
    if that may be; a new one gets them as the shell's ``>`` would give them.

    Args:
        path: Where.
        data: All of it.
        mode: Of a file of ours; what is there is replaced, be it another's, or a link.

    Raises:
        OSError: It can't be written; the old file, if any, is as it was.
    """
    if mode is not None:
        _replace(path, data, None, mode)
        return
    place = _followed(path)
    if (number := _descriptor(place)) is not None:
        # Its offset is shared with whoever has it open; a new file in its place would be lost.
        with os.fdopen(os.dup(number), "wb") as file:
            file.write(data)
        return
    old = _stat(place)
    if old is None or stat.S_ISREG(old.st_mode):
        _replace(place, data, old, 0o666)
        return
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_NOCTTY | os.O_NOFOLLOW), "wb") as file:
        file.write(data)


def _followed(path: Path) -> Path:
    """Where the user's links lead, one after the other.

    Raises:
        OSError: Too many, or one that somebody else has planted, as ``protected_symlinks`` of
            proc(5) has it; the kernel asks that only of those who let it follow links.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow the links)
    for _ in range(_MOST_LINKS):
        place = place.parent.resolve() / place.name
        found = _stat(place)
        if found is None or stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            return place
        folder = place.parent.stat()
        everybodys = folder.st_mode & stat.S_IWOTH
        if everybodys and found.st_uid not in (os.geteuid(), folder.st_uid):
            what = "link" if stat.S_ISLNK(found.st_mode) else "pipe"
            raise PermissionError(
                errno.EPERM, f"it is a {what} that another user has put in a folder of everybody's"
            )
        if not stat.S_ISLNK(found.st_mode) or _descriptor(place) is not None:
            return place
        place = place.parent / place.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _descriptor(path: Path) -> int | None:
    """The number of our own file descriptor that a path stands for."""
    match = _DESCRIPTOR.fullmatch(str(path))
    return int(match["number"]) if match and int(match["pid"]) == os.getpid() else None


def _replace(path: Path, data: bytes, old: os.stat_result | None, mode: int) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    folder = os.open(path.parent, os.O_DIRECTORY | os.O_RDONLY)
    # Nobody can have put something under a name that nobody can foretell.
    name = f".landproof-{secrets.token_hex(8)}.tmp"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(name, flags, mode, dir_fd=folder), "wb") as file:
            if old is not None:
                with contextlib.suppress(OSError):
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode) & 0o777)
            file.write(data)
            file.flush()
            # Some file systems report a full disk only here.
            os.fsync(file.fileno())
        os.replace(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(folder)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, that nobody else can write to; whatever the umask is.

    Raises:
        OSError: It can't be made.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o755)
        return
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def why_not_ours(folder: Path) -> str:
    """Why nobody should rely on what a folder holds; empty if there is no reason, or no folder.

    Only its owner may write to it, or a group that is the owner's alone; the owner is we or root.
    """
    try:
        found = folder.stat()
    except OSError:
        return ""
    if found.st_uid not in (0, os.geteuid()):
        return f"belongs to {_user(found.st_uid)}, not to {_user(os.geteuid())}"
    if found.st_mode & stat.S_IWOTH:
        return "can be written by everybody"
    if found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid):
        return "can be written by its group"
    return ""


def _is_private(gid: int) -> bool:
    """Whether a group is one user's own, as distributions make it for each user."""
    if gid == 0:
        return True
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    alone = not {*group.gr_mem} - {user.pw_name}
    return user.pw_gid == gid and user.pw_name == group.gr_name and alone


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
