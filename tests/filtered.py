# SPDX-License-Identifier: MIT
"""Run a command with system calls filtered: ``python -m tests.filtered ACTION CALL,... COMMAND``.

ACTION is what happens to who makes one of the calls: the name of an errno that it gives (``EPERM``,
``ENOSYS``), ``kill``, or ``trap`` (a signal SIGSYS, as Android does).

The filter, of seccomp, is inherited by all that the command starts. no_new_privs is set only where
the kernel asks for it: who has no CAP_SYS_ADMIN.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Sequence

from suite.agent.build import host_arch
from suite.process.syscalls import NUMBERS

LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")

# Source: include/uapi/linux/seccomp.h, filter.h, audit.h, prctl.h.
_ALLOW, _ERRNO, _TRAP, _KILL = 0x7FFF0000, 0x00050000, 0x00030000, 0x80000000
_LOAD, _EQUAL, _GIVE = 0x20, 0x15, 0x06
_NUMBER_AT, _ARCH_AT = 0, 4
_AUDIT_ARCH = {"x86_64": 0xC000003E, "i386": 0x40000003, "aarch64": 0xC00000B7}
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def filtered(action: str, calls: Iterable[str], command: Sequence[str]) -> list[str]:
    """The command line that filters these calls; it is to run in the folder of this checkout."""
    return [sys.executable, "-m", "tests.filtered", action, ",".join(calls), *command]


def install(action: str, calls: Sequence[str]) -> None:
    """Filter the calls for this thread and all that it starts, also by their 32-bit entry.

    Raises:
        KeyError: There is no such call.
        OSError: The kernel refused the filter.
    """
    verdict = {"kill": _KILL, "trap": _TRAP}.get(action) or _ERRNO | getattr(errno, action)
    native = host_arch()
    arches = ["x86_64", "i386"] if native == "x86_64" else [native]
    program = [(_LOAD, 0, 0, _ARCH_AT)]
    for arch in arches:
        numbers = [NUMBERS[arch][name] for name in calls if name in NUMBERS[arch]]
        # Another architecture: on to the next block, which is two longer than its comparisons.
        program.append((_EQUAL, 0, 2 * len(numbers) + 2, _AUDIT_ARCH[arch]))
        program.append((_LOAD, 0, 0, _NUMBER_AT))
        for number in numbers:
            program += [(_EQUAL, 0, 1, number), (_GIVE, 0, 0, verdict)]
        program.append((_GIVE, 0, 0, _ALLOW))
    program.append((_GIVE, 0, 0, _ALLOW))
    unknown = [name for name in calls if name not in NUMBERS[native]]
    if unknown:
        raise KeyError(*unknown)
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *it) for it in program))
    filters = struct.pack("@HP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_SECCOMP, _MODE_FILTER, filters, 0, 0) == 0:
        return
    libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_SET_SECCOMP, _MODE_FILTER, filters, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    install(sys.argv[1], sys.argv[2].split(","))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - the command as it was given
