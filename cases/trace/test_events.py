# SPDX-License-Identifier: MIT
"""Which events Landlock has, what their records consist of, and who may see them.

Source: include/trace/events/landlock.h, TRACE_EVENT(), TP_STRUCT__entry() and TP_printk();
Documentation/trace/events-landlock.rst; Documentation/trace/events.rst, "Event formats".
"""

import os
import re

from suite.case import (
    Allowed, Denied, Fd, Judge, Need, Process, Row, Seen, always, answers, needs, own_memory, table,
    vm_only,
)  # fmt: skip
from suite.witness.tracefs import EVENTS, PREFIX, mounted

USER = 1000
_FIELD = re.compile(r"field:(.+?);\s*offset:\d+;\s*size:(\d+);\s*signed:([01]);")
_PRINTED = re.compile(r'^print fmt: "([^"]*)"', re.MULTILINE)
_DENIAL = "u64 domain_id:8, bool same_exec:1, bool logged:1"
_DENIED = "domain=%llx same_exec=%d logged=%d"
_RULESET = "u64 ruleset_id:8, u64 ruleset_version:8"


class Format(Row, frozen=True, kw_only=True):
    """An event, its fields with their bytes (signed ones with a minus), and how it is printed."""

    event: str
    fields: str
    printed: str


FORMATS = (
    Format(
        event="create_ruleset",
        fields=f"{_RULESET}, access_mask_t handled_fs:4, access_mask_t handled_net:4, "
        "access_mask_t scoped:4",
        printed="ruleset=%llx.%llu handled_fs=%s handled_net=%s scoped=%s",
    ),
    Format(event="free_ruleset", fields=_RULESET, printed="ruleset=%llx.%llu"),
    Format(
        event="add_rule_path_beneath",
        fields=f"{_RULESET}, access_mask_t access_rights:4, dev_t dev:4, ino_t ino:8, "
        "__data_loc char[] pathname:4",
        printed="ruleset=%llx.%llu access_rights=%s dev=%u:%u ino=%lu path=%s",
    ),
    Format(
        event="add_rule_net_port",
        fields=f"{_RULESET}, access_mask_t access_rights:4, u64 port:8",
        printed="ruleset=%llx.%llu access_rights=%s port=%llu",
    ),
    Format(
        event="create_domain",
        fields=f"u64 domain_id:8, u64 parent_id:8, {_RULESET}",
        printed="domain=%llx parent=%llx ruleset=%llx.%llu",
    ),
    Format(
        event="enforce_domain",
        fields="u64 domain_id:8, bool complete:1, bool process_wide:1, bool no_new_privs:1",
        printed="domain=%llx complete=%d process_wide=%d no_new_privs=%d",
    ),
    Format(
        event="free_domain",
        fields="u64 domain_id:8, u64 denials:8",
        printed="domain=%llx denials=%llu",
    ),
    Format(
        event="check_rule_inode",
        fields="u64 domain_id:8, access_mask_t access_request:4, dev_t dev:4, ino_t ino:8, "
        "__data_loc access_mask_t[] grants:4",
        printed="domain=%llx access_request=%s dev=%u:%u ino=%lu grants=%s",
    ),
    Format(
        event="check_rule_net_port",
        fields="u64 domain_id:8, access_mask_t access_request:4, u64 port:8, "
        "__data_loc access_mask_t[] grants:4",
        printed="domain=%llx access_request=%s port=%llu grants=%s",
    ),
    Format(
        event="deny_access_fs",
        fields=f"{_DENIAL}, enum landlock_request_type blockers_type:4, "
        "access_mask_t blockers_access:4, dev_t dev:4, ino_t ino:8, __data_loc char[] pathname:4",
        printed=f"{_DENIED} blockers=%s dev=%u:%u ino=%lu path=%s",
    ),
    Format(
        event="deny_access_net",
        fields=f"{_DENIAL}, enum landlock_request_type blockers_type:4, "
        "access_mask_t blockers_access:4, s64 port:-8",
        printed=f"{_DENIED} blockers=%s port=%lld",
    ),
    Format(
        event="deny_ptrace",
        fields=f"{_DENIAL}, u64 tracee_domain_id:8, pid_t tracee_pid:-4, "
        "__data_loc char[] tracee_comm:4",
        printed=f"{_DENIED} tracee_domain=%llx tracee_pid=%d tracee_comm=%s",
    ),
    Format(
        event="deny_scope_signal",
        fields=f"{_DENIAL}, u64 target_domain_id:8, pid_t target_pid:-4, "
        "__data_loc char[] target_comm:4",
        printed=f"{_DENIED} target_domain=%llx target_pid=%d target_comm=%s",
    ),
    Format(
        event="deny_scope_abstract_unix_socket",
        fields=f"{_DENIAL}, u64 peer_domain_id:8, pid_t peer_pid:-4, __data_loc char[] sun_path:4",
        printed=f"{_DENIED} peer_domain=%llx peer_pid=%d sun_path=%s",
    ),
)


def entries(process: Process, tracefs: Fd) -> set[str]:
    """The names in the folder of Landlock's events, of which one call tells all."""
    call = process.list_dir(process.open(EVENTS, os.O_RDONLY, at=tracefs))
    data, names = call.data[: call.value], set()
    while data:
        size = int.from_bytes(data[16:18], "little")
        names.add(data[19:size].split(b"\0")[0].decode())
        data = data[size:]
    return names


@vm_only
@answers("trc-list")
@needs(Need.TRACEPOINTS)
def test_listed(process: Process, judge: Judge) -> None:
    """There is an event for each step of a ruleset and of a domain, each check and each denial."""
    listed: set[str] = set()
    seen = process.observe(lambda process: listed.update(entries(process, mounted(process))))
    missing = [row.event for row in FORMATS if f"{PREFIX}{row.event}" not in listed]
    observed = Seen(f"lacks {missing}") if missing else Seen("all")
    judge(always(Seen("all")), observed if seen.outcome == Allowed() else seen)


def described(text: str) -> tuple[str, str]:
    """The fields of an event's own, and how they are printed."""
    fields = [
        f"{declared}:{'-' * int(signed)}{size}"
        for declared, size, signed in _FIELD.findall(text)
        if " common_" not in declared
    ]
    printed = _PRINTED.search(text)
    return ", ".join(fields), printed[1] if printed else ""


@vm_only
@answers("trc-list", "trc-format", "llr-44")
@needs(Need.TRACEPOINTS)
@table({f"format-{row.event.replace('_', '-')}": row for row in FORMATS})
def test_format(case: Format, process: Process, judge: Judge) -> None:
    """An event's format tells its fields, their types and sizes in order; later ones may follow."""
    texts: list[str] = []

    def look(process: Process) -> None:
        path = f"{EVENTS}/{PREFIX}{case.event}/format"
        call = process.read(process.open(path, os.O_RDONLY, at=mounted(process)), 8192)
        texts.append(call.data[: call.value].decode())

    seen = process.observe(look)
    if not texts:
        judge(always(Seen("as known")), seen)
        return
    fields, printed = described(texts[0])
    known = fields.startswith(case.fields) and printed.startswith(case.printed)
    judge(always(Seen("as known")), Seen("as known" if known else f"{fields}; {printed}"))


class File(Row, frozen=True, kw_only=True):
    """A file of an event, or of its folder."""

    path: str
    flags: int


FILES = {
    "user-enable": File(path=f"{EVENTS}/{PREFIX}deny_access_fs/enable", flags=os.O_WRONLY),
    "user-enable-all": File(path=f"{EVENTS}/enable", flags=os.O_WRONLY),
    "user-read-id": File(
        path=f"{EVENTS}/{PREFIX}deny_access_fs/id", flags=os.O_RDONLY, needs=(Need.PERF_EVENTS,)
    ),
}


@vm_only
@answers("trc-unpriv")
@needs(Need.TRACEPOINTS)
@table(FILES)
@own_memory
def test_user(case: File, process: Process, judge: Judge) -> None:
    """Nobody but the privileged may switch an event, or look at it."""
    tracefs = mounted(process)
    control = process.observe(Process.open, case.path, case.flags, at=tracefs)
    user = process.fork()
    user.setuid(USER)
    tried = user.observe(Process.open, case.path, case.flags, at=tracefs)
    if control.outcome == Denied("ENOENT"):  # the kernel owes the event, so it is no control
        judge(always(Denied("EACCES")), Seen(f"no {case.path}"))
        return
    judge(always(Denied("EACCES")), tried, control)
