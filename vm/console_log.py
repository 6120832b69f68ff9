# SPDX-License-Identifier: MIT
"""The log of a machine's console: its beginning and its end, however much is printed.

QEMU prints into a pipe. A thread of ours reads it, a pipe's worth at a time, so a guest that prints
without end waits for us, and takes neither the disk nor a processor of the host. The file has the
first ``HALF`` bytes, and then a ring with the last ones.
"""

import contextlib
import itertools
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from suite.errors import InfrastructureError

HALF = 256 * 1024
"""Bytes that are kept of the beginning, and of the end. A boot that is not quiet prints 100 KB."""
LONGEST_LINE = 4096
"""Characters; the rest of a longer line is given as lines of their own."""

_ROOM = 64 * 1024
"""Bytes that a console may need: an oops with its registers and stacks is 3 to 10 KB."""
_PIPE = 64 * 1024
_REST_S = 0.01
"""Between two reads: QEMU prints byte by byte, and a flood is held to 6 MB a second."""
_LAST_READ_S = 2.0
"""How long the rest of what a dead QEMU has printed may take; whatever is left by then is lost."""


class ConsoleLog:
    """What a machine prints into ``pipe``; close it after the machine.

    Args:
        folder: Where the log is kept, as ``STEM-N.log``; None: it has no name, and is gone when
            this process ends, however that happens.
        stem: How its name begins.

    Raises:
        InfrastructureError: It can't be created, or there is no room for a panic.
    """

    path: Path
    """While it is open, a log without a name can be read by it, too."""
    pipe: int
    """The end that QEMU prints into; ours is closed by ``handed_over``."""

    def __init__(self, folder: Path | None, stem: str) -> None:
        self.path, self._file = _open(folder, stem)
        self._lock = threading.Lock()
        self._seen = 0
        reader, self.pipe = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._read, args=(reader,), daemon=True)
        # Whoever holds signals back holds them back from its own thread, and must not get one here.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @property
    def seen(self) -> int:
        """How many bytes were printed so far."""
        return self._seen

    def handed_over(self) -> None:
        """QEMU has the pipe's end now: it ends with QEMU."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1

    def drain(self) -> None:
        """QEMU has ended: wait until all that it has printed is here."""
        self.handed_over()
        self._thread.join(_LAST_READ_S)

    def lines(self) -> Iterator[str]:
        """What is kept, line by line, until it is closed; one line says how much was left out."""
        with self._lock:
            data = b"" if self._file.closed else self._kept()
        text = BytesIO(data)
        while line := text.readline(LONGEST_LINE):
            yield line.decode(errors="replace")

    def close(self) -> None:
        """Put the file in order: the beginning, then the end."""
        self.drain()
        with self._lock:
            if self._seen > 2 * HALF:
                data = self._kept()
                with contextlib.suppress(OSError):  # a full disk: then the ring stays as it is
                    os.pwrite(self._file.fileno(), data, 0)
            self._file.close()

    def _read(self, reader: int) -> None:
        rest = threading.Event()
        try:
            while data := os.read(reader, _PIPE):
                with self._lock:
                    if self._file.closed:
                        return
                    self._keep(data)
                rest.wait(_REST_S)
        finally:
            os.close(reader)

    def _keep(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            at = self._seen if self._seen < HALF else HALF + (self._seen - HALF) % HALF
            room = HALF - at % HALF
            with contextlib.suppress(OSError):  # a full disk must not end the machine
                os.pwrite(self._file.fileno(), view[:room], at)
            self._seen += len(view[:room])
            view = view[room:]

    def _kept(self) -> bytes:
        data = os.pread(self._file.fileno(), 2 * HALF, 0)
        if self._seen <= 2 * HALF:
            return data
        start = HALF + (self._seen - HALF) % HALF
        gap = f"\n[landproof left out {self._seen - 2 * HALF} bytes of the console]\n"
        return data[:HALF] + gap.encode() + data[start:] + data[HALF:start]


def _open(folder: Path | None, stem: str) -> tuple[Path, BinaryIO]:
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
            return log, log.open("x+b", buffering=0)
    raise AssertionError  # count() has no end


def _create_nameless(where: Path) -> tuple[Path, BinaryIO]:
    file = cast("BinaryIO", tempfile.TemporaryFile(dir=where))  # noqa: SIM115 (the caller closes it)
    return Path(f"/proc/self/fd/{file.fileno()}"), file


def _no_room(where: Path, error: OSError) -> str:
    return f"cannot write a console log in {where}: {error.strerror}; make room or set TMPDIR"
