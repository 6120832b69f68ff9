# SPDX-License-Identifier: MIT
"""File systems come to be: mounted on a target, with the files of cases on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from suite.errors import InfrastructureError
from suite.judge.outcome import Denied
from suite.process.process import Process
from suite.process.promise import Call, SetupError
from suite.process.session import Session
from suite.targets.base import Ground, Target
from suite.targets.disks import MissingError, attached
from suite.targets.filesystems import AHEAD, FileSystem, Kind
from suite.targets.modules import load_modules
from suite.targets.tree import Tree, lay_on_host

FIXED = "tree"
"""The folder of all cases on a file system that nobody changes."""
_MOST_PROGRAM = 1 << 19
"""Bytes that the agent is shorter than."""


class _Mounted(dict[str, "str | Exception"]):
    """By the id of a file system: where it is mounted, or why it could not be."""


class _Points(dict[FileSystem, list[str]]):
    """Where each is mounted, the oldest first; of an overlay, more than once."""


@dataclass(slots=True)
class _Forgotten:
    """How often all of them were forgotten."""

    times: int = 0


class _Laid(dict[str, list[str]]):
    """By the id of a file system: the trees that were laid on it for cases to come."""


@dataclass(slots=True)
class Making:
    """How a file system came about, for who writes down all that a case builds on."""

    calls: list[Call]
    """Those that mounted it; with the files on it, if these had to be there before."""
    commands: tuple[str, ...] = ()
    """In place of its calls: what a shell has to do, where an image is made by tools of its own."""

    def of(self, tree: str) -> list[Call]:
        """The calls without those that made the trees of other cases, by the name of the tree."""
        others = [f"/{name}" for name in AHEAD if name != tree]
        kept: list[Call] = []
        left_out: set[int] = set()
        for call in self.calls:
            paths = [it for it in call.arguments if isinstance(it, str)]
            about_others = any(f"{it}/".find(f"{other}/") >= 0 for it in paths for other in others)
            if about_others or any(id(it) in left_out for it in call.arguments):
                left_out.add(id(call))
            else:
                kept.append(call)
        return kept


class _Makings(dict[str, Making]):
    """By the id of a file system."""


def making(fs: FileSystem, ground: Ground) -> Making:
    """How a file system that is ``mounted``, and on which the last tree was laid, came about."""
    return ground.session.notes.of(_Makings)[fs.id]


def mounted(fs: FileSystem, ground: Ground, target: Target) -> str:
    """Mount a file system unless it is mounted; return where, or "" if ``lay_tree`` mounts it.

    Raises:
        MissingError: The target has no such file system, or does not let us mount it.
        InfrastructureError: Mounting failed for another reason.
        SetupError: What has to be there first could not be made.
    """
    places = ground.session.notes.of(_Mounted)
    known = places.get(fs.id)
    if known is None:
        try:
            with ground.session.block() as calls:
                known = _mount(fs, ground, target)
            on_disk = fs.value.mkfs and not fs.value.mkfs.of_folder
            made = Making(calls, _commands(fs, known) if on_disk else ())
            ground.session.notes.of(_Makings)[fs.id] = made
            _note(fs, ground, calls)
        except (MissingError, InfrastructureError, SetupError) as error:
            known = error  # what is left of this attempt would stand in the way of another
        places[fs.id] = known
    if isinstance(known, Exception):
        raise known
    return known


def lay_tree(fs: FileSystem, process: Process, ground: Ground, name: str) -> Tree:
    """The case's files, on a file system that is ``mounted``."""
    if fs.value.lay:
        laid = ground.session.notes.of(_Laid).setdefault(fs.id, [])
        if not laid:
            with ground.session.block() as calls:
                laid += fs.value.lay(ground.root, f"{ground.place}/{fs.id}-{name}", ground.agent)
            ground.session.notes.of(_Makings)[fs.id] = Making(calls)
            _note(fs, ground, calls)
        return Tree(process, laid.pop(0), ground.agent, fresh=False, copies=True)
    place = ground.session.notes.of(_Mounted)[fs.id]
    if fs.value.mkfs and fs.value.mkfs.of_folder:
        return Tree(process, f"{place}/{FIXED}", ground.agent, fresh=False, fixed=True)
    return Tree(process, f"{place}/{name}", ground.agent, copies=True)


def forget(session: Session) -> dict[FileSystem, list[str]]:
    """Have later cases mount anew; tell where each file system is mounted, the newest first."""
    points = session.notes.of(_Points)
    mounted = {fs: points.pop(fs)[::-1] for fs in [*points] if not fs.value.keeps_credentials}
    for fs in mounted:
        session.notes.of(_Mounted).pop(fs.id, None)
        session.notes.of(_Laid).pop(fs.id, None)
    session.notes.of(_Forgotten).times += 1
    return mounted


def _note(fs: FileSystem, ground: Ground, calls: list[Call]) -> None:
    """Remember what was mounted."""
    points = [str(it.arguments[1]) for it in calls if it.name == "mount"]
    ground.session.notes.of(_Points).setdefault(fs, []).extend(points)


def _commands(fs: FileSystem, point: str) -> tuple[str, ...]:
    """What a shell has to do to mount a file system that lies on a disk."""
    mkfs, image = fs.value.mkfs, f"{point}.image"
    assert mkfs is not None  # noqa: S101 (or it lies on no disk)
    ways = " || ".join(f"{mkfs.tool} {' '.join(mkfs.words(it, image))}" for it in mkfs.options)
    options = f"loop,{fs.value.data}" if fs.value.data else "loop"
    return (
        f"mkdir {point} && truncate -s {mkfs.size}M {image}",
        f"PATH=$PATH:/usr/sbin:/sbin; ({ways}) > /dev/null 2>&1",
        f"mount -t {fs.value.type} -o {options} {image} {point}",
    )


def _mount(fs: FileSystem, ground: Ground, target: Target) -> str:
    kind = fs.value
    if not ground.private:
        raise MissingError("needs a mount namespace of its own (root or user namespaces)")
    if kind.harms and not target.disposable:
        raise MissingError(f"{kind.type} could change the machine: runs in virtual machines only")
    load_modules(kind.modules, ground, target)
    if kind.type not in ground.root.read_file("/proc/filesystems").decode().split():
        raise MissingError(f"needs {kind.type} ({kind.option}, and its module loaded)")
    if kind.lay:
        return ""
    times = ground.session.notes.of(_Forgotten).times
    point = f"{ground.place}/{fs.id}" + (f"-{times}" if times else "")
    if kind.mount:
        return kind.mount(ground.root, point, ground.agent)
    ground.root.mkdir(point)
    if kind.mkfs is None:
        _mount_at(ground.root, fs.id, point, kind)  # only 9P looks for a source of this name
    else:
        load_modules(("loop",), ground, target)
        fill = partial(_fill, ground) if kind.mkfs.of_folder else None
        with attached(ground.root, kind.mkfs, f"{point}.image", fill) as device:
            _mount_at(ground.root, device, point, kind)
    return point


def _fill(ground: Ground, folder: Path) -> None:
    """What a file system is made of that nobody changes."""
    lay_on_host(folder / FIXED, ground.root.read_file(ground.agent, _MOST_PROGRAM))


def _mount_at(root: Process, source: str, point: str, kind: Kind) -> None:
    match root.observe(Process.mount, source, point, kind.type, 0, kind.data).outcome:
        case Denied("EPERM" | "EACCES"):
            raise MissingError(f"needs root: this user may not mount {kind.type}")
        case Denied("ENOENT"):
            raise MissingError(f"needs a folder that QEMU serves as {source} (virtio-9p-pci)")
        case Denied("EINVAL") if kind.data:
            raise MissingError(f"needs {kind.type} that knows {kind.data} ({kind.option})")
        case Denied(errno):
            raise InfrastructureError(f"{kind.type} can't be mounted: {errno}")
