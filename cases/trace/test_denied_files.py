# SPDX-License-Identifier: MIT
"""The event of a denied access to files: what was missing, and on which file.

Source: include/trace/events/landlock.h, landlock_deny_access_fs; security/landlock/trace.c,
landlock_trace_denial(); Documentation/trace/events-landlock.rst, "Differences from audit records".
"""

import os
from collections.abc import Callable

from cases.trace.traces import identity, traced
from suite.case import (
    CLONE_NEWNS, FS, MS_BIND, MS_RDONLY, MS_REMOUNT, RNDGETENTCNT, SCOPE, Case, Judge, Need, Out,
    Process, Ruleset, Seen, Trace, Tree, answers, needs, since, split, table, vm_only,
)  # fmt: skip

Call = Callable[[Process, Tree], object]
TOPOLOGY, RANDOM = "change_topology", "/dev/random"
MOST = 4096
"""Bytes that a file of /proc may give at once."""


class Access(Case, frozen=True, kw_only=True):
    """A call that is denied."""

    call: Call
    handled: FS
    errno: str


def event(blockers: str, file: str) -> str:
    identity = f"ID_{file.removesuffix('_FROM_ROOT')}"
    head = "deny_access_fs domain=D1 same_exec=1 logged=1"
    return f"{head} blockers={blockers} {identity} path={file}"


def denied(call: Call, handled: FS, *missing: tuple[str, str], errno: str = "EACCES") -> Access:
    """A row; ``missing`` are the blockers and the file of each event."""
    owed = Seen(" + ".join(event(*each) for each in missing))
    return Access(
        call=call, handled=handled, covers=handled, errno=errno, expect=since(handled, owed)
    )


def opening(flags: int) -> Call:
    return lambda process, tree: process.open(tree.file, flags)


def list_folder(process: Process, tree: Tree) -> None:
    process.open(tree.d1, os.O_RDONLY | os.O_DIRECTORY)


def make_folder(process: Process, tree: Tree) -> None:
    process.mkdir(f"{tree.d1}/new")


def remove(process: Process, tree: Tree) -> None:
    process.unlink(tree.file)


def truncate(process: Process, tree: Tree) -> None:
    process.truncate(tree.file)


def truncate_opened(process: Process, tree: Tree) -> None:
    process.ftruncate(process.open(tree.file, os.O_WRONLY))


def ask_device(process: Process, _: Tree) -> None:
    process.ioctl(process.open(RANDOM, os.O_RDONLY), RNDGETENTCNT, Out(4))


def rename(process: Process, tree: Tree) -> None:
    process.rename(tree.file, f"{tree.d1}/renamed")


def move(process: Process, tree: Tree) -> None:
    process.rename(tree.file, f"{tree.d2}/moved")


def mount(process: Process, tree: Tree) -> None:
    process.mount("tmpfs", tree.d1, "tmpfs")


def remount(process: Process, tree: Tree) -> None:
    process.mount("", tree.sub, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def unmount(process: Process, tree: Tree) -> None:
    process.umount(tree.sub)


READ, WRITE = FS.READ_FILE, FS.WRITE_FILE
CASES = {
    "open-read": denied(opening(os.O_RDONLY), READ, ("read_file", "FILE")),
    "open-read-of-both": denied(opening(os.O_RDONLY), READ | WRITE, ("read_file", "FILE")),
    "open-read-and-write": denied(
        opening(os.O_RDWR), READ | WRITE, ("write_file|read_file", "FILE")
    ),
    "open-folder": denied(list_folder, FS.READ_DIR, ("read_dir", "D1")),
    "make-folder": denied(make_folder, FS.MAKE_DIR, ("make_dir", "D1")),
    "remove-file": denied(remove, FS.REMOVE_FILE, ("remove_file", "D1")),
    "truncate": denied(truncate, FS.TRUNCATE, ("truncate", "FILE")),
    "truncate-opened": denied(truncate_opened, FS.TRUNCATE, ("truncate", "FILE")),
    "ioctl": denied(ask_device, FS.IOCTL_DEV, ("ioctl_dev", "DEVICE")),
    "rename": denied(rename, FS.REMOVE_FILE | FS.MAKE_REG, ("remove_file|make_reg", "D1")),
    "move": denied(
        move,
        FS.REMOVE_FILE | FS.MAKE_REG,
        ("remove_file|refer", "D1"),
        ("make_reg|refer", "D2"),
    ),
    "move-without-refer": denied(move, READ, ("refer", "D1"), ("refer", "D2"), errno="EXDEV"),
    "mount": denied(mount, READ, (TOPOLOGY, "D1"), errno="EPERM"),
    "remount": denied(remount, READ, (TOPOLOGY, "SUB"), errno="EPERM"),
    # Only the dentry is known: the path ends at the root of its file system.
    "unmount": denied(unmount, READ, (TOPOLOGY, "SUB_FROM_ROOT"), errno="EPERM"),
}


def files(tree: Tree) -> dict[str, str]:
    """Files by their names in events, the deepest first."""
    folders = {"SUB": tree.sub, "D1": tree.d1, "D2": tree.d2}
    return {"FILE": tree.file, "DEVICE": RANDOM} | folders


def root_of(process: Process, mounted: str) -> str:
    """The folder that is mounted somewhere, from the root of its file system.

    Source: proc_pid_mountinfo(5).
    """
    fd = process.open("/proc/self/mountinfo", os.O_RDONLY)
    text = b""
    while (call := process.read(fd, MOST)).value:
        text += call.data[: call.value]
    fields = (line.split() for line in text.decode().splitlines())
    return next(root for _, _, _, root, point, *_ in fields if point == mounted)


@vm_only
@answers("trc-deny-fs")
@needs(Need.TRACEPOINTS, Need.MOUNT)
@table(split("trc-file", CASES))
def test_denied(case: Access, process: Process, tree: Tree, judge: Judge) -> None:
    """The event names all that is missing, and the file, by its device, inode and whole path."""
    process.unshare(CLONE_NEWNS)
    twin = tree.twin()
    for mounted in (twin, tree):
        process.bind_mount(mounted.sub, mounted.sub)
    control = process.observe(case.call, twin)
    stats = {name: process.stat(path) for name, path in files(tree).items()}
    with Trace(process, "deny_access_fs") as trace:
        tried = process.under(Ruleset(fs=case.handled)).observe(case.call, tree)
        events = trace.take()
    names: dict[str, str] = {}
    for name, path in files(tree).items():
        names |= {identity(stats[name]): f"ID_{name}", path: name}
    names[root_of(process, tree.sub)] = "SUB_FROM_ROOT"
    observed = traced(trace, events, tried, case.errno, names)
    judge(case.expect, observed, control)


@vm_only
@answers("trc-deny-fs")
@needs(Need.TRACEPOINTS)
def test_layer(process: Process, tree: Tree, judge: Judge) -> None:
    """The layer that lacks what was asked for is named, not a younger one that lacks more.

    Whether the file may be truncated later, which the younger one denies, is no reason to refuse.
    """
    twin = tree.twin()
    control = process.observe(Process.open, twin.file, os.O_RDONLY)
    stat = process.stat(tree.file)
    with Trace(process, "deny_access_fs") as trace:
        outer = process.under(Ruleset(fs=READ))
        sandboxed = outer.under(Ruleset(fs=READ | FS.TRUNCATE).allow(tree.file, READ))
        tried = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
        events = trace.take()
    names = {identity(stat): "ID_FILE", tree.file: "FILE"}
    observed = traced(trace, events, tried, "EACCES", names)
    judge(since(FS.TRUNCATE, Seen(event("read_file", "FILE"))), observed, control)


@vm_only
@answers("trc-deny-fs")
@needs(Need.TRACEPOINTS)
def test_blockers_of_layer(process: Process, tree: Tree, judge: Judge) -> None:
    """Of two layers that deny, the younger one is named, and what is missing there."""
    twin = tree.twin()
    control = process.observe(Process.open, twin.file, os.O_RDWR)
    stat = process.stat(tree.file)
    with Trace(process, "deny_access_fs") as trace:
        both = Ruleset(fs=READ | WRITE)
        sandboxed = process.under(both, both.allow(tree.file, WRITE))
        tried = sandboxed.observe(Process.open, tree.file, os.O_RDWR)
        events = trace.take()
    names = {identity(stat): "ID_FILE", tree.file: "FILE"}
    observed = traced(trace, events, tried, "EACCES", names)
    judge(since(READ, Seen(event("read_file", "FILE").replace("D1", "D2"))), observed, control)


@vm_only
@answers("trc-deny-fs")
@needs(Need.TRACEPOINTS, Need.MOUNT)
def test_layer_of_topology(process: Process, tree: Tree, judge: Judge) -> None:
    """A change of the topology is denied by the youngest layer that is about files."""
    outside = process.fork()
    outside.unshare(CLONE_NEWNS)
    control = outside.observe(mount, tree)
    stat = process.stat(tree.d1)
    with Trace(process, "deny_access_fs") as trace:
        scoped = Ruleset(scope=SCOPE.SIGNAL)
        tried = process.under(Ruleset(fs=READ), Ruleset(fs=READ), scoped).observe(mount, tree)
        events = trace.take()
    names = {identity(stat): "ID_D1", tree.d1: "D1"}
    observed = traced(trace, events, tried, "EPERM", names)
    judge(since(READ, Seen(event(TOPOLOGY, "D1").replace("D1", "D2", 1))), observed, control)
