# SPDX-License-Identifier: MIT
"""The three system calls: what they take, and in which order they refuse.

Source: security/landlock/syscalls.c; include/uapi/linux/landlock.h.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TypeAlias

from suite.landlock.abi import (
    ABIS,
    ADD_RULE,
    CREATE,
    HANDLED,
    LIMITS,
    NET,
    PERMISSION,
    RESTRICT,
    RULE_CAPABILITY,
    RULE_NAMESPACE,
    RULE_NET_PORT,
    RULE_PATH_BENEATH,
    RULESET_ATTR,
)
from suite.landlock.changes import FLAGS_FIRST
from suite.model.landlock import (
    Layer,
    Masks,
    Model,
    Rule,
    Ruleset,
    Subject,
    Uses,
    all_rights,
    max_layers,
)
from suite.model.paths import FILE_RIGHTS

Read: TypeAlias = Callable[[int, int], bytes]
"""Copies from the process: so many bytes at an offset of the argument; a fault is its error."""
_PAGE = 4096
RULES_ON = {
    RULE_NAMESPACE: PERMISSION.NAMESPACE_USE,
    RULE_CAPABILITY: PERMISSION.CAPABILITY_USE,
}
"""What rules of these kinds are about."""


class Refused(Exception):  # noqa: N818 (it is what the call gives)
    """The call gives this errno."""

    def __init__(self, number: int) -> None:
        super().__init__(errno.errorcode[number])
        self.number = number


# landlock_create_ruleset(2)


def query(model: Model, flags: int, *, has_attr: bool, size: int) -> int:
    """landlock_create_ruleset(2) with flags: the ABI version, or the errata that are fixed.

    Raises:
        Refused: The flags are unknown, or there is an attribute.
    """
    if has_attr or size:
        raise Refused(errno.EINVAL)
    if flags == CREATE.VERSION:
        return model.abi
    if flags == CREATE.ERRATA and model.tells_errata:
        return sum(1 << (number - 1) for number in model.errata)
    raise Refused(errno.EINVAL)


def create(model: Model, read: Read | None, size: int) -> Ruleset:
    """landlock_create_ruleset(2) without flags.

    The attribute may be longer than what this kernel knows, if the rest is zero, and shorter, then
    the rest counts as zero.

    Raises:
        Refused: By its size, by its content, or since nothing is handled.
    """
    fields = _fields(model, read, size)
    fs, net, scope, *quiet_masks, permissions = fields
    handled, quiet = Masks(fs, net, scope, permissions), Masks(*quiet_masks)
    for asked, kind in zip(handled, HANDLED, strict=True):
        if asked & ~all_rights(model, kind):
            raise Refused(errno.EINVAL)
    for asked, of in zip(quiet, handled, strict=True):
        if asked & ~of:
            raise Refused(errno.EINVAL)
    if not any(handled):
        raise Refused(errno.ENOMSG)
    return Ruleset(handled, quiet)


def _fields(model: Model, read: Read | None, size: int) -> list[int]:
    """The masks of struct landlock_ruleset_attr.

    Source: copy_min_struct_from_user(), copy_struct_from_user().
    """
    known = ABIS[model.abi].attr_size
    if read is None:
        raise Refused(errno.EFAULT)
    if size < LIMITS["attr_size"].value:
        raise Refused(errno.EINVAL)
    if size > _PAGE:
        raise Refused(errno.E2BIG)
    for at in range(known, size):  # what is not zero comes first, or a fault
        if read(at, 1) != b"\0":
            raise Refused(errno.E2BIG)
    data = read(0, min(size, known))
    numbers = range(len(RULESET_ATTR))
    return [int.from_bytes(data[8 * at : 8 * at + 8], "little") for at in numbers]


# landlock_add_rule(2)


def check_add_flags(model: Model, flags: int) -> None:
    """Refuse unknown flags, before anything else.

    Raises:
        Refused: EINVAL.
    """
    if flags and not (model.knows(ADD_RULE.QUIET) and flags == ADD_RULE.QUIET):
        raise Refused(errno.EINVAL)


def check_rule_type(model: Model, kind: int) -> None:
    """Refuse unknown kinds of rules.

    Raises:
        Refused: EINVAL.
    """
    if kind == RULE_PATH_BENEATH or (kind == RULE_NET_PORT and model.knows(NET.BIND_TCP)):
        return
    if kind in RULES_ON and model.knows(RULES_ON[kind]):
        return
    raise Refused(errno.EINVAL)


def check_rule(ruleset: Ruleset, kind: int, access: int, flags: int) -> None:
    """Whether a rule makes sense in a ruleset, whatever it is on.

    Raises:
        Refused: ENOMSG if it allows nothing, and is not quiet; EINVAL if it allows what is not
            handled, or is quiet where nothing can be.
    """
    is_path = kind == RULE_PATH_BENEATH
    handled = ruleset.handled.fs if is_path else ruleset.handled.net
    quiet = ruleset.quiet.fs if is_path else ruleset.quiet.net
    if not flags and not access:
        raise Refused(errno.ENOMSG)
    if access & ~handled:
        raise Refused(errno.EINVAL)
    if flags and not quiet:
        raise Refused(errno.EINVAL)


def add_path(
    ruleset: Ruleset, inode: Hashable, access: int, flags: int, *, is_dir: bool
) -> Ruleset:
    """A ruleset with a rule on a file.

    Raises:
        Refused: EINVAL if the file is no directory, and a right makes sense for these only.
    """
    if not is_dir and access & ~FILE_RIGHTS:
        raise Refused(errno.EINVAL)
    return ruleset.with_file(inode, Rule(access, bool(flags)))


def add_port(ruleset: Ruleset, port: int, access: int, flags: int) -> Ruleset:
    """A ruleset with a rule on a port.

    Raises:
        Refused: EINVAL if there is no such port.
    """
    if port > LIMITS["port"].value:
        raise Refused(errno.EINVAL)
    return ruleset.with_port(port, Rule(access, bool(flags)))


def add_uses(ruleset: Ruleset, kind: int, permissions: int, uses: Uses, flags: int) -> Ruleset:
    """A ruleset with a rule on namespaces or capabilities.

    Of what these are, unknown bits are accepted: they name what this kernel does not have.

    Raises:
        Refused: ENOMSG if it names no permission, or allows nothing and mutes nothing; EINVAL if it
            names another permission than that of its kind, or one that is not handled, or if it
            has a flag: what is quiet is said by its own field.
    """
    if not permissions or not any(uses):
        raise Refused(errno.ENOMSG)
    its_own = RULES_ON[kind]
    if flags or permissions != its_own or not ruleset.handled.permissions & its_own:
        raise Refused(errno.EINVAL)
    return ruleset.with_uses(its_own, uses)


# landlock_restrict_self(2)


def check_restrict(model: Model, flags: int, *, privileged: bool) -> None:
    """Refuse unknown flags, and who may not restrict itself.

    ``privileged``: no_new_privs is set, or the thread has CAP_SYS_ADMIN in its user namespace.

    Raises:
        Refused: EINVAL or EPERM; which one comes first depends on the ABI version.

    Source: "landlock: Check landlock_restrict_self(2)'s flags before privileges".
    """
    unknown = bool(flags & ~all_rights(model, RESTRICT))
    flags_first = model.abi >= FLAGS_FIRST.since or model.has("flags-before-privileges")
    if unknown and flags_first:
        raise Refused(errno.EINVAL)
    sets_it = model.knows(RESTRICT.NO_NEW_PRIVS) and flags & RESTRICT.NO_NEW_PRIVS
    if not privileged and not sets_it:
        raise Refused(errno.EPERM)
    if unknown:
        raise Refused(errno.EINVAL)


def needs_no_ruleset(model: Model, descriptor: int, flags: int) -> bool:
    """Whether only the logs of later layers are turned off, which takes -1 for a ruleset.

    Source: "landlock: Allow TSYNC with LOG_SUBDOMAINS_OFF and fd=-1".
    """
    if not model.has("tsync-without-ruleset"):
        flags &= ~RESTRICT.TSYNC
    return descriptor == -1 and flags == RESTRICT.LOG_SUBDOMAINS_OFF


@dataclass(frozen=True, slots=True)
class Enforced:
    """What landlock_restrict_self(2) makes of a thread."""

    subject: Subject
    sets_no_new_privs: bool
    siblings_too: bool
    """Whether all threads of the process get this subject (TSYNC), and no_new_privs if the caller
    has it."""


def restrict(model: Model, subject: Subject, ruleset: Ruleset | None, flags: int) -> Enforced:
    """Stack a layer upon a domain.

    Raises:
        Refused: E2BIG if there are too many layers.
    """
    subject = prepared(model, subject)
    was_off = subject.log_subdomains_off
    turns_off = bool(flags & RESTRICT.LOG_SUBDOMAINS_OFF)
    new = replace(subject, log_subdomains_off=was_off or turns_off)
    if ruleset is not None:
        if len(subject.domain) >= max_layers(model):
            raise Refused(errno.E2BIG)
        same = not flags & RESTRICT.LOG_SAME_EXEC_OFF
        later = bool(flags & RESTRICT.LOG_NEW_EXEC_ON)
        layer = Layer(ruleset, same, later, was_off)
        new = replace(new, domain=(*subject.domain, layer), same_exec=subject.same_exec | {layer})
    return Enforced(new, bool(flags & RESTRICT.NO_NEW_PRIVS), bool(flags & RESTRICT.TSYNC))


# What becomes of a thread's domain


def prepared(model: Model, subject: Subject) -> Subject:
    """What new credentials begin with: those of a child, and all that replace others.

    Source: hook_cred_prepare(); "landlock: Fix LOG_SUBDOMAINS_OFF inheritance across fork()".
    """
    if model.has("log-subdomains-on") and not subject.domain:
        return Subject()
    return subject


def executed(subject: Subject) -> Subject:
    """What is left after execve(2): the same domain, but logs tell the programs apart.

    Source: hook_bprm_creds_for_exec().
    """
    return replace(subject, same_exec=frozenset())


def transferred(model: Model, subject: Subject) -> Subject:
    """What the parent has to whom keyctl(2) gives new credentials (KEYCTL_SESSION_TO_PARENT).

    The new credentials are made from the parent's own.

    Source: hook_cred_transfer(); "landlock: Don't lose track of restrictions on cred_transfer".
    """
    return Subject() if model.has("cred-transfer") else subject
