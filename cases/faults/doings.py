# SPDX-License-Identifier: MIT
"""What is done where there is no memory, a row a call of Landlock's."""

import fcntl
import os
import socket
from collections.abc import Callable

from cases.faults.shortage import FailNth
from cases.faults.sweep import Doing, Place
from suite.case import (
    ADD_RULE, FS, NET, O_PATH, RESTRICT, RULE_NET_PORT, RULE_PATH_BENEATH, Allowed, Denied, Fd,
    Need, Observation, Process, Ruleset, inet, net_port, path_beneath,
)  # fmt: skip

READ, BIND = FS.READ_FILE, NET.BIND_TCP
DENIED, GONE = Denied("EACCES"), Denied("EBADF")
BOTH, INNER = (Allowed(), Allowed()), (DENIED, Allowed())
"""What is seen of the files of ``d1`` and of ``d2``, of which rules allow the latter."""
PARENT = 301
"""A descriptor of ``d1``."""
SIBLINGS = 3
PORT, OTHER_PORT = 4000, 4001
GET_NO_NEW_PRIVS = 39


# What is prepared


def free_number(process: Process, _: Place) -> Fd:
    """The number that the next descriptor will have."""
    fd = process.dup(0)
    process.close(fd)
    return fd


def ruleset(process: Process, place: Place) -> Fd:
    process.dup_to(process.open(place.tree.d1, O_PATH), PARENT)
    return process.build(place.tree.layer(READ, {"d2": READ, "d2/file": READ}))


def quiet_ruleset(process: Process, place: Place) -> Fd:
    process.dup_to(process.open(place.tree.d1, O_PATH), PARENT)
    return process.build(Ruleset(fs=READ, quiet_fs=READ).allow(place.tree.d2, READ))


def port_ruleset(process: Process, place: Place) -> Fd:
    layer = Ruleset(fs=READ, net=BIND).allow(place.tree.d2, READ)
    return process.build(layer.allow_port(PORT, BIND))


def ready(process: Process, place: Place) -> Fd:
    """The ruleset of one who may enforce it."""
    process.no_new_privs()
    return ruleset(process, place)


def layered(process: Process, place: Place) -> Fd:
    """The same within a domain that has rules of its own, some of them on the same files."""
    fd = port_ruleset(process, place)
    outer = Ruleset(fs=READ, net=BIND).allow(place.tree.path, READ).allow(place.tree.d2, READ)
    process.restrict(outer.allow_port(PORT, BIND).allow_port(OTHER_PORT, BIND))
    return fd


def threaded(process: Process, place: Place) -> Fd:
    for _ in range(SIBLINGS):
        place.add_sibling(process)
    return ready(process, place)


def differing(process: Process, place: Place) -> Fd:
    """One of the threads has credentials of its own, and is the one that lacks memory."""
    fd = threaded(process, place)
    sibling = place.siblings[process.id][0]
    sibling.syscall("setgroups", 0, 0)
    FailNth.aim(sibling)
    return fd


# What is called


def create(process: Process, _: Fd) -> None:
    attr = Ruleset(fs=READ).attr()
    process.create_ruleset(attr, attr.size)


def add_path(process: Process, fd: Fd) -> None:
    process.add_rule(fd, RULE_PATH_BENEATH, path_beneath(READ, PARENT))


def add_quiet(process: Process, fd: Fd) -> None:
    process.add_rule(fd, RULE_PATH_BENEATH, path_beneath(FS(0), PARENT), ADD_RULE.QUIET)


def add_port(process: Process, fd: Fd) -> None:
    process.add_rule(fd, RULE_NET_PORT, net_port(BIND, OTHER_PORT))


def restrict(flags: RESTRICT = RESTRICT(0)) -> Callable[[Process, Fd], None]:
    def call(process: Process, fd: Fd) -> None:
        process.restrict_self(fd, flags)

    return call


def mute(process: Process, _: Fd) -> None:
    process.restrict_self(-1, RESTRICT.LOG_SUBDOMAINS_OFF)


# What shows whether it was done


def is_open(process: Process, fd: Fd, _: Place) -> list[Observation]:
    return [process.observe(Process.fcntl, fd, fcntl.F_GETFD)]


def opened(process: Process, _: Fd, place: Place) -> list[Observation]:
    return [
        process.observe(Process.open, it, os.O_RDONLY) for it in (place.tree.file, place.tree.other)
    ]


def enforced(process: Process, fd: Fd, place: Place) -> list[Observation]:
    """What a child may do in a domain of the ruleset."""
    child = place.add(process.fork())
    child.no_new_privs()
    child.restrict_self(fd)
    return opened(child, fd, place)


def bind(process: Process, port: int) -> None:
    fd = process.socket(socket.AF_INET, socket.SOCK_STREAM)
    process.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    process.bind(fd, inet(port))


def bound(process: Process, fd: Fd, place: Place) -> list[Observation]:
    child = place.add(process.fork())
    child.no_new_privs()
    child.restrict_self(fd)
    return [child.observe(bind, OTHER_PORT)]


def privileged(process: Process, fd: Fd, place: Place) -> list[Observation]:
    return [process.observe(Process.prctl, GET_NO_NEW_PRIVS), *opened(process, fd, place)]


def all_opened(process: Process, _: Fd, place: Place) -> list[Observation]:
    threads = process, *place.siblings[process.id]
    return [it.observe(Process.open, place.tree.file, os.O_RDONLY) for it in threads]


DOINGS = {
    "create-ruleset": Doing(
        features=(READ,),
        prepare=free_number,
        call=create,
        look=is_open,
        done=(Allowed(),),
        undone=(GONE,),
        answers="oom-create-ruleset",
    ),
    "add-path": Doing(
        features=(READ,),
        prepare=ruleset,
        call=add_path,
        look=enforced,
        done=BOTH,
        undone=INNER,
        answers="oom-add-rule",
    ),
    "add-quiet-path": Doing(
        features=(READ, ADD_RULE.QUIET),
        prepare=quiet_ruleset,
        call=add_quiet,
        look=enforced,
        done=INNER,
        undone=INNER,
        answers="oom-add-rule",
    ),
    "add-port": Doing(
        features=(READ, BIND),
        needs=(Need.INET,),
        prepare=port_ruleset,
        call=add_port,
        look=bound,
        done=(Allowed(),),
        undone=(DENIED,),
        answers="oom-add-rule",
    ),
    "restrict-self": Doing(
        features=(READ,),
        prepare=ready,
        call=restrict(),
        look=opened,
        done=INNER,
        undone=BOTH,
        answers=("oom-restrict-self", "llr-36"),
    ),
    "restrict-self-layered": Doing(
        features=(READ, BIND),
        needs=(Need.INET,),
        prepare=layered,
        call=restrict(),
        look=opened,
        done=INNER,
        undone=BOTH,
        answers=("oom-restrict-self", "llr-36"),
    ),
    "restrict-self-no-new-privs": Doing(
        features=(READ, RESTRICT.NO_NEW_PRIVS),
        prepare=ruleset,
        call=restrict(RESTRICT.NO_NEW_PRIVS | RESTRICT.LOG_NEW_EXEC_ON),
        look=privileged,
        done=(Allowed(1), *INNER),
        undone=(Allowed(0), *BOTH),
        answers="oom-no-new-privs",
    ),
    "restrict-self-muted": Doing(
        features=(READ, RESTRICT.LOG_SUBDOMAINS_OFF),
        prepare=ready,
        call=mute,
        look=opened,
        done=BOTH,
        undone=BOTH,
        answers="oom-restrict-self",
    ),
    "restrict-self-tsync": Doing(
        features=(READ, RESTRICT.TSYNC),
        prepare=threaded,
        call=restrict(RESTRICT.TSYNC),
        look=all_opened,
        done=(DENIED,) * (1 + SIBLINGS),
        undone=(Allowed(),) * (1 + SIBLINGS),
        answers="oom-tsync",
    ),
}
COUNTED = {
    "restrict-self-tsync-sibling": Doing(
        features=(READ, RESTRICT.TSYNC),
        prepare=differing,
        call=restrict(RESTRICT.TSYNC),
        look=all_opened,
        done=(DENIED,) * (1 + SIBLINGS),
        undone=(Allowed(),) * (1 + SIBLINGS),
        answers="oom-tsync",
    ),
}
"""Those for which allocations are counted: a full cgroup is too coarse for them."""
