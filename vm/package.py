# SPDX-License-Identifier: MIT
"""Kernel packages of any distribution as a stream of files; what is in one tells which kind it is.

Nothing in a package is trusted. It is read through the distribution's own tool (which writes a tar
archive to a pipe, and no file) or through Python's decompressors, and only regular files are given.
No more of it is read than a kernel with all its modules has, however much it claims to hold.

Source: deb(5); rpm2archive(8); Arch's makepkg(8), "PKGEXT"; apk-v2(5)
"""

import gzip
import lzma
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from suite.errors import InfrastructureError, UsageError
from vm.identity import is_packed_image
from vm.tools import plain_environment, tool

STREAM_LIMIT = 4 << 30
"""Bytes of an unpacked package. A distribution's kernel with all its modules has up to 1 GB."""
FILE_LIMIT = 512 << 20
"""Bytes of one file that is kept."""
_HEADERS_LIMIT = 1 << 20
"""Bytes between two files: tarfile takes all of a long name into memory."""
_MEMBERS_LIMIT = 100_000
_CHUNK = 1 << 20
HEAD = 1024
"""Bytes at the beginning that tell what a file is."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of package: what a file of it has where, and what writes it as a tar archive."""

    name: str
    at: int
    magic: bytes
    tool: tuple[str, ...] = ()
    """The tool and its arguments; the file follows."""


KINDS = (
    Kind("deb", 0, b"!<arch>\ndebian-binary", ("dpkg-deb", "--fsys-tarfile")),
    Kind("rpm", 0, b"\xed\xab\xee\xdb", ("rpm2archive", "--nocompression", "-")),
    # pkg.tar.zst, pkg.tar.xz, apk, and what the kernel's own tar-pkg targets write.
    Kind("zstd", 0, b"\x28\xb5\x2f\xfd", ("zstd", "-dcq")),
    Kind("xz", 0, b"\xfd7zXZ\0"),
    Kind("gzip", 0, b"\x1f\x8b\x08"),
    Kind("tar", 257, b"ustar"),
)
_OTHERS = (
    (0, b"ADB", "is an apk of format 3: unpack it with apk and name the folder"),
    (0, b"!<arch>\n", "is an ar archive and no Debian package"),
    (0, b"\x7fELF", "is an ELF file; give a bzImage, or uml:PATH for User-Mode Linux"),
    (0, b"PK", "is a zip archive; unpack it and name the folder"),
)  # fmt: skip


def kind_of(path: Path) -> Kind | None:
    """Which kind of package a file is; None if it is none.

    Raises:
        UsageError: It is something that is taken for a kernel now and then; says what to do.
        OSError: It can't be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise UsageError(f"{path} is empty; fetch or build it again")
    for kind in KINDS:
        if head.startswith(kind.magic, kind.at):
            return None if kind.name == "gzip" and is_packed_image(head) else kind
    for at, magic, what in _OTHERS:
        if head.startswith(magic, at):
            raise UsageError(f"{path} {what}")
    return None


@contextmanager
def opened(path: Path) -> Iterator[Iterator[tuple[PurePosixPath, int, IO[bytes]]]]:
    """Give the regular files of a package, each with its name, its size in bytes and its content.

    A name has no ``..`` and no root, but may have anything else in it.

    Raises:
        InfrastructureError: It is broken or holds too much, or its tool is missing.
        UsageError: It is no package.
    """
    kind = kind_of(path)
    if kind is None:
        raise UsageError(f"{path} is no package of a kind that is known (deb, rpm, tar, apk)")
    broken = f"{path.name} is broken; fetch it again"
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(_stream(path, kind, broken))
            bounded = _Bounded(raw, path.name)
            archive = stack.enter_context(
                # The parts of an apk are archives of their own.
                tarfile.open(
                    fileobj=cast("IO[bytes]", bounded), mode="r|", ignore_zeros=kind.name == "gzip"
                )
            )
            yield _files(archive, bounded, path.name)
            # Whether the end is whole is known by whoever has read it.
            bounded.allowed = STREAM_LIMIT
            while bounded.read(_CHUNK):
                pass
    except (
        tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, ValueError,
        OverflowError, RecursionError,
    ) as error:  # fmt: skip
        raise InfrastructureError(f"{broken} ({error})") from error


def _files(
    archive: tarfile.TarFile, bounded: "_Bounded", name: str
) -> Iterator[tuple[PurePosixPath, int, IO[bytes]]]:
    for count, member in enumerate(archive):
        # What is between this file's content and the next one's.
        bounded.allowed = bounded.at + member.size + _HEADERS_LIMIT
        if count > _MEMBERS_LIMIT:
            raise InfrastructureError(f"{name} holds more than {_MEMBERS_LIMIT} files: no kernel")
        path = PurePosixPath(member.name)
        if not member.isreg() or member.issparse() or path.is_absolute() or ".." in path.parts:
            continue
        content = archive.extractfile(member)
        if content is not None:
            yield path, member.size, content


class _Bounded:
    """A tar archive of which no more is read than is allowed by now."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name
        self.at = 0
        self.allowed = _HEADERS_LIMIT

    def read(self, size: int) -> bytes:
        """Read on.

        Raises:
            InfrastructureError: That was too much.
        """
        data = self._stream.read(size)
        self.at += len(data)
        if self.at > STREAM_LIMIT:
            raise InfrastructureError(
                f"{self._name} unpacks to more than {STREAM_LIMIT >> 30} GiB: no kernel has so much"
            )
        if self.at > self.allowed:
            raise tarfile.ReadError("a file's header has more than 1 MiB")
        return data


@contextmanager
def _stream(path: Path, kind: Kind, broken: str) -> Iterator[IO[bytes]]:
    if kind.tool:
        with _output(path, kind, broken) as stream:
            yield stream
        return
    openers: dict[str, Callable[[Path], object]] = {"xz": lzma.open, "gzip": gzip.open}
    with closing(cast("IO[bytes]", openers.get(kind.name, _plain)(path))) as file:
        yield file


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


@contextmanager
def _output(path: Path, kind: Kind, broken: str) -> Iterator[IO[bytes]]:
    """What a package's tool prints, which has to end well unless the reader has failed before."""
    name, *arguments = kind.tool
    command = [tool(name), *arguments]
    by_name = [] if arguments[-1] == "-" else [str(path)]
    with tempfile.TemporaryFile() as errors, path.open("rb") as file:
        process = subprocess.Popen(  # noqa: S603 - a fixed argument list
            [*command, *by_name],
            stdin=file, stdout=subprocess.PIPE, stderr=errors, env=plain_environment(),
        )  # fmt: skip
        assert process.stdout is not None  # noqa: S101 - as asked for
        try:
            yield process.stdout
            if process.wait() != 0:
                errors.seek(0)
                said = errors.read(_CHUNK).decode(errors="replace").strip().splitlines()
                raise InfrastructureError(f"{broken} ({said[-1] if said else f'{name} failed'})")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
