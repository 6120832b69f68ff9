# SPDX-License-Identifier: MIT
"""What is done to another process, its end, and the size of its pages."""

import os
import signal
from typing import Literal

from suite.packed import packed
from suite.case import F_SETFL, F_SETOWN, PTRACE_ATTACH, Call, Process
from suite.process.uapi import F_SETSIG
from suite.witness.leaks import pause_ns


def end(process: Process, child: Process) -> None:
    """End a child and, its parent being told, its part in what only it uses."""
    assert child.pid is not None
    child.exit()
    process.wait(child.pid)


def attach(process: Process, pid: Call) -> None:
    process.ptrace(PTRACE_ATTACH, pid)


def open_root(process: Process, pid: Call) -> None:
    process.open(f"/proc/{pid.value}/root", os.O_PATH)


def raise_sigio(process: Process, owner: int | Call) -> None:
    """Have the kernel send SIGUSR1 by input on a socket of ours to its owner.

    That is a process, or a process group if it is negative.
    """
    receiver, sender = process.socketpair()
    process.fcntl(receiver, F_SETSIG, signal.SIGUSR1)
    process.fcntl(receiver, F_SETOWN, owner)
    process.fcntl(receiver, F_SETFL, os.O_ASYNC)
    process.syscall("write", sender, b"x", 1)


def pause(process: Process, look: int) -> None:
    """Behind a look that found what the kernel frees later: ppoll(2) of nothing."""
    timeout = packed("QQ", *divmod(pause_ns(look), 10**9))
    process.syscall("ppoll", None, 0, timeout, None, 8)


AT_PAGESZ, WORD = 6, 8


def page_size(process: Process) -> int:
    """Bytes of a page on the target, which are not the host's.

    Source: include/uapi/linux/auxvec.h; fs/binfmt_elf.c, create_elf_tables().
    """
    vector = process.read_file("/proc/self/auxv")
    order: Literal["big", "little"] = "big" if process.session.is_big else "little"
    words = [int.from_bytes(vector[at : at + WORD], order) for at in range(0, len(vector), WORD)]
    return dict(zip(words[::2], words[1::2], strict=True))[AT_PAGESZ]
