# SPDX-License-Identifier: MIT
"""BPF programs of a cgroup that send a connection to another port.

Source: __sys_connect_file() in net/socket.c asks Landlock, and then calls TCP, which runs them:
BPF_CGROUP_RUN_PROG_INET4_CONNECT() in net/ipv4/tcp_ipv4.c, tcp_v4_pre_connect().
"""

import os
from socket import AF_INET, SOCK_STREAM

from suite.packed import packed
from cases.controls import though_denied
from cases.net.calls import connect_tcp
from suite.case import (
    CLONE_NEWNS, NET, Allowed, Denied, Judge, Need, Process, Ruleset, Tree, answers, covers, inet,
    needs, since, vm_only,
)  # fmt: skip
from suite.process.uapi import BPF_CGROUP_INET4_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR

CONNECT = NET.CONNECT_TCP
USER_PORT = 24
"""Of struct bpf_sock_addr, in network byte order."""


def redirect(process: Process, cgroup: str, port: int) -> None:
    """Make the cgroup with a program for its connections, and go there."""
    instructions = (
        packed("BNhi", 0xB7, 0x02, 0, process.session.htons(port))  # r2 = port
        + packed("BNhi", 0x63, 0x21, USER_PORT, 0)  # r1->user_port = r2
        + packed("BNhi", 0xB7, 0x00, 0, 1)  # r0 = 1, which allows the call
        + packed("BNhi", 0x95, 0x00, 0, 0)  # exit
    )
    attach = BPF_CGROUP_INET4_CONNECT
    program = process.load_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, instructions, attach)
    process.mkdir(cgroup)
    process.attach_program(process.open(cgroup, os.O_RDONLY), program, attach)
    process.write_file(f"{cgroup}/cgroup.procs", b"0")


def redirected(process: Process, tree: Tree, port: int) -> Process:
    """A process in such a cgroup; somebody listens on the port."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    child.mount("cgroup2", tree.d2, "cgroup2")
    redirect(child, f"{tree.d2}/landproof-{port}", port)
    return child


@vm_only
@answers("net-bpf-rewrite")
@needs(Need.NET, Need.CGROUP2, Need.CGROUP_BPF)
@covers(CONNECT)
def test_from_a_denied_port(process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """A port without a rule is denied, though the connection would go to one with a rule."""
    child = redirected(process, tree, port)
    control = child.observe(connect_tcp, AF_INET, port + 1)
    sandboxed = child.under(Ruleset(net=CONNECT).allow_port(port, CONNECT))
    judge(
        since(CONNECT, Denied("EACCES")), sandboxed.observe(connect_tcp, AF_INET, port + 1), control
    )


@vm_only
@answers("net-bpf-rewrite")
@needs(Need.NET, Need.CGROUP2, Need.CGROUP_BPF)
@covers(CONNECT)
def test_to_a_denied_port(process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """A port with a rule is allowed, though the connection goes to one that is denied."""
    child = redirected(process, tree, port)
    sandboxed = child.under(Ruleset(net=CONNECT).allow_port(port + 1, CONNECT))
    direct = sandboxed.observe(connect_tcp, AF_INET, port)
    judge(
        since(CONNECT, Allowed()),
        though_denied(direct, sandboxed.observe(connect_tcp, AF_INET, port + 1)),
    )
