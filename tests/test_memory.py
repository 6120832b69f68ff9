# SPDX-License-Identifier: MIT
"""Which calls a process must not make whose memory may be that of others; on the running kernel."""

import signal
from collections.abc import Callable, Iterator

import pytest

from suite.process.calls.ioctls import USERFAULTFD_IOC_NEW
from suite.process.memory import SharedMemoryError
from suite.process.process import Process
from suite.process.syscalls import SYSCALLS, Memory
from suite.process.uapi import CLONE_NEWNET, CLONE_NEWUSER, CLONE_VM, PR_SET_DUMPABLE, PTRACE_SEIZE
from suite.targets.base import Ground
from suite.targets.local import LocalTarget

PTRACE_SYSCALL = 24
ABOUT_MEMORY: dict[str, Callable[[Process], object]] = {
    "mmap": lambda process: process.syscall("mmap", 0, 4096, 3, 0x22, -1, 0),
    "mlock": lambda process: process.syscall("mlock", 0, 4096),
    "mseal": lambda process: process.syscall("mseal", 0, 4096, 0),
    "remap-file-pages": lambda process: process.syscall("remap_file_pages", 0, 4096, 0, 0, 0),
    "memfd-secret": lambda process: process.syscall("memfd_secret", 0),
    "execve": lambda process: process.syscall("execve", "/missing", 0, 0),
    "execveat": lambda process: process.syscall("execveat", -1, "/missing", 0, 0, 0),
    "userfaultfd-device": lambda process: process.ioctl(0, USERFAULTFD_IOC_NEW),
    "peek": lambda process: process.peek(0, 8),
    "poke": lambda process: process.poke(0, b"x"),
    "result-at": lambda process: process.result_at(0),
    "user-namespace": lambda process: process.unshare(CLONE_NEWUSER | CLONE_NEWNET),
    "core": lambda process: process.kill(0, signal.SIGQUIT),
    "core-of-a-thread": lambda process: process.tgkill(1, 1, signal.SIGSEGV),
    "core-by-promise": lambda process: process.syscall("kill", 0, process.getpid()),
    "dumpable": lambda process: process.prctl(PR_SET_DUMPABLE, 0),
    "traced": lambda process: process.ptrace(PTRACE_SYSCALL, process.fork().pid or 0),
    "in-a-child": lambda process: process.fork().thread().setuid(1000),
}
OTHERS: dict[str, Callable[[Process], object]] = {
    "getpid": Process.getpid,
    "process-numbered-as-sigquit": lambda process: process.kill(signal.SIGQUIT, signal.SIGTERM),
    "exec": lambda process: process.fork().exec("/missing"),
    "network-namespace": lambda process: process.unshare(CLONE_NEWNET),
    "trace": lambda process: process.ptrace(PTRACE_SEIZE, process.fork().pid or 0),
    "term": lambda process: process.kill(process.fork().pid or 0, signal.SIGTERM),
}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    target = LocalTarget()
    yield target.start()
    target.stop()


@pytest.mark.parametrize("call", ABOUT_MEMORY.values(), ids=ABOUT_MEMORY)
def test_a_call_about_memory_is_refused_before_it_is_made(
    ground: Ground, call: Callable[[Process], object]
) -> None:
    with ground.session.scope(), pytest.raises(SharedMemoryError, match="own_memory"):
        call(ground.sharing.fork())


UNKNOWN = [name for name, row in SYSCALLS.items() if row.memory is Memory.UNKNOWN]


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_call_that_nobody_has_classified_is_refused(ground: Ground, name: str) -> None:
    refusal = f"^{name} may be about memory.*own_memory.*syscalls.py"
    with ground.session.scope(), pytest.raises(SharedMemoryError, match=refusal):
        ground.sharing.fork().syscall(name)


@pytest.mark.parametrize("call", ABOUT_MEMORY.values(), ids=ABOUT_MEMORY)
def test_who_has_memory_of_its_own_may_make_it(
    ground: Ground, call: Callable[[Process], object]
) -> None:
    with ground.session.scope():
        call(ground.root.fork())


@pytest.mark.parametrize("call", OTHERS.values(), ids=OTHERS)
def test_other_calls_are_made(ground: Ground, call: Callable[[Process], object]) -> None:
    with ground.session.scope():
        call(ground.sharing.fork())


def shares(ground: Ground, parent: Process) -> bool:
    """Whether a fork of it, without flags, is told to share memory."""
    with ground.session.scope():
        call = parent.fork().pid
        assert call is not None
        return call.arguments[1] == CLONE_VM | signal.SIGCHLD


def test_memory_is_shared_where_forks_are_dear_and_by_nobody_else(ground: Ground) -> None:
    assert not shares(ground, ground.sharing)
    ground.session.shares_memory = True
    try:
        assert shares(ground, ground.sharing)
        assert shares(ground, ground.sharing.fork())
        assert not shares(ground, ground.root)
    finally:
        ground.session.shares_memory = False
