# SPDX-License-Identifier: MIT
"""Landlock's three system calls: rulesets as open files, and enforcement.

Source: security/landlock/syscalls.c; tsync.c.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from suite.kernel.audit import program_of
from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.memory import Memory
from suite.kernel.open_files import File
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.landlock.abi import RULE_PATH_BENEATH
from suite.model import calls
from suite.model.landlock import Ruleset

_T = TypeVar("_T")
_PATH_ATTR, _PORT_ATTR = 12, 16
"""Bytes of struct landlock_path_beneath_attr and landlock_net_port_attr."""


@dataclass(slots=True, eq=False, repr=False)
class RulesetFile(File):
    """An open ruleset; it can be neither read nor written, with EINVAL."""

    ruleset: Ruleset | None = None


def _or_errno(make: Callable[[], _T]) -> _T:
    try:
        return make()
    except calls.Refused as refusal:
        raise Errno(refusal.number) from None


def _check_there(kernel: Kernel) -> None:
    if not kernel.model.abi:
        raise Errno(errno.ENOSYS)


@call("landlock_create_ruleset")
def create_ruleset(kernel: Kernel, task: Task, attr: Pointer, size: CUlong, flags: CUint) -> int:
    """A new ruleset, or what the kernel has."""
    _check_there(kernel)
    model = kernel.model
    if flags:
        return _or_errno(lambda: calls.query(model, flags, has_attr=bool(attr), size=size))
    read = _reader(task.memory, attr) if attr else None
    ruleset = _or_errno(lambda: calls.create(model, read, size))
    path = kernel.internal("anon_inodefs", _name(kernel), stat.S_IRUSR | stat.S_IWUSR)
    file = RulesetFile(path, os.O_RDWR, task.credentials, ruleset=ruleset)
    kernel.hooks.file_alloc(file)
    return task.files.add(file, closes_on_exec=True)


def _name(kernel: Kernel) -> str:
    bare = kernel.model.has("ruleset-link")
    return "anon_inode:landlock-ruleset" if bare else "anon_inode:[landlock-ruleset]"


def _reader(memory: Memory, address: int) -> calls.Read:
    return lambda offset, size: memory.read(address + offset, size)


@call("landlock_add_rule")
def add_rule(
    kernel: Kernel, task: Task, ruleset_fd: CInt, kind: CUint, attr: Pointer, flags: CUint
) -> int:
    """One more rule in a ruleset."""
    _check_there(kernel)
    model = kernel.model
    _or_errno(lambda: calls.check_add_flags(model, flags))
    if model.has("attr-before-ruleset"):
        _or_errno(lambda: calls.check_rule_type(model, kind))
        task.memory.read(attr, _PATH_ATTR)
    file = _ruleset_of(task, ruleset_fd)
    if not file.writes:
        raise Errno(errno.EPERM)
    _or_errno(lambda: calls.check_rule_type(model, kind))
    if kind == RULE_PATH_BENEATH:
        file.ruleset = _with_path(task, file.ruleset, task.memory.read(attr, _PATH_ATTR), flags)
    else:
        file.ruleset = _with_port(file.ruleset, task.memory.read(attr, _PORT_ATTR), flags)
    return 0


def _ruleset_of(task: Task, fd: int) -> RulesetFile:
    file = task.files.get(fd)
    if not isinstance(file, RulesetFile) or file.ruleset is None:
        raise Errno(errno.EBADFD)
    return file


def _with_path(task: Task, ruleset: Ruleset | None, attr: bytes, flags: int) -> Ruleset | None:
    if ruleset is None:
        return None
    access = int.from_bytes(attr[:8], "little")
    fd = int.from_bytes(attr[8:12], "little", signed=True)
    _or_errno(lambda: calls.check_rule(ruleset, RULE_PATH_BENEATH, access, flags))
    file = task.files.get(fd, or_path=True)
    inode, mount = file.inode, file.path.mount
    is_internal = mount.is_internal or mount.superblock.is_internal or inode.is_private
    if isinstance(file, RulesetFile) or is_internal:
        raise Errno(errno.EBADFD)
    return _or_errno(lambda: calls.add_path(ruleset, inode, access, flags, is_dir=inode.is_dir))


def _with_port(ruleset: Ruleset | None, attr: bytes, flags: int) -> Ruleset | None:
    if ruleset is None:
        return None
    access, port = int.from_bytes(attr[:8], "little"), int.from_bytes(attr[8:], "little")
    _or_errno(lambda: calls.check_rule(ruleset, 0, access, flags))
    return _or_errno(lambda: calls.add_port(ruleset, port, access, flags))


@call("landlock_restrict_self")
def restrict_self(kernel: Kernel, task: Task, ruleset_fd: CInt, flags: CUint) -> int:
    """Enforce a ruleset, or turn off the logs of later layers."""
    _check_there(kernel)
    model = kernel.model
    who = task.credentials
    privileged = task.no_new_privs or capable(who, "SYS_ADMIN", who.user)
    _or_errno(lambda: calls.check_restrict(model, flags, privileged=privileged))
    ruleset = None
    if not calls.needs_no_ruleset(model, ruleset_fd, flags):
        file = _ruleset_of(task, ruleset_fd)
        if not file.reads:
            raise Errno(errno.EPERM)
        ruleset = file.ruleset
    subject = task.credentials.landlock
    enforced = _or_errno(lambda: calls.restrict(model, subject, ruleset, flags))
    if enforced.sets_no_new_privs:
        task.no_new_privs = True
    if ruleset is not None:
        kernel.free_domains()
        kernel.hooks.domains.make(enforced.subject.domain[-1], task, program_of(task))
    threads = task.group.threads if enforced.siblings_too else [task]
    for thread in threads:
        thread.credentials = replace(thread.credentials, landlock=enforced.subject)
        thread.no_new_privs |= task.no_new_privs and enforced.siblings_too
    return 0
