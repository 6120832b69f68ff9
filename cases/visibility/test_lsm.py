# SPDX-License-Identifier: MIT
"""Who asks which security modules there are is told of Landlock, but of no domain.

Source: Documentation/userspace-api/lsm.rst; include/uapi/linux/lsm.h; "Kernel support" in
Documentation/userspace-api/landlock.rst.
"""

import struct

import pytest

from suite.packed import packed
from suite.case import (
    FS, LANDLOCK, Clause, Expectation, Judge, Need, Out, Process, Row, Ruleset, Seen, answers,
    needs, since, table, vm_only,
)  # fmt: skip

LSM_ID_LANDLOCK = 110
LSM_ATTRIBUTES = {
    "current": 100,
    "exec": 101,
    "fscreate": 102,
    "keycreate": 103,
    "prev": 104,
    "sockcreate": 105,
}
SYSLOG_ACTION_READ_ALL = 3
_MOST = 4096
_LOG = 1 << 18
NAMED, UNNAMED = Seen("named"), Seen("not named")
IF_ENABLED = Expectation(Clause(UNNAMED, until=LANDLOCK), Clause(NAMED, since=LANDLOCK))


def modules(process: Process) -> list[int]:
    """lsm_list_modules(2)."""
    size = packed("I", _MOST)
    call = process.syscall("lsm_list_modules", Out(_MOST, f"{_MOST // 8}Q"), size, 0)
    return [number for (number,) in struct.iter_unpack("<Q", call.data[: 8 * call.value])]


@answers("vis-lsm-list")
@needs(Need.SECURITYFS)
def test_list(process: Process, judge: Judge) -> None:
    """The list of security modules names Landlock if, and only if, it is enabled."""
    names = process.read_file("/sys/kernel/security/lsm").split(b",")
    judge(IF_ENABLED, NAMED if b"landlock" in names else UNNAMED)


@answers("vis-lsm-modules")
@needs(Need.LSM_CALLS)
def test_modules(process: Process, judge: Judge) -> None:
    """lsm_list_modules(2) names it likewise."""
    judge(IF_ENABLED, NAMED if LSM_ID_LANDLOCK in modules(process) else UNNAMED)


@answers("vis-dmesg")
@vm_only
def test_log(process: Process, judge: Judge) -> None:
    """The kernel's log says that it is up."""
    log = process.syscall("syslog", SYSLOG_ACTION_READ_ALL, Out(_LOG), _LOG).data
    named = b"landlock: Up and running." in log
    if not named and b"Linux version" not in log:  # other cases had the kernel say a lot
        pytest.skip("what the kernel said when it booted is no longer in its log")
    judge(IF_ENABLED, NAMED if named else UNNAMED)


class Attribute(Row, frozen=True, kw_only=True):
    """What lsm_get_self_attr(2) is asked for."""

    number: int


def contexts(data: bytes) -> str:
    """The form of a list of struct lsm_ctx, of a big-endian target."""
    forms, at = [], 0
    while size := int.from_bytes(data[at + 16 : at + 24]):
        forms.append(f"4Q{size - 32}s")
        at += size
    return "".join(forms)


def owners(process: Process, attribute: int, found: list[int]) -> None:
    """Who says something of an attribute of the process."""
    size = packed("I", _MOST)
    call = process.syscall("lsm_get_self_attr", attribute, Out(_MOST, contexts), size, 0)
    at = 0
    for _ in range(call.value):
        owner, _, length = struct.unpack_from("<3Q", call.data, at)
        found.append(owner)
        at += length


@answers("vis-lsm-attr")
@needs(Need.LSM_CALLS)
@table({f"attribute-{name}": Attribute(number=it) for name, it in LSM_ATTRIBUTES.items()})
def test_attribute(case: Attribute, process: Process, judge: Judge) -> None:
    """lsm_get_self_attr(2) says the same in a domain as outside, and nothing of Landlock."""
    outside: list[int] = []
    inside: list[int] = []
    free = process.observe(owners, case.number, outside).outcome
    sandboxed = process.under(Ruleset(fs=FS.WRITE_FILE))
    outcome = sandboxed.observe(owners, case.number, inside).outcome
    if (outcome, inside) == (free, outside):
        outcome = NAMED if LSM_ID_LANDLOCK in inside else UNNAMED
    judge(since(FS.WRITE_FILE, UNNAMED), outcome)
