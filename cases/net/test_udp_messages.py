# SPDX-License-Identifier: MIT
"""Several messages, answers, and conversations of UDP.

Source: security/landlock/net.c, hook_socket_sendmsg(); ___sys_sendmsg() and __sys_sendmmsg() in
net/socket.c, which tells the messages sent before one that failed, and checks an address that
follows itself once.
"""

from socket import AF_INET, MSG_DONTWAIT, SOCK_DGRAM

from msgspec.structs import replace

from cases.controls import all_of
from cases.net.udp import BIND, MESSAGE, SEND, UDP, bound, denies_to_bind, udp, with_port
from suite.case import (
    Allowed, Case, Denied, Fd, Judge, Need, Outcome, Process, Ruleset, answers, covers, inet, needs,
    since, table,
)  # fmt: skip

DENIED, ALLOWED = since(UDP, Denied("EACCES")), since(UDP, Allowed())
ANSWER = b"answer"


class Several(Case, frozen=True, kw_only=True):
    """Messages by one sendmmsg(2): ``a`` to a port with a rule, ``d`` to one without."""

    ports: str
    bound: bool = True
    chosen: bool = False


def sent(ports: str, owed: Outcome, answers: str) -> Several:
    return Several(ports=ports, expect=since(UDP, owed), answers=answers)


SEVERAL = {
    "none-denied": sent("aaa", Allowed(3), "udp-sendmmsg-cache"),
    "last-denied": sent("aad", Allowed(2), "udp-sendmmsg"),
    "middle-denied": sent("ada", Allowed(1), "udp-sendmmsg"),
    "first-denied": sent("daa", Denied("EACCES"), "udp-sendmmsg"),
    "denied-repeated": sent("add", Allowed(1), "udp-sendmmsg"),
    "denied-after-repeated": sent("aada", Allowed(2), "udp-sendmmsg-cache"),
    "unbound": replace(sent("aa", Denied("EACCES"), "udp-connect-autobind"), bound=False),
    "unbound-rule-on-port-0": replace(
        sent("aa", Allowed(2), "udp-autobind-port0"), bound=False, chosen=True
    ),
}


@needs(Need.NET)
@covers(UDP)
@table(SEVERAL)
def test_several(case: Several, process: Process, port: int, judge: Judge) -> None:
    """sendmmsg(2) sends up to the first message that is denied, and tells only how many."""
    addresses = [inet({"a": port, "d": port + 1}[letter]) for letter in case.ports]

    def send(process: Process, fd: Fd) -> None:
        process.send_each(fd, MESSAGE, *addresses)

    fds = [bound(process) if case.bound else udp(process) for _ in range(2)]
    outside = process.observe(send, fds[0])
    rules = ((port, SEND), (0, BIND)) if case.chosen else ((port, SEND),)
    sandboxed = process.under(Ruleset(net=UDP, ports=rules))
    observed = sandboxed.observe(send, fds[1]).with_value
    all_sent = outside.with_value
    control = Allowed() if all_sent == Allowed(len(addresses)) else all_sent
    judge(case.expect, observed, control)


@answers("udp-recv-unbound")
@needs(Need.NET, Need.INET)
@covers(BIND)
def test_receive_unbound(process: Process, judge: Judge) -> None:
    """Who receives before it was given a port (EAGAIN) is not given one, nor denied it."""
    sandboxed = process.under(Ruleset(net=UDP))
    fd = udp(sandboxed)
    observed = sandboxed.observe(Process.recv, fd, 1, MSG_DONTWAIT)
    name = sandboxed.observe(Process.name, fd, 16)
    denied = denies_to_bind(sandboxed)
    control = all_of(denied, Allowed() if (port := with_port(name)) == Allowed(0) else port)
    judge(since(UDP, Denied("EAGAIN")), observed, control)


class Answer(Case, frozen=True, kw_only=True):
    """A server, bound before, whose client has a port with a rule or without."""

    rule: bool


ANSWERS = {
    "answer": Answer(rule=False, expect=DENIED),
    "answer-with-rule": Answer(rule=True, expect=ALLOWED),
}


@answers("udp-recvfrom-reply")
@needs(Need.NET)
@covers(SEND)
@table(ANSWERS)
def test_answer(case: Answer, process: Process, port: int, judge: Judge) -> None:
    """A server that was asked has no right to answer, unless the port of its client has a rule."""
    server = process.server(AF_INET, SOCK_DGRAM, inet(port))
    client = process.server(AF_INET, SOCK_DGRAM, inet(port + 1))
    process.sendto(client, MESSAGE, inet(port))
    sandboxed = process.under(
        Ruleset(net=UDP, ports=((port + 1 if case.rule else port, SEND | BIND),))
    )

    def answer(process: Process) -> None:
        process.sendto(server, ANSWER, inet(port + 1))

    control = process.observe(answer)
    sandboxed.recv(server, len(MESSAGE))
    judge(case.expect, sandboxed.observe(answer), control)


class Question(Case, frozen=True, kw_only=True):
    """A client of a server outside, as the resolver of names is one."""

    connect: bool = False
    rule: bool = True
    chosen: bool = True


ASKED = since(UDP, Allowed(len(ANSWER)))
QUESTIONS = {
    "ask": Question(expect=ASKED),
    "ask-connected": Question(connect=True, expect=ASKED),
    "ask-without-a-rule-on-port-0": Question(chosen=False, expect=DENIED),
    "ask-another-server": Question(rule=False, expect=DENIED),
    "ask-another-server-connected": Question(rule=False, connect=True, expect=DENIED),
}


@answers("udp-autobind-port0")
@needs(Need.NET)
@covers(UDP)
@table(QUESTIONS)
def test_question(case: Question, process: Process, port: int, judge: Judge) -> None:
    """With a rule for the server and one on port 0, a client asks, and is answered."""
    server = process.server(AF_INET, SOCK_DGRAM, inet(port))

    def ask(client: Process) -> None:
        fd = udp(client)
        if case.connect:
            client.connect(fd, inet(port))
            client.sendto(fd, MESSAGE)
        else:
            client.sendto(fd, MESSAGE, inet(port))
        process.recv(server, len(MESSAGE))
        process.sendto(server, ANSWER, client.name(fd, 16))
        client.recv(fd, len(ANSWER))

    peer = port if case.rule else port + 1
    rules = ((peer, SEND), (0, BIND)) if case.chosen else ((peer, SEND),)
    control = process.observe(ask)
    judge(
        case.expect, process.under(Ruleset(net=UDP, ports=rules)).observe(ask).with_value, control
    )
