# SPDX-License-Identifier: MIT
"""Saved machines: emulated guests, booted and prepared once, and restored in place of a boot.

One file a state in the store's folder ``states``: a header, then what QEMU wrote, compressed by
zstd. It is found by a digest of all that it depends on, so what was made of other things is not
found. Its file is its owner's alone, since whoever can write it decides what every verdict says.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from suite import files
from suite.errors import InfrastructureError
from vm.architecture import Architecture
from vm.command import find_qemu
from vm.kernel import Kernel, sha256
from vm.rehearsal import Conversation

FORMAT = 1
"""Counted up when the meaning of a file changes; older ones are then not found."""
REAL_BOOT_EVERY = 20
"""Of so many starts of a machine one is a boot, which also replaces the state: what all restored
machines have in common (where the kernel lies in memory, what its random numbers began with) must
not be all that is ever seen."""
MOST_STATES = 4
"""Of one kernel: with other parameters, another QEMU, another landproof."""
LOG = logging.getLogger("landproof.states")

_SUFFIX = ".state"
_COUNT = ".starts"
_LENGTH = 8
"""Bytes before the header that tell its length."""
_DEADLINE_S = 20.0
_LEFT_S = 600.0
"""A file that is half written for so long was left by a process that was killed."""


class UnusableError(InfrastructureError):
    """A state that can't be used; the machine is booted."""


class _Header(msgspec.Struct, frozen=True):
    key: str
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class State:
    """A saved machine that was found."""

    conversation: Conversation
    """What was said until it was saved."""
    _file: int
    """A descriptor, at the first byte of what QEMU wrote."""

    @contextmanager
    def stream(self) -> Iterator[int]:
        """A pipe from which QEMU reads the state, within the block; once.

        Raises:
            UnusableError: At the end of the block: the state was damaged.
        """
        try:
            process = subprocess.Popen(  # noqa: S603 (an argv list, no shell)
                [_zstd(), "--decompress", "--stdout", "--quiet"],
                stdin=self._file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(self._file)
        assert process.stdout  # noqa: S101 (a pipe)
        try:
            yield process.stdout.fileno()
            # zstd compares its checksum of the whole after it has written all of it.
            with suppress(subprocess.TimeoutExpired):
                process.wait(_DEADLINE_S)
            if process.returncode != 0:
                raise UnusableError("the state is damaged")
        finally:
            process.stdout.close()
            process.kill()
            process.wait()


class States:
    """The saved machines of a store.

    Args:
        store: The store's folder, which is ours alone.
    """

    def __init__(self, store: Path) -> None:
        self._folder = store / "states"

    def take(self, kernel: Kernel, recipe: Iterable[str]) -> State | None:
        """The state of a machine; None where it is to be booted, be it that its turn has come.

        Args:
            kernel: What the machine runs.
            recipe: All else that it is made of.
        """
        stem = self._stem(kernel, recipe)
        try:
            if self._is_due(stem):
                return None
            return self._open(stem)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnusableError) as error:
            _warn(f"{self._path(stem)} is not used, and replaced: {error}")
            return None

    def keep(
        self, kernel: Kernel, recipe: Iterable[str], conversation: Conversation, state: bytes
    ) -> None:
        """Keep a state in place of an older one, whole or not at all; a failure is told.

        Args:
            kernel: What the machine runs.
            recipe: All else that it is made of.
            conversation: What was said until it was saved.
            state: What `compressed` gave.
        """
        stem = self._stem(kernel, recipe)
        header = msgspec.msgpack.encode(_Header(stem, conversation))
        try:
            files.make_folder(self._folder)
            length = len(header).to_bytes(_LENGTH)
            files.write(self._path(stem), length + header + state, mode=0o600)
            for older in self._of(kernel)[MOST_STATES:]:
                _remove(older)
            for left in self._left_behind():
                left.unlink(missing_ok=True)
        except OSError as error:
            _warn(f"machines can't be saved in {self._folder}: {error.strerror}; each is booted")

    def drop(self, kernel: Kernel, recipe: Iterable[str]) -> None:
        """Remove a state that did not do."""
        with suppress(OSError):
            _remove(self._path(self._stem(kernel, recipe)))

    def size(self, sha256: str) -> int:
        """Bytes that the states of a kernel take.

        Args:
            sha256: Of its vmlinuz.
        """
        return sum(path.stat().st_size for path in self._folder.glob(f"{_of(sha256)}.*{_SUFFIX}"))

    def prune(self, kept: Iterable[str]) -> int:
        """Remove the states of all kernels but these, and what was left half done; bytes freed.

        Args:
            kept: SHA-256 of each vmlinuz.
        """
        prefixes = tuple(f"{_of(it)}." for it in kept)
        whole = (*self._folder.glob(f"*{_SUFFIX}"), *self._folder.glob(f"*{_COUNT}"))
        freed = 0
        for path in (
            *(it for it in whole if not it.name.startswith(prefixes)),
            *self._left_behind(),
        ):
            with suppress(FileNotFoundError):  # somebody else has removed it
                freed += path.stat().st_size
                path.unlink()
        return freed

    def _left_behind(self) -> list[Path]:
        """Files that nobody writes any more; a younger one may be another process's."""
        found = []
        for path in self._folder.glob(".*"):
            with suppress(FileNotFoundError):  # it is whole by now
                if time.time() - path.stat().st_mtime > _LEFT_S:
                    found.append(path)
        return found

    def _stem(self, kernel: Kernel, recipe: Iterable[str]) -> str:
        parts = "\n".join([str(FORMAT), _digest_of_qemu(kernel.arch), *recipe])
        digest = hashlib.sha256(parts.encode()).hexdigest()[:32]
        return f"{_of(kernel.build.sha256)}.{digest}"

    def _path(self, stem: str) -> Path:
        return self._folder / f"{stem}{_SUFFIX}"

    def _of(self, kernel: Kernel) -> list[Path]:
        """The states of a kernel, the newest first."""
        found = self._folder.glob(f"{_of(kernel.build.sha256)}.*{_SUFFIX}")
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)

    def _is_due(self, stem: str) -> bool:
        """Count a start, and say whether it has to be a boot; several processes may count."""
        counter = self._path(stem).with_suffix(_COUNT)
        try:
            descriptor = os.open(counter, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:  # it may be a store that is only read
            return False
        try:
            os.write(descriptor, b".")
            return os.lseek(descriptor, 0, os.SEEK_CUR) % REAL_BOOT_EVERY == 0
        finally:
            os.close(descriptor)

    def _open(self, stem: str) -> State:
        descriptor = os.open(self._path(stem), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            with suppress(OSError):
                os.utime(descriptor)  # those that are used are kept
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise UnusableError("others may read or write its file, which is to be ours alone")
            length = int.from_bytes(os.read(descriptor, _LENGTH))
            if length > found.st_size:
                raise UnusableError("the state is damaged")
            header = msgspec.msgpack.decode(os.read(descriptor, length), type=_Header)
            if header.key != stem:
                raise UnusableError("the state is another machine's")
            return State(header.conversation, descriptor)
        except BaseException:
            os.close(descriptor)
            raise


def compressed(write: Callable[[int], None]) -> bytes:
    """What a function writes into a pipe, compressed.

    Raises:
        UnusableError: It could not be compressed.
    """
    with (
        os.fdopen(os.memfd_create("state"), "r+b") as room,
        subprocess.Popen(  # noqa: S603 (an argv list, no shell)
            [_zstd(), "--stdout", "--quiet"],
            stdin=subprocess.PIPE,
            stdout=room,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        assert process.stdin  # noqa: S101 (a pipe)
        try:
            write(process.stdin.fileno())
            process.stdin.close()
            code = process.wait(_DEADLINE_S)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            process.kill()
        if code != 0:
            raise UnusableError("zstd can't compress it")
        room.seek(0)
        return room.read()


@cache
def _warn(text: str) -> None:
    """Say it once, however many machines it is about."""
    LOG.warning(text)


def can_save() -> bool:
    """Whether this machine has what saving and restoring take."""
    return shutil.which("zstd") is not None


def _zstd() -> str:
    found = shutil.which("zstd")
    if found is None:
        raise UnusableError("zstd is not installed")
    return found


def _of(sha256: str) -> str:
    return sha256[:16]


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(_COUNT).unlink(missing_ok=True)


def _digest_of_qemu(arch: Architecture) -> str:
    qemu = find_qemu(arch)
    return _digest(qemu, qemu.stat().st_mtime_ns)


@cache
def _digest(file: Path, _changed_ns: int) -> str:
    return sha256(file)
