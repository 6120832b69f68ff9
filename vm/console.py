# SPDX-License-Identifier: MIT
"""A machine's console: the file it goes to, and what it says about how the machine died."""

import contextlib
import itertools
import os
import re
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from suite.errors import InfrastructureError

_ROOM = 64 * 1024
"""Bytes that a console may need: an oops with its registers and stacks is 3 to 10 KB."""

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
    for line in plain(lines):
        if match := _PANIC.search(line):
            said = match["what"]
            return f"kernel panic: {said if first is None else f'{first} ({said})'}"
        if first is None and _END_OF_PANIC not in line:
            first = _match(_FATAL, line)
    return None


def find_trouble(lines: Iterable[str]) -> str | None:
    """The first BUG, oops, stall or hung task, even if no panic followed."""
    for line in plain(lines):
        if what := _match(_FATAL, line):
            return what
    return None


def find_halt(lines: Iterable[str]) -> str | None:
    """What QEMU said if the accelerator gave up and left the guest stopped; None if it didn't."""
    for line in plain(lines):
        if what := _match((_HALTED,), line):
            return what
    return None


def find_warnings(lines: Iterable[str]) -> list[str]:
    """The first line of each of the kernel's own warnings (``WARN_ON``), in order."""
    return [what for line in plain(lines) if (what := _match((_WARNING,), line))]


def open_log(folder: Path | None, stem: str) -> tuple[Path, BinaryIO]:
    """Create a console file that has room for a panic: ``STEM-N.log``, or nameless if no folder.

    A nameless file can be read by the path that is returned as long as it is open, and is gone
    when this process ends, however that happens.

    Raises:
        InfrastructureError: It can't be created or filled.
    """
    where = folder or Path(tempfile.gettempdir())
    try:
        where.mkdir(parents=True, exist_ok=True)
        log, file = _create(where, stem) if folder else _create_nameless(where)
    except OSError as error:
        raise InfrastructureError(_no_room(where, error)) from error
    try:
        os.posix_fallocate(file.fileno(), 0, _ROOM)
        os.ftruncate(file.fileno(), 0)
    except OSError as error:
        file.close()
        if folder:
            log.unlink()
        raise InfrastructureError(_no_room(where, error)) from error
    return log, file


def _create(where: Path, stem: str) -> tuple[Path, BinaryIO]:
    for number in itertools.count(1):
        log = where / f"{stem}-{number}.log"
        with contextlib.suppress(FileExistsError):
            return log, log.open("xb")
    raise AssertionError  # count() has no end


def _create_nameless(where: Path) -> tuple[Path, BinaryIO]:
    file = cast("BinaryIO", tempfile.TemporaryFile(dir=where))  # noqa: SIM115 (the caller closes it)
    return Path(f"/proc/self/fd/{file.fileno()}"), file


def _no_room(where: Path, error: OSError) -> str:
    return f"cannot write a console log in {where}: {error.strerror}; make room or set TMPDIR"


def read_lines(console: Path) -> Iterator[str]:
    """The lines of a console file; none if the file does not exist."""
    try:
        with console.open(encoding="utf-8", errors="replace", newline="\n") as file:
            yield from file
    except FileNotFoundError:
        return


def tail(lines: Iterable[str], count: int) -> str:
    """The last lines that say something, at most ``count``."""
    return "\n".join(deque((line for line in plain(lines) if line), maxlen=count))


def _match(patterns: Iterable[re.Pattern[str]], line: str) -> str | None:
    for pattern in patterns:
        if match := pattern.search(line):
            return match["what"]
    return None
