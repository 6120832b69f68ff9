# SPDX-License-Identifier: MIT
"""Take from kernel packages, or from a modules folder, what booting and the cases need.

Modules are decompressed, because the loaders of small initramfses take only plain ELF, and indexed
with depmod.
"""

import errno
import gzip
import lzma
import os
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO

from suite.errors import InfrastructureError
from vm import package, tree, zstd
from vm.tools import plain_environment, tool

_PACKED = (".xz", ".gz", ".zst")
WRITTEN_LIMIT = 2 << 30
"""Bytes that are kept of the packages of one kernel."""
MODULE_LIMIT = 256 << 20
"""Bytes of one module without its compression; with all that debuggers want it has 10 MB."""
_DEPMOD_DEADLINE_S = 300.0
_NAME = re.compile(r"[A-Za-z0-9._+~@,=/-]+", re.ASCII)
"""What a module may be called: depmod's lists, by which files are removed, know no quoting."""
_CLASHES = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL)
"""Errors of a file system about names that make no sense."""


def unpack(
    packages: Sequence[Path],
    into: Path,
    release: str,
    keep: Sequence[str] = (),
    report: Callable[[int], None] | None = None,
    *,
    image: PurePosixPath | None = None,
) -> None:
    """Unpack kernel packages as ``vmlinuz``, ``config`` and ``lib/modules/RELEASE`` in a folder.

    Args:
        packages: Those of one build, of any kind that `vm.package` knows.
        into: An empty folder.
        release: As uname(2) says it.
        keep: Prefixes of the modules to keep; what they depend on is kept too; empty: all.
        report: Called with the bytes written so far.
        image: What the kernel is called in its package, if that is not after its release.

    Raises:
        InfrastructureError: A package is broken or holds no kernel, or a tool is missing.
        OSError: The folder can't be written to, such as ENOSPC.
    """
    done = 0
    for it in packages:
        with package.opened(it) as members:
            for path, size, content in members:
                target = PurePosixPath("vmlinuz") if path == image else _target(path, release)
                if target is None:
                    continue
                done += size
                if size > package.FILE_LIMIT or done > WRITTEN_LIMIT:
                    raise InfrastructureError(
                        f"{it.name} is too large for a kernel ({path.name} has {size >> 20} MiB);"
                        " name another package"
                    )
                _write(into / target, content, it.name)
                if report is not None:
                    report(done)
    if not (into / "vmlinuz").exists():
        names = ", ".join(it.name for it in packages)
        raise InfrastructureError(f"no vmlinuz of {release} in {names}; choose another build")
    index_modules(into, release, keep)


def copy_modules(source: Path, into: Path, release: str, keep: Sequence[str]) -> None:
    """Copy modules to ``into/lib/modules/RELEASE``, decompressed and indexed.

    Args:
        source: A folder such as ``/lib/modules/RELEASE``, or a build tree.
        into: An empty folder.
        release: As uname(2) says it.
        keep: As of `unpack`.

    Raises:
        InfrastructureError: A tool is missing or a module is broken.
        OSError: A folder can't be read or written to.
    """
    target = into / "lib/modules" / release
    for name, path in modules_in(source).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
    if tree.is_tree(source):
        tree.write_lists(source, target)
    index_modules(into, release, keep)


def modules_in(source: Path) -> dict[PurePosixPath, Path]:
    """Return the files of a folder of modules, or of a build tree, by their names in the former."""
    if tree.is_tree(source):
        return tree.modules(source)
    return {
        name: path
        for path in sorted(source.rglob("*"))
        if path.is_file() and _is_wanted(name := PurePosixPath(path.relative_to(source)))
    }


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


def _target(path: PurePosixPath, release: str) -> PurePosixPath | None:
    """Return where a file of a package goes, or None if nobody needs it."""
    path = path.relative_to("usr") if path.is_relative_to("usr") else path
    modules = PurePosixPath("lib/modules", release)
    # Debian's kernels for riscv64 are not compressed, and called so.
    images = (f"boot/vmlinuz-{release}", f"boot/vmlinux-{release}")
    if path in (*map(PurePosixPath, images), modules / "vmlinuz"):
        return PurePosixPath("vmlinuz")
    if path in (PurePosixPath(f"boot/config-{release}"), modules / "config"):
        return PurePosixPath("config")
    if path.is_relative_to(modules) and _is_wanted(path.relative_to(modules)):
        return path
    return None


def _is_wanted(name: PurePosixPath) -> bool:
    """Whether a file below ``lib/modules/RELEASE`` is a module, or a list of modules."""
    return _NAME.fullmatch(str(name)) is not None and (_is_module(name) or name.match("modules.*"))


def _is_module(path: PurePosixPath | Path) -> bool:
    return path.suffix == ".ko" or (path.suffix in _PACKED and path.stem.endswith(".ko"))


def _write(path: Path, source: IO[bytes], package_name: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except OSError as error:
        if error.errno not in _CLASHES:
            raise
        raise InfrastructureError(
            f"{package_name} is broken; fetch it again (it holds {path.name} as no file can be"
            f" called: {error.strerror})"
        ) from error


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
    try:
        match path.suffix:
            case ".xz":
                with lzma.open(path) as file:
                    plain = file.read(MODULE_LIMIT + 1)
            case ".gz":
                with gzip.open(path) as file:
                    plain = file.read(MODULE_LIMIT + 1)
            case _:
                with path.open("rb") as packed_one:
                    plain = zstd.unpacked(packed_one, MODULE_LIMIT)
    except (
        lzma.LZMAError, EOFError, subprocess.CalledProcessError, gzip.BadGzipFile, zlib.error,
    ) as error:  # fmt: skip
        raise InfrastructureError(
            f"module {path.name} is broken; fetch its kernel again ({error})"
        ) from error
    if len(plain) > MODULE_LIMIT:
        raise InfrastructureError(
            f"module {path.name} unpacks to more than {MODULE_LIMIT >> 20} MiB: that is no module"
        )
    path.with_suffix("").write_bytes(plain)
    path.unlink()


def _depmod(into: Path, release: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            [tool("depmod"), "-b", str(into), release],
            capture_output=True, text=True, errors="replace", env=plain_environment(), check=False,
            timeout=_DEPMOD_DEADLINE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(
            f"depmod did not end for {release}: its modules are broken; fetch them again"
        ) from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if "No space left" in said:
            raise OSError(errno.ENOSPC, "No space left on device", str(into))
        raise InfrastructureError(f"depmod failed for {release}: {said}")
