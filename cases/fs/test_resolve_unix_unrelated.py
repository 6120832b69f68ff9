# SPDX-License-Identifier: MIT
"""What LANDLOCK_ACCESS_FS_RESOLVE_UNIX is not about, and what is not about pathname sockets.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_RESOLVE_UNIX and
LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET; hook_unix_find() in security/landlock/fs.c.
"""

from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.fs.resolve_unix import ALLOWED, RESOLVE, connect
from suite.case import (
    FS, SCOPE, Allowed, Call, Judge, Process, Row, Ruleset, Tree, abstract, answers, covers, since,
    table, unix,
)  # fmt: skip

OTHERS = FS.READ_FILE | FS.WRITE_FILE | FS.EXECUTE | FS.READ_DIR | FS.MAKE_SOCK


class Unrelated(Row, frozen=True, kw_only=True):
    """A ruleset that allows to connect to d1."""

    handled: FS = FS(0)
    scope: SCOPE = SCOPE(0)
    allowed: FS = FS(0)


UNRELATED = {
    "other-rights-denied": Unrelated(
        handled=OTHERS,
        answers=("unix-abi-below-9", "unix-other-rights-irrelevant"),
    ),
    "other-rights-denied-with-rule": Unrelated(
        handled=OTHERS | FS.RESOLVE_UNIX,
        allowed=FS.RESOLVE_UNIX,
        answers="unix-other-rights-irrelevant",
    ),
    "abstract-sockets-scoped": Unrelated(
        scope=SCOPE.ABSTRACT_UNIX_SOCKET,
        answers="unix-scope-abstract-no-effect",
    ),
}


@covers(FS.RESOLVE_UNIX)
@table(UNRELATED)
def test_other_restrictions(case: Unrelated, process: Process, tree: Tree, judge: Judge) -> None:
    """No other right and no scope is asked for when a client connects to a path."""
    address = unix(f"{tree.d1}/socket")
    process.server(AF_UNIX, SOCK_STREAM, address)
    control = process.observe(connect, address)
    ruleset = Ruleset(fs=case.handled, scope=case.scope)
    if case.allowed:
        ruleset = ruleset.allow(tree.d1, case.allowed)
    expect = since(ruleset.features, Allowed())
    judge(expect, process.under(ruleset).observe(connect, address), control)


@answers("unix-abstract-and-socketpair")
@covers(FS.RESOLVE_UNIX)
def test_abstract_socket(process: Process, tree: Tree, judge: Judge) -> None:
    """An abstract name is no path."""
    process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    control = process.observe(connect, abstract(tree.path))
    judge(ALLOWED, process.under(RESOLVE).observe(connect, abstract(tree.path)), control)


@answers("unix-abstract-and-socketpair")
@covers(FS.RESOLVE_UNIX)
def test_socketpair(process: Process, judge: Judge) -> None:
    """socketpair(2) looks nothing up."""

    def pair(process: Process) -> Call:
        end, _ = process.socketpair(SOCK_DGRAM)
        return process.sendto(end, b"x")

    judge(ALLOWED, process.under(RESOLVE).observe(pair), process.observe(pair))
