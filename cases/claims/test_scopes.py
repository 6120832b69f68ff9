# SPDX-License-Identifier: MIT
"""Every scope denies something: one check a bit, in a domain of it alone.

Source: include/uapi/linux/landlock.h, "Scope flags".
"""

import socket
from collections.abc import Callable

from suite.case import (
    SCOPE, Case, Denied, Judge, Process, Ruleset, Tree, abstract, answers, since, table,
)  # fmt: skip


class Scoped(Case, frozen=True, kw_only=True):
    """A call that acts on a process outside, or on its abstract UNIX socket."""

    scope: SCOPE
    call: Callable[[Process, Process, bytes], object]


def connect(process: Process, outside: Process, address: bytes) -> None:
    process.connect(process.socket(socket.AF_UNIX, socket.SOCK_STREAM), address)


def kill(process: Process, outside: Process, address: bytes) -> None:
    assert outside.pid is not None
    process.kill(outside.pid, 0)


def scoped(scope: SCOPE, call: Callable[[Process, Process, bytes], object]) -> Scoped:
    return Scoped(scope=scope, covers=scope, call=call, expect=since(scope, Denied("EPERM")))


CASES = {
    "scope-abstract-unix-socket": scoped(SCOPE.ABSTRACT_UNIX_SOCKET, connect),
    "scope-signal": scoped(SCOPE.SIGNAL, kill),
}


@answers("sys-rs-empty-ruleset")
@table(CASES)
def test_denied(case: Scoped, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that has a scope alone can't act on what is outside of it."""
    address = abstract(tree.path)
    process.server(socket.AF_UNIX, socket.SOCK_STREAM, address)
    control = process.fork().observe(case.call, process, address)
    sandboxed = process.under(Ruleset(scope=case.scope))
    judge(case.expect, sandboxed.observe(case.call, process, address), control)
