# SPDX-License-Identifier: MIT
"""The layouts of structs that system calls take, little-endian, by the word for their kind.

Source: include/uapi/linux: landlock.h, openat2.h, time_types.h, resource.h, mount.h, fcntl.h,
socket.h, uio.h; include/uapi/asm-generic/poll.h.
"""

from __future__ import annotations

from dataclasses import dataclass

from suite.landlock.abi import RULESET_ATTR
from suite.landlock.calls import RULE_TYPES


@dataclass(frozen=True, slots=True)
class Field:
    """A field of ``width`` bytes, right behind the one before."""

    name: str
    width: int
    kind: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A struct."""

    tag: str
    """In C."""
    fields: tuple[Field, ...]
    least: int = 0
    """The fewest bytes that make sense."""
    in_array: bool = False
    """Whether a call takes an array of it; cases have one element."""
    has_more: bool = False
    """Whether what follows the fields is left out without a word."""


def _fields(rows: str) -> tuple[Field, ...]:
    """Rows of ``name width kind``."""
    words = [row.split() for row in rows.split(",")]
    return tuple(Field(name, int(width), kind) for name, width, kind in words)


def _rule(name: str, *kinds: str) -> Layout:
    """The struct of a kind of rules."""
    row = RULE_TYPES[name]
    fields = (Field(it.name, it.size, kind) for it, kind in zip(row.fields, kinds, strict=True))
    size = sum(it.size for it in row.fields)
    return Layout(f"struct {row.struct}", tuple(fields), size)


_RIGHTS = {"fs": "llfs", "net": "llnet", "scoped": "llscope", "permissions": "llpermission"}

LAYOUTS: dict[str, Layout] = {
    "ruleset_attr": Layout(
        "struct landlock_ruleset_attr",
        tuple(Field(it.name, 8, _RIGHTS[it.name.rpartition("_")[2]]) for it in RULESET_ATTR),
        least=8,
    ),
    "path_beneath": _rule("path_beneath", "llfs", "fd"),
    "net_port": _rule("net_port", "llnet", "dec"),
    "namespace": _rule("namespace", "llpermission", "clonens", "clonens"),
    "capability": _rule("capability", "llpermission", "any", "any"),
    "how": Layout("struct how", _fields("flags 8 open, mode 8 howmode, resolve 8 resolve"), 24),
    "iovec": Layout("struct iovec", _fields("iov_base 8 buf, iov_len 8 dec"), 16, in_array=True),
    "mountattrs": Layout(
        "struct attr",
        _fields("attr_set 8 mountattr, attr_clr 8 mountattr, propagation 8 ms, userns_fd 8 dec"),
        32,
    ),
    "msghdr": Layout(
        "struct msghdr",
        _fields(
            "msg_name 8 sockaddr, msg_namelen 4 dec, _ 4 none, msg_iov 8 iovec, msg_iovlen 8 dec,"
            "msg_control 8 none, msg_controllen 8 dec, msg_flags 8 msg"
        ),
        56,
        has_more=True,
    ),
    "caphdr": Layout("", _fields("version 4 capversion, pid 4 pid"), 8),
    "bpfmap": Layout(
        "",
        _fields("map_type 4 bpfmaptype, key_size 4 dec, value_size 4 dec, max_entries 4 dec"),
        16,
        has_more=True,
    ),
    "bpfpin": Layout("", _fields("pathname 8 str, bpf_fd 4 fd, file_flags 4 dec"), 12),
    "fprog": Layout("", _fields("len 2 dec, _ 6 none, filter 8 buf"), 16),
    "itimerval": Layout(
        "struct itimerval", _fields("it_interval 16 timeval, it_value 16 timeval"), 32
    ),
    "mmsghdr": Layout(
        "struct mmsghdr",
        _fields("msg_hdr 56 msghdr, msg_len 4 dec, _ 4 none"),
        64,
        in_array=True,
    ),
    "mqattr": Layout(
        "",
        _fields("mq_flags 8 open_status, mq_maxmsg 8 dec, mq_msgsize 8 dec, mq_curmsgs 8 dec"),
        24,
        has_more=True,
    ),
    "ringparams": Layout(
        "",
        _fields(
            "sq_entries 4 dec, cq_entries 4 dec, flags 4 any, sq_thread_cpu 4 dec,"
            "sq_thread_idle 4 dec, features 4 any, wq_fd 4 fd"
        ),
        120,
    ),
    "timeval": Layout("struct timeval", _fields("tv_sec 8 dec, tv_usec 8 dec"), 16),
    "owner_ex": Layout("struct f_owner_ex", _fields("type 4 owner, pid 4 pid"), 8),
    "pollfds": Layout("", _fields("fd 4 fd, events 2 poll"), 8, in_array=True, has_more=True),
    "rlim": Layout("struct rlimit", _fields("rlim_cur 8 limit, rlim_max 8 limit"), 16),
    "timespec": Layout("struct timespec", _fields("tv_sec 8 dec, tv_nsec 8 dec"), 16),
}
