# SPDX-License-Identifier: MIT
"""The calls whose cost is measured: a row each, with what a domain has to handle to matter to them.

A row's turns are written once, for processes with and without a domain. Whatever they do outside of
``run.timed`` is not measured. Source of which right or scope a call asks for:
Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from suite.cost.grid import DOMAINS, PATHS, PORTS, SIZES
from suite.cost.run import Run
from suite.cost.site import DEVICE, FILE, PORT, PROGRAM, SIDE
from suite.judge.costs import Point
from suite.landlock.abi import FS, NET, RULE_NET_PORT, RULE_PATH_BENEATH, SCOPE
from suite.landlock.ruleset import Ruleset, net_port, path_beneath
from suite.process.calls.ioctls import TCGETS
from suite.process.calls.sockets import abstract, inet, unix
from suite.process.process import Process
from suite.process.promise import Call
from suite.values import Out, Pack

_ANY_CHILD = -1
_FEW = 16
_NOTHING = 0
"""The signal that only asks whether one may be sent."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A call whose cost is measured."""

    name: str
    says: str
    """What is called, for readers."""
    handles: Ruleset
    """What the domain handles, without rules."""
    points: tuple[Point, ...]
    """Where it is measured."""
    body: Callable[[Run], None]
    """Makes the turns of a run."""
    rounds: int = 1
    """How many times as many as others it needs: it does much besides what is measured."""
    own: bool = False
    """Whether it is Landlock's own call: without a domain, one that does nothing stands for it,
    and it makes the last layer of its point by itself."""

    @property
    def since(self) -> int:
        """The lowest ABI version whose kernels have all that the domain handles."""
        return max(feature.since for feature in self.handles.features)


def _open(run: Run) -> None:
    for _ in run:
        with run.timed():
            fd = run.process.open(f"{run.folder}/{FILE}", os.O_RDONLY)
        run.process.close(fd)


def _create(run: Run) -> None:
    path = f"{run.folder}/made"
    for _ in run:
        with run.timed():
            fd = run.process.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        run.process.close(fd)
        run.process.unlink(path)


def _rename(run: Run) -> None:
    _moves(run, f"{run.folder}/new")


def _refer(run: Run) -> None:
    _moves(run, f"{run.folder}/{SIDE}/new")


def _moves(run: Run, new: str) -> None:
    old = f"{run.folder}/old"
    run.process.write_file(old, b"")
    for _ in run:
        with run.timed():
            run.process.rename(old, new)
        run.process.rename(new, old)


def _link(run: Run) -> None:
    new = f"{run.folder}/linked"
    for _ in run:
        with run.timed():
            run.process.link(f"{run.folder}/{FILE}", new)
        run.process.unlink(new)


def _unlink(run: Run) -> None:
    path = f"{run.folder}/gone"
    for _ in run:
        run.process.write_file(path, b"")
        with run.timed():
            run.process.unlink(path)


def _truncate(run: Run) -> None:
    for _ in run:
        with run.timed():
            run.process.truncate(f"{run.folder}/{FILE}")


def _ioctl(run: Run) -> None:
    fd = run.process.open(f"{run.folder}/{DEVICE}", os.O_RDONLY)
    for _ in run:
        with run.timed(fails="ENOTTY"):
            run.process.ioctl(fd, TCGETS)
    run.process.close(fd)


def _execute(run: Run) -> None:
    """All of execve(2) but the new image: what the file holds is no program."""
    for _ in run:
        with run.timed(fails="ENOEXEC"):
            run.process.syscall("execve", f"{run.folder}/{PROGRAM}", None, None)


def _bind(run: Run) -> None:
    for _ in run:
        fd = run.process.socket(socket.AF_INET, socket.SOCK_STREAM)
        with run.timed():
            run.process.bind(fd, inet(PORT))
        run.process.close(fd)


def _connect(run: Run) -> None:
    """Nobody listens: a connection would leave more behind than a refusal."""
    for _ in run:
        fd = run.process.socket(socket.AF_INET, socket.SOCK_STREAM)
        with run.timed(fails="ECONNREFUSED"):
            run.process.connect(fd, inet(PORT))
        run.process.close(fd)


def _sendto(run: Run) -> None:
    receiver = run.process.server(socket.AF_INET, socket.SOCK_DGRAM, inet(PORT))
    sender = run.process.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in run:
        with run.timed():
            run.process.sendto(sender, b"x", inet(PORT))
        run.process.recv(receiver, 1)
    run.process.close(sender)
    run.process.close(receiver)


def _kill(run: Run) -> None:
    child = _child(run)
    for _ in run:
        with run.timed():
            run.process.kill(child, _NOTHING)


def _ptrace(run: Run) -> None:
    """get_robust_list(2) asks for what PTRACE_ATTACH does, and stops nobody."""
    child = _child(run)
    for _ in run:
        with run.timed():
            run.process.syscall("get_robust_list", child, Out(8), Out(8))


def _child(run: Run) -> int:
    """The id of a child in the same domain, which waits."""
    child = run.process.fork()
    return child.getpid().value


def _connect_abstract(run: Run) -> None:
    _connections(run, run.process, abstract("landproof-cost"))


def _connect_named(run: Run) -> None:
    path = f"{run.folder}/listener"
    _connections(run, run.site.outside, unix(path))
    run.site.outside.unlink(path)


def _connections(run: Run, server: Process, address: bytes) -> None:
    listener = server.server(socket.AF_UNIX, socket.SOCK_STREAM, address)
    for _ in run:
        fd = run.process.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with run.timed():
            run.process.connect(fd, address)
        server.close(server.accept(listener))
        run.process.close(fd)
    server.close(listener)


def _fork(run: Run) -> None:
    """The child ends at once, and is waited for."""
    for _ in run:
        with run.timed():
            child = run.process.vfork()
            child.exit()
            run.process.wait(_ANY_CHILD)


def _restrict_self(run: Run) -> None:
    for _ in run:
        child = run.process.fork()
        with run.timed(child):
            if run.ruleset is None:
                child.getppid()
            else:
                child.restrict_self(run.ruleset)
        child.exit()
        run.process.wait(_known(child.pid))


def _add_path_rule(run: Run) -> None:
    _add_rule(
        run,
        _PATH_RULES,
        RULE_PATH_BENEATH,
        lambda at: path_beneath(FS.READ_FILE, run.site.others[at].value),
    )


def _add_port_rule(run: Run) -> None:
    _add_rule(run, _PORT_RULES, RULE_NET_PORT, lambda at: net_port(NET.BIND_TCP, PORT + at))


def _add_rule(run: Run, handles: Ruleset, kind: int, attr: Callable[[int], Pack]) -> None:
    """The last rule of a ruleset; of many, a few more for the next turns make no difference.

    Another ruleset has the same ones: the first rule on a folder also makes an object for it.
    """
    filled: list[int] = []
    other = run.process.make_ruleset(handles)
    for turn in run:
        last = run.rules - 1 + (turn if run.rules > _FEW else 0)
        run.process.add_rule(other, kind, attr(last))
        if not filled or run.rules <= _FEW:
            filled = [run.process.make_ruleset(handles).value]
            for at in range(last):
                run.process.add_rule(filled[0], kind, attr(at))
        with run.timed():
            if run.ruleset is None:
                run.process.getppid()
            else:
                run.process.add_rule(filled[0], kind, attr(last))


def _known(pid: Call | None) -> Call:
    assert pid is not None  # noqa: S101 (it was forked)
    return pid


_PATH_RULES = Ruleset(fs=FS.READ_FILE)
_PORT_RULES = Ruleset(net=NET.BIND_TCP)
_MOVES = FS.REMOVE_FILE | FS.MAKE_REG

HOOKS: dict[str, Hook] = {
    it.name: it
    for it in (
        Hook("open", "openat(2) of a file", Ruleset(fs=FS.READ_FILE), PATHS, _open),
        Hook(
            "create",
            "openat(2) with O_CREAT",
            Ruleset(fs=FS.MAKE_REG | FS.WRITE_FILE),
            PATHS,
            _create,
        ),
        Hook("unlink", "unlinkat(2)", Ruleset(fs=FS.REMOVE_FILE), PATHS, _unlink),
        Hook("rename", "renameat2(2) within a folder", Ruleset(fs=_MOVES), PATHS, _rename),
        Hook(
            "refer", "renameat2(2) to another folder", Ruleset(fs=_MOVES | FS.REFER), PATHS, _refer
        ),
        Hook("link", "linkat(2) within a folder", Ruleset(fs=FS.MAKE_REG), PATHS, _link),
        Hook(
            "exec",
            "execve(2) of a file that is no program",
            Ruleset(fs=FS.EXECUTE),
            PATHS,
            _execute,
            rounds=3,
        ),
        Hook("truncate", "truncate(2)", Ruleset(fs=FS.TRUNCATE), PATHS, _truncate),
        Hook("ioctl", "ioctl(2) of a device", Ruleset(fs=FS.IOCTL_DEV), DOMAINS, _ioctl),
        Hook(
            "connect_named",
            "connect(2) to a UNIX socket with a path",
            Ruleset(fs=FS.RESOLVE_UNIX),
            PATHS,
            _connect_named,
        ),
        Hook(
            "connect_abstract",
            "connect(2) to an abstract UNIX socket",
            Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET),
            DOMAINS,
            _connect_abstract,
        ),
        Hook("bind", "bind(2) of a TCP socket", Ruleset(net=NET.BIND_TCP), PORTS, _bind),
        Hook(
            "connect", "connect(2) of a TCP socket", Ruleset(net=NET.CONNECT_TCP), PORTS, _connect
        ),
        Hook(
            "sendto", "sendto(2) of a UDP socket", Ruleset(net=NET.CONNECT_SEND_UDP), PORTS, _sendto
        ),
        Hook("kill", "kill(2) of a child", Ruleset(scope=SCOPE.SIGNAL), DOMAINS, _kill),
        Hook(
            "ptrace",
            "get_robust_list(2) of a child, which asks as ptrace(2) does",
            _PATH_RULES,
            DOMAINS,
            _ptrace,
        ),
        Hook("fork", "fork, exit and wait", _PATH_RULES, DOMAINS, _fork, rounds=5),
        Hook(
            "restrict_self",
            "landlock_restrict_self(2)",
            _PATH_RULES,
            PORTS,
            _restrict_self,
            own=True,
        ),
        Hook(
            "add_path_rule",
            "landlock_add_rule(2) of a folder",
            _PATH_RULES,
            SIZES,
            _add_path_rule,
            own=True,
        ),
        Hook(
            "add_port_rule",
            "landlock_add_rule(2) of a port",
            _PORT_RULES,
            SIZES,
            _add_port_rule,
            own=True,
        ),
    )
}
"""By name, in the order of tables."""
