# SPDX-License-Identifier: MIT
"""The event of a denied abstract socket: its name, and the process and the domain of the peer.

Source: include/trace/events/landlock.h, landlock_deny_scope_abstract_unix_socket;
security/landlock/task.c, hook_unix_stream_connect() and hook_unix_may_send().
"""

from collections.abc import Callable
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.scope.abstract import connect, sendto
from cases.trace.traces import traced
from suite.case import (
    SCOPE, Case, Judge, Need, Process, Ruleset, Seen, Trace, Tree, abstract, answers, covers, needs,
    since, split, table, vm_only,
)  # fmt: skip

ABSTRACT = Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)
EVENT = "deny_scope_abstract_unix_socket"


class Way(Case, frozen=True, kw_only=True):
    """A way to talk to an abstract socket of another process."""

    kind: int
    talk: Callable[[Process, bytes, int], object]
    other: tuple[Ruleset, ...]


def way(
    talk: Callable[[Process, bytes, int], object],
    kind: int,
    pid: str,
    ids: tuple[str, str] = ("D1", "0"),
    other: tuple[Ruleset, ...] = (),
) -> Way:
    text = (
        f"{EVENT} domain={ids[0]} same_exec=1 logged=1 "
        rf"peer_domain={ids[1]} peer_pid={pid} sun_path=NAME\040\000\303\251"
    )
    return Way(kind=kind, talk=talk, other=other, expect=since(ABSTRACT.features, Seen(text)))


WAYS = {
    "abstract-stream": way(connect, SOCK_STREAM, "PID"),
    "abstract-stream-sibling-domain": way(connect, SOCK_STREAM, "PID", ("D2", "D1"), (ABSTRACT,)),
    # The credentials of a peer are those of listen(2).
    "abstract-datagram-connect": way(connect, SOCK_DGRAM, "0"),
    "abstract-datagram-sendto": way(sendto, SOCK_DGRAM, "0"),
    "abstract-datagram-sibling-domain": way(sendto, SOCK_DGRAM, "0", ("D2", "D1"), (ABSTRACT,)),
}


@vm_only
@answers("trc-deny-targets")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@needs(Need.TRACEPOINTS)
@table(split("trc-socket", WAYS))
def test_abstract_socket(case: Way, process: Process, tree: Tree, judge: Judge) -> None:
    """The event has the whole name of the socket, escaped, and its process where there is one."""
    names = [f"{tree.path}/{which} \0é" for which in ("free", "other")]
    process.server(AF_UNIX, case.kind, abstract(names[0]))
    control = process.observe(case.talk, abstract(names[0]), case.kind)
    with Trace(process, EVENT) as trace:
        other = process.fork()
        other.restrict(*case.other)
        other.server(AF_UNIX, case.kind, abstract(names[1]))
        pid = other.getpid()
        tried = process.under(ABSTRACT).observe(case.talk, abstract(names[1]), case.kind)
        events = trace.take()
    known = {str(pid.value): "PID", f"{tree.path}/other": "NAME"}
    observed = traced(trace, events, tried, "EPERM", known)
    judge(case.expect, observed, control)
