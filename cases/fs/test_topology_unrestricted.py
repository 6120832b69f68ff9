# SPDX-License-Identifier: MIT
"""What a domain about files may still do with mounts: no hook asks for it.

Source: include/linux/lsm_hook_defs.h has none for it; Documentation/userspace-api/landlock.rst,
"Filesystem topology modification", says only what is forbidden.
"""

from cases.fs.roots import FILES, Change, new_root
from suite.case import (
    CLONE_NEWNS, FS, MS_BIND, MS_RDONLY, MS_REMOUNT, OPEN_TREE_CLONE, O_PATH, Allowed, Denied,
    Judge, Need, Process, Tree, answers, covers, needs, since, table,
)  # fmt: skip
from suite.process.uapi import (
    FSCONFIG_SET_FLAG,
    FSMOUNT_NAMESPACE,
    MOUNT_ATTR_RDONLY,
    MS_PRIVATE,
    MS_SHARED,
    OPEN_TREE_NAMESPACE,
    UNSHARE_EMPTY_MNTNS,
)


def pick(process: Process) -> None:
    process.fsconfig(process.fspick("/mount"), FSCONFIG_SET_FLAG, "ro")


def make_read_only(process: Process) -> None:
    process.mount("", "/mount", None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def make_writable_and_write(process: Process) -> None:
    process.mount_setattr("/mount", off=MOUNT_ATTR_RDONLY)
    process.mkdir("/mount/new")


def close_detached(process: Process) -> None:
    process.close(process.open_tree("/mount", OPEN_TREE_CLONE))


CALLS = {
    "set-read-only": Change(
        call=lambda process: process.mount_setattr("/mount", on=MOUNT_ATTR_RDONLY),
        needs=(Need.MOUNT_SETATTR,),
        answers=("topo-mount-setattr-allowed", "gap-mounts"),
    ),
    "set-writable": Change(
        prepare=make_read_only,
        call=make_writable_and_write,
        needs=(Need.MOUNT_SETATTR,),
        answers=("topo-mount-setattr-allowed", "gap-mounts"),
    ),
    "set-shared": Change(
        call=lambda process: process.mount_setattr("/mount", propagation=MS_SHARED),
        needs=(Need.MOUNT_SETATTR,),
        answers=("topo-mount-setattr-allowed", "gap-mounts"),
    ),
    "set-private": Change(
        prepare=lambda process: process.mount("", "/mount", None, MS_SHARED),
        call=lambda process: process.mount_setattr("/mount", propagation=MS_PRIVATE),
        needs=(Need.MOUNT_SETATTR,),
        answers=("topo-mount-setattr-allowed", "gap-mounts"),
    ),
    "open-tree": Change(
        call=lambda process: process.open_tree("/mount", 0),
        answers=("topo-open-tree", "gap-mounts"),
    ),
    "open-tree-clone": Change(
        call=lambda process: process.open_tree("/mount", OPEN_TREE_CLONE),
        answers=("topo-open-tree", "gap-mounts"),
    ),
    "open-tree-clone-read-only": Change(
        call=lambda process: process.open_tree_attr(
            "/mount", OPEN_TREE_CLONE, on=MOUNT_ATTR_RDONLY
        ),
        needs=(Need.OPEN_TREE_ATTR,),
        answers="topo-open-tree-attr",
    ),
    "open-tree-namespace": Change(
        call=lambda process: process.open_tree("/mount", OPEN_TREE_NAMESPACE),
        needs=(Need.OPEN_TREE_NAMESPACE,),
        answers=("topo-open-tree-namespace", "gap-mounts"),
    ),
    "close-detached": Change(call=close_detached, answers="topo-fd-close-detached"),
    "pick": Change(call=pick, answers="topo-fspick-reconfigure"),
    "new-mount": Change(
        call=lambda process: process.new_mount(), answers=("topo-fsopen-fsmount", "gap-mounts")
    ),
    "new-mount-namespace": Change(
        call=lambda process: process.new_mount(flags=FSMOUNT_NAMESPACE),
        needs=(Need.FSMOUNT_NAMESPACE,),
        answers="topo-fsmount-namespace",
    ),
    "unshare": Change(
        call=lambda process: process.unshare(CLONE_NEWNS), answers="topo-unshare-newns"
    ),
    "unshare-empty": Change(
        call=lambda process: process.unshare(UNSHARE_EMPTY_MNTNS),
        needs=(Need.EMPTY_NAMESPACE,),
        answers="topo-fsmount-namespace",
    ),
}


@needs(Need.MOUNT)
@covers(FS.EXECUTE)
@answers("mnt-detached-ok")
@table(CALLS)
def test_unrestricted(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """A call that neither attaches nor detaches a mount is not restricted."""
    sandboxed = new_root(process, tree)
    case.prepare(sandboxed)
    sandboxed.restrict(FILES)
    judge(since(FS.EXECUTE, Allowed()), sandboxed.observe(case.call))


# Until Linux 6.10 tracefs was reconfigured whenever it was mounted once more, which
# hook_sb_remount() refuses ("vfs: Convert tracefs to use the new mount API", 78ff64081949).
MOUNTED, RECONFIGURED = since(FS.EXECUTE, Allowed()), since(FS.EXECUTE, Denied("ELOOP"))


def walk_into(process: Process, path: str) -> None:
    process.open(f"{path}/tracing/trace", O_PATH)


def is_reconfigured(process: Process) -> bool:
    """Whether tracefs is of the old API, as until 6.10: any option is taken at first."""

    def set_no_option(process: Process) -> None:
        process.fsconfig(process.fsopen("tracefs"), FSCONFIG_SET_FLAG, "no-such-option")

    return process.observe(set_no_option).outcome == Allowed()


@needs(Need.MOUNT, Need.AUTOMOUNT)
@covers(FS.EXECUTE)
@answers("topo-automount-submounts")
def test_automount(process: Process, tree: Tree, judge: Judge) -> None:
    """A walk through an automount point mounts there what the kernel holds ready."""
    roots = []
    for _ in range(2):
        root = process.fork()
        root.unshare(CLONE_NEWNS)
        root.mount("debugfs", tree.d2, "debugfs")
        roots.append(root)
    control = roots[0].observe(walk_into, tree.d2)
    roots[1].restrict(FILES)
    expect = RECONFIGURED if is_reconfigured(roots[0]) else MOUNTED
    judge(expect, roots[1].observe(walk_into, tree.d2), control)
