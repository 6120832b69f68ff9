# SPDX-License-Identifier: MIT
"""What files about LANDLOCK_ACCESS_FS_RESOLVE_UNIX share."""

from socket import AF_UNIX, SOCK_STREAM

from suite.case import FS, Allowed, Denied, Process, Ruleset, since

RESOLVE = Ruleset(fs=FS.RESOLVE_UNIX)
ALLOWED = since(FS.RESOLVE_UNIX, Allowed())
DENIED = since(FS.RESOLVE_UNIX, Denied("EACCES"))


def connect(process: Process, address: bytes) -> None:
    process.connect(process.socket(AF_UNIX, SOCK_STREAM), address)
