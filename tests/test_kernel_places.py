# SPDX-License-Identifier: MIT
"""Mounts, /proc and special files of the small kernel do what those of the running kernel do."""

import os
import stat
import struct
from collections.abc import Callable, Iterator

import pytest

from suite.judge.outcome import Allowed
from suite.kernel.target import ModelTarget, named
from suite.process.calls.files import O_PATH
from suite.process.calls.ioctls import FIGETBSZ, FIONREAD, NOBODYS, RNDGETENTCNT, TCGETS
from suite.process.process import Process
from suite.process.uapi import (
    CLONE_NEWNS,
    MNT_DETACH,
    MS_BIND,
    MS_MOVE,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    OPEN_TREE_CLONE,
)
from suite.targets.base import Ground
from suite.values import InOut, Out
from tests.both_kernels import running

Program = Callable[["Seen", Process], None]


@pytest.fixture(scope="module")
def local() -> Iterator[Ground]:
    """The running kernel, with mounts of its own."""
    with running() as ground:
        yield ground


@pytest.fixture(scope="module")
def model() -> Iterator[Ground]:
    """A small kernel."""
    target = ModelTarget("model:none", named("model:none"))
    yield target.start()
    target.stop()


class Seen:
    """What a program's calls came to."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.all: list[object] = []

    def __call__(self, action: Callable[..., object], *arguments: object) -> None:
        """Do it and remember the outcome, without a value: it may be a descriptor."""
        self.all.append(str(self.process.observe(action, *arguments).outcome))

    def text(self, path: str) -> None:
        """Remember what a file says."""
        self.all.append(self.process.read_file(path))


def mounts(see: Seen, it: Process) -> None:
    see(Process.mount, "none", "a", "no-such-file-system")
    see(Process.mount, "none", "missing", "tmpfs")
    see(Process.mount, "none", "a", "tmpfs", 0, "no-such-option")
    see(Process.mount, "none", "a", "tmpfs", 0, "mode=700")
    see.all.append(stat.S_IMODE(struct.unpack_from("<I", it.stat("a").data, 24)[0]))
    see(Process.mkdir, "a/b")
    see(Process.bind_mount, "a/b", "missing")
    see(Process.bind_mount, "a/b", "file")
    see(Process.bind_mount, "a/b", "b")
    see(Process.mkdir, "b/c")
    see(Process.stat, "a/b/c")
    see(Process.mount, "", "b", None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    see(Process.mkdir, "b/d")
    see(Process.mkdir, "a/b/d")
    see(Process.mount, "", "a", None, MS_REMOUNT | MS_RDONLY)
    see(Process.mkdir, "a/e")
    see(Process.mount, "b", "a", None, MS_MOVE)
    see(Process.mount, "a/b", "b", None, MS_MOVE)
    see(Process.rmdir, "a")
    see(Process.umount, "a/b")
    see(Process.umount, "a", 1 << 30)
    it.open("a", os.O_RDONLY)
    see(Process.umount, "a")
    see(Process.umount, "a", MNT_DETACH)
    see(Process.umount, "a")


def propagation(see: Seen, it: Process) -> None:
    see(Process.mount, "", "a", None, MS_SHARED)
    see(Process.bind_mount, "a", "a")
    see(Process.mount, "", "a", None, MS_SHARED | MS_PRIVATE)
    see(Process.mount, "", "a", None, MS_SHARED)
    see(Process.bind_mount, "a", "b")
    see(Process.mount, "", "b", None, MS_PRIVATE)
    see(Process.mount, "b", "c", None, MS_MOVE)
    see(Process.umount, "c")
    see(Process.move_mount, "a", "missing")
    see(Process.move_mount, "missing", "a")
    see(Process.move_mount, "file", "a")


def detached(see: Seen, it: Process) -> None:
    tree = it.open_tree("a", OPEN_TREE_CLONE)
    see(Process.attach_mount, tree, "file")
    see(Process.attach_mount, tree, "b")
    see(Process.attach_mount, tree, "b")
    new = it.new_mount()
    see(lambda it: it.open("new", os.O_WRONLY | os.O_CREAT, at=new))
    see(Process.attach_mount, new, "c")
    see(Process.stat, "c/new")
    see(Process.pivot_root, "a", "a")
    see(lambda it: it.fsopen("no-such-file-system"))
    see(lambda it: it.fspick("b/.."))
    see(lambda it: it.mount_setattr("c", on=1))
    see(Process.mkdir, "c/d")
    see(Process.mount, "", "c", None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    see(Process.mount, "", "c", None, MS_REMOUNT | MS_RDONLY)


def unprivileged(see: Seen, it: Process) -> None:
    it.drop_capabilities()
    see(Process.mount, "none", "a", "tmpfs")
    see(Process.mount, "none", "missing", "tmpfs")
    see(Process.umount, "a")
    see(Process.umount, "missing")
    see(lambda it: it.open_tree("a", 0))
    see(lambda it: it.open_tree("a", OPEN_TREE_CLONE))
    see(Process.move_mount, "missing", "a")
    see(Process.pivot_root, "a", "a")
    see(lambda it: it.fsopen("no-such-file-system"))
    see(lambda it: it.mount_setattr("missing", on=1))


def process_files(see: Seen, it: Process) -> None:
    for name in ("oom_score_adj", "coredump_filter", "setgroups", "timerslack_ns"):
        see.text(f"/proc/self/{name}")
    it.write_file("/proc/self/comm", b"a-name-that-is-long")
    see.text("/proc/self/comm")
    for path in ("fd/99", "cwd", "root", "ns/none", "task", "nothing", "1", "mem", "fd", "stat"):
        see(Process.open, f"/proc/self/{path}", os.O_RDONLY)
        see(Process.readlink, f"/proc/self/{path}")
    see(Process.open, "/proc/0", O_PATH)
    see(Process.open, "/proc/01", O_PATH)
    see(Process.mkdir, "/proc/self/new")
    see(Process.open, "/proc/new", os.O_WRONLY | os.O_CREAT)
    see(Process.write_file, "/proc/self/oom_score_adj", b"1001")
    see(Process.write_file, "/proc/self/uid_map", b"0 0 1")
    see(Process.write_file, "/proc/self/setgroups", b"allow")
    for name in ("fd/0", "cwd", "ns/uts", "exe", "status", "environ", "fdinfo/0"):
        mode = struct.unpack_from("<I", it.stat(f"/proc/self/{name}").data, 24)[0]
        see.all.append(mode and stat.filemode(mode) if "/" not in name else "")


def others(see: Seen, it: Process) -> None:
    pid = it.getpid().value
    reader = it.fork()
    reader.drop_capabilities()
    names = (
        "cwd", "root", "fd", "fd/0", "environ", "mem", "maps", "io", "status", "syscall", "ns/net",
        "stack", "personality", "fdinfo", "timerslack_ns", "task", "comm", "auxv", "pagemap",
    )  # fmt: skip
    for name in names:
        path = f"/proc/{pid}/{name}"
        opened = reader.observe(Process.open, path, os.O_RDONLY)
        see.all.append((name, str(opened.outcome)))
        if opened.outcome == Allowed():
            read = reader.observe(Process.read, opened.calls[0], 64)
            see.all.append((name, str(read.outcome)))


def pipes(see: Seen, it: Process) -> None:
    call = it.pipe()
    reader, writer = struct.unpack("<2i", call.data[:8])
    it.syscall("fcntl", reader, 4, os.O_NONBLOCK)
    see(Process.read, reader, 1)
    it.write(writer, b"abc")
    see(Process.ioctl, reader, FIONREAD, Out(4))
    see.all.append(it.read(reader, 2).data[:2])
    see(Process.write, reader, b"x")
    see(Process.syscall, "lseek", reader, 0, 0)
    see(Process.open, f"/proc/self/fd/{reader}", os.O_WRONLY)
    see(Process.mknod, "fifo", stat.S_IFIFO | 0o600)
    see(Process.open, "fifo", os.O_WRONLY | os.O_NONBLOCK)
    see(Process.open, "fifo", os.O_RDONLY | os.O_NONBLOCK)
    see(Process.open, "fifo", os.O_WRONLY | os.O_NONBLOCK)
    it.close(writer)
    see(Process.ioctl, reader, NOBODYS)


def devices(see: Seen, it: Process) -> None:
    for name in ("null", "zero", "full", "random"):
        fd = it.open(f"/dev/{name}", os.O_RDWR)
        see(Process.write, fd, b"x")
        see.all.append(it.read(fd, 4).value)
        for command in (RNDGETENTCNT, NOBODYS, TCGETS, FIONREAD):
            see(Process.ioctl, fd, command, InOut(bytes(64)))
    for kind, number in ((stat.S_IFCHR, os.makedev(200, 200)), (stat.S_IFBLK, 0)):
        it.mknod(f"device-{kind}", kind | 0o600, number)
        see(Process.open, f"device-{kind}", os.O_RDONLY)
        see(Process.open, f"device-{kind}", O_PATH)
    folder = it.open("a", os.O_RDONLY)
    for command in (FIGETBSZ, FIONREAD, NOBODYS):
        see(Process.ioctl, folder, command, InOut(bytes(64)))
        see(Process.ioctl, it.open("file", os.O_RDONLY), command, InOut(bytes(64)))
        see(Process.ioctl, 77, command, InOut(bytes(64)))


def waiting(see: Seen, it: Process) -> None:
    for make in (Process.eventfd, Process.memfd_create, Process.epoll_create, Process.inotify):
        fd = make(it)
        it.syscall("fcntl", fd, 4, os.O_NONBLOCK)
        see(Process.read, fd, 8)
        see(Process.write, fd, (1).to_bytes(8, "little"))
        see(Process.read, fd, 8)
        see(Process.open, f"/proc/self/fd/{fd.value}", os.O_RDONLY)
        see(lambda it, fd=fd: it.poll(fd, wait=False))


PROGRAMS = [
    mounts, propagation, detached, unprivileged, process_files, others, pipes, devices, waiting,
]  # fmt: skip


def outcomes(ground: Ground, program: Program) -> list[object]:
    """Run a program in a folder of its own, on a file system of its own."""
    with ground.session.scope():
        child = ground.root.fork(CLONE_NEWNS)
        child.mount("none", "/", None, MS_REC | MS_PRIVATE)
        child.observe(Process.mkdir, f"{ground.place}/places")
        child.mount("tmpfs", f"{ground.place}/places", "tmpfs")
        child.chdir(f"{ground.place}/places")
        for name in ("a", "b", "c"):
            child.mkdir(name)
        child.write_file("file", b"content")
        see = Seen(child)
        program(see, child)
        return see.all


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda it: it.__name__)
def test_as_the_running_kernel(local: Ground, model: Ground, program: Program) -> None:
    assert outcomes(model, program) == outcomes(local, program)
