# SPDX-License-Identifier: MIT
"""What a reproducer takes from headers, and what it says itself, since headers may be older."""

from __future__ import annotations

import fcntl
import mmap
import os
import resource
import signal
import socket
import stat
from collections.abc import Iterable

from suite.landlock.abi import RULESET_ATTR
from suite.landlock.calls import RULE_TYPES
from suite.process.syscalls import NUMBERS

INCLUDES = (
    "arpa/inet.h", "errno.h", "fcntl.h", "ftw.h", "net/if.h", "netinet/in.h", "netinet/tcp.h",
    "poll.h", "sched.h", "signal.h", "stdarg.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
    "string.h", "sys/file.h", "sys/ioctl.h", "sys/mman.h", "sys/mount.h", "sys/prctl.h",
    "sys/resource.h", "sys/socket.h", "sys/stat.h", "sys/syscall.h", "sys/sysmacros.h",
    "sys/time.h", "sys/un.h", "sys/wait.h", "time.h", "unistd.h",
)  # fmt: skip
_COMMON = 424
"""From this number on, system calls have the same one on every architecture (Linux 5.1)."""
_OLD_MODULES = (fcntl, mmap, os, resource, signal, socket, stat)
"""The modules of Python whose constants are those of the headers above."""
_OLD_PREFIXES = (
    "AF_", "DN_", "F_", "IPPROTO_", "IPV6_", "IP_", "LOCK_", "MAP_", "MSG_", "O_", "PROT_",
    "RLIMIT_", "SEEK_", "SHUT_", "SIG", "SOCK_", "SOL_", "SO_", "S_", "TCP_",
)  # fmt: skip
_OLD = {
    "AT_EMPTY_PATH", "AT_FDCWD", "AT_REMOVEDIR", "AT_SYMLINK_FOLLOW", "AT_SYMLINK_NOFOLLOW",
    "CLONE_FILES", "CLONE_FS", "CLONE_NEWIPC", "CLONE_NEWNET", "CLONE_NEWNS", "CLONE_NEWPID",
    "CLONE_NEWUSER", "CLONE_NEWUTS", "CLONE_SIGHAND", "CLONE_SYSVSEM", "CLONE_THREAD",
    "CLONE_VFORK", "CLONE_VM", "MNT_DETACH", "MS_BIND", "MS_MOVE", "MS_PRIVATE", "MS_RDONLY",
    "MS_REC", "MS_REMOUNT", "MS_SHARED", "NULL", "PR_GET_DUMPABLE", "PR_SET_DUMPABLE",
    "PR_SET_NAME", "PR_SET_NO_NEW_PRIVS", "PR_GET_NO_NEW_PRIVS", "WNOHANG", "WUNTRACED",
    "__WALL", "SIG_BLOCK", "SIG_SETMASK", "SIG_UNBLOCK",
}  # fmt: skip
"""Others that these headers have had for ten years."""
_RULESET_ATTR = "\n".join(f"\tuint64_t {it.name};" for it in RULESET_ATTR)
_MEMBER_TYPES = {"__u64": "uint64_t", "__s32": "int32_t", "__u32": "uint32_t"}
STRUCTS = {
    "struct landlock_ruleset_attr": f"struct landlock_ruleset_attr {{\n{_RULESET_ATTR}\n}};\n",
    **{
        f"struct {row.struct}": f"struct {row.struct} {{\n"
        + "".join(f"\t{_MEMBER_TYPES[it.type]} {it.name};\n" for it in row.fields)
        + "} __attribute__((packed));\n"
        for row in RULE_TYPES.values()
    },
    "struct how": "struct how { /* struct open_how of linux/openat2.h */\n"
    "\tuint64_t flags;\n\tuint64_t mode;\n\tuint64_t resolve;\n};\n",
    "struct attr": "struct attr { /* struct mount_attr of linux/mount.h */\n"
    "\tuint64_t attr_set;\n\tuint64_t attr_clr;\n\tuint64_t propagation;\n"
    "\tuint64_t userns_fd;\n};\n",
}
"""The structs that headers may lack, or have with fewer members, by tag."""
_MORE_INCLUDES = {"struct sockaddr_nl": "linux/netlink.h"}


def includes(tags: Iterable[str], first: Iterable[str] = ()) -> str:
    """The lines of a file that uses the structs of these tags."""
    more = {header for tag, header in _MORE_INCLUDES.items() if tag in tags}
    names = [f"<{it}>" for it in sorted({*INCLUDES, *more})]
    return "".join(f"#include {it}\n" for it in [*names, *first])


def definitions(calls: Iterable[str], constants: dict[str, int], arch: str) -> str:
    """Definitions of the system calls and the constants for which headers may be too old."""
    numbers = {f"SYS_{it}": NUMBERS[arch][it] for it in calls if NUMBERS[arch][it] >= _COMMON}
    new = {name: number for name, number in constants.items() if not _is_old(name)}
    return "".join(
        f"#ifndef {name}\n#define {name} {_number(number)}\n#endif\n"
        for name, number in sorted({**numbers, **new}.items())
    )


def narrow_definitions(calls: Iterable[str]) -> str:
    """The numbers of 32-bit system calls, which no header has beside the others."""
    numbers = NUMBERS["i386"]
    return "".join(f"#define I386_{it} {numbers[it]}\n" for it in sorted(set(calls)))


def _is_old(name: str) -> bool:
    known = name.startswith(_OLD_PREFIXES) and any(hasattr(it, name) for it in _OLD_MODULES)
    return known or name in _OLD


def _number(number: int) -> str:
    """As the kernel's headers write it: one bit is a shift."""
    if number > 1 << 3 and number & number - 1 == 0:
        return f"(1ULL << {number.bit_length() - 1})"
    return hex(number) if number >= 1 << 16 else str(number)
