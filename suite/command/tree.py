# SPDX-License-Identifier: MIT
"""Make a tree of files in a guest the root of what runs there, with what programs expect in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suite.errors import UsageError
from suite.judge.outcome import Allowed
from suite.process.calls.files import O_PATH
from suite.process.process import Process
from suite.process.uapi import OPEN_TREE_CLONE

BIND = "bind"
TREE = "/tree"
"""Where it is mounted before it becomes the root."""
_MS_RDONLY = 1
_MS_NOSUID, _MS_NODEV = 2, 4
_MS_MOVE = 8192
_MS_REMOUNT, _MS_BIND, _MS_REC = 32, 4096, 16384
_AT_RECURSIVE = 0x8000
_SYSTEM = (
    ("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("devpts", "/dev/pts"),
    ("securityfs", "/sys/kernel/security"), ("cgroup2", "/sys/fs/cgroup"),
    ("tracefs", "/sys/kernel/tracing"),
)  # fmt: skip
"""File systems of the kernel, in the order in which they are mounted."""
_ROOM = ("/dev/shm", "/tmp", "/var/tmp", "/run")  # noqa: S108 (a guest's own)
"""Where programs write: empty, in the guest's memory."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host, as the guest mounts it."""

    tag: str
    """The name that its device has."""
    kind: str
    """The file system, ``9p`` or ``virtiofs``; ``BIND`` of a folder that the process sees."""
    options: str
    path: str
    """Where it belongs in the tree; ``/`` for the tree itself."""
    writable: bool


def enter(root: Process, mounts: Sequence[Mount], folder: str) -> None:
    """Make the tree the root of a process, which then is in ``folder``.

    The tree's own folders for temporary files are hidden by empty ones. If what was asked for is in
    one of these (``folder``, or what is writable), what it is in there shows through: of
    ``/tmp/a/b``, ``/tmp/a``.

    Args:
        root: A process of a guest's.
        mounts: The tree first.
        folder: Where the command starts.

    Raises:
        SetupError: The kernel does not mount the tree.
        UsageError: A folder is not in the tree.
    """
    tree, *others = sorted(mounts, key=lambda it: len(it.path))  # a folder before what is in it
    root.observe(Process.mkdir, TREE)
    _mount(root, tree)
    for mount in others:
        _need(root, mount.path)
        _mount(root, mount)
    _need(root, folder)
    wanted = {folder, *(it.path for it in others)}
    shown = {top: _held(root, top) for room in _ROOM for top in _tops(room, wanted)}
    for kind, path in _SYSTEM:
        root.observe(Process.mkdir, f"{TREE}{path}")  # devtmpfs has none for devpts
        root.observe(Process.mount, kind, f"{TREE}{path}", kind)
    for path in _ROOM:
        if path in wanted:
            continue
        root.observe(Process.mkdir, f"{TREE}{path}")  # nor for this one
        root.observe(Process.mount, "tmpfs", f"{TREE}{path}", "tmpfs", _MS_NOSUID | _MS_NODEV)
        root.observe(Process.chmod, f"{TREE}{path}", 0o1777)
    for path, held in shown.items():
        root.mkdir(f"{TREE}{path}")
        root.attach_mount(held, f"{TREE}{path}")
    # As switch_root(8) does: a process in a mere chroot may make no user namespace.
    root.chdir(TREE)
    root.mount(".", "/", None, _MS_MOVE)
    root.chroot(".")
    root.chdir("/")


def _mount(root: Process, mount: Mount) -> None:
    path = f"{TREE}{mount.path}".removesuffix("/")
    flags = 0 if mount.writable else _MS_RDONLY
    if mount.kind != BIND:
        root.mount(mount.tag, path, mount.kind, flags, mount.options)
        return
    root.mount(mount.tag, path, None, _MS_BIND | _MS_REC)
    if flags:  # which a new bind mount does not take
        root.mount("none", path, None, _MS_REMOUNT | _MS_BIND | flags)


def _need(root: Process, path: str) -> None:
    looked = root.observe(Process.open, f"{TREE}{path}", O_PATH)
    if looked.outcome != Allowed():
        raise UsageError(f"{path} can't be had in the tree of the command: {looked.outcome}")


def _held(root: Process, path: str) -> int:
    return root.open_tree(f"{TREE}{path}", OPEN_TREE_CLONE | _AT_RECURSIVE).value


def _tops(room: str, wanted: Iterable[str]) -> set[str]:
    """What is right in a folder, and holds something that is wanted."""
    if room in wanted:
        return set()
    inside = (path.removeprefix(f"{room}/") for path in wanted if path.startswith(f"{room}/"))
    return {f"{room}/{path.partition('/')[0]}" for path in inside}
