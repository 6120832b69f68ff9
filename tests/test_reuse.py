# SPDX-License-Identifier: MIT
"""What a process has to have left alone to serve the next case too, on the running kernel."""

import fcntl
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from suite.judge.outcome import Allowed, Denied
from suite.landlock.abi import CREATE, FS
from suite.landlock.ruleset import Ruleset
from suite.process.calls.files import O_PATH
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.reuse import is_spent, tidy_up
from suite.process.uapi import CLONE_FILES, F_SETOWN, PIDFD_SIGNAL_PROCESS_GROUP
from suite.targets.base import Ground
from suite.targets.local import LocalTarget


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    target = LocalTarget()
    yield target.start()
    target.stop()


def serve_case(ground: Ground, process: Process, case: Callable[[Process], object]) -> bool:
    """What the fixture ``process`` does about a case that went well."""
    with ground.session.scope():
        case(process)
        spent = is_spent(process, ground.place)
        ground.session.flush()
    if not spent:
        tidy_up(process)
    return not spent


def fds(process: Process) -> set[int]:
    """The numbers of its open files."""
    flags = {fd: process.observe(Process.fcntl, fd, fcntl.F_GETFD) for fd in range(64)}
    return {fd for fd, observed in flags.items() if observed.outcome == Allowed()}


def use_files(ground: Ground) -> Callable[[Process], None]:
    def case(process: Process) -> None:
        path = f"{ground.place}/file"
        process.write_file(path, b"x")
        process.open(path, os.O_RDONLY)
        process.mkdir("folder", at=process.open(ground.place, O_PATH))
        process.rmdir(f"{ground.place}/folder")
        process.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        process.build(Ruleset(fs=FS.READ_FILE))
        process.create_ruleset(None, 0, CREATE.VERSION)
        ends = process.socketpair()
        process.close(ends[0])
        process.pipe()
        process.syscall("flock", process.eventfd(), fcntl.LOCK_SH)
        process.epoll_create()
        process.inotify()
        child = process.under(Ruleset(fs=FS.READ_FILE))
        process.give(child.open(path, os.O_WRONLY), child.fork())
        child.give(child.open(path, os.O_WRONLY), process)
        child.setsid()
        process.fcntl(ends[1], F_SETOWN, pid(child))
        process.pidfd_send_signal(process.pidfd_open(pid(child)), signal.SIGTERM)
        process.unlink(path)

    return case


def test_files_and_children_are_gone(ground: Ground) -> None:
    process = ground.root.fork()
    before = fds(process)
    assert serve_case(ground, process, use_files(ground))
    assert fds(process) == before
    assert process.observe(Process.wait, -1).outcome == Denied("ECHILD")
    assert process.observe(Process.open, ground.agent, os.O_RDONLY).outcome == Allowed()


def pid(process: Process) -> Call:
    assert process.pid is not None
    return process.pid


def signal_group(process: Process) -> None:
    child = process.fork()
    child.setpgid()
    pidfd = process.pidfd_open(pid(child))
    process.pidfd_send_signal(pidfd, signal.SIGURG, PIDFD_SIGNAL_PROCESS_GROUP)


UNFIT: dict[str, Callable[[Process], object]] = {
    "folder": lambda process: process.chdir("/"),
    "domain": lambda process: process.restrict(Ruleset(fs=FS.READ_FILE)),
    "file-system-of-processes": lambda process: process.fsopen("proc"),
    "elsewhere": lambda process: process.open("/proc/self/comm", os.O_WRONLY),
    "thread": lambda process: process.thread(),
    "memory": lambda process: process.fork(CLONE_FILES),
    "signalled": lambda process: process.fork().kill(process.getpid().value, signal.SIGURG),
    "signalled-by-itself": lambda process: process.kill(pid(process), signal.SIGURG),
    "signalled-by-its-group": signal_group,
    "owner": lambda process: process.fcntl(process.socketpair()[0], F_SETOWN, pid(process)),
    "descriptor": lambda process: process.dup(0),
    "file-that-opens-files": lambda process: process.fanotify(),
    "session": lambda process: process.setsid(),
    "child-that-changes-the-root-of-others": lambda process: process.fork().pivot_root(".", "."),
    "child-with-a-call-that-may-be-about-another": lambda process: process.fork().limit(
        resource.RLIMIT_NOFILE, 99
    ),
    "unknown": lambda process: process.syscall("bpf", 0, 0, 0),
}


@pytest.mark.parametrize("case", UNFIT.values(), ids=UNFIT)
def test_what_it_may_not_have_done(ground: Ground, case: Callable[[Process], object]) -> None:
    process = ground.root.fork()
    assert not serve_case(ground, process, case)
    ground.session.kill(process.id)


@pytest.mark.parametrize("path", ["/proc", "../.."])
def test_paths_that_lead_out_of_a_folder(ground: Ground, path: str) -> None:
    def case(process: Process) -> None:
        process.open(path, O_PATH, at=process.open(ground.place, O_PATH))

    process = ground.root.fork()
    assert not serve_case(ground, process, case)
    ground.session.kill(process.id)
