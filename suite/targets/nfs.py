# SPDX-License-Identifier: MIT
"""NFS on the loopback interface: the kernel serves a folder to itself, and mounts what it serves.

The server asks its own user space who may see what, and knows it already if that is told before it
asks. So no daemon is needed, but for older versions of the protocol, which are turned off.

Source: fs/nfsd/nfsctl.c; fs/nfsd/export.c and net/sunrpc/svcauth_unix.c, the ``cache_parse`` of
each cache; fs/nfs/fs_context.c.
"""

from __future__ import annotations

import os

from suite.packed import packed
from suite.process.process import Process
from suite.targets.disks import MissingError

_ADDRESS, _PORT = "127.0.0.1", 2049
_DOMAIN = "landproof"
"""What the server calls the client."""
_NEVER = (1 << 31) - 1
"""When what the server was told expires: seconds since 1970."""
_NOBODY = 65534
_INSECURE_PORT, _ASYNC, _NO_SUBTREE_CHECK, _FSID = 0x2, 0x10, 0x400, 0x2000
"""NFSEXP_* of include/uapi/linux/nfsd/export.h; without NFSEXP_ROOTSQUASH root is root."""
_GRACE_S = 10
"""How long a new server lets nobody open a file, as a client of the one before might come back: it
takes no less."""
_DEADLINE_MS = 60_000
"""Long: the server looks for a daemon of RPC first, and does without."""


def mount_loopback(process: Process, point: str, folder: str) -> None:
    """Serve a folder by NFS 4.2 and mount it; wait until files can be opened there.

    Args:
        process: A process that may do all that, in a network with a loopback interface.
        point: Where to mount.
        folder: The folder that is seen there.

    Raises:
        MissingError: The kernel has no server.
    """
    kinds = process.read_file("/proc/filesystems").decode().split()
    if "nfsd" not in kinds:
        raise MissingError("needs nfsd (CONFIG_NFSD_V4, and its module loaded)")
    session = process.session
    before, session.deadline_ms = session.deadline_ms, _DEADLINE_MS
    try:
        _serve(process, folder)
        options = f"vers=4.2,sec=sys,addr={_ADDRESS},clientaddr={_ADDRESS}"
        process.mount(f"{_ADDRESS}:/", point, "nfs4", 0, options)
        _ = process.syscall("nanosleep", packed("qq", _GRACE_S, 0), 0).value
    finally:
        session.deadline_ms = before


def _serve(process: Process, folder: str) -> None:
    server = "/proc/fs/nfsd"
    process.mount("nfsd", server, "nfsd")
    older = [it for it in ("2", "3") if f"+{it}" in _versions(process, server)]
    _tell(process, f"{server}/versions", " ".join([*(f"-{it}" for it in older), "+4 +4.2"]))
    _tell(process, f"{server}/nfsv4gracetime", f"{_GRACE_S}")
    _tell(process, f"{server}/portlist", f"tcp {_PORT}")
    flags = _INSECURE_PORT | _ASYNC | _NO_SUBTREE_CHECK | _FSID
    told = {
        "auth.unix.ip": f"nfsd {_ADDRESS} {_NEVER} {_DOMAIN}",
        "nfsd.export": f"{_DOMAIN} {folder} {_NEVER} {flags} {_NOBODY} {_NOBODY} 0",
        "nfsd.fh": rf"{_DOMAIN} 1 \x00000000 {_NEVER} {folder}",
    }
    for cache, line in told.items():
        _tell(process, f"/proc/net/rpc/{cache}/channel", line)
    _tell(process, f"{server}/threads", "2")


def _versions(process: Process, server: str) -> list[str]:
    return process.read_file(f"{server}/versions").decode().split()


def _tell(process: Process, path: str, line: str) -> None:
    """Write a line to a file of the kernel, in one call."""
    fd = process.open(path, os.O_WRONLY)
    process.write(fd, f"{line}\n".encode())
    process.close(fd)
