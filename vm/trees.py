# SPDX-License-Identifier: MIT
"""Private root trees: programs of a Debian suite in a folder, the root of guests and chroots.

A tree is made of packages of the machine's own mirror, verified by its keys, and kept in the store:
whole or not there, named by what was asked for and by what it was made of. ``landproof kernels
prune`` removes all but the newest of each order, with ``--all`` every one. A tree that is kept is
used as it is, without a network.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock

from suite import files
from suite.errors import UsageError
from vm import tree_packages, tree_programs, tree_wheels
from vm.catalogue import Package
from vm.place import plain_errors, store_folder
from vm.source import Options, Report
from vm.tools import GoneError
from vm.tree_packages import BASE, Packages

LAYOUT = 1
"""Counted up when what a tree consists of changes; older ones are then not used."""
_KIND = "trees"
_RECORD = "tree.json"
_ROOT = "root"


@dataclass(frozen=True, slots=True)
class TreeOrder:
    """What a tree shall hold."""

    suite: str
    """Of Debian: ``sid``, ``trixie``, ``bookworm``."""
    packages: tuple[str, ...] = ()
    """Of Debian; what they depend on comes with them, what they recommend does not."""
    wheels: tuple[str, ...] = ()
    """Of PyPI, each with its version: ``landlockpy==0.2.0``. They are in ``/opt/python``; what they
    depend on is to be named, too."""
    built: tuple[str, ...] = ()
    """What we build: ``sandboxer``, ``go-client``, ``rust-client``. It is in ``/usr/local/bin``."""

    @property
    def everything(self) -> frozenset[str]:
        """All that was asked for."""
        return frozenset({*self.packages, *self.wheels, *self.built})

    @property
    def key(self) -> str:
        """The name of the order: its suite, and a digest of the rest."""
        parts = (
            str(LAYOUT),
            *(" ".join(sorted(set(it))) for it in (self.packages, self.wheels, self.built)),
        )
        return f"{self.suite}.{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}"


def together(orders: Iterable[TreeOrder]) -> list[TreeOrder]:
    """Return an order a suite, of all these: `tree` then finds one tree for each of them."""
    found: dict[str, TreeOrder] = {}
    for it in orders:
        known = found.get(it.suite, TreeOrder(it.suite))
        found[it.suite] = TreeOrder(
            it.suite,
            tuple(sorted({*known.packages, *it.packages})),
            tuple(sorted({*known.wheels, *it.wheels})),
            tuple(sorted({*known.built, *it.built})),
        )
    return list(found.values())


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a tree is; written last."""

    layout: int
    order: str
    suite: str
    asked: list[str]
    versions: dict[str, str]


def tree(
    order: TreeOrder,
    *,
    options: Options | None = None,
    refresh: bool = False,
    report: Report | None = None,
) -> Path:
    """Return the folder of a tree, made unless one is kept that has all that is asked for.

    Args:
        order: What it shall hold; it may hold more.
        options: The store, and which mirror and keys; by default the user's.
        refresh: Look for newer packages, though a tree is kept; programs stay as they were built.
        report: Called now and then while it is made.

    Raises:
        InfrastructureError: No network, no room, a missing tool, a wrong checksum.
        UsageError: No such suite, package or program; a wheel without a version.
    """
    tree_wheels.check(order.wheels)
    tree_programs.check(order.built)
    chosen = options or Options(store=store_folder())
    with plain_errors(chosen.store):
        kept = None if refresh else _kept(chosen.store, order)
        return kept or _made(order, chosen, report or _silent, refresh=refresh)


def versions(tree: Path) -> dict[str, str]:
    """Return the version of each package, wheel and program that a tree holds, by its name.

    Raises:
        UsageError: The folder is no tree of ours.
    """
    record = _read(tree.parent)
    if record is None:
        raise UsageError(f"{tree} is no tree that landproof has made")
    return dict(record.versions)


def folders(store: Path, *, superfluous: bool = False) -> list[Path]:
    """Return the folders of all trees in a store, and of the programs built for them.

    Args:
        store: The store's folder.
        superfluous: Only trees of which there is a newer one of the same order, or that can't be
            read.
    """
    trees = sorted((store / _KIND).glob("*"))
    if not superfluous:
        return [*trees, *sorted((store / "programs").glob("*"))]
    newest: dict[str, Path] = {}
    for folder in sorted((it for it in trees if _read(it)), key=_age):
        newest[folder.name.rpartition(".")[0]] = folder
    return [it for it in trees if it not in newest.values()]


def _kept(store: Path, order: TreeOrder) -> Path | None:
    """The newest tree of a suite that has all that is asked for; one of this very order first."""
    fitting = []
    for folder in (store / _KIND).glob(f"{order.suite}.*"):
        record = _read(folder)
        if record is not None and order.everything <= {*record.asked}:
            fitting.append((record.order == order.key, _age(folder), folder))
    return max(fitting)[-1] / _ROOT if fitting else None


def _made(order: TreeOrder, options: Options, report: Report, *, refresh: bool) -> Path:
    store, key = options.store, order.key
    work = store / "work" / key
    packages = Packages(options)
    with _lock(store, key):
        try:
            packages.ready(refresh=refresh, report=report)
            with suppress(GoneError):
                return _brought(order, packages, store, _empty(work), report)
            # The lists may be a day old; suites change several times a day.
            packages.ready(refresh=True, report=report)
            return _brought(order, packages, store, _empty(work), report)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    files.make_folder(folder)
    return folder


def _brought(order: TreeOrder, packages: Packages, store: Path, work: Path, report: Report) -> Path:
    wanted = {*BASE, *order.packages, *((tree_wheels.PYTHON,) if order.wheels else ())}
    found = packages.resolve(order.suite, sorted(wanted), work / "resolve")
    programs = {
        name: tree_programs.program(name, store, packages, work / "built", report)
        for name in order.built
    }
    built = {name: version for name, (_, version) in programs.items()}
    folder = store / _KIND / f"{order.key}.{_digest(found, order, built)}"
    if _read(folder) is None:
        made = work / "made"
        root = made / _ROOT
        root.mkdir(parents=True)
        debs = packages.download(order.suite, found, work / "debs", report)
        tree_packages.unpack(debs, root, report)
        tree_packages.settle(root)
        if order.wheels:
            tree_wheels.install(order.wheels, root, [it.name for it in found])
        for name, (path, _) in programs.items():
            place = root / tree_programs.PLACE / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        record = _Record(
            layout=LAYOUT,
            order=order.key,
            suite=order.suite,
            asked=sorted(order.everything),
            versions={it.name: it.version for it in found}
            | dict(it.split("==", 1) for it in order.wheels)
            | built,
        )
        (made / _RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
        files.make_folder(folder.parent)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    else:
        (folder / _RECORD).touch()  # it is the newest one again
    return folder / _ROOT


def _digest(packages: Iterable[Package], order: TreeOrder, built: dict[str, str]) -> str:
    parts = [*(it.sha256 for it in packages), *sorted(order.wheels), *sorted(built.items())]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def _read(folder: Path) -> _Record | None:
    """The record of a tree; None of what is none, or not of today's layout."""
    try:
        record = msgspec.json.decode((folder / _RECORD).read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError):
        return None
    return record if record.layout == LAYOUT and (folder / _ROOT).is_dir() else None


def _age(folder: Path) -> float:
    with suppress(OSError):
        return (folder / _RECORD).stat().st_mtime
    return 0.0


@contextmanager
def _lock(store: Path, key: str) -> Iterator[None]:
    locks = store / "locks"
    files.make_folder(locks)
    with FileLock(locks / f"{key}.lock"):
        yield


def _silent(stage: object, done: int, total: int) -> None:
    del stage, done, total
