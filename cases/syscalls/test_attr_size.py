# SPDX-License-Identifier: MIT
"""landlock_create_ruleset(2)'s size: attributes longer than the kernel's.

Source: copy_min_struct_from_user() in security/landlock/syscalls.c; Documentation/
userspace-api/landlock.rst, "Backward and forward compatibility".
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import ABIS, FS
from suite.expectation import by_abi
from suite.outcome import Allowed, Outcome, Rejected
from suite.process import Process
from suite.rows import Case, Judge, table

READ_FILE_ONLY = struct.pack("<Q", FS.READ_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attr(Case):
    """The attribute's bytes."""

    attr: bytes


def padded(size: int) -> bytes:
    """READ_FILE handled, then zeros."""
    return READ_FILE_ONLY.ljust(size, b"\0")


def with_last_field(size: int, value: int) -> bytes:
    """READ_FILE handled, and the last 8-byte field set."""
    return padded(size - 8) + struct.pack("<Q", value)


def known_from(size: int) -> Callable[[int], Outcome]:
    """What an ABI version owes for a field that ends at this offset."""
    return lambda abi: (
        Allowed() if ABIS[abi].attr_size >= size else Rejected("create_ruleset", "E2BIG")
    )


CASES = {
    "8-bytes": Attr(attr=padded(8), expect=by_abi(lambda _: Allowed())),
    "16-bytes-zero": Attr(attr=padded(16), expect=by_abi(lambda _: Allowed())),
    "24-bytes-zero": Attr(attr=padded(24), expect=by_abi(lambda _: Allowed())),
    "48-bytes-zero": Attr(attr=padded(48), expect=by_abi(lambda _: Allowed())),
    "page-zero": Attr(attr=padded(4096), expect=by_abi(lambda _: Allowed())),
    "16-bytes-net": Attr(attr=with_last_field(16, 1), expect=by_abi(known_from(16))),
    "24-bytes-scope": Attr(attr=with_last_field(24, 1), expect=by_abi(known_from(24))),
    "32-bytes-quiet-fs": Attr(
        attr=with_last_field(32, FS.READ_FILE), expect=by_abi(known_from(32))
    ),
    "56-bytes-unknown": Attr(attr=with_last_field(56, 1), expect=by_abi(known_from(56))),
}


@table(CASES)
def test_size(case: Attr, process: Process, judge: Judge) -> None:
    """Bytes past the end of the kernel's attribute must be zero."""
    judge(case.expect, process.observe(Process.create_ruleset, case.attr, len(case.attr)))
