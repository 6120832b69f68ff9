# SPDX-License-Identifier: MIT
"""The store: kernels on disk, each whole or not there, named by what it was made from."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from suite import files
from suite.errors import InfrastructureError
from vm import catalogue, stored, trees, unpack
from vm.catalogue import DEFAULT_FLAVOUR, MODULES, Build, Wish
from vm.kernel import Kernel, is_release
from vm.place import holds_mount, plain_errors, store_folder
from vm.registry import Sources
from vm.saved import States
from vm.source import LOG, Options, Report, Source, Stage
from vm.stored import Stored
from vm.tools import GoneError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is."""

    name: str
    """What was asked for."""
    stage: Stage
    done: int
    """Bytes."""
    total: int
    """Bytes; 0 while unknown."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a name was found to mean."""

    name: str
    """What was asked for."""
    found: Kernel | Stored | Build
    """One that is used where it is; one in the store, not verified yet; one to be brought."""

    @property
    def size(self) -> int:
        """How many bytes have to be downloaded, as far as that is known."""
        return self.found.size if isinstance(self.found, Build) else 0


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
        mirror: URL of an archive; this and what follows is for the sources, as `Options` says.
        flavour: Of names that say none.
        keyring: Keys that the archive is signed with.

    Raises:
        InfrastructureError: The sources that are registered can't be used, or others can write to
            the folder.
        UsageError: It is no folder.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        mirror: str | None = None,
        flavour: str = DEFAULT_FLAVOUR,
        keyring: Path | None = None,
    ) -> None:
        self.folder = store_folder(folder)
        self.states = States(self.folder)
        self._sources = Sources(
            Options(store=self.folder, flavour=flavour, mirror=mirror, keyring=keyring)
        )

    def check(self, name: str) -> None:
        """Refuse a name that no source can make sense of; without a look at disks or networks.

        Raises:
            UsageError: It makes none.
        """
        self._sources.of(name).check(name)

    def has_scheme(self, scheme: str) -> bool:
        """Whether the names of a source begin so."""
        return self._sources.have(scheme)

    def choose(self, name: str, builds: Sequence[Build]) -> Build:
        """Return which of the builds a name means.

        Raises:
            UsageError: None; says which near ones there are.
        """
        return catalogue.choose(builds, self._sources.of(name).wish(name))

    def available(self, *, refresh: bool = False, of: Sequence[str] = ()) -> list[Build]:
        """Return every build that can be had or is stored, oldest first.

        Without a network the last lists answer, with a warning.

        Args:
            refresh: Ask for newer lists, however young those at hand are.
            of: Names: the lists of their sources are asked for, and no other.

        Raises:
            InfrastructureError: Nothing is known: no network, no list, no stored kernel.
            UsageError: It isn't known where to ask.
        """
        here = [item.build for item in self._all()]
        offered: list[Build] = []
        failures: list[InfrastructureError] = []
        for source in self._sources:
            try:
                with plain_errors(self.folder):
                    offered += self._listed(source, of, refresh=refresh)
            except InfrastructureError as error:
                offered += source.remembered()
                failures.append(error)
        if failures and not offered and not here:
            raise failures[0]
        for failure in failures:
            LOG.warning("the list may be old: %s", failure)
        return catalogue.merge(catalogue.with_stored([*offered, *here], here))

    def _listed(self, source: Source, of: Sequence[str], *, refresh: bool) -> list[Build]:
        if not of and source.is_listed:
            return source.available(refresh=refresh)
        named = [name for name in of if self._sources.of(name) is source]
        return source.listed(named, refresh=refresh) if named else source.remembered()

    def stored(self) -> list[Kernel]:
        """Return the stored kernels, oldest first; never uses the network."""
        items = {item.build: item for item in self._all()}
        return [items[build].kernel() for build in catalogue.ordered(items)]

    def saved(self) -> dict[str, int]:
        """Return the bytes that saved machines of each stored build take, by the build's name."""
        items = self._all()
        return {item.build.name: self.states.size(item.record.build.sha256) for item in items}

    def newest(self) -> list[str]:
        """Return the names of the newest stored build of each series and flavour."""
        return [build.name for build in catalogue.newest(item.build for item in self._all())]

    def get(self, name: str) -> Kernel:
        """Return the newest stored kernel that a name means; never uses the network.

        Raises:
            InfrastructureError: None is stored, or its vmlinuz is damaged.
            UsageError: The name makes no sense.
        """
        source = self._sources.of(name)
        with plain_errors(self.folder):
            if kernel := source.in_place(name):
                return self._with_modules(kernel)
            item = self._find(source.wish(name))
            if item is None:
                raise InfrastructureError(
                    f"kernel {name} is not in {self.folder}; run: landproof kernels fetch {name}"
                )
            return item.verified(name)

    def look(
        self,
        name: str,
        *,
        refresh: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Wanted:
        """Find out what a name means, without bringing it or reading what is stored.

        Args:
            name: ``6.12``, ``6.12.43+amd64``, ``path:FOLDER``, ``host``; what its source knows.
            refresh: Ask the source for a newer build even if one is stored.
            progress: Called now and then, from this thread.

        Raises:
            InfrastructureError: No network for the source's list, or no room for it.
            UsageError: No such kernel; says which near ones exist.
        """
        source = self._sources.of(name)
        with plain_errors(self.folder):
            if kernel := source.in_place(name):
                return Wanted(name, kernel)
            wish = source.wish(name)
            item = None if refresh else self._find(wish)
            # A stored candidate doesn't answer for a series: its release may be out by now.
            if item is not None and (not item.build.candidate or "~rc" in wish.version):
                return Wanted(name, item)
            report = _report(name, progress)
            return Wanted(name, source.resolve(name, refresh=refresh, report=report))

    def have(self, wanted: Wanted, *, progress: Callable[[Progress], None] | None = None) -> Kernel:
        """Return what a look found: brought by its source unless it is stored and intact.

        Args:
            wanted: Of a `look`.
            progress: As of `look`.

        Raises:
            InfrastructureError: No network, no room, a wrong checksum, a missing tool.
            UsageError: Its source no longer has it.
        """
        name, found = wanted.name, wanted.found
        source, report = self._sources.of(name), _report(name, progress)
        with plain_errors(self.folder):
            if isinstance(found, Kernel):
                return self._with_modules(found)
            if isinstance(found, Stored):
                if found.intact():
                    return found.kernel(name)
                found = source.resolve(name, report=report)
            try:
                return self._take(source, found, name, report)
            except GoneError:
                # Its list may be a day old; suites change several times a day.
                build = source.resolve(name, refresh=True, report=report)
                return self._take(source, build, name, report)

    def fetch(
        self,
        name: str,
        *,
        refresh: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Kernel:
        """Return a kernel, brought by its source if no stored one is what the name means.

        Arguments and errors are those of `look` and `have`, which it does one after the other.
        """
        return self.have(self.look(name, refresh=refresh, progress=progress), progress=progress)

    def prune(self, keep: Sequence[str] = ()) -> list[Removed]:
        """Remove all stored kernels but those named, and all that was left half done.

        Saved machines go with their kernels, trees with a newer one of the same order. What another
        process works on is left alone.

        Args:
            keep: Every stored build that one of these names means stays; if none is named, the
                lists of what there is go too, and all trees.
        """
        with plain_errors(self.folder):
            items = self._all()
            # A kernel outlives its source, which then can't read its name.
            orphans = {
                item.build.name for item in items if not self._sources.have(item.build.scheme)
            }
            wishes = [self._sources.of(n).wish(n) for n in keep if n not in orphans]
            kept = {
                item.folder
                for item in items
                if item.build.name in keep or any(wish.matches(item.build) for wish in wishes)
            }
            folders = [f for kind in ("kernels", "local", "work") for f in self._folders(kind)]
            folders += trees.folders(self.folder, superfluous=bool(keep))
            removed = [self._remove(folder) for folder in folders if folder not in kept]
            of_states = self.states.prune(
                item.record.build.sha256 for item in items if item.folder in kept
            )
            removed.append(Removed("saved machines", of_states) if of_states else None)
            for source in self._sources if not keep else ():
                freed = source.clear()
                removed.append(None if freed is None else Removed("package index", freed))
            return [item for item in removed if item is not None]

    def _take(self, source: Source, build: Build, name: str, report: Report) -> Kernel:
        """Have a build brought, unless it is there already or by now."""
        if not is_release(build.release):
            raise InfrastructureError(f"{name}: {build.release!r} is no release of a kernel")
        key = stored.folder_name(build)
        folder = self.folder / "kernels" / key
        work = self.folder / "work" / key
        with self._lock(key):
            item = stored.read(folder)
            if item is not None and item.intact():
                return item.kernel(name)
            # A tool of a source that outlived a killed landproof may still write here: not resumed.
            shutil.rmtree(work, ignore_errors=True)
            files.make_folder(work)
            root = source.bring(build, work, report)
            record = stored.write(root, build, name, source.name)
            files.make_folder(folder.parent)
            shutil.rmtree(folder, ignore_errors=True)
            root.rename(folder)
            shutil.rmtree(work, ignore_errors=True)
            return Stored(record, folder).kernel(name)

    def _with_modules(self, kernel: Kernel) -> Kernel:
        """Return a kernel that stays in its place, its modules copied here if compressed."""
        found = kernel.modules
        if found is None or ((found / "modules.dep").exists() and not unpack.packed(found)):
            return kernel
        files_of = unpack.modules_in(found).values()
        listing = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files_of]
        made_from = f"{stored.LAYOUT} {sorted(listing)}"
        release = kernel.build.release
        key = f"{release}.{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
        folder, work = self.folder / "local" / key, self.folder / "work" / key
        with self._lock(key):
            if not folder.exists():
                shutil.rmtree(work, ignore_errors=True)
                unpack.copy_modules(found, work, release, MODULES)
                files.make_folder(folder.parent)
                work.rename(folder)
        return replace(kernel, modules=folder / "lib/modules" / release)

    def _find(self, wish: Wish) -> Stored | None:
        items = {item.build: item for item in self._all()}
        build = catalogue.resolve(items, wish)
        return items[build] if build else None

    def _all(self) -> list[Stored]:
        return [item for folder in self._folders("kernels") if (item := stored.read(folder))]

    def _folders(self, kind: str) -> list[Path]:
        return sorted((self.folder / kind).glob("*"))

    @contextmanager
    def _lock(self, key: str, timeout_s: float = -1) -> Iterator[None]:
        locks = self.folder / "locks"
        files.make_folder(locks)
        with FileLock(locks / f"{key}.lock", timeout=timeout_s):
            yield

    def _remove(self, folder: Path) -> Removed | None:
        try:
            with self._lock(folder.name, timeout_s=0):
                if not folder.exists():
                    return None
                if holds_mount(folder):
                    LOG.warning("%s is left: something is mounted in it (umount it)", folder)
                    return None
                name = folder.name.rpartition(".")[0] or folder.name
                freed = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
                shutil.rmtree(folder)
                return Removed(name, freed)
        except Timeout:
            return None


def _report(name: str, progress: Callable[[Progress], None] | None) -> Report:
    """What a source tells how far it is, for whom asked for a kernel by this name."""

    def report(stage: Stage, done: int, total: int) -> None:
        if progress is not None:
            progress(Progress(name, stage, done, total))

    return report
