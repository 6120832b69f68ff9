# SPDX-License-Identifier: MIT
"""execve(2): how tasks change.

No program is run here but the agent, which goes on serving; of all others the kernel's part alone
is known, which ends where their code would begin.

Source: fs/exec.c, fs/binfmt_script.c, fs/binfmt_elf.c; cap_bprm_creds_from_file() in
security/commoncap.c.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from dataclasses import dataclass, replace
from signal import SIGCHLD, SIGTRAP

from suite.kernel import life, opening, signals
from suite.kernel.capabilities import capable, is_mapped
from suite.kernel.credentials import ALL_CAPABILITIES, Credentials, outside
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.identity import replace_credentials
from suite.kernel.kernel import Kernel
from suite.kernel.memory import Memory
from suite.kernel.open_files import File, drop
from suite.kernel.permissions import is_in_group, require_access
from suite.kernel.regular import allow_writing, deny_writing
from suite.kernel.tasks import Signal, Task
from suite.process import elf
from suite.process.uapi import AT_EMPTY_PATH, AT_EXECVE_CHECK, AT_FDCWD

MARK = b"LANDPROOF_AGENT"
"""What all images of the agent have in them: the name of a variable that they read."""
AGENT = elf.calling() + MARK
"""The agent of this kernel, for x86_64: as much of an ELF file as is looked at."""
_AT_SYMLINK_NOFOLLOW = 0x100
_FLAGS = _AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EXECVE_CHECK
_HEAD = 256
"""BINPRM_BUF_SIZE: as much of a file as tells its format."""
_DEEPEST = 5
_MACHINES = {62: "x86_64", 3: "i386"}
_PT_INTERP = 3
_NO_ROOT, _KEEP_CAPS = 1 << 0, 1 << 4
"""Bits of ``Credentials.securebits``."""
_COMM = 15


@dataclass(slots=True)
class _Program:
    """What is being executed (struct linux_binprm)."""

    name: str
    """As it was asked for."""
    at: int
    file: File
    """The program itself; a script's interpreter in its place, as soon as it is open."""
    depth: int = 0


def execute(
    kernel: Kernel, task: Task, at: int, path: int, flags: int, argv: int, envp: int
) -> int:
    """execveat(2) of what goes on serving: the agent, or a script or program that leads to it."""
    flags &= (1 << 32) - 1
    at = (at & 0xFFFFFFFF) - (1 << 32) if at & 0x80000000 else at & 0xFFFFFFFF
    if flags & ~_FLAGS:
        raise Errno(errno.EINVAL)
    name = task.memory.string(path)
    if not name and not flags & AT_EMPTY_PATH:
        raise Errno(errno.ENOENT)
    follow = not flags & _AT_SYMLINK_NOFOLLOW
    program = _Program(name, at, opening.open_program(kernel, task, name, at=at, follow=follow))
    opened = [program.file]
    try:
        if flags & AT_EXECVE_CHECK:
            return 0
        _find_interpreters(kernel, task, program, opened)
        loader = _loader(kernel, task, program.file, opened)
        content = (loader or program.file).inode.data
        if MARK not in content or argv:
            raise NotModelled("processes: programs of others")
        _become(kernel, task, program, _MACHINES[_machine(content)])
    finally:
        for file in opened:
            allow_writing(file.inode)
            file.references += 1
            drop(file)
    return 0


# Formats


def _find_interpreters(kernel: Kernel, task: Task, program: _Program, opened: list[File]) -> None:
    """Go from scripts to what runs them. Source: exec_binprm(), load_script()."""
    while bytes(program.file.inode.data[:2]) == b"#!":
        interpreter = _interpreter(bytes(program.file.inode.data[2:_HEAD]))
        if _is_out_of_reach(task, program):
            raise Errno(errno.ENOENT)
        program.file = opening.open_program(kernel, task, interpreter)
        opened.append(program.file)
        program.depth += 1
        if program.depth > _DEEPEST:
            raise Errno(errno.ELOOP)


def _interpreter(line: bytes) -> str:
    """What the first line of a script names.

    Raises:
        Errno: ENOEXEC.
    """
    first, newline, _ = line.partition(b"\n")
    words = first.split(b"\0")[0].replace(b"\t", b" ").split()
    if not words or (not newline and len(line) == _HEAD - 2 and len(words) < 2):
        raise Errno(errno.ENOEXEC)
    return words[0].decode("utf-8", "surrogateescape")


def _is_out_of_reach(task: Task, program: _Program) -> bool:
    """Whether a script's interpreter could not open it, since its descriptor will be closed.

    Source: alloc_bprm(), BINPRM_FLAGS_PATH_INACCESSIBLE.
    """
    if program.at == AT_FDCWD or program.name.startswith("/"):
        return False
    return task.files.slots[program.at].closes_on_exec


def _machine(content: bytes | bytearray) -> int:
    """Of an ELF file.

    Raises:
        Errno: ENOEXEC if it is none that is executed here.
    """
    if content[:4] != b"\x7fELF" or len(content) < 52:
        raise Errno(errno.ENOEXEC)
    kind, machine = struct.unpack_from("<HH", content, 16)
    if kind not in (2, 3) or machine not in _MACHINES:
        raise Errno(errno.ENOEXEC)
    return int(machine)


def _loader(kernel: Kernel, task: Task, file: File, opened: list[File]) -> File | None:
    """The ELF interpreter that a program names, opened. Source: load_elf_binary()."""
    content = bytes(file.inode.data)
    machine = _machine(content)
    wide = _MACHINES[machine] == "x86_64"
    start = int.from_bytes(content[32:40] if wide else content[28:32], "little")
    size, count = struct.unpack_from("<HH", content, 54 if wide else 42)
    for at in range(start, start + size * count, size):
        if int.from_bytes(content[at : at + 4], "little") == _PT_INTERP:
            form, first, second = ("<Q", 8, 32) if wide else ("<I", 4, 16)
            offset = struct.unpack_from(form, content, at + first)[0]
            length = struct.unpack_from(form, content, at + second)[0]
            name = content[offset : offset + length].rstrip(b"\0").decode()
            loader = opening.open_program(kernel, task, name)
            opened.append(loader)
            return loader
    return None


# The new image


def _become(kernel: Kernel, task: Task, program: _Program, arch: str) -> None:
    """Source: begin_new_exec() and setup_new_exec()."""
    old = task.credentials
    new = _gained(task, program.file)
    _be_alone(kernel, task)
    group = task.group
    life.leave_memory(task)
    deny_writing(program.file.inode)
    task.memory = Memory(program=program.file.inode)
    task.arch, task.is_new_image = arch, True
    if task.files.users > 1:
        task.files.users -= 1
        task.files = task.files.copy()
    task.files.close_all(on_exec=True)
    task.executable, task.name = program.file.path, _comm(program)
    group.dumpable = int(
        (new.euid, new.egid) == (new.uid, new.gid) and _is_readable(kernel, task, program.file)
    )
    group.exit_signal = SIGCHLD
    group.handlers = {
        n: it for n, it in group.handlers.items() if signals.handler(group, n) == signals.SIG_IGN
    }
    if _is_secure(old, new):
        task.death_signal = 0
    replace_credentials(task, kernel.hooks.on_exec(new))
    if task.trace is not None and not task.trace.is_seized:
        signals.queue(kernel, task, Signal(SIGTRAP), to_thread=True)


def _comm(program: _Program) -> str:
    """What /proc/PID/comm shows: the last part of the path, or of an open file its name."""
    name = program.name.rpartition("/")[2] if program.name else program.file.path.dentry.name
    return name.encode("utf-8", "surrogateescape")[:_COMM].decode("utf-8", "surrogateescape")


def _be_alone(kernel: Kernel, task: Task) -> None:
    """End all other threads; who is left has the number of the first. Source: de_thread().

    Raises:
        Waits: For a tracer of one of them, which has to take note of its end (wait4(2)) or end.
    """
    group, leader = task.group, task.group.leader
    for thread in [it for it in group.threads if it is not task]:
        life.end(kernel, thread, 0)
    for other in kernel.pids.tasks.values() if kernel.has_traced else ():
        if other.group is group and other is not task and other.trace is not None:
            raise Waits
    if leader is task:
        return
    life.forget_number(task)
    task.number, task.numbers = leader.number, leader.numbers
    group.leader = task
    for pids in task.namespaces.pids.up():
        pids.tasks[task.number_in(pids)] = task


def _is_readable(kernel: Kernel, task: Task, file: File) -> bool:
    """Who may not read a program must not look into it while it runs (would_dump())."""
    try:
        require_access(kernel, task, file.inode, os.R_OK)
    except Errno:
        return False
    return True


def _is_secure(old: Credentials, new: Credentials) -> bool:
    """Whether the new image was given something by its file, so that it trusts less."""
    return (new.euid, new.egid) != (old.euid, old.egid) or (
        new.uid != 0 and bool(new.permitted & ~new.ambient)
    )


def _gained(task: Task, file: File) -> Credentials:
    """What a program gives to who executes it. Source: bprm_creds_from_file()."""
    old = task.credentials
    new = _with_ids_of_file(task, file)
    root = outside(old.user.uid_map, 0)
    permitted, effective, has_capabilities = _of_file(task, file)
    if not old.securebits & _NO_ROOT and not (has_capabilities and new.euid == root != new.uid):
        if root in (new.euid, new.uid):
            permitted = old.bounding | old.inheritable
        effective = effective or new.euid == root
    changed = new.euid != old.euid or not is_in_group(old, new.egid)
    if (changed or permitted & ~old.permitted) and _is_unsafe(task, old):
        if task.no_new_privs or not capable(old, "SETUID", old.user):
            new = replace(new, euid=new.uid, egid=new.gid)
        permitted &= old.permitted
    ambient = 0 if has_capabilities or changed else old.ambient
    permitted |= ambient
    return replace(
        new,
        suid=new.euid,
        fsuid=new.euid,
        sgid=new.egid,
        fsgid=new.egid,
        permitted=permitted,
        effective=permitted if effective else ambient,
        ambient=ambient,
        securebits=old.securebits & ~_KEEP_CAPS,
    )


def _is_unsafe(task: Task, old: Credentials) -> bool:
    """Whether an image must gain nothing: no_new_privs, or a tracer that may less."""
    if task.no_new_privs:
        return True
    tracer = task.tracer
    return tracer is not None and not capable(tracer.credentials, "SYS_PTRACE", old.user)


def _may_give(task: Task, file: File) -> bool:
    """Whether a program may give anything. Source: mnt_may_suid() in fs/namespace.c."""
    mount = file.path.mount
    return not mount.flags & os.ST_NOSUID and mount.namespace is task.namespaces.mounts


def _with_ids_of_file(task: Task, file: File) -> Credentials:
    """Source: bprm_fill_uid()."""
    new, inode = task.credentials, file.inode
    user = new.user
    if not _may_give(task, file) or task.no_new_privs:
        return new
    if not is_mapped(user.uid_map, inode.uid) or not is_mapped(user.gid_map, inode.gid):
        return new
    if inode.mode & stat.S_ISUID:
        new = replace(new, euid=inode.uid)
    if inode.mode & stat.S_ISGID and inode.mode & stat.S_IXGRP:
        new = replace(new, egid=inode.gid)
    return new


def _of_file(task: Task, file: File) -> tuple[int, bool, bool]:
    """Of a file's capabilities: those permitted; whether they are effective; if it has any.

    Source: get_file_caps(), bprm_caps_from_vfs_caps(). Only those of version 2 are known.
    """
    old = task.credentials
    raw = file.inode.xattrs.get("security.capability")
    if raw is None or not _may_give(task, file):
        return 0, False, False
    head, low, low_inheritable, high, high_inheritable = struct.unpack("<5I", raw)
    if head >> 24 != 2 or old.user.level:
        raise NotModelled("processes: file capabilities of user namespaces")
    given = (low | high << 32) & ALL_CAPABILITIES
    inheritable = low_inheritable | high_inheritable << 32
    permitted = (old.bounding & given) | (old.inheritable & inheritable)
    if head & 1 and given & ~permitted:
        raise Errno(errno.EPERM)
    return permitted, bool(head & 1), True
