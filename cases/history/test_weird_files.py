# SPDX-License-Identifier: MIT
"""A file whose type is none of the seven, on a file system that lets it pass.

Source: "landlock: Handle weird files" (49440290a093, CVE-2025-21830): get_mode_access() in
security/landlock/fs.c. Few file systems of Linux have not looked at the type of what they read;
that of System V, which was removed in Linux 6.15, never did.
"""

import stat
import struct
from collections.abc import Callable

from cases.history.complaints import COMPLAINED, KernelLog
from suite.case import (
    FS, Allowed, ByBug, Case, Denied, Judge, Need, Process, Tree, answers, covers, needs, since,
    table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import WEIRD_FILES
from suite.targets.disks import attached_image

BLOCK, BLOCKS = 1024, 64
FIRST_INODE_BLOCK, FIRST_DATA_BLOCK = 2, 4
ROOT, WEIRD = 2, 3
NO_TYPE = 0o644
MAGIC, BLOCKS_OF_1024, TIME = 0xFD187E20, 2, 1 << 30
CLEAN = 0x7C269D38 - TIME
TIME_AT, LAST_AT = 420, 500


def superblock() -> bytes:
    """A struct sysv4_super_block without free inodes and blocks (include/linux/sysv_fs.h)."""
    sizes = struct.pack("<HHI", FIRST_DATA_BLOCK, 0, BLOCKS)
    time = struct.pack("<I", TIME)
    last = struct.pack("<III", CLEAN, MAGIC, BLOCKS_OF_1024)
    return sizes.ljust(TIME_AT, b"\0") + time.ljust(LAST_AT - TIME_AT, b"\0") + last


def inode(mode: int, links: int, size: int, block: int) -> bytes:
    """A struct sysv_inode."""
    data = block.to_bytes(3, "little").ljust(40, b"\0")
    return struct.pack("<HHHHI", mode, links, 0, 0, size) + data + bytes(12)


def image() -> bytes:
    """A file system with a file of no type."""
    names = {b".": ROOT, b"..": ROOT, b"weird": WEIRD}
    root = b"".join(struct.pack("<H14s", number, name) for name, number in names.items())
    inodes = bytes(64) + inode(stat.S_IFDIR | 0o755, 2, len(root), FIRST_DATA_BLOCK)
    parts = {
        BLOCK // 2: superblock(),
        FIRST_INODE_BLOCK * BLOCK: inodes + inode(NO_TYPE, 1, 0, 0),
        FIRST_DATA_BLOCK * BLOCK: root,
    }
    whole = bytearray(BLOCK * BLOCKS)
    for at, part in parts.items():
        whole[at : at + len(part)] = part
    return bytes(whole)


def mount(process: Process, tree: Tree, name: str) -> str:
    folder = f"{tree.path}/{name}"
    process.mkdir(folder)
    with attached_image(process, image(), f"{tree.path}/image") as device:
        process.mount(device, folder, "sysv")
    return folder


def link(process: Process, folder: str) -> None:
    process.link(f"{folder}/weird", f"{folder}/new")


def rename(process: Process, folder: str) -> None:
    process.rename(f"{folder}/weird", f"{folder}/new")


class Weird(Case, frozen=True, kw_only=True):
    """A call that gives the file a name, and whether a rule allows it."""

    call: Callable[[Process, str], object]
    rule: bool = False


DENIED = since(FS.MAKE_REG, ByBug(WEIRD_FILES, before=COMPLAINED, after=Denied("EACCES")))
ALLOWED = since(FS.MAKE_REG, ByBug(WEIRD_FILES, before=COMPLAINED, after=Allowed()))
CASES = {
    "link": Weird(call=link, expect=DENIED),
    "rename": Weird(call=rename, expect=DENIED),
    "link-with-rule": Weird(call=link, rule=True, expect=ALLOWED),
    "rename-with-rule": Weird(call=rename, rule=True, expect=ALLOWED),
}


@vm_only
@covers(FS.MAKE_REG)
@answers("llr-14", "make-weird-inode-type")
@needs(Need.MOUNT, Need.LOOP, Need.SYSV_FS, Need.WARN_AGAIN)
@table(CASES)
def test_new_name(case: Weird, process: Process, tree: Tree, judge: Judge) -> None:
    """A file of unknown type takes the right to make a regular one, to get a new name."""
    log = KernelLog(process, tree.d2)
    control = process.observe(case.call, mount(process, tree, "control"))
    folder = mount(process, tree, "weird")
    rules = {"weird": FS.MAKE_REG} if case.rule else {}
    observed = process.under(tree.layer(FS.MAKE_REG, rules)).observe(case.call, folder)
    judge(case.expect, log.judged(observed.outcome), control)
