# SPDX-License-Identifier: MIT
"""What a machine's console says about how the machine died; ``vm/console_log.py`` keeps it."""

import re
from collections import deque
from collections.abc import Iterable, Iterator

# Linux prints "[    3.141592] " or "[    3.141592][    T1] " before each line.
_STAMP = re.compile(r"^(?:<\d>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")
# The terminal sequences and the carriage returns of the firmware and of the serial console.
_NOISE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc|[\x00-\x08\x0b-\x1f]")

_PANIC = re.compile(r"Kernel panic - not syncing: (?P<what>.*)")
_END_OF_PANIC = "---[ end Kernel panic"
_FATAL = (
    re.compile(r"(?P<what>watchdog: BUG: soft lockup.*)"),
    re.compile(r"(?P<what>BUG: .*)"),
    re.compile(r"(?P<what>Oops: .*)"),
    re.compile(r"(?P<what>general protection fault.*)"),
    re.compile(r"(?P<what>kernel BUG at .*)"),
    re.compile(r"(?P<what>rcu: INFO: rcu_\w+ .*detected stalls.*)"),
    re.compile(r"(?P<what>INFO: task .* blocked for more than .*)"),
)
_HALTED = re.compile(r"^(?P<what>KVM internal error.*|.*: failed to set MSR.*)")
_SIGNALLED = re.compile(r"^\S*qemu\S*: (?P<what>terminating on signal .*)")
_FAREWELL = re.compile(r"^landproof: (?P<what>.*)")
_WARNING = re.compile(r"(?P<what>WARNING: .*)")


def plain(lines: Iterable[str]) -> Iterator[str]:
    """The lines without time stamps, terminal sequences and trailing space."""
    for line in lines:
        yield _STAMP.sub("", _NOISE.sub("", line.rstrip())).rstrip()


def find_panic(lines: Iterable[str]) -> str | None:
    """A sentence on the kernel's panic, None if there was none.

    An oops that led to the panic says more than the panic's own "Fatal exception", so the sentence
    begins with the first line of the oops.
    """
    first = None
    for line in _said(lines):
        if match := _PANIC.search(line):
            said = match["what"]
            return f"kernel panic: {said if first is None else f'{first} ({said})'}"
        if first is None and _END_OF_PANIC not in line:
            first = _match(_FATAL, line)
    return None


def find_trouble(lines: Iterable[str]) -> str | None:
    """The first BUG, oops, stall or hung task, even if no panic followed."""
    for line in _said(lines):
        if what := _match(_FATAL, line):
            return what
    return None


def find_halt(lines: Iterable[str]) -> str | None:
    """What QEMU said if the accelerator gave up and left the guest stopped; None if it didn't."""
    for line in _said(lines):
        if what := _match((_HALTED,), line):
            return what
    return None


def find_signal(lines: Iterable[str]) -> str | None:
    """What QEMU said if a signal ended it in good order; None if it didn't."""
    for line in _said(lines):
        if what := _match((_SIGNALLED,), line):
            return what
    return None


def find_farewell(lines: Iterable[str]) -> str | None:
    """Why the agent has ended, if it has said so."""
    for line in _said(lines):
        if what := _match((_FAREWELL,), line):
            return what
    return None


def find_warnings(lines: Iterable[str]) -> list[str]:
    """The first line of each of the kernel's own warnings (``WARN_ON``), in order."""
    return [what for line in _said(lines) if (what := _match((_WARNING,), line))]


def tail(lines: Iterable[str], count: int) -> str:
    """The last lines that say something, at most ``count``."""
    return "\n".join(deque(_said(lines), maxlen=count))


def _said(lines: Iterable[str]) -> Iterator[str]:
    """The plain lines that say something; a flood of empty ones costs little."""
    return (line for line in plain(line for line in lines if line != "\n") if line)


def _match(patterns: Iterable[re.Pattern[str]], line: str) -> str | None:
    for pattern in patterns:
        if match := pattern.search(line):
            return match["what"]
    return None
