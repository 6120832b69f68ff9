# SPDX-License-Identifier: MIT
"""The port in the event of a denial, by the call, and by the family of the address.

Source: include/trace/events/landlock.h, landlock_deny_access_net; security/landlock/net.c,
current_check_access_socket().
"""

from cases.audit.families import OnPort, Use, rows
from cases.trace.traces import flags, traced
from suite.case import (
    Expectation, Judge, Need, Process, Ruleset, Seen, Trace, needs, since, table, vm_only,
)  # fmt: skip


def owed(use: Use, _: str) -> Expectation:
    head = "deny_access_net domain=D1 same_exec=1 logged=1"
    return since(use.right, Seen(f"{head} blockers={flags(use.right)} port=PORT"))


ROWS = rows(
    owed,
    "trc-family",
    {
        "bind-tcp": "mapped",
        "connect-tcp": "mapped",
        "bind-udp": "ipv6 mapped unspecified-any",
        "connect-udp": "ipv6 mapped",
        "sendto-udp": "mapped",
    },
)


@vm_only
@needs(Need.TRACEPOINTS)
@table(ROWS)
def test_family(case: OnPort, process: Process, port: int, judge: Judge) -> None:
    """The event has the port of the address, of whatever family it is."""
    control = case.control(process, port)
    with Trace(process, "deny_access_net") as trace:
        tried = case.attempt(process.under(Ruleset(net=case.use.right)), port)
        events = trace.take()
    judge(case.expect, traced(trace, events, tried, "EACCES", {str(port): "PORT"}), control)
