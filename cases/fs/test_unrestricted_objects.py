# SPDX-License-Identifier: MIT
"""What is no file of a mounted file system, or has a path in another sense.

Source: Documentation/userspace-api/landlock.rst, "Special filesystems"; security/landlock/fs.c,
whose hooks pass over what user space can't mount.
"""

import mmap
import os
import socket
from collections.abc import Callable

from cases.fs.everything import everything
from suite.case import (
    CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, FS, Allowed,
    Facts, Int, Judge, Need, Process, Row, Ruleset, Tree, abstract, answers, covers, needs,
    own_memory, since, table,
)  # fmt: skip
from suite.process.uapi import CLONE_NEWCGROUP

ALLOWED = since(FS.READ_FILE, Allowed())
BOTH = mmap.PROT_READ | mmap.PROT_WRITE
IPC_PRIVATE, IPC_RMID = 0, 0


class Use(Row, frozen=True, kw_only=True):
    """Something is made and used."""

    call: Callable[[Process, Tree], object]


def memory_file(process: Process, tree: Tree) -> None:
    fd = process.memfd_create()
    process.write(fd, b"x")
    process.ftruncate(fd, 4096)
    process.map_shared(fd, BOTH)


def shared_memory(process: Process, tree: Tree) -> None:
    segment = process.syscall("shmget", IPC_PRIVATE, 4096, 0o600)
    process.syscall("shmat", segment, 0, 0)
    process.syscall("shmctl", segment, IPC_RMID, 0)


def shared_map(process: Process, tree: Tree) -> None:
    process.poke(process.map_shared(-1, BOTH, mmap.MAP_ANONYMOUS), b"x")


def pipe(process: Process, tree: Tree) -> None:
    ends = process.pipe()
    process.write(Int(ends, 4), b"x")
    process.read(Int(ends, 0), 1)


def socketpair(process: Process, tree: Tree) -> None:
    one, other = process.socketpair()
    process.write(one, b"x")
    process.read(other, 1)


def eventfd(process: Process, tree: Tree) -> None:
    fd = process.eventfd()
    process.write(fd, b"1".ljust(8, b"\0"))
    process.read(fd, 8)


def abstract_socket(process: Process, tree: Tree) -> None:
    address = abstract(tree.path)
    process.server(socket.AF_UNIX, socket.SOCK_STREAM, address)
    process.connect(process.socket(socket.AF_UNIX, socket.SOCK_STREAM), address)


def change_root(process: Process, tree: Tree) -> None:
    process.chroot(tree.d1)


def unshare(kind: int) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.unshare(kind)


CASES = {
    "memory-file": Use(call=memory_file, answers=("free-memfd-shm", "gap-ipc")),
    "shared-memory": Use(
        needs=(Need.SYSV_SHM,), call=shared_memory, answers=("free-memfd-shm", "gap-ipc")
    ),
    "shared-map": Use(call=shared_map, answers=("free-memfd-shm", "gap-ipc")),
    "pipe": Use(call=pipe, answers=("free-memfd-shm", "gap-ipc")),
    "socketpair": Use(call=socketpair, answers=("free-memfd-shm", "gap-ipc")),
    "eventfd": Use(call=eventfd, answers=("free-memfd-shm", "gap-ipc")),
    "abstract-unix-socket": Use(call=abstract_socket, answers="free-abstract-unix"),
    "chroot": Use(
        needs=(Need.ADMIN,), call=change_root, answers=("free-chroot-unshare", "gap-namespaces")
    ),
    "unshare-user-namespace": Use(
        needs=(Need.USER_NAMESPACES,),
        call=unshare(CLONE_NEWUSER),
        answers=("free-chroot-unshare", "gap-namespaces"),
    ),
} | {
    f"unshare-{name}-namespace": Use(
        needs=(Need.ADMIN, Need.IPC_NAMESPACES) if name == "ipc" else (Need.ADMIN,),
        call=unshare(kind),
        answers=("free-chroot-unshare", "gap-namespaces"),
    )
    for name, kind in {
        "cgroup": CLONE_NEWCGROUP,
        "ipc": CLONE_NEWIPC,
        "mount": CLONE_NEWNS,
        "network": CLONE_NEWNET,
        "pid": CLONE_NEWPID,
        "uts": CLONE_NEWUTS,
    }.items()
}


@table(CASES)
@own_memory
def test_use(case: Use, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """No right is about memory, pipes, sockets without a path, or who sees which files where."""
    judge(ALLOWED, process.under(everything(facts)).observe(case.call, tree))


@needs(Need.ADMIN)
@answers("free-chroot-unshare", "gap-namespaces")
@own_memory
def test_setns(facts: Facts, process: Process, judge: Judge) -> None:
    """A domain may enter a namespace that it has a file descriptor of."""
    namespace = process.open("/proc/self/ns/uts", os.O_RDONLY)
    sandboxed = process.under(everything(facts))
    judge(ALLOWED, sandboxed.observe(Process.setns, namespace, CLONE_NEWUTS))


def make_queue(process: Process, name: str) -> None:
    process.mq_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR)
    process.mq_unlink(name)


@needs(Need.MQUEUE)
@covers(FS.MAKE_REG, FS.REMOVE_FILE)
@answers("free-mq-unlink-and-create", "gap-ipc")
def test_message_queue(process: Process, tree: Tree, judge: Judge) -> None:
    """A message queue is made and removed without the rights to make and remove a file."""
    sandboxed = process.under(Ruleset(fs=FS.MAKE_REG | FS.REMOVE_FILE))
    judge(ALLOWED, sandboxed.observe(make_queue, tree.path.replace("/", "-")))


@needs(Need.BPF, Need.MOUNT)
@answers("free-bpf-obj-get")
def test_pinned_map(facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """A BPF object that is pinned to a path is got by it without a right on it."""
    process.unshare(CLONE_NEWNS)
    process.mount("bpf", tree.d2, "bpf")
    process.pin(process.make_map(), f"{tree.d2}/map")
    sandboxed = process.under(everything(facts))
    judge(ALLOWED, sandboxed.observe(Process.pinned, f"{tree.d2}/map"))
