# SPDX-License-Identifier: MIT
"""The formats of Landlock's trace events: a row each, as ``format`` in tracefs tells them.

Source: include/trace/events/landlock.h; Documentation/trace/events.rst, "Event formats".
"""

from __future__ import annotations

from dataclasses import dataclass

_SIZES = {"u64": 8, "s64": 8, "bool": 1, "access_mask_t": 4, "dev_t": 4, "ino_t": 8, "pid_t": 4,
          "enum landlock_request_type": 4}  # fmt: skip
_SIGNED = {"s64", "pid_t"}
_ARRAY = "__data_loc "
"""What a field of any length begins with: its place and size take four bytes."""
_COMMON = (("unsigned short", "common_type", 2, 0), ("unsigned char", "common_flags", 1, 0),
           ("unsigned char", "common_preempt_count", 1, 0),
           ("int", "common_pid", 4, 1))  # fmt: skip
_FIRST_NUMBER = 400


@dataclass(frozen=True, slots=True)
class Event:
    """An event."""

    number: int
    name: str
    fields: tuple[str, ...]
    """With their types."""
    printed: str
    """The format of its text."""


_RULESET = "u64 ruleset_id, u64 ruleset_version"
_DENIAL = "u64 domain_id, bool same_exec, bool logged"
_INODE = "dev_t dev, ino_t ino"
_BLOCKERS = "enum landlock_request_type blockers_type, access_mask_t blockers_access"
_PATH, _GRANTS = "__data_loc char[] pathname", "__data_loc access_mask_t[] grants"
_IDS, _PLACE = "ruleset=%llx.%llu", "dev=%u:%u ino=%lu"
_DENIED = "domain=%llx same_exec=%d logged=%d"
_ROWS = (
    (
        "create_ruleset",
        f"{_RULESET}, access_mask_t handled_fs, access_mask_t handled_net, access_mask_t scoped",
        f"{_IDS} handled_fs=%s handled_net=%s scoped=%s",
    ),
    ("free_ruleset", _RULESET, _IDS),
    (
        "add_rule_path_beneath",
        f"{_RULESET}, access_mask_t access_rights, {_INODE}, {_PATH}",
        f"{_IDS} access_rights=%s {_PLACE} path=%s",
    ),
    (
        "add_rule_net_port",
        f"{_RULESET}, access_mask_t access_rights, u64 port",
        f"{_IDS} access_rights=%s port=%llu",
    ),
    (
        "create_domain",
        f"u64 domain_id, u64 parent_id, {_RULESET}",
        f"domain=%llx parent=%llx {_IDS}",
    ),
    (
        "enforce_domain",
        "u64 domain_id, bool complete, bool process_wide, bool no_new_privs",
        "domain=%llx complete=%d process_wide=%d no_new_privs=%d",
    ),
    ("free_domain", "u64 domain_id, u64 denials", "domain=%llx denials=%llu"),
    (
        "check_rule_inode",
        f"u64 domain_id, access_mask_t access_request, {_INODE}, {_GRANTS}",
        f"domain=%llx access_request=%s {_PLACE} grants=%s",
    ),
    (
        "check_rule_net_port",
        f"u64 domain_id, access_mask_t access_request, u64 port, {_GRANTS}",
        "domain=%llx access_request=%s port=%llu grants=%s",
    ),
    (
        "deny_access_fs",
        f"{_DENIAL}, {_BLOCKERS}, {_INODE}, {_PATH}",
        f"{_DENIED} blockers=%s {_PLACE} path=%s",
    ),
    (
        "deny_access_net",
        f"{_DENIAL}, {_BLOCKERS}, s64 port",
        f"{_DENIED} blockers=%s port=%lld",
    ),
    (
        "deny_ptrace",
        f"{_DENIAL}, u64 tracee_domain_id, pid_t tracee_pid, __data_loc char[] tracee_comm",
        f"{_DENIED} tracee_domain=%llx tracee_pid=%d tracee_comm=%s",
    ),
    (
        "deny_scope_signal",
        f"{_DENIAL}, u64 target_domain_id, pid_t target_pid, __data_loc char[] target_comm",
        f"{_DENIED} target_domain=%llx target_pid=%d target_comm=%s",
    ),
    (
        "deny_scope_abstract_unix_socket",
        f"{_DENIAL}, u64 peer_domain_id, pid_t peer_pid, __data_loc char[] sun_path",
        f"{_DENIED} peer_domain=%llx peer_pid=%d sun_path=%s",
    ),
)
EVENTS = tuple(
    Event(number, f"landlock_{name}", tuple(fields.split(", ")), printed)
    for number, (name, fields, printed) in enumerate(_ROWS, _FIRST_NUMBER)
)


def written(event: Event) -> str:
    """The file ``format`` of an event: its fields, where each is, and how they are printed."""
    lines, offset = [f"name: {event.name}", f"ID: {event.number}", "format:"], 0
    for declared, name, size, signed in _COMMON:
        lines.append(_line(f"{declared} {name}", offset, size, signed))
        offset += size
    lines.append("")
    for declared in event.fields:
        kind = declared.rpartition(" ")[0]
        size = 4 if kind.startswith(_ARRAY) else _SIZES[kind]
        offset = -(-offset // size) * size
        lines.append(_line(declared, offset, size, int(kind in _SIGNED)))
        offset += size
    names = ", ".join(f"REC->{it.rpartition(' ')[2]}" for it in event.fields)
    return "\n".join([*lines, "", f'print fmt: "{event.printed}", {names}', ""])


def _line(declared: str, offset: int, size: int, signed: int) -> str:
    return f"\tfield:{declared};\toffset:{offset};\tsize:{size};\tsigned:{signed};"
