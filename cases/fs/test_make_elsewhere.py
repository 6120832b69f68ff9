# SPDX-License-Identifier: MIT
"""Objects with a name that are made in other file systems, or by other calls than of files.

Source: hook_path_mknod() and hook_path_mkdir() in security/landlock/fs.c; their callers in
kernel/bpf/inode.c (bpf_obj_do_pin()), and their absence in ipc/mqueue.c.
"""

import os

from suite.case import (
    CLONE_NEWNS, FS, Allowed, Denied, Judge, Need, Process, Ruleset, Tree, answers, covers, needs,
    since, vm_only,
)  # fmt: skip

DENIED = since(FS.MAKE_REG, Denied("EACCES"))
ALLOWED = since(FS.MAKE_REG, Allowed())
NO_FILES = Ruleset(fs=FS.MAKE_REG | FS.REMOVE_FILE)


def bpf_mount(process: Process, tree: Tree) -> str:
    process.unshare(CLONE_NEWNS)
    process.mount("none", tree.d2, "bpf")
    return tree.d2


@answers("make-bpf-obj-pin")
@covers(FS.MAKE_REG)
@needs(Need.MOUNT, Need.BPF)
def test_bpf_pin(process: Process, tree: Tree, judge: Judge) -> None:
    """To pin an object of BPF needs MAKE_REG."""
    folder = bpf_mount(process, tree)
    fd = process.make_map()
    control = process.observe(Process.pin, fd, f"{folder}/control")
    observed = process.under(NO_FILES).observe(Process.pin, fd, f"{folder}/new")
    judge(DENIED, observed, control)


@answers("make-bpf-obj-pin")
@covers(FS.MAKE_REG)
@needs(Need.MOUNT, Need.BPF)
def test_bpf_pin_with_rule(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the mount of the BPF file system allows to pin in it."""
    folder = bpf_mount(process, tree)
    ruleset = NO_FILES.allow(folder, FS.MAKE_REG)
    fd = process.make_map()
    judge(ALLOWED, process.under(ruleset).observe(Process.pin, fd, f"{folder}/new"))


@answers("make-bpf-obj-pin")
@covers(FS.MAKE_REG)
@needs(Need.MOUNT, Need.BPF)
def test_bpf_make_and_get(process: Process, tree: Tree, judge: Judge) -> None:
    """To make an object of BPF, or to get one that is pinned, needs no right."""
    path = f"{bpf_mount(process, tree)}/map"
    process.pin(process.make_map(), path)

    def make_and_get(process: Process) -> None:
        process.make_map()
        process.pinned(path)

    judge(ALLOWED, process.under(NO_FILES).observe(make_and_get))


@answers("make-mqueue-unrestricted")
@covers(FS.MAKE_REG, FS.REMOVE_FILE)
@needs(Need.MQUEUE)
def test_message_queue(process: Process, tree: Tree, judge: Judge) -> None:
    """A POSIX message queue is made and removed by name, but is no file."""
    name = tree.path.replace("/", "-")

    def make_and_remove(process: Process) -> None:
        process.mq_open(name, os.O_RDWR | os.O_CREAT)
        process.mq_unlink(name)

    judge(ALLOWED, process.under(NO_FILES).observe(make_and_remove))


@answers("make-cgroup-mkdir")
@covers(FS.MAKE_DIR)
@needs(Need.CGROUP2)
@vm_only  # a control group of the machine
def test_control_group(process: Process, tree: Tree, judge: Judge) -> None:
    """A control group is a folder: to make one needs MAKE_DIR."""
    process.unshare(CLONE_NEWNS)
    process.mount("none", tree.d2, "cgroup2")
    sandboxed = process.under(tree.layer(FS.MAKE_DIR, {}))
    group = f"{tree.d2}/landproof"
    observed = sandboxed.observe(Process.mkdir, group).outcome
    allowing = process.under(tree.layer(FS.MAKE_DIR, {"d2": FS.MAKE_DIR}))
    control = allowing.observe(Process.mkdir, group).outcome
    if control == Allowed():
        process.rmdir(group)
    judge(since(FS.MAKE_DIR, Denied("EACCES")), observed, control)
