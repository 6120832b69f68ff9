# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_MAKE_*: whatever gives a new object its name.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_MAKE_*; hook_path_mknod(),
hook_path_mkdir() and hook_path_symlink() in security/landlock/fs.c.
"""

import os
import socket
import stat
from collections.abc import Callable

from cases.controls import refused
from cases.fs.order import LandlockFirst, VfsFirst, check_landlock_first, check_vfs_first
from suite.case import (
    FS, Allowed, Denied, Judge, Need, Process, Row, Ruleset, Tree, answers, covers, since, table,
    unix,
)  # fmt: skip

MAKE = FS.MAKE_CHAR | FS.MAKE_DIR | FS.MAKE_REG | FS.MAKE_SOCK
MAKE |= FS.MAKE_FIFO | FS.MAKE_BLOCK | FS.MAKE_SYM
NULL_DEVICE, LOOP_DEVICE = os.makedev(1, 3), os.makedev(7, 0)
MODE = 0o666
CREAT = os.O_WRONLY | os.O_CREAT


class Make(Row, frozen=True, kw_only=True):
    """A call that makes something at a path, and the one right that it asks for."""

    covers: FS
    call: Callable[[Process, str], object]


class Named(Row, frozen=True, kw_only=True):
    """What a socket is bound to, where the path stands otherwise."""

    name: bytes


def mknod(kind: int, device: int = 0) -> Callable[[Process, str], object]:
    return lambda process, path: process.mknod(path, kind, device)


def bind(kind: int) -> Callable[[Process, str], object]:
    return lambda process, path: process.bind(process.socket(socket.AF_UNIX, kind), unix(path))


MAKES = {
    "reg-open": Make(
        covers=FS.MAKE_REG,
        call=lambda process, path: process.open(path, CREAT),
        answers="make-reg-creat",
    ),
    "reg-open-excl": Make(
        covers=FS.MAKE_REG, call=lambda process, path: process.open(path, CREAT | os.O_EXCL)
    ),
    "reg-creat": Make(
        covers=FS.MAKE_REG,
        call=lambda process, path: process.syscall("creat", path, MODE),
        needs=(Need.OLD_CALLS,),
        answers="make-reg-creat",
    ),
    "reg-mknodat": Make(covers=FS.MAKE_REG, call=mknod(stat.S_IFREG), answers="make-reg-mknod"),
    "reg-mknodat-no-type": Make(covers=FS.MAKE_REG, call=mknod(0), answers="make-reg-mknod"),
    "reg-mknod": Make(
        covers=FS.MAKE_REG,
        call=lambda process, path: process.syscall("mknod", path, stat.S_IFREG | MODE, 0),
        needs=(Need.OLD_CALLS,),
    ),
    "dir-mkdirat": Make(covers=FS.MAKE_DIR, call=Process.mkdir, answers="make-dir"),
    "dir-mkdir": Make(
        covers=FS.MAKE_DIR,
        call=lambda process, path: process.syscall("mkdir", path, 0o777),
        needs=(Need.OLD_CALLS,),
        answers="make-dir",
    ),
    "sym-symlinkat": Make(
        covers=FS.MAKE_SYM,
        call=lambda process, path: process.symlink("nowhere", path),
        answers="make-sym",
    ),
    "sym-symlink": Make(
        covers=FS.MAKE_SYM,
        call=lambda process, path: process.syscall("symlink", "nowhere", path),
        needs=(Need.OLD_CALLS,),
        answers="make-sym",
    ),
    "fifo-mknodat": Make(covers=FS.MAKE_FIFO, call=Process.mkfifo, answers="make-fifo"),
    "sock-mknodat": Make(covers=FS.MAKE_SOCK, call=mknod(stat.S_IFSOCK), answers="make-sock-mknod"),
    "sock-bind-stream": Make(
        covers=FS.MAKE_SOCK,
        call=bind(socket.SOCK_STREAM),
        answers=("make-sock-bind", "make-sock-bind-only-make-sock"),
    ),
    "sock-bind-dgram": Make(
        covers=FS.MAKE_SOCK,
        call=bind(socket.SOCK_DGRAM),
        answers=("make-sock-bind", "make-sock-bind-only-make-sock"),
    ),
    "sock-bind-seqpacket": Make(covers=FS.MAKE_SOCK, call=bind(socket.SOCK_SEQPACKET)),
    "char-mknodat": Make(
        covers=FS.MAKE_CHAR,
        call=mknod(stat.S_IFCHR, NULL_DEVICE),
        needs=(Need.ROOT,),
        answers="make-char",
    ),
    "block-mknodat": Make(
        covers=FS.MAKE_BLOCK,
        call=mknod(stat.S_IFBLK, LOOP_DEVICE),
        needs=(Need.ROOT,),
        answers="make-block",
    ),
}


@table(MAKES)
def test_without_its_right(case: Make, process: Process, tree: Tree, judge: Judge) -> None:
    """A new name is denied where a rule allows to make all but things of its type."""
    control = process.observe(case.call, f"{tree.d2}/control")
    layer = tree.layer(MAKE, {"d2": MAKE ^ case.covers})
    observed = process.under(layer).observe(case.call, f"{tree.d2}/new")
    judge(since(MAKE, Denied("EACCES")), observed, control)


@table({f"{name}-with-rule": row for name, row in MAKES.items()})
def test_with_its_right(case: Make, process: Process, tree: Tree, judge: Judge) -> None:
    """The right for its type, and no other one, is needed in the folder."""
    layer = tree.layer(MAKE, {"d1": case.covers})
    judge(since(MAKE, Allowed()), process.under(layer).observe(case.call, f"{tree.d1}/new"))


@answers("make-dir", "make-path-ancestor-rule")
@covers(FS.MAKE_DIR)
def test_beneath_a_rule(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule counts in all folders beneath its own, and nowhere else."""
    sandboxed = process.under(tree.layer(FS.MAKE_DIR, {"d1": FS.MAKE_DIR}))
    control = sandboxed.observe(Process.mkdir, f"{tree.sub}/new")
    observed = sandboxed.observe(Process.mkdir, f"{tree.d2}/new")
    judge(since(FS.MAKE_DIR, Denied("EACCES")), observed, control)


@answers("make-sock-abstract-autobind")
@covers(FS.MAKE_SOCK)
@table({"sock-autobind": Named(name=b""), "sock-abstract": Named(name=b"\0landproof")})
def test_without_a_path(case: Named, process: Process, tree: Tree, judge: Judge) -> None:
    """bind(2) of a UNIX socket to what is no path makes nothing."""
    address = unix(tree.path)[:2] + case.name
    sandboxed = process.under(Ruleset(fs=MAKE))
    fd = sandboxed.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    judge(since(MAKE, Allowed()), sandboxed.observe(Process.bind, fd, address))


def bind_at(path: str) -> Callable[[Process, Tree], object]:
    return lambda process, tree: bind(socket.SOCK_DGRAM)(process, f"{tree.path}/{path}")


def mknod_at(path: str, kind: int, device: int = 0) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.mknod(f"{tree.path}/{path}", kind, device)


LANDLOCK_FIRST = {
    "char-without-cap-mknod": LandlockFirst(
        right=FS.MAKE_CHAR,
        call=mknod_at("d1/new", stat.S_IFCHR, NULL_DEVICE),
        vfs="EPERM",
        answers=("make-char-no-cap-order", "prec-mknod-eperm"),
    ),
    "block-without-cap-mknod": LandlockFirst(
        right=FS.MAKE_BLOCK, call=mknod_at("d1/new", stat.S_IFBLK, LOOP_DEVICE), vfs="EPERM"
    ),
}


@table(LANDLOCK_FIRST)
def test_landlock_first(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied name gives EACCES also to who could not make the object anyway."""
    process.drop_capabilities()
    check_landlock_first(case, process, tree, judge)


VFS_FIRST = {
    "sock-bind-existing": VfsFirst(
        right=FS.MAKE_SOCK,
        call=bind_at("d1/file"),
        otherwise=bind_at("d1/new"),
        vfs="EADDRINUSE",
        answers=("make-sock-bind-precedence", "prec-bind-eaddrinuse"),
    ),
    "sock-bind-missing-folder": VfsFirst(
        right=FS.MAKE_SOCK,
        call=bind_at("d1/missing/new"),
        otherwise=bind_at("d1/new"),
        vfs="ENOENT",
        answers="make-sock-bind-precedence",
    ),
    "mknod-of-a-folder": VfsFirst(
        right=MAKE,
        call=mknod_at("d1/new", stat.S_IFDIR),
        otherwise=mknod_at("d1/new", stat.S_IFREG),
        vfs="EPERM",
        answers="make-mknod-bad-type",
    ),
    "mknod-of-no-type": VfsFirst(
        right=MAKE,
        call=mknod_at("d1/new", 0o150000),
        otherwise=mknod_at("d1/new", stat.S_IFREG),
        vfs="EINVAL",
        answers="make-mknod-bad-type",
    ),
    "mknod-existing": VfsFirst(
        right=MAKE,
        call=mknod_at("d1/file", stat.S_IFIFO),
        otherwise=mknod_at("d1/new", stat.S_IFIFO),
        vfs="EEXIST",
        answers="prec-eexist-create",
    ),
    "mkdir-existing": VfsFirst(
        right=MAKE,
        call=lambda process, tree: process.mkdir(tree.sub),
        otherwise=lambda process, tree: process.mkdir(f"{tree.d1}/new"),
        vfs="EEXIST",
        answers="prec-eexist-create",
    ),
    "symlink-existing": VfsFirst(
        right=MAKE,
        call=lambda process, tree: process.symlink("nowhere", tree.file),
        otherwise=lambda process, tree: process.symlink("nowhere", f"{tree.d1}/new"),
        vfs="EEXIST",
        answers="prec-eexist-create",
    ),
}


@table(VFS_FIRST)
def test_vfs_first(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """What can't be made anywhere, or is there already, is refused as without a domain."""
    check_vfs_first(case, process, tree, judge)


@answers("make-sock-bind-precedence")
@covers(FS.MAKE_SOCK)
def test_bind_of_a_bound_socket(process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that has a name already (EINVAL) is denied another one in such a folder (EACCES)."""
    fd = process.server(socket.AF_UNIX, socket.SOCK_DGRAM, unix(f"{tree.d2}/socket"))
    control = refused(process.observe(Process.bind, fd, unix(f"{tree.d1}/new")), "EINVAL")
    sandboxed = process.under(Ruleset(fs=FS.MAKE_SOCK))
    observed = sandboxed.observe(Process.bind, fd, unix(f"{tree.d1}/new"))
    judge(since(FS.MAKE_SOCK, Denied("EACCES")), observed, control)
