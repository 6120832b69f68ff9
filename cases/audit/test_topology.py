# SPDX-License-Identifier: MIT
"""What the log says of denied changes of the topology of mounts.

Source: security/landlock/fs.c, log_fs_change_topology_path() and log_fs_change_topology_dentry().
"""

from cases.audit.logs import inode, logged, logs, says, stats
from cases.fs.roots import FILES, Change, new_root
from suite.case import (
    MS_BIND, MS_RDONLY, MS_REMOUNT, AuditLog, Judge, Need, Process, Tree, answers, needs, split,
    table, vm_only,
)  # fmt: skip
from suite.process.uapi import FSCONFIG_CMD_RECONFIGURE, FSCONFIG_SET_FLAG


class Logged(Change, frozen=True, kw_only=True):
    """A change, and the object of its record."""

    object: str


def reconfigure(process: Process) -> None:
    context = process.fspick("/mount")
    process.fsconfig(context, FSCONFIG_SET_FLAG, "ro")
    process.fsconfig(context, FSCONFIG_CMD_RECONFIGURE)


FOLDER, MOUNT = (f'path="/{name}" dev="tmpfs" ino=INODE' for name in ("folder", "mount"))
ROOT = 'name="/" dev="tmpfs" ino=ROOT'
CASES = {
    "mount": Logged(call=lambda p: p.mount("tmpfs", "/folder", "tmpfs"), object=FOLDER),
    "bind": Logged(call=lambda p: p.bind_mount("/mount", "/folder"), object=FOLDER),
    "remount-mount": Logged(
        call=lambda p: p.mount("", "/mount", None, MS_REMOUNT | MS_BIND | MS_RDONLY), object=MOUNT
    ),
    "remount": Logged(
        call=lambda p: p.mount("", "/mount", None, MS_REMOUNT | MS_RDONLY), object=MOUNT
    ),
    "move-mount": Logged(call=lambda p: p.move_mount("/mount", "/folder"), object=FOLDER),
    "reconfigure": Logged(call=reconfigure, object=ROOT),
    "umount": Logged(call=lambda p: p.umount("/mount"), object=ROOT),
    "pivot-root": Logged(call=lambda p: p.pivot_root("/mount", "/mount/old"), object=MOUNT),
}


@vm_only
@answers("aud-mount-fields")
@needs(Need.AUDIT, Need.MOUNT)
@table(split("aud-topology", CASES))
def test_change(case: Logged, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied change is logged with its place as a path, or as a mount's root without one."""
    control = new_root(process, tree).observe(case.call)
    with AuditLog(process) as log:
        outside = new_root(process, tree)
        denied = outside.under(FILES).observe(case.call)
        accesses, files = log.accesses(), stats(outside, "/folder", "/mount")
    root = f"ino={inode(files['/mount'])}"
    observed = logs(accesses, denied, "EPERM", {root: "ino=ROOT"}, files)
    expect = logged(FILES.features, says(f"blockers=fs.change_topology {case.object}"))
    judge(expect, observed, control)
