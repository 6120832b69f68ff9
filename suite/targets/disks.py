# SPDX-License-Identifier: MIT
"""File systems on loop devices: made by their own tools on the host, sent through the agent.

A fresh file system is almost empty: a few kilobytes travel, whatever its size, and the target keeps
them in memory. So nothing has to be attached to a virtual machine when it boots, no image on the
host is ever written to, and no UUID comes up twice, which btrfs and xfs would object to. Making an
image takes 20 to 50 ms, so keeping it for the next run would not pay.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from suite.distribution import advice
from suite.errors import InfrastructureError
from suite.judge.outcome import Denied
from suite.process.process import Process
from suite.process.promise import Call
from suite.targets.scratch import Scratch
from suite.values import Pack

LOOP_CONFIGURE, LOOP_CTL_GET_FREE = 0x4C0A, 0x4C82
LO_FLAGS_AUTOCLEAR = 4
_ADMIN_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
_BLOCK = 4096
_MKFS_DEADLINE_S = 30
_TRIES = 8


class MissingError(Exception):
    """Something that a case needs is not there; the message says what, and how to get it."""


@dataclass(frozen=True, slots=True)
class Mkfs:
    """How a file system is made on the host."""

    tool: str
    size: int
    """MiB of the image, which is sparse."""
    options: tuple[tuple[str, ...], ...] = ((),)
    """Tried in turn: options that one version of the tool needs are unknown to another."""
    of_folder: bool = False
    """Whether it makes a file system of a folder, which nobody changes afterwards; both stand in
    its options, as ``{folder}`` and ``{image}``. Else the image is the last word."""

    def words(self, options: tuple[str, ...], image: str, folder: str = "") -> list[str]:
        """The words after the tool."""
        if self.of_folder:
            return [word.format(image=image, folder=folder) for word in options]
        return [*options, image]


def make_image(mkfs: Mkfs, path: Path, folder: Path | None = None) -> None:
    """Make a file system in a new file, of the content of a folder if it is such a one.

    Raises:
        MissingError: The tool is not installed on the host.
        InfrastructureError: The tool failed.
    """
    tool = shutil.which(mkfs.tool, path=f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_PATH}")
    if tool is None:
        raise MissingError(f"needs {mkfs.tool} on the host; {advice(mkfs.tool)}")
    said = ""
    for options in mkfs.options:
        with path.open("wb") as file:
            file.truncate(mkfs.size << 20)
        done = subprocess.run(  # noqa: S603 (an argv list, no shell)
            [tool, *mkfs.words(options, str(path), str(folder or ""))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_MKFS_DEADLINE_S,
        )
        if done.returncode == 0:
            return
        said = done.stdout.strip()
    raise InfrastructureError(f"{mkfs.tool} failed: {said}")


def extents(path: Path) -> Iterator[tuple[int, bytes]]:
    """The parts of a file that are not zero: offset and content."""
    with path.open("rb") as file:
        end = 0
        while True:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                return
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            # The host's file system may know no holes, so zeros are left out here, too.
            yield from _nonzero(os.pread(file.fileno(), end - start, start), start)


def _nonzero(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    zeros = bytes(_BLOCK)
    begin: int | None = None
    for at in range(0, len(data) + _BLOCK, _BLOCK):
        block = data[at : at + _BLOCK]
        if block and block != zeros[: len(block)]:
            begin = at if begin is None else begin
        elif begin is not None:
            yield offset + begin, data[begin:at]
            begin = None


@contextmanager
def attached(
    process: Process, mkfs: Mkfs, place: str, fill: Callable[[Path], object] | None = None
) -> Iterator[str]:
    """Make a file system, put it on the target and attach it; gives the path of its block device.

    The kernel detaches the device when nobody has it open or mounted any more: after the block, or
    after the unmount if it was mounted in the block; it does so however we end.

    Args:
        process: A process that may attach loop devices.
        mkfs: What to make.
        place: A path for the image, unlinked at once, on a file system that keeps sparse files.
        fill: Puts into a folder what the file system is made of, if it is made of one.

    Raises:
        MissingError: The tool or the loop device is not there.
    """
    with Scratch() as folder:
        image, content = folder / "image", folder / "content"
        content.mkdir()
        if fill:
            fill(content)
        make_image(mkfs, image, content)
        file = process.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        process.unlink(place)
        process.ftruncate(file, mkfs.size << 20)
        for offset, data in extents(image):
            process.lseek(file, offset)
            process.write(file, data)
    with _device(process, file) as path:
        yield path


@contextmanager
def attached_image(process: Process, image: bytes, place: str) -> Iterator[str]:
    """Put an image of a few kilobytes on the target and attach it, as ``attached`` does."""
    file = process.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    process.unlink(place)
    process.write(file, image)
    with _device(process, file) as path:
        yield path


@contextmanager
def _device(process: Process, file: Call) -> Iterator[str]:
    path, device = _take_device(process, file)
    process.close(file)
    try:
        yield path
    finally:
        process.close(device)


def _take_device(process: Process, file: Call) -> tuple[str, Call]:
    asked = process.observe(Process.open, "/dev/loop-control", os.O_RDWR)
    if isinstance(refusal := asked.outcome, Denied):
        raise MissingError(f"needs loop devices (CONFIG_BLK_DEV_LOOP, root): {refusal}")
    control = asked.calls[0]
    for _ in range(_TRIES):
        path = f"/dev/loop{process.ioctl(control, LOOP_CTL_GET_FREE).value}"
        taken = process.observe(_configure, path, file)
        if not isinstance(refusal := taken.outcome, Denied):
            process.close(control)
            return path, taken.calls[0]
        if refusal.errno != "EBUSY":  # EBUSY: another took it first
            raise MissingError(f"needs loop devices: {path}: {refusal}")
    raise MissingError("needs a loop device: all of them are busy")


def _configure(process: Process, path: str, file: Call) -> None:
    """Attach a file, and in the same call set the flag that detaches it after its last use.

    Source: include/uapi/linux/loop.h, struct loop_config
    """
    device = process.open(path, os.O_RDWR)
    before, after = bytes(4 + 5 * 8 + 3 * 4), bytes(64 + 64 + 32 + 16 + 64)
    config = Pack(((4, file), before, (4, LO_FLAGS_AUTOCLEAR), after))
    process.ioctl(device, LOOP_CONFIGURE, config)
