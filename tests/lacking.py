# SPDX-License-Identifier: MIT
"""Run a command as on a kernel that lacks something: ``python -m tests.lacking inet COMMAND…``.

A filter of seccomp stands in for the kernel: what the kernel would answer, it answers. It can't see
what a pointer points to, so rules on ports are refused whatever else is wrong with them.
"""

import ctypes
import errno
import os
import socket
import struct
import sys

from suite.process.syscalls import NUMBERS

_AUDIT_ARCH_X86_64 = 0xC000003E
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NR, _ARCH, _ARGS = 0, 4, 16
_RULE_NET_PORT = 2

Answer = tuple[str, int, int | None, int]
"""A system call, which of its arguments, its value (None: whichever), and the errno."""
OPTIONAL = (
    "add_key", "bpf", "epoll_create1", "eventfd2", "fanotify_init", "flock", "inotify_init1",
    "io_setup", "io_uring_setup", "kcmp", "keyctl", "memfd_secret", "mq_open", "msgget",
    "name_to_handle_at", "open_by_handle_at", "perf_event_open", "process_vm_readv", "semget",
    "shmget", "signalfd4", "swapon", "acct", "timer_create", "timerfd_create", "userfaultfd",
)  # fmt: skip
"""Calls that Kconfig may leave out."""
WITHOUT: dict[str, tuple[Answer, ...]] = {
    "inet": (
        ("socket", 0, socket.AF_INET, errno.EAFNOSUPPORT),
        ("socket", 0, socket.AF_INET6, errno.EAFNOSUPPORT),
        ("landlock_add_rule", 1, _RULE_NET_PORT, errno.EAFNOSUPPORT),
    ),
    "ipv6": (("socket", 0, socket.AF_INET6, errno.EAFNOSUPPORT),),
    "options": tuple(
        (name, 0, None, errno.ENOSYS) for name in OPTIONAL if name in NUMBERS["x86_64"]
    ),
    "leases": (("fcntl", 1, 1024, errno.EINVAL),),
}


def put_on(answers: tuple[Answer, ...]) -> None:
    """Have these answers given to this process and all that it starts.

    Raises:
        OSError: The kernel takes no filters.
    """
    code = [
        (_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, _AUDIT_ARCH_X86_64), (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    for name, argument, value, number in answers:
        look = [] if value is None else [(_LOAD, 0, 0, _ARGS + 8 * argument), (_EQUAL, 0, 1, value)]
        code += [
            (_LOAD, 0, 0, _NR),
            (_EQUAL, 0, len(look) + 1, NUMBERS["x86_64"][name]),
            *look,
            (_RETURN, 0, 0, _ERRNO | number),
        ]
    code.append((_RETURN, 0, 0, _ALLOW))
    packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(packed)))
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:  # root needs no such promise, and cases see it
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter of seccomp can be put on")


if __name__ == "__main__":
    put_on(WITHOUT[sys.argv[1]])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 (what the caller asks for)
