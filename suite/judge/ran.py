# SPDX-License-Identifier: MIT
"""What a command did on a kernel, and how it ended."""

from __future__ import annotations

import signal
from enum import StrEnum

import msgspec


class End(StrEnum):
    """What a command came to on a kernel."""

    PASSED = "passed"
    """Exit code 0."""
    FAILED = "failed"
    """Another exit code, or a signal that killed it."""
    TIMED_OUT = "timed out"
    CRASHED = "crashed"
    """The kernel died of it, or by itself meanwhile."""
    HUNG = "hung"
    """The kernel did not answer any more."""
    LOST = "lost"
    """The machine was lost, through no fault of the kernel or the command."""
    NOT_RUN = "not run"
    """It was never started; ``reason`` says why."""
    INTERRUPTED = "interrupted"
    """By the user, before its end."""

    @property
    def is_verdict(self) -> bool:
        """Whether it tells something of the command or the kernel that is not good."""
        return self in (End.FAILED, End.TIMED_OUT, End.CRASHED, End.HUNG)


class Ran(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a command did on one kernel."""

    target: str
    """Such as ``vm:7.3``."""
    end: End
    release: str = ""
    """What uname(2) says there."""
    abi: int | None = None
    """Landlock's ABI version; 0 without Landlock."""
    errata: int | None = None
    """The mask of errata, if the kernel tells it."""
    code: int | None = None
    """The exit code."""
    signal: str = ""
    """The signal that killed it, such as ``SIGSEGV``."""
    seconds: float | None = None
    """From the start of the command to its end."""
    first_output_s: float | None = None
    """From the start of the machine to the first byte of the command's output."""
    reason: str = ""
    output: str = ""
    """What it printed on both of its streams, in order."""
    reported: str = ""
    """The JUnit report that it wrote, if one was asked for."""

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        if self.signal:
            return f"killed by {self.signal}"
        return f"exit code {self.code}" if self.code else self.end


def of_status(status: int) -> tuple[End, int | None, str]:
    """How a command ended, by the status that wait4(2) gives: the end, exit code, signal."""
    if number := status & 0x7F:
        try:
            return End.FAILED, None, signal.Signals(number).name
        except ValueError:
            return End.FAILED, None, f"signal {number}"
    code = status >> 8 & 0xFF
    return (End.FAILED if code else End.PASSED), code, ""
