# SPDX-License-Identifier: MIT
"""Calls are written as strace(1) prints them: held against strace itself, on the same calls."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from suite.agent import build
from suite.landlock.abi import CREATE, FS, NET, PERMISSION, SCOPE
from suite.landlock.ruleset import Ruleset, net_port, path_beneath, used
from suite.process.calls.ioctls import FIONREAD
from suite.process.calls.sockets import abstract, inet, inet6, unix
from suite.process.kinds import KINDS
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.session import Session
from suite.process.symbols import SYMBOLS
from suite.process.syscalls import SYSCALLS
from suite.process.uapi import (
    CLONE_CLEAR_SIGHAND,
    CLONE_NEWUSER,
    F_OWNER_PID,
    F_SETOWN,
    F_SETOWN_EX,
    MNT_DETACH,
    MS_PRIVATE,
    MS_REC,
    MSG_FASTOPEN,
    OPEN_TREE_CLONE,
    PR_SET_NAME,
    RENAME_EXCHANGE,
    RESOLVE_BENEATH,
    WNOHANG,
)
from suite.values import Out, Pack
from tests.agents import ARCH

NOBODY = 1 << 22
"""More than any pid."""
ADDRESS = re.compile(r"0x[67][0-9a-f]{11}|<\d+ bytes>|\[128( => 16)?\]")
"""What only strace can know, for it looks into the process after the call."""


@contextmanager
def traced(pid: int, log: Path) -> Iterator[None]:
    """Strace follows the process."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    command = [strace, "-q", "-a", "1", "-o", str(log), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        status = Path(f"/proc/{pid}/status")
        until = time.monotonic() + 10
        while f"TracerPid:\t{tracer.pid}\n" not in status.read_text():
            if tracer.poll() is not None or time.monotonic() > until:
                assert tracer.stderr is not None
                pytest.skip(f"strace can't attach: {tracer.stderr.read().strip()}")
            time.sleep(0.01)
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)


def files(process: Process, place: str) -> None:
    fd = process.open(f"{place}/new\tfile", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
    process.write(fd, b'\0001\x01 "quoted" \\ \n\xff' + b"and more than fits on the line")
    process.lseek(fd, 1)
    process.read(fd, 8)
    process.fcntl(fd, F_SETOWN, 0)
    process.fcntl(fd, F_SETOWN_EX, Pack(((4, F_OWNER_PID), (4, 0))))
    process.ioctl(fd, FIONREAD, Out(4))
    process.ftruncate(fd, 5)
    process.dup_to(fd, 77)
    process.close(fd)
    process.mkdir(f"{place}/folder", 0o755)
    process.mkfifo(f"{place}/fifo")
    process.mknod(f"{place}/null", 0o020000, 0x103)
    process.symlink("nowhere", f"{place}/link")
    process.readlink(f"{place}/link")
    process.link(f"{place}/new\tfile", f"{place}/other")
    process.rename(f"{place}/new\tfile", f"{place}/other", RENAME_EXCHANGE)
    process.rename(f"{place}/other", f"{place}/third")
    process.unlink(f"{place}/third")
    process.rmdir(f"{place}/folder")
    process.truncate(f"{place}/fifo")
    process.open(f"{place}/missing", os.O_RDONLY | os.O_DIRECTORY)
    process.open("anything", os.O_WRONLY, at=-1)
    process.open_resolved(place, os.O_PATH, RESOLVE_BENEATH)
    process.access("/", os.R_OK | os.W_OK)
    process.chmod(f"{place}/fifo", 0o600)
    process.chown(f"{place}/fifo", -1, 0)
    process.pipe()
    process.pipe()
    process.memfd_create()


def sockets(process: Process, place: str) -> None:
    fd = process.socket(socket.AF_INET, socket.SOCK_STREAM)
    process.bind(fd, inet(0))
    process.listen(fd)
    process.name(fd, 16)
    process.connect(fd, inet(1, "127.0.0.2"))
    process.shutdown(fd, socket.SHUT_WR)
    process.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    process.setsockopt(fd, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    process.sendto(fd, b"x", inet(1), MSG_FASTOPEN | socket.MSG_DONTWAIT)
    other = process.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    process.connect(other, inet6(9))
    process.connect(other, b"\0\0")
    process.sendmsg(other, b"data", inet6(9))
    process.recv(other, 16, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    local = process.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process.bind(local, unix(f"{place}/socket"))
    process.connect(local, abstract("nobody's"))
    ends = process.socketpair(socket.SOCK_DGRAM)
    process.sendto(ends[0], b"x")
    process.recv(ends[1], 4)


def landlock(process: Process, place: str) -> None:
    process.create_ruleset(None, 0, CREATE.VERSION)
    attr = Ruleset(fs=FS.READ_FILE | FS.MAKE_SYM).attr()  # older than strace in Debian 12
    fd = process.create_ruleset(attr, attr.size)
    parent = process.open(place, os.O_PATH)
    process.add_rule(fd, 1, path_beneath(FS.READ_FILE, parent))
    process.add_rule(fd, 1, path_beneath(FS.EXECUTE, parent))
    process.no_new_privs()
    process.restrict_self(fd)
    process.restrict_self(-1)


def tasks(process: Process, place: str) -> None:
    del place
    process.kill(1, 0)
    process.kill(NOBODY, signal.SIGTERM)
    process.tgkill(NOBODY, NOBODY, signal.SIGUSR1)
    process.prctl(PR_SET_NAME, "landproof")
    process.has_no_new_privs()
    process.setsid()
    process.block_signals(signal.SIGIO, signal.SIGUSR1)
    process.take_signal(signal.SIGIO)
    process.pidfd_open(NOBODY)
    process.wait(-1, WNOHANG)
    process.unshare(0)
    process.limit(7, 512)
    process.syscall("getppid")


def mounts(process: Process, place: str) -> None:
    process.mount("none", f"{place}/none", None, MS_REC | MS_PRIVATE)
    process.mount("tmpfs", f"{place}/none", "tmpfs", 0, "size=1m")
    process.bind_mount(place, f"{place}/none")
    process.umount(f"{place}/none", MNT_DETACH)
    process.open_tree(f"{place}/none", OPEN_TREE_CLONE)
    process.move_mount(f"{place}/none", place)
    process.fsopen("nothing")
    process.chdir(f"{place}/none")
    process.chroot(f"{place}/none")


@pytest.mark.parametrize(
    "calls", [files, sockets, landlock, tasks, mounts], ids=lambda it: it.__name__
)
def test_calls_read_as_strace_prints_them(
    calls: Callable[[Process, str], None], process: Process, session: Session, tmp_path: Path
) -> None:
    log = tmp_path / "strace"
    place = tmp_path / "place"
    place.mkdir()
    first = process.getpid()
    with traced(first.value, log), session.in_mode(Mode.DEATH):
        calls(process, str(place))
        session.flush()
    told = [_plain(it.told().partition(" ")[2]) for it in _calls(session, first)]
    said = [_plain(line) for line in log.read_text().splitlines()]
    assert [line for line in told if line not in said] == []
    assert len(told) > 5


def _plain(line: str) -> str:
    return ADDRESS.sub("<address>", line)


def _calls(session: Session, after: Call) -> list[Call]:
    made = list(session.calls())
    return [it for it in made[made.index(after) + 1 :] if it.record and it.record.status == 0]


# What strace of Debian 12 is too old for, or what is no system call


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            lambda it: it.create_ruleset(Ruleset(net=NET.BIND_TCP, scope=SCOPE.SIGNAL).attr(), 24),
            "landlock_create_ruleset({handled_access_fs=0, "
            "handled_access_net=LANDLOCK_ACCESS_NET_BIND_TCP, "
            "scoped=LANDLOCK_SCOPE_SIGNAL}, 24, 0)",
        ),
        (
            lambda it: it.add_rule(3, 2, net_port(NET.BIND_TCP, 443), 1 << 31),
            "landlock_add_rule(3, LANDLOCK_RULE_NET_PORT, "
            "{allowed_access=LANDLOCK_ACCESS_NET_BIND_TCP, port=443}, "
            "0x80000000 /* LANDLOCK_ADD_RULE_??? */)",
        ),
        (
            lambda it: it.add_rule(3, 99, path_beneath(FS.READ_FILE, 4)),
            "landlock_add_rule(3, 0x63 /* LANDLOCK_RULE_??? */, {4, 4}, 0)",
        ),
        (
            lambda it: it.create_ruleset(struct.pack("<8Q", 4, 0, 0, 0, 0, 0, 1, 1), 64),
            "landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_READ_FILE, "
            "handled_access_net=0, scoped=0, quiet_access_fs=0, quiet_access_net=0, "
            "quiet_scoped=0, handled_permissions=LANDLOCK_PERMISSION_NAMESPACE_USE, ...}, 64, 0)",
        ),
        (
            lambda it: it.add_rule(3, 3, used(PERMISSION.NAMESPACE_USE, CLONE_NEWUSER, 1 << 63)),
            "landlock_add_rule(3, LANDLOCK_RULE_NAMESPACE, "
            "{permissions=LANDLOCK_PERMISSION_NAMESPACE_USE, "
            "allowed_namespace_types=CLONE_NEWUSER, quiet_namespace_types=0x8000000000000000}, 0)",
        ),
        (
            lambda it: it.fork(CLONE_NEWUSER | CLONE_CLEAR_SIGHAND).pid,
            "clone3({flags=CLONE_NEWUSER|CLONE_CLEAR_SIGHAND, exit_signal=SIGCHLD, "
            "stack=NULL}, 64)",
        ),
        (
            lambda it: it.thread().pid,
            "clone(child_stack=NULL, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|"
            "CLONE_SYSVSEM|CLONE_THREAD)",
        ),
        (lambda it: it.exec("/a"), 'execveat(AT_FDCWD, "/a", ["landproof-agent"], [...], 0)'),
        (
            lambda it: it.wait(Process.getpid(it), WNOHANG),
            "wait4(<getpid>, <4 bytes>, WNOHANG, NULL)",
        ),
        (lambda it: it.syscall("gettid", 1, 77, -1), "gettid(1, 0x4d, -1)"),
    ],
)
def test_what_a_call_reads_as(call: Callable[[Process], Call], line: str, process: Process) -> None:
    assert str(call(process)) == line


def test_a_child_is_told_by_the_number_that_its_lines_begin_with(process: Process) -> None:
    child = process.fork()
    call = child.getpid()
    assert child.pid is not None
    pid = call.value
    assert child.pid.told() == f"[1] clone(child_stack=NULL, flags=SIGCHLD) = {pid} [2]"
    assert call.told() == f"[2] getpid() = {pid}"
    child.exit(3)
    wait = process.wait(pid)
    assert wait.value == pid
    status = "[{WIFEXITED(s) && WEXITSTATUS(s) == 3}]"
    assert wait.told() == f"[1] wait4({pid}, {status}, __WALL, NULL) = {pid}"


def test_a_call_that_was_not_made_says_so(process: Process, session: Session) -> None:
    with session.in_mode(Mode.DEATH):
        fd = process.open("/nowhere", os.O_RDONLY)
        call = process.close(fd)
        session.flush()
    assert call.told() == "[1] close(<openat>) = ? (an earlier call that it builds on failed)"


# One fact in one place


def test_every_kind_of_an_argument_is_known() -> None:
    for row in SYSCALLS.values():
        for word in row.kinds:
            kind, _, index = word.partition("@")
            assert int(index) < len(row.kinds) if index else kind in KINDS, (row.name, word)


def test_arguments_of_calls_that_cases_make_have_kinds() -> None:
    """Those that they name; what is left takes an address or a number that has no names."""
    root = Path(__file__).resolve().parent.parent
    text = "".join(
        it.read_text() for it in [*root.glob("cases/**/*.py"), *root.glob("suite/**/*.py")]
    )
    made = set(re.findall(r'syscall\(\s*"(\w+)"[^)]', text)) & SYSCALLS.keys()
    without = {name for name in made if not SYSCALLS[name].kinds}
    assert len(made) > 150
    assert without <= WITHOUT_KINDS


WITHOUT_KINDS = {
    "capget", "capset", "clock_gettime", "clock_settime", "get_robust_list", "lsm_get_self_attr",
    "lsm_list_modules", "migrate_pages", "move_pages", "perf_event_open", "shmat", "socketcall",
    "syslog", "timer_create", "timer_settime",
}  # fmt: skip


def test_names_of_constants_are_those_of_the_compiler(tmp_path: Path) -> None:
    """As far as the headers of musl have them: a wrong number would be read as another name."""
    names = {name: number for it in SYMBOLS.values() for name, number in it.values.items()}
    includes = "".join(f"#include <{it}.h>\n" for it in HEADERS)
    checks = "".join(
        f"#ifdef {name}\n"
        f'_Static_assert((unsigned)({name}) == {number & 0xFFFFFFFF}u, "{name}");\n'
        "#endif\n"
        for name, number in names.items()
        if name != "O_ACCMODE"  # to which musl adds O_PATH
    )
    source = tmp_path / "names.c"
    source.write_text(f"#define _GNU_SOURCE\n{includes}{checks}")
    command = [*build.compiler(ARCH), "-c", "-o", str(tmp_path / "names.o"), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr


HEADERS = (
    "fcntl", "poll", "sched", "signal", "unistd", "netinet/in", "netinet/tcp", "sys/epoll",
    "sys/eventfd", "sys/fanotify", "sys/file", "sys/inotify", "sys/ioctl", "sys/mman", "sys/mount",
    "sys/prctl", "sys/ptrace", "sys/resource", "sys/socket", "sys/stat", "sys/time", "sys/wait",
    "linux/bpf", "linux/falloc", "linux/fiemap", "linux/fs", "linux/io_uring", "linux/keyctl",
    "linux/landlock", "linux/membarrier", "linux/openat2", "linux/seccomp",
)  # fmt: skip
