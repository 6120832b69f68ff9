# SPDX-License-Identifier: MIT
"""What files about LANDLOCK_ACCESS_FS_EXECUTE share."""

import mmap
import os
from collections.abc import Mapping

from suite.case import FS, Allowed, Case, Denied, Process, since

X, R, XR = FS.EXECUTE, FS.READ_FILE, FS.EXECUTE | FS.READ_FILE
DENIED, ALLOWED = since(X, Denied("EACCES")), since(X, Allowed())


class Layer(Case, frozen=True, kw_only=True):
    """A layer: what it handles, and what it allows on which paths of the tree."""

    handled: FS = XR
    rules: Mapping[str, FS] = {}


def map_code(process: Process, path: str) -> None:
    """How a dynamic linker loads a library."""
    fd = process.open(path, os.O_RDONLY)
    name = "mmap2" if "mmap2" in process.session.numbers else "mmap"
    protection = mmap.PROT_READ | mmap.PROT_EXEC
    process.syscall(name, 0, mmap.PAGESIZE, protection, mmap.MAP_PRIVATE, fd, 0)
