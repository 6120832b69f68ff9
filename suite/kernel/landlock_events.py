# SPDX-License-Identifier: MIT
"""Landlock's trace events: rulesets and domains that come and go, rules that are met, denials.

Source: include/trace/events/landlock.h; security/landlock/trace.c;
Documentation/trace/events-landlock.rst.
"""

from __future__ import annotations

import os
import socket as so
from dataclasses import replace
from functools import singledispatch

from suite.kernel.credentials import Capability
from suite.kernel.domains import Origin
from suite.kernel.errors import NotModelled
from suite.kernel.hooks import Command, NamespaceKind, Object, Wire
from suite.kernel.inodes import Dentry, Inode, Path
from suite.kernel.kernel import Kernel
from suite.kernel.open_files import File
from suite.kernel.sockets.endpoint import Endpoint
from suite.kernel.tasks import Task
from suite.kernel.trace import tracing_of
from suite.landlock.abi import FS, NET, SCOPE, Feature
from suite.model import log
from suite.model.landlock import Domain, Layer, Met, Rule, Ruleset, all_rights, handled_fs
from suite.model.verdicts import Cause, Request

TRACED_SINCE = 11
"""Linux 7.3 brought the events together with this ABI version."""
_PREFIX = "landlock_"
_ESCAPED = {9: r"\t", 10: r"\n", 11: r"\v", 12: r"\f", 13: r"\r", 7: r"\a", 27: r"\e",
            0x22: r"\"", 0x5C: r"\\"}  # fmt: skip
"""ESCAPE_SPACE and ESCAPE_SPECIAL of lib/string_helpers.c."""
_ODD = b" ='"
"""What is escaped besides, though it can be printed."""
_MOST = 8156 - 8156 // 4
"""TRACE_UNTRUSTED_STR_OUTPUT_SIZE, with a zero byte at its end."""
_TRUNCATED = "\N{HORIZONTAL ELLIPSIS}"
_MOST_PATH = 4096


def watch(kernel: Kernel) -> None:
    """Have it told of denials, of rules that are met, and of domains that end."""
    hooks = kernel.hooks
    hooks.model = replace(hooks.model, meets=lambda met: _met(kernel, met))
    kernel.hooks.witnesses.append(lambda *told: _denied(kernel, *told))
    kernel.hooks.domains.mourners.append(lambda origin: _domain_freed(kernel, origin))


def _tell(kernel: Kernel, name: str, text: str, task: Task | None) -> None:
    tracing_of(kernel).record(f"{_PREFIX}{name}", text, task)


def _is_traced(kernel: Kernel) -> bool:
    return kernel.model.abi >= TRACED_SINCE and tracing_of(kernel).is_wanted


# Rulesets


def ruleset_created(kernel: Kernel, number: int, ruleset: Ruleset) -> None:
    """landlock_create_ruleset."""
    if _is_traced(kernel):
        told = ("handled_fs", "handled_net", "scoped")
        masks_told = ruleset.handled[: len(told)]  # how permissions are told is not known yet
        handled = zip(told, masks_told, (FS, NET, SCOPE), strict=True)
        masks = " ".join(f"{name}={_flags(kind, mask)}" for name, mask, kind in handled)
        _tell(kernel, "create_ruleset", f"ruleset={number:x}.0 {masks}", kernel.current)


def ruleset_freed(kernel: Kernel, number: int, version: int) -> None:
    """landlock_free_ruleset."""
    if _is_traced(kernel):
        _tell(kernel, "free_ruleset", f"ruleset={number:x}.{version}", kernel.current)


def path_rule_added(
    kernel: Kernel, number: int, version: int, ruleset: Ruleset, access: int, path: Path
) -> None:
    """landlock_add_rule_path_beneath: with all that the ruleset does not handle."""
    if _is_traced(kernel):
        access |= all_rights(kernel.model, FS) & ~(ruleset.handled.fs | FS.REFER)
        text = f"ruleset={number:x}.{version} access_rights={_flags(FS, access)}"
        place = f"{_identity(path.inode)} path={escaped(_absolute(path))}"
        _tell(kernel, "add_rule_path_beneath", f"{text} {place}", kernel.current)


def port_rule_added(
    kernel: Kernel, number: int, version: int, ruleset: Ruleset, access: int, port: int
) -> None:
    """landlock_add_rule_net_port: with all that the ruleset does not handle."""
    if _is_traced(kernel):
        access |= all_rights(kernel.model, NET) & ~ruleset.handled.net
        text = f"ruleset={number:x}.{version} access_rights={_flags(NET, access)} port={port}"
        _tell(kernel, "add_rule_net_port", text, kernel.current)


def uses_rule_added(kernel: Kernel) -> None:
    """The events of rules on permissions, and of their denials, are not known yet."""
    if _is_traced(kernel):
        raise NotModelled("tracefs: permissions")


# Domains


def domain_created(kernel: Kernel, domain: Domain, number: int, version: int) -> None:
    """landlock_create_domain; the numbers are those of the ruleset."""
    if _is_traced(kernel):
        parent = f"parent={_number(kernel, domain[:-1]):x}"
        text = f"domain={_number(kernel, domain):x} {parent} ruleset={number:x}.{version}"
        _tell(kernel, "create_domain", text, kernel.current)


def domain_enforced(kernel: Kernel, task: Task, *, is_last: bool, process_wide: bool) -> None:
    """landlock_enforce_domain, of each thread that has it now."""
    if _is_traced(kernel):
        number = _number(kernel, task.credentials.landlock.domain)
        _tell(
            kernel,
            "enforce_domain",
            f"domain={number:x} complete={is_last:d} process_wide={process_wide:d} "
            f"no_new_privs={task.no_new_privs:d}",
            task,
        )


def _domain_freed(kernel: Kernel, origin: Origin) -> None:
    """landlock_free_domain, by a thread of the kernel."""
    if _is_traced(kernel):
        _tell(kernel, "free_domain", f"domain={origin.number:x} denials={origin.denials}", None)


def _number(kernel: Kernel, domain: Domain) -> int:
    """What a domain is called; 0 of none. It is its youngest layer that has the name."""
    return _number_of_layer(kernel, domain[-1]) if domain else 0


def _number_of_layer(kernel: Kernel, layer: Layer) -> int:
    return kernel.hooks.domains.origins[layer].number


# Rules


def _met(kernel: Kernel, met: Met) -> None:
    """landlock_check_rule_inode or landlock_check_rule_net_port."""
    if not _is_traced(kernel):
        return
    if isinstance(met.key, Inode):
        kind: type[Feature] = FS
        name, place = "inode", _identity(met.key)
    else:
        kind, name, place = NET, "net_port", f"port={met.key}"
    grants = ",".join(
        _flags(kind, _granted(kernel, kind, layer, rule) & met.request)
        for layer, rule in zip(met.domain, met.rules, strict=True)
    )
    head = f"domain={_number(kernel, met.domain):x} access_request={_flags(kind, met.request)}"
    _tell(kernel, f"check_rule_{name}", f"{head} {place} grants={{{grants}}}", kernel.current)


def _granted(kernel: Kernel, kind: type[Feature], layer: Layer, rule: Rule | None) -> int:
    """What a rule allows, with all that its layer does not handle."""
    if rule is None:
        return 0
    handled = handled_fs(kernel.model, layer) if kind is FS else layer.handled.net
    return rule.access | all_rights(kernel.model, kind) & ~handled


# Denials


def _denied(kernel: Kernel, cause: Cause, about: Object, logged: bool) -> None:
    """landlock_trace_denial(): whether the log has it or not."""
    if not _is_traced(kernel):
        return
    layer = log.denying(cause)
    head = f"domain={_number_of_layer(kernel, layer):x}"
    head += f" same_exec={layer in cause.subject.same_exec:d} logged={logged:d}"
    name, fields = _told(about, kernel, cause)
    _tell(kernel, name, f"{head} {fields}", kernel.current)


@singledispatch
def _told(about: Object, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    """The event of a denial about such an object, and its fields."""
    raise TypeError(f"denials about {about}")


@_told.register
def _of_path(about: Path, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    return _of_file_at(about.inode, _absolute(about), cause)


@_told.register
def _of_dentry(about: Dentry, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    """Without a mount, the path ends at the root of the file system."""
    return _of_file_at(about.inode, _joined([it.name for it in about.up()][:-1]), cause)


def _of_file_at(inode: Inode, path: str, cause: Cause) -> tuple[str, str]:
    is_access = cause.request is Request.FS_ACCESS
    blockers = _flags(FS, cause.access) if is_access else "change_topology"
    return "deny_access_fs", f"blockers={blockers} {_identity(inode)} path={escaped(path)}"


@_told.register
def _of_file(about: File, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    return _of_path(about.path, kernel, cause)


@_told.register
def _of_command(about: Command, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    return _of_path(about.file.path, kernel, cause)


@_told.register
def _of_kind(about: NamespaceKind, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    raise NotModelled("tracefs: permissions")


@_told.register
def _of_capability(about: Capability, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    raise NotModelled("tracefs: permissions")


@_told.register
def _of_wire(about: Wire, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    return "deny_access_net", f"blockers={_flags(NET, cause.access)} port={_port(about)}"


def _port(about: Wire) -> int:
    """Of the address that was checked; -1 if that has none."""
    address, family = about.address, about.socket.family
    if address is None:
        return 0
    means_none = address[:2] == bytes(2) and family == so.AF_INET6
    return -1 if means_none else int.from_bytes(address[2:4], "big")


@_told.register
def _of_task(about: Task, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    is_signal = cause.request is Request.SIGNAL
    name, role = ("deny_scope_signal", "target") if is_signal else ("deny_ptrace", "tracee")
    number = _number(kernel, about.credentials.landlock.domain)
    comm = escaped(about.name)
    pid = about.group.leader.number
    return name, f"{role}_domain={number:x} {role}_pid={pid} {role}_comm={comm}"


@_told.register
def _of_socket(about: Endpoint, kernel: Kernel, cause: Cause) -> tuple[str, str]:
    number = _number(kernel, about.credentials.landlock.domain)
    path = escaped(about.name[1:])
    fields = f"peer_domain={number:x} peer_pid={about.listener} sun_path={path}"
    return "deny_scope_abstract_unix_socket", fields


# How things are written


def _flags(kind: type[Feature], mask: int) -> str:
    return "|".join(str(bit.name).lower() for bit in kind if mask & bit)


def _identity(inode: Inode) -> str:
    device = inode.superblock.device
    return f"dev={os.major(device)}:{os.minor(device)} ino={inode.number}"


def _joined(names: list[str]) -> str:
    found = "/" + "/".join(reversed(names))
    return found if len(os.fsencode(found)) < _MOST_PATH else "<too_long>"


def _absolute(path: Path) -> str:
    """The path from the root of the system, whoever asks: resolve_path_for_trace()."""
    names: list[str] = []
    mount, dentry = path.mount, path.dentry
    while True:
        for it in dentry.up():
            if it is mount.root:
                break
            names.append(it.name)
        else:
            return "<unreachable>"
        if mount.parent is None or mount.point is None:
            break
        dentry, mount = mount.point, mount.parent
    if mount.anonymous or mount.namespace is None or mount.namespace.root is not mount:
        return "<unreachable>"
    return _joined(names)


def escaped(text: str | bytes) -> str:
    """A string from a process, so that nothing in it can end a field: as long as there is room.

    Source: __trace_print_untrusted_str(); "landlock: Bound escaped trace path output".
    """
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    parts = [_escaped(byte) for byte in raw]
    if sum(map(len, parts)) < _MOST:
        return "".join(parts)
    room, kept = _MOST - 1 - len(_TRUNCATED.encode()), ""
    for part in parts:
        if len(kept) + len(part) > room:
            break
        kept += part
    return kept + _TRUNCATED


def _escaped(byte: int) -> str:
    if byte in _ESCAPED:
        return _ESCAPED[byte]
    return chr(byte) if 0x20 <= byte < 0x7F and byte not in _ODD else f"\\{byte:03o}"
