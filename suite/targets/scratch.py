# SPDX-License-Identifier: MIT
"""Private temporary folders, which are removed also when their owner was killed: by the next run.

A folder is locked as long as its owner lives (flock(2), which ends with the process, however that
happens). One that can be locked by somebody else has no owner any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from types import TracebackType

_PREFIX, _SUFFIX = "landproof-", ".tmp"
_NAME = re.compile(rf"{re.escape(_PREFIX)}[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")
"""As tempfile makes them: no folder that somebody has named is taken for one of ours."""
_MOUNTS = Path("/proc/self/mountinfo")


class Scratch:
    """An empty folder of this user's in TMPDIR, until ``remove`` or the end of the block.

    Raises:
        OSError: There is no room, or no right to make one.
    """

    path: Path

    def __init__(self) -> None:
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX))
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            # Before it was locked, somebody may have taken it for one without an owner.
            if _locked(self._lock) and self.path.exists():
                return
            os.close(self._lock)

    def __enter__(self) -> Path:
        """Its path."""
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove it."""
        self.remove()

    def remove(self) -> None:
        """Remove it and all that is in it; what can't be removed stays without a word."""
        _remove(self.path)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep() -> list[Path]:
    """Remove this user's folders in TMPDIR whose owners are dead; those that are gone now."""
    gone = []
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*{_SUFFIX}"):
        if not _NAME.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):
            found = path.lstat()
            if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
                continue
            if not found.st_mode & stat.S_IRUSR:
                path.chmod(0o700)  # or it can't be opened
            if _remove_if_orphaned(path):
                gone.append(path)
    return gone


def _remove_if_orphaned(path: Path) -> bool:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not _locked(lock, alone=True):
            return False
        _remove(path)
        return not path.exists()
    finally:
        os.close(lock)


def _locked(folder: int, *, alone: bool = False) -> bool:
    """Lock a folder; also true if its file system has no locks, unless ``alone``."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return not alone
    return True


def _remove(folder: Path) -> None:
    if _is_mounted_on(folder):
        return  # what is mounted there is not ours to remove
    # A case may have taken the right to list a folder, from us too.
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    for here, names, _ in os.walk(folder):
        for name in names:
            path = Path(here, name)
            if not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _is_mounted_on(folder: Path) -> bool:
    """Whether something is mounted on a folder, or in it.

    Source: proc_pid_mountinfo(5), field 5.
    """
    try:
        points = [line.split()[4] for line in _MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:
        return False
    return any(point == str(folder) or point.startswith(f"{folder}/") for point in points)
