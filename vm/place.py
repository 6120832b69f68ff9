# SPDX-License-Identifier: MIT
"""The folder of the store, in which all is kept that was downloaded: kernels, indices, trees."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from suite import files
from suite.errors import InfrastructureError, UsageError
from vm.tools import FullError

_HELD = ("kernels", "apt", "states", "trees", "programs")
"""What is in it that is run, or believed."""

MOUNTS = Path("/proc/self/mountinfo")


def store_folder(chosen: Path | None = None) -> Path:
    """Return the folder: by default ``$LANDPROOF_STORE``, or one in the user's cache.

    Raises:
        InfrastructureError: Others than we can write to it, or to what is in it.
        UsageError: It is no folder.
    """
    named = chosen or os.environ.get("LANDPROOF_STORE")
    folder = Path(named or platformdirs.user_cache_path("landproof") / "kernels")
    folder = folder.expanduser().absolute()
    there = next(it for it in (folder, *folder.parents) if it.exists())
    if not there.is_dir():
        raise UsageError(f"{there} is no folder; choose one for kernels with --store")
    for it in (folder, *(folder / held for held in _HELD)):
        if why := files.why_not_ours(it):
            raise InfrastructureError(
                f"{it} {why}: not trusted; mend that (chown, chmod go-w) if you know what"
                " it holds, or choose another with --store"
            )
    return folder


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file system, met while the store in a folder is used, into one line.

    Raises:
        InfrastructureError: Such an error.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FullError(
                f"no room left in {folder}; free some (landproof kernels prune), or set"
                " LANDPROOF_STORE to a folder on a larger disk"
            ) from error
        where = error.filename or folder
        raise InfrastructureError(f"{where}: {error.strerror or error}") from error


def holds_mount(folder: Path) -> bool:
    """Whether a file system is mounted beneath a folder: what is removed there would be lost."""
    try:
        table = MOUNTS.read_bytes()
    except OSError:
        return False
    # Source: proc_pid_mountinfo(5); spaces in names are written as octal numbers.
    points = (line.split(b" ")[4].decode("unicode_escape") for line in table.splitlines())
    return any(Path(it).is_relative_to(folder) for it in points)
