# SPDX-License-Identifier: MIT
"""What Landlock has to tell, as records of the audit log: denials, and domains that come and go.

Source: security/landlock/audit.c; security/lsm_audit.c, audit_log_lsm_data();
Documentation/admin-guide/LSM/landlock.rst, "Audit".
"""

from __future__ import annotations

import socket as so
from functools import singledispatch

from suite.kernel.audit import Kind, audit_of, untrusted
from suite.kernel.credentials import Capability
from suite.kernel.domains import Origin
from suite.kernel.hooks import Command, NamespaceKind, Object, Wire
from suite.kernel.inodes import Dentry, Inode, Path
from suite.kernel.kernel import Kernel
from suite.kernel.mounts import name_of
from suite.kernel.open_files import File
from suite.kernel.sockets.endpoint import Endpoint
from suite.kernel.sockets.inet import InetSocket
from suite.kernel.tasks import Task
from suite.landlock.abi import NET
from suite.model import log
from suite.model.verdicts import Cause

_BINDS = NET.BIND_TCP | NET.BIND_UDP
_ADDRESSES: dict[int, slice] = {so.AF_INET: slice(4, 8), so.AF_INET6: slice(8, 24)}
"""Where the address is in a struct sockaddr_in or sockaddr_in6."""


def watch(kernel: Kernel) -> None:
    """Have it told of denials, and of domains that end."""
    kernel.hooks.witnesses.append(lambda *told: _denied(kernel, *told))
    kernel.hooks.domains.mourners.append(lambda origin: _freed(kernel, origin))


def _denied(kernel: Kernel, cause: Cause, about: Object, logged: bool) -> None:
    """landlock_audit_denial()."""
    audit = audit_of(kernel)
    if not logged or not audit.enabled:
        return
    origin = kernel.hooks.domains.origins[log.denying(cause)]
    text = f"domain={origin.number:x} blockers={log.blockers(cause)}{_told(about, kernel, cause)}"
    if not audit.log(Kind.LANDLOCK_ACCESS, text) or origin.is_recorded:
        return
    origin.is_recorded = audit.log(
        Kind.LANDLOCK_DOMAIN,
        f"domain={origin.number:x} status=allocated mode=enforcing pid={origin.pid} "
        f"uid={origin.uid} exe={untrusted(origin.program)} comm={untrusted(origin.name)}",
    )


def _freed(kernel: Kernel, origin: Origin) -> None:
    """Only of what the log names: landlock_audit_free_domain()."""
    audit = audit_of(kernel)
    if audit.enabled and origin.is_recorded:
        text = f"domain={origin.number:x} status=deallocated denials={origin.denials}"
        audit.log(Kind.LANDLOCK_DOMAIN, text, of_call=False)


# What a denial was about


@singledispatch
def _told(about: Object, kernel: Kernel, cause: Cause) -> str:
    """The fields of an object; each begins with a space."""
    raise TypeError(f"denials about {about}")


@_told.register
def _of_path(about: Path, kernel: Kernel, cause: Cause) -> str:
    path = untrusted(name_of(about, kernel.current.fs.root))
    return f" path={path}{_inode(about.inode)}"


@_told.register
def _of_dentry(about: Dentry, kernel: Kernel, cause: Cause) -> str:
    return f" name={untrusted(about.name)}{_inode(about.inode)}"


def _inode(inode: Inode) -> str:
    return f" dev={untrusted(inode.superblock.kind)} ino={inode.number}"


@_told.register
def _of_command(about: Command, kernel: Kernel, cause: Cause) -> str:
    return f"{_of_path(about.file.path, kernel, cause)} ioctlcmd={about.number & 0xFFFF:#x}"


@_told.register
def _of_task(about: Task, kernel: Kernel, cause: Cause) -> str:
    return f" opid={about.group.leader.number} ocomm={untrusted(about.name)}"


@_told.register
def _of_file(about: File, kernel: Kernel, cause: Cause) -> str:
    return _of_path(about.path, kernel, cause)


@_told.register
def _of_abstract_socket(about: Endpoint, kernel: Kernel, cause: Cause) -> str:
    return f" path={about.name.hex().upper()}"


@_told.register
def _of_kind(about: NamespaceKind, kernel: Kernel, cause: Cause) -> str:
    """What a record says of a namespace besides is not known yet."""
    return ""


@_told.register
def _of_capability(about: Capability, kernel: Kernel, cause: Cause) -> str:
    return f" capability={about.number}"


@_told.register
def _of_wire(about: Wire, kernel: Kernel, cause: Cause) -> str:
    """The socket's own addresses, then the one that was asked for.

    Source: net.c, current_check_access_socket().
    """
    text = ""
    if isinstance(about.socket, InetSocket) and log.names_own_addresses(kernel.model):
        text = _ends(about.socket)
    asked = about.address or b""
    part = _ADDRESSES.get(int.from_bytes(asked[:2], "little"))
    if part:
        port = int.from_bytes(asked[2:4], "big")
        is_own = bool(cause.access & _BINDS)
        text += _address(asked[part], port, *(("saddr", "src") if is_own else ("daddr", "dest")))
    return text


def _ends(of: InetSocket) -> str:
    begin = -4 if of.family == so.AF_INET else 0
    local = _address(of.local[begin:], of.port, "laddr", "lport")
    return local + _address(of.remote[begin:], of.remote_port, "faddr", "fport")


def _address(raw: bytes, port: int, address_name: str, port_name: str) -> str:
    """An address and a port, as far as they are not 0: print_ipv4_addr(), print_ipv6_addr()."""
    text = ""
    if any(raw):
        text += f" {address_name}={so.inet_ntop(so.AF_INET if len(raw) == 4 else so.AF_INET6, raw)}"
    return f"{text} {port_name}={port}" if port else text
