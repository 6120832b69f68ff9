# SPDX-License-Identifier: MIT
"""Calls that wait for a thread which is held, and how to tell that they wait."""

import mmap
import struct
from dataclasses import dataclass

from suite.packed import packed
from suite.case import Process
from suite.process.uapi import PTRACE_DETACH, PTRACE_INTERRUPT, PTRACE_SEIZE
from suite.process.promise import Batch


def tid(thread: Process) -> int:
    assert thread.pid is not None
    return thread.pid.value


def hold(tracer: Process, thread: Process) -> None:
    """Keep a thread in a ptrace-stop, where it does no work."""
    tracer.ptrace(PTRACE_SEIZE, tid(thread))
    tracer.ptrace(PTRACE_INTERRUPT, tid(thread))
    tracer.wait(tid(thread)).batch.settle()  # who may not trace is told so at once


def release(tracer: Process, thread: Process) -> None:
    tracer.ptrace(PTRACE_DETACH, tid(thread)).batch.settle()


def waits(watcher: Process, witness: Process, launched: Batch) -> bool:
    """Whether a launched landlock_restrict_self(2) is seen to wait before it returns.

    An idle sibling that takes part sleeps uninterruptibly until all others do. Of the files that
    could tell it of the caller itself, some need a lock that the call holds.
    """
    while not launched.answered:
        if b"State:\tD" in watcher.read_file(f"/proc/{tid(witness)}/status"):
            return True
    return False


_COUNT_AT, _RETURN_AT = 64, 32
_COUNTS = {
    # inc dword [rip + _COUNT_AT - 6]; ret
    "x86_64": b"\xff\x05" + struct.pack("<i", _COUNT_AT - 6) + b"\xc3",
    # adr x1, _COUNT_AT; ldr w2, [x1]; add w2, w2, #1; str w2, [x1]; ret
    "aarch64": struct.pack("<5I", 0x10000201, 0xB9400022, 0x11000442, 0xB9000022, 0xD65F03C0),
    # auipc t0, 0; lw t1, _COUNT_AT(t0); addi t1, t1, 1; sw t1, _COUNT_AT(t0); ret
    "riscv64": struct.pack("<5I", 0x00000297, 0x0402A303, 0x00130313, 0x0462A023, 0x00008067),
    # larl %r1, _COUNT_AT; asi 0(%r1), 1; br %r14
    "s390x": bytes.fromhex("c010 0000 0020  eb01 1000 006a  07fe"),
}
_RETURNS = {
    "x86_64": b"\xb8\x0f\x00\x00\x00\x0f\x05",  # mov eax, __NR_rt_sigreturn; syscall
    "aarch64": struct.pack("<2I", 0xD2801168, 0xD4000001),  # mov x8, #139; svc #0
    "riscv64": b"",  # its kernel has a place of its own to return to, in the vDSO
    # svc __NR_sigreturn: without SA_SIGINFO its kernel makes no frame for rt_sigreturn(2)
    # (arch/s390/kernel/signal.c, handle_signal())
    "s390x": bytes.fromhex("0a77"),
}
_SA_RESTORER = 0x04000000


@dataclass(frozen=True, slots=True)
class Counter:
    """A signal handler that counts, in a page that forked children share."""

    page: int
    machine: str

    def install(self, process: Process, number: int) -> None:
        """rt_sigaction(2)."""
        restorer = self.page + _RETURN_AT
        returns = () if self.machine == "riscv64" else (_SA_RESTORER, restorer)
        action = packed("4Q", self.page, *(returns or (0, 0)), 0)
        process.syscall("rt_sigaction", number, action, 0, 8)

    def count(self, process: Process) -> int:
        """How many signals were handled so far."""
        return int.from_bytes(process.peek(self.page + _COUNT_AT, 4, "I").data[:4], "little")


def counter(process: Process, machine: str) -> Counter:
    """Make a handler for the children of a process."""
    page = process.syscall("mmap", 0, 4096, 7, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, -1, 0)
    process.poke(page, _COUNTS[machine].ljust(_RETURN_AT, b"\0") + _RETURNS[machine])
    return Counter(page.value, machine)
