# SPDX-License-Identifier: MIT
"""Landlock's three system calls: rulesets as open files, and enforcement.

Source: security/landlock/syscalls.c; tsync.c.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from suite.kernel import landlock_events
from suite.kernel.audit import program_of
from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.life import is_held
from suite.kernel.memory import Memory
from suite.kernel.open_files import File
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.landlock.abi import RULE_PATH_BENEATH
from suite.model import calls
from suite.model.landlock import Domain, Ruleset, Uses

_T = TypeVar("_T")
_PATH_ATTR, _PORT_ATTR, _USES_ATTR = 12, 16, 24
"""Bytes of struct landlock_path_beneath_attr and landlock_net_port_attr, and of those on
permissions."""


@dataclass(slots=True, eq=False, repr=False)
class RulesetFile(File):
    """An open ruleset; it can be neither read nor written, with EINVAL."""

    kernel: Kernel = field(kw_only=True)
    ruleset: Ruleset = field(kw_only=True)
    number: int = field(kw_only=True)
    """What trace events call it, as domains are called."""
    version: int = 0
    """How many rules were added."""

    def release(self) -> None:
        """landlock_put_ruleset()."""
        landlock_events.ruleset_freed(self.kernel, self.number, self.version)


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
    number = next(kernel.hooks.domains.numbers)
    who = task.credentials
    file = RulesetFile(path, os.O_RDWR, who, kernel=kernel, ruleset=ruleset, number=number)
    landlock_events.ruleset_created(kernel, number, ruleset)
    kernel.hooks.file_alloc(file)
    try:
        return task.files.add(file, closes_on_exec=True)
    except Errno:
        landlock_events.ruleset_freed(kernel, number, 0)
        raise


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
        _add_path(task, file, task.memory.read(attr, _PATH_ATTR), flags)
    elif kind in calls.RULES_ON:
        _add_uses(file, kind, task.memory.read(attr, _USES_ATTR), flags)
    else:
        _add_port(file, task.memory.read(attr, _PORT_ATTR), flags)
    return 0


def _ruleset_of(task: Task, fd: int) -> RulesetFile:
    file = task.files.get(fd)
    if not isinstance(file, RulesetFile):
        raise Errno(errno.EBADFD)
    return file


def _add_path(task: Task, to: RulesetFile, attr: bytes, flags: int) -> None:
    access = int.from_bytes(attr[:8], "little")
    fd = int.from_bytes(attr[8:12], "little", signed=True)
    was = to.ruleset
    _or_errno(lambda: calls.check_rule(was, RULE_PATH_BENEATH, access, flags))
    file = task.files.get(fd, or_path=True)
    inode, mount = file.inode, file.path.mount
    is_internal = mount.is_internal or mount.superblock.is_internal or inode.is_private
    if isinstance(file, RulesetFile) or is_internal:
        raise Errno(errno.EBADFD)
    is_dir = inode.is_dir
    to.ruleset = _or_errno(lambda: calls.add_path(was, inode, access, flags, is_dir=is_dir))
    to.version += 1
    landlock_events.path_rule_added(to.kernel, to.number, to.version, was, access, file.path)


def _add_port(to: RulesetFile, attr: bytes, flags: int) -> None:
    access, port = int.from_bytes(attr[:8], "little"), int.from_bytes(attr[8:], "little")
    was = to.ruleset
    _or_errno(lambda: calls.check_rule(was, 0, access, flags))
    to.ruleset = _or_errno(lambda: calls.add_port(was, port, access, flags))
    to.version += 1
    landlock_events.port_rule_added(to.kernel, to.number, to.version, was, access, port)


def _add_uses(to: RulesetFile, kind: int, attr: bytes, flags: int) -> None:
    permissions, *masks = (int.from_bytes(attr[at : at + 8], "little") for at in (0, 8, 16))
    was = to.ruleset
    to.ruleset = _or_errno(lambda: calls.add_uses(was, kind, permissions, Uses(*masks), flags))
    to.version += 1
    landlock_events.uses_rule_added(to.kernel)


@call("landlock_restrict_self")
def restrict_self(kernel: Kernel, task: Task, ruleset_fd: CInt, flags: CUint) -> int:
    """Enforce a ruleset, or turn off the logs of later layers."""
    _check_there(kernel)
    model = kernel.model
    who = task.credentials
    privileged = task.no_new_privs or capable(who, "SYS_ADMIN", who.user, audit=False)
    _or_errno(lambda: calls.check_restrict(model, flags, privileged=privileged))
    file = None
    if not calls.needs_no_ruleset(model, ruleset_fd, flags):
        file = _ruleset_of(task, ruleset_fd)
        if not file.reads:
            raise Errno(errno.EPERM)
    ruleset, subject = file.ruleset if file else None, task.credentials.landlock
    enforced = _or_errno(lambda: calls.restrict(model, subject, ruleset, flags))
    if enforced.siblings_too:
        _synchronize(task)
    if enforced.sets_no_new_privs:
        task.no_new_privs = True
    if file is not None:
        _domain_made(task, file, enforced.subject.domain)
    threads = task.group.threads if enforced.siblings_too else [task]
    for thread in sorted(threads, key=lambda it: it is task):  # itself comes last
        thread.credentials = replace(thread.credentials, landlock=enforced.subject)
        thread.no_new_privs |= task.no_new_privs and enforced.siblings_too
        if file is not None:
            alone = enforced.siblings_too or len(task.group.threads) == 1
            landlock_events.domain_enforced(
                kernel, thread, is_last=thread is task, process_wide=alone
            )
    return 0


def _synchronize(task: Task) -> None:
    """Wait until each sibling thread can take part.

    Source: landlock_restrict_sibling_threads() in security/landlock/tsync.c.
    """
    group = task.group
    group.synchronizes = any(is_held(it) for it in group.threads)
    if group.synchronizes:
        raise Waits


def _domain_made(task: Task, of: RulesetFile, domain: Domain) -> None:
    kernel = of.kernel
    kernel.free_domains()
    kernel.hooks.domains.make(domain[-1], task, program_of(task))
    landlock_events.domain_created(kernel, domain, of.number, of.version)
