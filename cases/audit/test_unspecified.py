# SPDX-License-Identifier: MIT
"""What the log says of denied accesses to addresses of the family AF_UNSPEC.

Source: security/landlock/net.c, current_check_access_socket(), which gives the log the family of
the address; security/lsm_audit.c, audit_log_lsm_data(), which knows those of IPv4 and IPv6 alone.
"""

from collections.abc import Callable
from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM

from cases.audit.logs import logged, logs, says
from suite.case import (
    NET, AuditLog, Case, Judge, Need, Process, Ruleset, answers, inet, needs, table, unspecified,
    vm_only,
)  # fmt: skip

ANY = "0.0.0.0"  # noqa: S104 (what an address of AF_UNSPEC has to be for bind(2))


class Access(Case, frozen=True, kw_only=True):
    """A call that is given such an address."""

    call: Callable[[Process, bytes], object]
    handled: NET


def bind(kind: int) -> Callable[[Process, bytes], object]:
    return lambda process, address: process.bind(process.socket(AF_INET, kind), address)


def sendto(process: Process, address: bytes) -> None:
    process.sendto(process.socket(AF_INET, SOCK_DGRAM), b"x", address)


def access(call: Callable[[Process, bytes], object], handled: NET) -> Access:
    (name,) = handled.labels
    return Access(
        call=call,
        handled=handled,
        covers=handled,
        expect=logged([handled], says(f"blockers={name}")),
    )


CASES = {
    "bind-tcp": access(bind(SOCK_STREAM), NET.BIND_TCP),
    "bind-udp": access(bind(SOCK_DGRAM), NET.BIND_UDP),
    "sendto-udp": access(sendto, NET.CONNECT_SEND_UDP),
}


@vm_only
@answers("aud-net-unspec")
@needs(Need.AUDIT)
@table(CASES)
def test_unspecified(case: Access, process: Process, port: int, judge: Judge) -> None:
    """A denied access to an address of AF_UNSPEC is logged without address and port."""
    address = unspecified(inet(port, ANY))
    control = process.fork().observe(case.call, address)
    with AuditLog(process) as log:
        denied = process.under(Ruleset(net=case.handled)).observe(case.call, address)
        accesses = log.accesses()
    judge(case.expect, logs(accesses, denied, names={str(port): "PORT"}), control)
