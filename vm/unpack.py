# SPDX-License-Identifier: MIT
"""Take from kernel packages, or from a modules folder, what booting and the cases need.

Modules are decompressed, because the loaders of small initramfses take only plain ELF, and indexed
with depmod.
"""

import errno
import gzip
import lzma
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from suite.errors import InfrastructureError
from vm.tools import plain_environment, tool

_PACKED = (".xz", ".gz", ".zst")


def unpack(
    debs: Sequence[Path],
    into: Path,
    release: str,
    keep: Sequence[str] = (),
    report: Callable[[int], None] | None = None,
) -> None:
    """Unpack kernel packages as ``vmlinuz``, ``config`` and ``lib/modules/RELEASE`` in a folder.

    Args:
        debs: The packages of one build.
        into: An empty folder.
        release: As uname(2) says it.
        keep: Prefixes of the modules to keep; what they depend on is kept too; empty: all.
        report: Called with the bytes written so far.

    Raises:
        InfrastructureError: A package is broken or holds no kernel, or a tool is missing.
        OSError: The folder can't be written to, such as ENOSPC.
    """
    done = 0
    for deb in debs:
        with _tar(deb) as archive:
            for member in archive:
                target = _target(member.name, release) if member.isfile() else None
                source = archive.extractfile(member) if target is not None else None
                if target is None or source is None:
                    continue
                _write(into / target, source)
                done += member.size
                if report is not None:
                    report(done)
    if not (into / "vmlinuz").exists():
        names = ", ".join(deb.name for deb in debs)
        raise InfrastructureError(f"no vmlinuz of {release} in {names}; choose another build")
    index_modules(into, release, keep)


def copy_modules(source: Path, into: Path, release: str, keep: Sequence[str]) -> None:
    """Copy a folder such as ``/lib/modules/RELEASE`` to ``into/lib/modules/RELEASE``, decompressed.

    Raises:
        InfrastructureError: A tool is missing or a module is broken.
        OSError: A folder can't be read or written to.
    """
    target = into / "lib/modules" / release
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_file() and (_is_module(path) or name.match("modules.*")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)
    index_modules(into, release, keep)


def index_modules(into: Path, release: str, keep: Sequence[str]) -> None:
    """Drop the modules that nobody needs, decompress the others and run depmod."""
    folder = into / "lib/modules" / release
    if not folder.is_dir():
        return
    if keep:
        _depmod(into, release)
        _drop(folder, keep)
    _unpack_modules(path for path in folder.rglob("*") if path.suffix in _PACKED)
    _depmod(into, release)


def packed(modules: Path) -> bool:
    """Whether a modules folder has compressed modules."""
    return any(path.suffix in _PACKED for path in modules.rglob("*.ko.*"))


def _target(name: str, release: str) -> PurePosixPath | None:
    """Return where a file of a package goes, or None if nobody needs it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return None
    path = path.relative_to("usr") if path.is_relative_to("usr") else path
    modules = PurePosixPath("lib/modules", release)
    # Debian's kernels for riscv64 are not compressed, and called so.
    images = (f"boot/vmlinuz-{release}", f"boot/vmlinux-{release}")
    if path in (*map(PurePosixPath, images), modules / "vmlinuz"):
        return PurePosixPath("vmlinuz")
    if path in (PurePosixPath(f"boot/config-{release}"), modules / "config"):
        return PurePosixPath("config")
    if path.is_relative_to(modules) and (_is_module(path) or path.match("modules.*")):
        return path
    return None


def _is_module(path: PurePosixPath | Path) -> bool:
    return path.suffix == ".ko" or (path.suffix in _PACKED and path.stem.endswith(".ko"))


@contextmanager
def _tar(deb: Path) -> Iterator[tarfile.TarFile]:
    process = subprocess.Popen(  # noqa: S603
        [tool("dpkg-deb", "dpkg"), "--fsys-tarfile", str(deb)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - as asked for
    assert process.stderr is not None  # noqa: S101
    broken = f"{deb.name} is broken; fetch it again"
    try:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            yield archive
        process.stdout.read()
        said = process.stderr.read().decode(errors="replace").strip().splitlines()
        if process.wait() != 0:
            raise InfrastructureError(f"{broken} ({said[-1] if said else 'dpkg-deb failed'})")
    except tarfile.TarError as error:
        raise InfrastructureError(f"{broken} ({error})") from error
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _write(path: Path, source: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _drop(folder: Path, keep: Sequence[str]) -> None:
    """Remove the modules that neither begin with a kept prefix nor are needed by one that does.

    Those of a compression that this machine's depmod can't read stay: nothing is known of them.
    """
    needs: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text(encoding="utf-8").splitlines():
        name, _, others = line.partition(":")
        needs[name] = others.split()  # modules.dep is transitive already
    wanted = {name for name in needs if name.removeprefix("kernel/").startswith(tuple(keep))}
    wanted |= {other for name in wanted for other in needs[name]}
    for name in needs.keys() - wanted:
        (folder / name).unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _unpack_modules(paths: Iterable[Path]) -> None:
    # The decompressors let other threads run.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_unpack_module, list(paths)))


def _unpack_module(path: Path) -> None:
    packed = path.read_bytes()
    try:
        match path.suffix:
            case ".xz":
                plain = lzma.decompress(packed)
            case ".gz":
                plain = gzip.decompress(packed)
            case _:
                plain = subprocess.run(  # noqa: S603
                    [tool("zstd", "zstd"), "-dc"], input=packed, capture_output=True, check=True
                ).stdout
    except (lzma.LZMAError, EOFError, subprocess.CalledProcessError, gzip.BadGzipFile) as error:
        raise InfrastructureError(
            f"module {path.name} is broken; fetch its kernel again ({error})"
        ) from error
    path.with_suffix("").write_bytes(plain)
    path.unlink()


def _depmod(into: Path, release: str) -> None:
    done = subprocess.run(  # noqa: S603
        [tool("depmod", "kmod"), "-b", str(into), release],
        capture_output=True, text=True, env=plain_environment(), check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if "No space left" in said:
            raise OSError(errno.ENOSPC, "No space left on device", str(into))
        raise InfrastructureError(f"depmod failed for {release}: {said}")
