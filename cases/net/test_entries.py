# SPDX-License-Identifier: MIT
"""Who is asked at all: domains without rights on ports, and other entries of the kernel.

Source: security/landlock/syscalls.c, landlock_create_ruleset(); net/socket.c, socketcall(2).
"""

from socket import AF_INET, SOCK_STREAM

from suite.case import (
    FS, NET, Allowed, Denied, Judge, Need, Pack, Process, Row, Ruleset, answers, covers, inet,
    needs, since, table,
)  # fmt: skip

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
SYS_SOCKET, SYS_BIND, SYS_CONNECT = 1, 2, 3


def create(process: Process) -> None:
    attr = Ruleset(net=BIND | CONNECT).attr()
    process.create_ruleset(attr, attr.size)


@answers("net-lowabi")
@covers(BIND | CONNECT)
def test_unknown(process: Process, judge: Judge) -> None:
    """Before ABI 4, the kernel's struct ends before rights on ports (E2BIG)."""
    judge(since(BIND | CONNECT, Allowed()), process.observe(create))


@answers("net-lowabi")
@needs(Need.NET)
def test_files_alone(process: Process, port: int, judge: Judge) -> None:
    """A domain that handles files alone restricts no port, on any ABI."""
    process.server(AF_INET, SOCK_STREAM, inet(port))

    def use(process: Process) -> None:
        process.server(AF_INET, SOCK_STREAM, inet(port + 1))
        process.connect(process.socket(AF_INET, SOCK_STREAM), inet(port))

    judge(since(FS.READ_FILE, Allowed()), process.under(Ruleset(fs=FS.READ_FILE)).observe(use))


class Socketcall(Row, frozen=True, kw_only=True):
    """A call by number, on a port where somebody listens or on the next one."""

    number: int
    right: NET
    next: int


SOCKETCALLS = {
    "socketcall-bind": Socketcall(number=SYS_BIND, right=BIND, covers=BIND, next=1),
    "socketcall-connect": Socketcall(number=SYS_CONNECT, right=CONNECT, covers=CONNECT, next=0),
}


def socketcall(process: Process, case: Socketcall, port: int) -> None:
    made = process.syscall("socketcall", SYS_SOCKET, Pack(((4, AF_INET), (4, SOCK_STREAM), (4, 0))))
    address = inet(port + case.next)
    process.syscall("socketcall", case.number, Pack(((4, made), (4, address), (4, len(address)))))
    process.close(made)


@answers("net-socketcall")
@needs(Need.NET, Need.COMPAT)
@table(SOCKETCALLS)
def test_socketcall(case: Socketcall, process32: Process, port: int, judge: Judge) -> None:
    """socketcall(2), which 32-bit programs have, is no way around a right on ports."""
    process32.server(AF_INET, SOCK_STREAM, inet(port))
    control = process32.observe(socketcall, case, port)
    sandboxed = process32.under(Ruleset(net=case.right))
    judge(since(case.right, Denied("EACCES")), sandboxed.observe(socketcall, case, port), control)
