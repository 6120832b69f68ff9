# SPDX-License-Identifier: MIT
"""What the texts in /proc/PID say. Source: proc_pid_stat(5), proc_pid_status(5) and their like.

A process that could say more of itself than the small kernel knows says what an idle one would.
"""

from __future__ import annotations

from suite.kernel.credentials import NOBODY, Map, inside
from suite.kernel.kernel import Kernel
from suite.kernel.life import is_in_vfork
from suite.kernel.memory import READ as PROT_READ
from suite.kernel.memory import WRITE as PROT_WRITE
from suite.kernel.mounts import shown
from suite.kernel.proc.access import may_look
from suite.kernel.tasks import Task

CODE, CODE_SIZE = 0x400000, 0x10000
_STACK = 0x7FFC_0000_0000
_DATA, _ARGUMENTS, _ENVIRONMENT = 0x420000, _STACK + 0x100, _STACK + 0x200
_WIDE = (1 << 64) - 1


def state(task: Task) -> str:
    """The letter of what it does: it waits for the host unless it ended or was stopped."""
    if not task.is_alive:
        return "Z (zombie)"
    if task.trace is not None and task.trace.stop is not None:
        return "t (tracing stop)"
    if task.group.stopped:
        return "T (stopped)"
    if is_in_vfork(task) or task.group.synchronizes:
        return "D (disk sleep)"
    return "S (sleeping)"


def number(task: Task | None, reader: Task) -> int:
    """The id of a task as who reads knows it; 0 if it is not in their PID namespace."""
    return task.numbers.get(reader.namespaces.pids.number, 0) if task is not None else 0


def stat(kernel: Kernel, reader: Task, task: Task) -> str:
    """Addresses are shown to who may trace it: else the first two are 1, and the others 0."""
    shows = may_look(kernel, reader, task, audit=False)
    group = task.group
    head = f"{number(task, reader)} ({task.name}) {state(task)[0]}"
    fields = [0] * 53
    fields[4] = number(group.parent, reader)
    fields[5], fields[6], fields[8] = group.process_group, group.session, -1
    fields[18], fields[20] = 20, len(group.threads)
    fields[23], fields[24], fields[25] = 1 << 20, 100, _WIDE
    fields[26], fields[27] = 1, 1
    if shows:
        fields[26], fields[27], fields[28] = CODE, CODE + CODE_SIZE, _STACK
        fields[45:52] = [_DATA, _DATA + 4096, _DATA + 4096, _ARGUMENTS, _ARGUMENTS + 64,
                         _ENVIRONMENT, _ENVIRONMENT + 64]  # fmt: skip
    fields[38] = group.exit_signal
    return f"{head} {' '.join(map(str, fields[4:]))}\n"


def status(kernel: Kernel, reader: Task, task: Task) -> str:
    """The lines that are read by anybody, in their order."""
    it, user = task.credentials, reader.credentials.user
    uids = [inside(user.uid_map, one) for one in (it.uid, it.euid, it.suid, it.fsuid)]
    gids = [inside(user.gid_map, one) for one in (it.gid, it.egid, it.sgid, it.fsgid)]
    groups = [inside(user.gid_map, one) for one in it.groups]
    filters = task.extra.get("seccomp")
    lines = {
        "Name": task.name,
        "Umask": f"{task.fs.umask:04o}",
        "State": state(task),
        "Tgid": number(task.group.leader, reader),
        "Ngid": 0,
        "Pid": number(task, reader),
        "PPid": number(task.group.parent, reader),
        "TracerPid": number(task.tracer, reader),
        "Uid": "\t".join(map(str, uids)),
        "Gid": "\t".join(map(str, gids)),
        "FDSize": 64,
        "Groups": " ".join(map(str, groups)) + " ",
        "Threads": len(task.group.threads),
        "SigPnd": f"{0:016x}",
        "SigBlk": f"{task.blocked:016x}",
        "CapInh": f"{it.inheritable:016x}",
        "CapPrm": f"{it.permitted:016x}",
        "CapEff": f"{it.effective:016x}",
        "CapBnd": f"{it.bounding:016x}",
        "CapAmb": f"{it.ambient:016x}",
        "NoNewPrivs": int(task.no_new_privs),
        "Seccomp": 2 if filters else 0,
    }
    return "".join(f"{name}:\t{value}\n" for name, value in lines.items())


def maps(_kernel: Kernel, _reader: Task, task: Task) -> str:
    """The program, and what was mapped since."""
    lines = [f"{CODE:08x}-{CODE + CODE_SIZE:08x} r-xp 00000000 00:00 0"]
    for it in task.memory.regions:
        rights = f"{'r' if it.protection & PROT_READ else '-'}"
        rights += f"{'w' if it.protection & PROT_WRITE else '-'}-p"
        lines.append(f"{it.start:08x}-{it.start + it.size:08x} {rights} 00000000 00:00 0")
    return "".join(f"{line}\n" for line in lines)


def mountinfo(_kernel: Kernel, _reader: Task, task: Task) -> str:
    """The mounts beneath its root."""
    lines = []
    mounts = list(task.namespaces.mounts.root.tree())
    for mount in mounts:
        place = shown(task.fs.root, mount)
        if place is None:
            continue
        parent = mounts.index(mount.parent) if mount.parent in mounts else 0
        optional = " shared:1" if mount.peers is not None else ""
        fields = (mounts.index(mount) + 1, parent + 1, f"0:{mount.superblock.device}")
        root = "/" + "/".join(reversed([it.name for it in mount.root.up() if not it.is_root]))
        lines.append(
            f"{fields[0]} {fields[1]} {fields[2]} {root} {place} {_options(mount.read_only)}"
            f"{optional} - {mount.superblock.kind} {mount.source}"
            f" {_options(mount.superblock.read_only)}\n"
        )
    return "".join(lines)


def mounts(_kernel: Kernel, _reader: Task, task: Task) -> str:
    """The mounts beneath its root, as fstab(5) has them."""
    lines = []
    for mount in task.namespaces.mounts.root.tree():
        place = shown(task.fs.root, mount)
        if place is not None:
            kind, options = mount.superblock.kind, _options(mount.read_only)
            lines.append(f"{mount.source} {place} {kind} {options} 0 0\n")
    return "".join(lines)


def _options(read_only: bool) -> str:
    return "ro,relatime" if read_only else "rw,relatime"


def id_map(ids: Map, outer: Map) -> str:
    """Of a user namespace, as who reads it knows the ids outside."""
    rows = [(first, inside(outer, there), count) for first, there, count in ids]
    return "".join(
        f"{first:10} {(1 << 32) - 1 if there == NOBODY else there:10} {count:10}\n"
        for first, there, count in rows
    )
