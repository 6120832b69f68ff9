# SPDX-License-Identifier: MIT
"""TCP sockets that change from IPv6 to IPv4 while connect(2) is called.

Source: "landlock: Fix unmarked concurrent access to socket family" (0ce4243509d1):
current_check_access_socket() in security/landlock/net.c, which read sk_family several times.
"""

from socket import AF_INET, AF_INET6, IPPROTO_IPV6, SOCK_STREAM

from cases.controls import refused
from cases.history.complaints import KernelLog
from cases.history.race import at_once, worst
from suite.case import (
    NET, Denied, Judge, Need, Observation, Process, Ruleset, answers, covers, inet, inet6, needs,
    since, vm_only,
)  # fmt: skip
from suite.process.uapi import IPV6_ADDRFORM

CONNECT = NET.CONNECT_TCP
SOCKETS = 24
MAPPED = "::ffff:127.0.0.1"
FIRST_FD = 300
DENIED, OTHER_FAMILY = Denied("EACCES"), Denied("EINVAL")
"""Before a socket's family changed, and after."""


@vm_only
@covers(CONNECT)
@answers("llr-37")
@needs(Need.NET, Need.IPV6)
def test_connect(process: Process, port: int, judge: Judge) -> None:
    """What is denied is denied to a socket whose family changes meanwhile."""
    log = KernelLog(process)
    process.listen(process.server(AF_INET, SOCK_STREAM, inet(port)), SOCKETS)
    sockets = range(FIRST_FD, FIRST_FD + SOCKETS)
    for number in sockets:
        fd = process.socket(AF_INET6, SOCK_STREAM)
        process.connect(fd, inet6(port, MAPPED))
        process.dup_to(fd, number)
        process.close(fd)
    sandboxed = process.under(Ruleset(net=CONNECT))
    tried: list[Observation] = []

    def connect_each() -> None:
        for number in sockets:
            for address in (inet6(port, MAPPED), inet(port)):
                tried.append(sandboxed.observe(Process.connect, number, address))

    def convert_each() -> None:
        for number in sockets:
            process.setsockopt(number, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET)

    at_once(process, connect_each, convert_each)
    control = refused(process.observe(Process.connect, FIRST_FD, inet(port)), "EISCONN")
    judge(since(CONNECT, DENIED), log.judged(worst(tried, DENIED, OTHER_FAMILY)), control)
