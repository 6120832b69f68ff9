# SPDX-License-Identifier: MIT
"""Files of the small kernel do what those of the running kernel do: which errno comes first."""

import itertools
import os
import stat
from collections.abc import Callable, Iterator
from random import Random

import pytest

from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_FOLLOW,
    CLONE_NEWNS,
    MS_BIND,
    MS_RDONLY,
    MS_REMOUNT,
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
    RENAME_WHITEOUT,
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)
from suite.targets.standing import tried
from suite.values import Out
from tests.both_kernels import running, small

Step = Callable[[Process], Call]
USER = 1000
folders = itertools.count()


def made(process: Process) -> None:
    """A folder with ``f``, ``d/f``, ``d/e``, and links: ``l`` to f, ``ld`` to d, ``loop``."""
    for folder in ("d", "d/e"):
        process.mkdir(folder)
    for file in ("f", "d/f"):
        process.write_file(file, b"content")
    for content, link in (("f", "l"), ("d", "ld"), ("loop", "loop"), ("nowhere", "dangling")):
        process.symlink(content, link)
    process.mkfifo("fifo")


def outcomes(process: Process, place: str, steps: list[Step]) -> list[str]:
    """What each step comes to, in a folder of its own: an errno, or nothing."""
    child = process.fork(CLONE_NEWNS)
    folder = f"{place}/{next(folders)}"
    child.mkdir(folder)
    child.chdir(folder)
    made(child)
    came_to = [tried(child, step).failure or "" for step in steps]
    process.session.kill(child.id)
    return came_to


@pytest.fixture(scope="module")
def local() -> Iterator[tuple[Process, str]]:
    """A process of the running kernel, and a folder on a tmpfs."""
    with running("ids of others", lambda it: not it.facts.in_user_namespace) as ground:
        yield ground.root, ground.place


@pytest.fixture
def model() -> tuple[Process, str]:
    """A process of a small kernel, and a folder on a tmpfs."""
    process = small()
    process.mount("tmpfs", "/tmp", "tmpfs")  # noqa: S108 (the model's own)
    process.mount("proc", "/proc", "proc")
    return process, "/tmp"  # noqa: S108 (the model's own)


def opens(path: str, flags: int, mode: int = 0o666) -> Step:
    return lambda it: it.open(path, flags, mode)


def resolves(path: str, how: int, flags: int = os.O_RDONLY) -> Step:
    return lambda it: it.open_resolved(path, flags, how)


def renames(old: str, new: str, flags: int = 0) -> Step:
    return lambda it: it.rename(old, new, flags)


def mounts(source: str, path: str, kind: str | None, flags: int = 0) -> Step:
    return lambda it: it.mount(source, path, kind, flags)


def becomes_user(it: Process) -> Call:
    it.syscall("setgroups", 0, None)
    it.syscall("setresgid", USER, USER, USER)
    return it.syscall("setresuid", USER, USER, USER)


def links(old: str, new: str, flags: int = 0) -> Step:
    return lambda it: it.link(old, new, flags)


PROGRAMS: dict[str, list[tuple[Step, str]]] = {
    "walking": [
        (opens("", os.O_RDONLY), "ENOENT"),
        (opens("f/", os.O_RDONLY), "ENOTDIR"),
        (opens("f/x", os.O_RDONLY), "ENOTDIR"),
        (opens("l/.", os.O_RDONLY), "ENOTDIR"),
        (opens("nowhere/..", os.O_RDONLY), "ENOENT"),
        (opens("ld/e/../f", os.O_RDONLY), ""),
        (opens("loop", os.O_RDONLY), "ELOOP"),
        (opens("loop", os.O_PATH | os.O_NOFOLLOW), ""),
        (opens("l", os.O_RDONLY | os.O_NOFOLLOW), "ELOOP"),
        (opens("x" * 256, os.O_RDONLY), "ENAMETOOLONG"),
        (opens("x/" * 2100, os.O_RDONLY), "ENAMETOOLONG"),
        (lambda it: it.syscall("openat", AT_FDCWD, 1, 0, 0), "EFAULT"),
        (lambda it: it.open("f", os.O_RDONLY, at=99), "EBADF"),
        (opens("/proc/self/fd/99", os.O_RDONLY), "ENOENT"),
    ],
    "resolving": [
        (resolves("../d", RESOLVE_BENEATH), "EXDEV"),
        (resolves("/", RESOLVE_BENEATH), "EXDEV"),
        (resolves("d/../f", RESOLVE_BENEATH), ""),
        (resolves("/../f", RESOLVE_IN_ROOT), ""),
        (resolves("l", RESOLVE_NO_SYMLINKS), "ELOOP"),
        (resolves("/proc/self/cwd", RESOLVE_NO_MAGICLINKS), "ELOOP"),
        (resolves("/proc/self/cwd/f", RESOLVE_NO_XDEV), "EXDEV"),
        (resolves("f", RESOLVE_BENEATH | RESOLVE_IN_ROOT), "EINVAL"),
        (resolves("f", 0, os.O_CREAT | os.O_DIRECTORY), "EINVAL"),
    ],
    "opening": [
        (opens("d", os.O_WRONLY), "EISDIR"),
        (opens("d", os.O_CREAT), "EISDIR"),
        (opens("new/", os.O_CREAT), "EISDIR"),
        (opens("f", os.O_DIRECTORY), "ENOTDIR"),
        (opens("f", os.O_CREAT | os.O_EXCL), "EEXIST"),
        (opens("dangling", os.O_CREAT | os.O_EXCL), "EEXIST"),
        (opens("dangling", os.O_CREAT | os.O_WRONLY), ""),
        (opens("nowhere", os.O_RDONLY), ""),
        (opens("fifo", os.O_WRONLY | os.O_NONBLOCK), "ENXIO"),
        (opens("d", os.O_TMPFILE), "EINVAL"),
        (opens("d", os.O_TMPFILE | os.O_RDWR), ""),
        (lambda it: it.read(it.open("d", os.O_RDONLY), 8), "EISDIR"),
        (lambda it: it.read(it.open("f", os.O_PATH), 8), "EBADF"),
        (lambda it: it.write(it.open("f", os.O_RDONLY), b"x"), "EBADF"),
        (lambda it: it.ftruncate(it.open("f", os.O_RDONLY)), "EINVAL"),
        (lambda it: it.truncate("d"), "EISDIR"),
        (lambda it: it.truncate("fifo"), "EINVAL"),
    ],
    "making": [
        (lambda it: it.mkdir("d"), "EEXIST"),
        (lambda it: it.mkdir("."), "EEXIST"),
        (lambda it: it.mkdir("dangling"), "EEXIST"),
        (lambda it: it.mkdir("new/"), ""),
        (lambda it: it.mknod("a/", stat.S_IFREG), "ENOENT"),
        (lambda it: it.mknod("f", stat.S_IFDIR), "EPERM"),
        (lambda it: it.mknod("f", stat.S_IFLNK), "EINVAL"),
        (lambda it: it.symlink("", "s"), "ENOENT"),
        (lambda it: it.symlink("f", "f"), "EEXIST"),
        (links("d", "d2"), "EPERM"),
        (links("f", "d"), "EEXIST"),
        (links("f", "x", 1), "EINVAL"),
        (links("l", "l2"), ""),
        (lambda it: it.readlink("l2"), ""),
        (links("l", "l3", AT_SYMLINK_FOLLOW), ""),
        (lambda it: it.readlink("l3"), "EINVAL"),
        (lambda it: it.link_fd(it.open("d", os.O_TMPFILE | os.O_WRONLY), "d/named"), ""),
        (
            lambda it: it.link_fd(it.open("d", os.O_TMPFILE | os.O_WRONLY | os.O_EXCL), "d/x"),
            "ENOENT",
        ),
    ],
    "removing": [
        (lambda it: it.unlink("d"), "EISDIR"),
        (lambda it: it.unlink("f/"), "ENOTDIR"),
        (lambda it: it.unlink("d/."), "EISDIR"),
        (lambda it: it.rmdir("f"), "ENOTDIR"),
        (lambda it: it.rmdir("d"), "ENOTEMPTY"),
        (lambda it: it.rmdir("d/."), "EINVAL"),
        (lambda it: it.rmdir("d/.."), "ENOTEMPTY"),
        (lambda it: it.rmdir("/"), "EBUSY"),
        (lambda it: it.syscall("unlinkat", AT_FDCWD, "f", 1), "EINVAL"),
        (lambda it: it.rmdir("ld/e"), ""),
        (lambda it: it.mkdir("d/e/x"), "ENOENT"),
    ],
    "moving": [
        (renames("d", "d/e/x"), "EINVAL"),
        (renames("d/e", "d"), "ENOTEMPTY"),
        (renames("d", "d/e", RENAME_EXCHANGE), "EINVAL"),
        (renames("f", "d/f", RENAME_NOREPLACE), "EEXIST"),
        (renames("f", "x", RENAME_EXCHANGE), "ENOENT"),
        (renames("f", "x", RENAME_EXCHANGE | RENAME_NOREPLACE), "EINVAL"),
        (renames("f", "d"), "EISDIR"),
        (renames("d", "f"), "ENOTDIR"),
        (renames("d/.", "x"), "EBUSY"),
        (renames("f", "x/"), "ENOTDIR"),
        (renames("f", "/proc/x"), "EXDEV"),
        (renames("f", "d", RENAME_EXCHANGE), ""),
        (opens("f/e", os.O_RDONLY), ""),
        (renames("d", "moved", RENAME_WHITEOUT), ""),
        (opens("d", os.O_RDONLY), "ENXIO"),
    ],
    "mounted": [
        (mounts("tmpfs", "d/e", "tmpfs"), ""),
        (lambda it: it.rmdir("d/e"), "EBUSY"),
        (renames("d/e", "x"), "EBUSY"),
        (renames("f", "d/e/f"), "EXDEV"),
        (links("f", "d/e/f"), "EXDEV"),
        (opens("d/e/../f", os.O_RDONLY), ""),
        (resolves("d/e/", RESOLVE_NO_XDEV), "EXDEV"),
        (lambda it: it.bind_mount("d", "d"), ""),
        (mounts("none", "d", None, MS_BIND | MS_REMOUNT | MS_RDONLY), ""),
        (opens("d/f", os.O_RDONLY), ""),
        (opens("d/f", os.O_WRONLY), "EROFS"),
        (opens("d/x", os.O_WRONLY | os.O_CREAT), "EROFS"),
        (lambda it: it.mkdir("d/f"), "EEXIST"),
        (lambda it: it.mkdir("d/x"), "EROFS"),
        (lambda it: it.unlink("d/x"), "EROFS"),
        (lambda it: it.access("d/f", os.W_OK), "EROFS"),
    ],
    "of-others": [
        (lambda it: it.chmod(".", 0o1777), ""),
        (lambda it: it.chmod("d", 0o700), ""),
        (lambda it: it.chmod("f", 0o640), ""),
        (becomes_user, ""),
        (opens("f", os.O_RDONLY), "EACCES"),
        (opens("d/f", os.O_RDONLY), "EACCES"),
        (opens("d", os.O_PATH), ""),
        (lambda it: it.chdir("d"), "EACCES"),
        (lambda it: it.chmod("f", 0o777), "EPERM"),
        (lambda it: it.chown("f", USER, USER), "EPERM"),
        (lambda it: it.unlink("f"), "EPERM"),
        (renames("f", "mine"), "EPERM"),
        (opens("l", os.O_RDONLY), "EACCES"),
        (lambda it: it.mknod("device", stat.S_IFCHR, 0x103), "EPERM"),
        (lambda it: it.mknod("whiteout", stat.S_IFCHR), ""),
        (opens("mine", os.O_CREAT | os.O_WRONLY, 0), ""),
        (opens("mine", os.O_RDONLY), "EACCES"),
        (lambda it: it.unlink("mine"), ""),
        (lambda it: it.chroot("."), "EPERM"),
    ],
    "by-descriptor": [
        (lambda it: it.syscall("newfstatat", it.open("f", os.O_PATH), "", Out(144), 0), "ENOENT"),
        (
            lambda it: it.syscall(
                "newfstatat", it.open("f", os.O_PATH), "", Out(144), AT_EMPTY_PATH
            ),
            "",
        ),
        (lambda it: it.dup_to(5, 5), "EINVAL"),
        (lambda it: it.close(99), "EBADF"),
        (lambda it: it.syscall("fchdir", it.open("f", os.O_PATH)), "ENOTDIR"),
        (lambda it: it.syscall("fchdir", it.open("d", os.O_PATH)), ""),
        (lambda it: it.fallocate(it.open("f", os.O_RDWR), 2, 0, 1), "EOPNOTSUPP"),
        (lambda it: it.fallocate(it.open("f", os.O_RDONLY), 0, 0, 1), "EBADF"),
        (lambda it: it.lseek(it.open("f", os.O_RDONLY), -1), "EINVAL"),
        (lambda it: it.syscall("pread64", it.open("f", os.O_RDONLY), Out(8), 8, -1), "EINVAL"),
        (lambda it: it.list_dir(it.open("f", os.O_RDONLY)), "ENOTDIR"),
    ],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_small_kernel(program: str, model: tuple[Process, str]) -> None:
    assert outcomes(*model, [step for step, _ in PROGRAMS[program]]) == [
        owed for _, owed in PROGRAMS[program]
    ]


@pytest.mark.parametrize("program", PROGRAMS)
def test_running_kernel(program: str, local: tuple[Process, str]) -> None:
    assert outcomes(*local, [step for step, _ in PROGRAMS[program]]) == [
        owed for _, owed in PROGRAMS[program]
    ]


# No sticky directories, and no links by users: there, hosts differ by the sysctls protected_*.
PATHS = ("f", "d", "d/f", "d/e", "d/e/x", "l", "ld/f", "loop", "dangling", "x", "ld/..", ".", "..")
RENAMES = (0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT)
OPENS = (
    os.O_RDONLY, os.O_WRONLY, os.O_CREAT | os.O_RDWR, os.O_CREAT | os.O_EXCL, os.O_PATH,
    os.O_TRUNC | os.O_WRONLY, os.O_DIRECTORY, os.O_NOFOLLOW, os.O_TMPFILE | os.O_RDWR,
)  # fmt: skip


def drawn(random: Random) -> list[Step]:
    """Twenty calls, with or without the rights of root."""
    as_user = random.random() < 0.5

    def step() -> Step:
        one, other = random.choice(PATHS), random.choice(PATHS)
        flags, mode = random.choice(RENAMES), random.choice((0o777, 0o500, 0o770))
        ways: list[Step] = [
            lambda it: it.rename(one, other, flags),
            lambda it: it.mkdir(other) if as_user else it.link(one, other),
            lambda it: it.symlink(one, other),
            lambda it: it.mkdir(one),
            lambda it: it.unlink(one),
            lambda it: it.rmdir(one),
            lambda it: it.chmod(one, mode),
            lambda it: it.access(one, os.R_OK | os.W_OK),
            lambda it: it.truncate(one, 3),
            lambda it: it.chdir(one),
            opens(one, random.choice(OPENS) | os.O_NONBLOCK),
        ]
        return random.choice(ways)

    steps = [step() for _ in range(20)]
    if as_user:
        steps.insert(5, becomes_user)
    return steps


def test_drawn_programs(local: tuple[Process, str], model: tuple[Process, str]) -> None:
    """What nobody thought of, in programs that are always the same."""
    for seed in range(25):
        seen = outcomes(*local, drawn(Random(seed)))  # noqa: S311 (no secret)
        assert outcomes(*model, drawn(Random(seed))) == seen, seed  # noqa: S311 (as above)
