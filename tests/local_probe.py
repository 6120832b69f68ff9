# SPDX-License-Identifier: MIT
"""Run the local target once, as a program of its own: ``local_probe.py USER REFUSED``.

USER is a uid to become; REFUSED a system call to be refused from then on by a seccomp filter, as
hardened systems do: ``clone`` (of namespaces), ``mount``, or ``-``. Prints what was found, as JSON.
"""

import ctypes
import errno
import json
import os
import struct
import sys
from pathlib import Path

from suite.agent import wire
from suite.agent.build import host_arch
from suite.judge.outcome import Denied
from suite.landlock.abi import FS
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.syscalls import NUMBERS
from suite.targets.local import LocalTarget

ARCH = host_arch()
NEW_NAMESPACES = 0x7E020000
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def refuse(name: str, number: int, mask: int = 0) -> None:
    """Let a system call fail for this process and its children, if arg 0 has a bit of the mask."""
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06
    program = [
        (load, 0, 0, 0),
        (equal, 0, 2 if mask else 1, NUMBERS[ARCH][name]),
        *([(load, 0, 0, 16), (any_bit, 1, 0, mask)] if mask else [(give, 0, 0, REFUSE | number)]),
        (give, 0, 0, ALLOW),
        (give, 0, 0, REFUSE | number),
    ]
    code = b"".join(struct.pack("<HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    filters = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, filters, 0, 0) == 0, os.strerror(ctypes.get_errno())


def agents() -> list[int]:
    """Our children: the agent, which leads a session."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def main() -> None:
    """Start, look, stop."""
    user, refused = int(sys.argv[1]), sys.argv[2]
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    if refused == "clone":
        refuse("clone", errno.EPERM, NEW_NAMESPACES)
    elif refused == "mount":
        refuse("mount", errno.EACCES)
    target = LocalTarget()
    ground = target.start()
    try:
        case = ground.root.fork()
        case.write_file(f"{ground.place}/file", b"content")
        content = case.read_file(f"{ground.place}/file")
        denied = case.under(Ruleset(fs=FS.READ_FILE)).observe(
            Process.open, f"{ground.place}/file", os.O_RDONLY
        )
        found = {
            "private": ground.private,
            "place": ground.place,
            "place_on_host": Path(ground.place).exists(),
            "content": content.decode(),
            "denied": denied.outcome == Denied("EACCES") if ground.facts.abi else None,
            "uid": ground.facts.uid,
            "pid": case.getpid().value,
            "agents": agents(),
        }
        blocked = case.fork()
        blocked.thread()
        case.session.flush()
        forever = wire.Op(wire.OpKind.CALL, blocked.id, NUMBERS[ARCH]["ppoll"], [0] * 4)
        case.session.channel.submit([forever])
    finally:
        target.stop()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
