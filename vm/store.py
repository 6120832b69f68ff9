# SPDX-License-Identifier: MIT
"""The store: kernels on disk, each whole or not there, named by what it was made from."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import platformdirs
from filelock import FileLock, Timeout

from suite.errors import InfrastructureError
from vm import catalogue, stored, unpack
from vm.apt import LOG, Apt
from vm.catalogue import DEFAULT_FLAVOUR, FLAVOURS, Build, Wish
from vm.kernel import Kernel
from vm.local import is_local, local_kernel, sha256
from vm.stored import Stored
from vm.tools import FullError, GoneError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is."""

    wish: str
    stage: Literal["index", "download", "unpack"]
    done: int
    """Bytes."""
    total: int
    """Bytes; 0 while unknown."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A kernel, or something half done, that was removed from the store."""

    name: str
    freed: int
    """Bytes."""


class Store:
    """Kernels on disk and where to get more; several processes may use one store at once.

    Args:
        folder: By default ``$LANDPROOF_STORE``, or ``landproof/kernels`` in the user's cache.
        mirror: URL of a Debian archive; by default that of the machine's apt configuration.
        flavour: Of wishes that name none.
        keyring: Keys that the archive is signed with; by default Debian's.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        mirror: str | None = None,
        flavour: str = DEFAULT_FLAVOUR,
        keyring: Path | None = None,
    ) -> None:
        chosen = folder or os.environ.get("LANDPROOF_STORE")
        chosen = chosen or platformdirs.user_cache_path("landproof") / "kernels"
        self.folder = Path(chosen).expanduser().absolute()
        self.flavour = flavour
        self._apt = Apt(self.folder / "apt", mirror=mirror, keyring=keyring)

    def available(self, *, refresh: bool = False) -> list[Build]:
        """Return every build that can be had or is stored, oldest first.

        Without a network the last index answers, with a warning.

        Raises:
            InfrastructureError: Nothing is known: no network, no index, no stored kernel.
            UsageError: No mirror is known.
        """
        here = [item.build for item in self._all()]
        try:
            with self._errors():
                offered = self._apt.builds(refresh=refresh)
        except InfrastructureError as error:
            offered = self._apt.last_builds()
            if not offered and not here:
                raise
            LOG.warning("the list may be old: %s", error)
        have = [(build.release, build.version) for build in here]
        return catalogue.merge(catalogue.with_stored([*offered, *here], have))

    def stored(self) -> list[Kernel]:
        """Return the stored kernels, oldest first; never uses the network."""
        items = {item.build: item for item in self._all()}
        return [items[build].kernel() for build in catalogue.ordered(items)]

    def newest(self) -> list[str]:
        """Return the releases of the newest stored build of each series and flavour."""
        return [build.release for build in catalogue.newest(item.build for item in self._all())]

    def get(self, wish: str) -> Kernel:
        """Return the newest stored kernel that a name means; never uses the network.

        Raises:
            InfrastructureError: None is stored, or its vmlinuz is damaged.
            UsageError: The name makes no sense.
        """
        with self._errors():
            if is_local(wish):
                return self._local(wish)
            item = self._find(catalogue.parse_wish(wish, self.flavour))
            if item is None:
                raise InfrastructureError(
                    f"kernel {wish} is not in {self.folder}; run: landproof kernels fetch {wish}"
                )
            return item.verified(wish)

    def fetch(
        self,
        wish: str,
        *,
        refresh: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Kernel:
        """Return a kernel, downloaded if no stored one is what the name means.

        Args:
            wish: ``6.12``, ``6.12.43+amd64``, ``path:FOLDER``, ``host``.
            refresh: Ask the mirror for a newer build even if one is stored.
            progress: Called now and then, from this thread.

        Raises:
            InfrastructureError: No network, no room, a wrong checksum, a missing tool.
            UsageError: No such kernel; says which near ones exist.
        """
        with self._errors():
            if is_local(wish):
                return self._local(wish)
            meant = catalogue.parse_wish(wish, self.flavour)
            item = None if refresh else self._find(meant)
            # A stored candidate doesn't answer for a series: its release may be out by now.
            candid = item is None or not item.build.candidate or "~rc" in meant.version
            if item is not None and candid and item.intact():
                return item.kernel(wish)
            report = partial(_report, progress, wish)
            build = self._resolve(meant, refresh, report)
            try:
                return self._take(build, wish, report)
            except GoneError:
                # The index may be a day old; suites change several times a day.
                return self._take(self._resolve(meant, True, report), wish, report)

    def prune(self, keep: Sequence[str] = ()) -> list[Removed]:
        """Remove all stored kernels but those named, and all that was left half done.

        What another process works on is left alone.

        Args:
            keep: Every stored build that one of these names means stays; if none is named, the
                package index goes too.
        """
        with self._errors():
            wishes = [catalogue.parse_wish(name, self.flavour) for name in keep]
            kept = {
                item.folder
                for item in self._all()
                if any(wish.matches(item.build) for wish in wishes)
            }
            folders = [f for kind in ("kernels", "local", "work") for f in self._folders(kind)]
            removed = [self._remove(folder) for folder in folders if folder not in kept]
            if not keep and (self.folder / "apt").exists():
                removed.append(Removed("package index", self._apt.clear()))
            return [item for item in removed if item is not None]

    def _resolve(self, wish: Wish, refresh: bool, report: Callable[..., None]) -> Build:
        builds = self._apt.builds(refresh=refresh, report=partial(report, "index", total=0))
        build = catalogue.resolve(builds, wish)
        if build is None:
            raise catalogue.unknown(builds, wish)
        return build

    def _take(self, build: Build, wish: str, report: Callable[..., None]) -> Kernel:
        """Download and unpack a build, unless it is there already or by now."""
        name = stored.folder_name(build)
        folder = self.folder / "kernels" / name
        work = self.folder / "work" / name
        with self._lock(name):
            item = stored.read(folder)
            if item is not None and item.intact():
                return item.kernel(wish)
            # An apt-get that outlived a killed landproof may still write here: not resumed.
            shutil.rmtree(work, ignore_errors=True)
            debs = self._apt.download(
                build, work / "debs", partial(report, "download", total=build.size)
            )
            for deb, package in zip(debs, build.packages, strict=True):
                if sha256(deb) != package.sha256:
                    deb.unlink()
                    raise InfrastructureError(
                        f"{deb.name}: its checksum is not what the signed index says; fetch again"
                    )
            root = work / "root"
            root.mkdir()
            unpack.unpack(
                debs,
                root,
                build.release,
                FLAVOURS[build.flavour].modules,
                lambda done: report("unpack", min(done, build.size), total=build.size),
            )
            record = stored.write(root, build, wish)
            folder.parent.mkdir(exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            root.rename(folder)
            shutil.rmtree(work)
            return Stored(record, folder).kernel(wish)

    def _local(self, wish: str) -> Kernel:
        """Return a kernel of this machine, its modules copied here if they are compressed."""
        kernel = local_kernel(wish)
        source = kernel.modules
        if source is None or ((source / "modules.dep").exists() and not unpack.packed(source)):
            return kernel
        listing = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in source.rglob("*.ko*")]
        made_from = f"{stored.LAYOUT} {sorted(listing)}"
        release = kernel.build.release
        name = f"{release}.{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
        folder, work = self.folder / "local" / name, self.folder / "work" / name
        with self._lock(name):
            if not folder.exists():
                shutil.rmtree(work, ignore_errors=True)
                unpack.copy_modules(source, work, release, FLAVOURS["amd64"].modules)
                folder.parent.mkdir(exist_ok=True)
                work.rename(folder)
        return Kernel(kernel.build, kernel.vmlinuz, folder / "lib/modules" / release, kernel.config)

    def _find(self, wish: Wish) -> Stored | None:
        items = {item.build: item for item in self._all()}
        build = catalogue.resolve(items, wish)
        return items[build] if build else None

    def _all(self) -> list[Stored]:
        return [item for folder in self._folders("kernels") if (item := stored.read(folder))]

    def _folders(self, kind: str) -> list[Path]:
        return sorted((self.folder / kind).glob("*"))

    @contextmanager
    def _lock(self, name: str, timeout_s: float = -1) -> Iterator[None]:
        locks = self.folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{name}.lock", timeout=timeout_s):
            yield

    def _remove(self, folder: Path) -> Removed | None:
        try:
            with self._lock(folder.name, timeout_s=0):
                if not folder.exists():
                    return None
                name = folder.name.rpartition(".")[0] or folder.name
                freed = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
                shutil.rmtree(folder)
                return Removed(name, freed)
        except Timeout:
            return None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of the file system into one line."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise FullError(
                    f"no room left in {self.folder}; free some (landproof kernels prune), or set"
                    " LANDPROOF_STORE to a folder on a larger disk"
                ) from error
            where = error.filename or self.folder
            raise InfrastructureError(f"{where}: {error.strerror or error}") from error


def _report(
    progress: Callable[[Progress], None] | None,
    wish: str,
    stage: Literal["index", "download", "unpack"],
    done: int,
    total: int,
) -> None:
    if progress is not None:
        progress(Progress(wish, stage, done, total))
