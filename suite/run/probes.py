# SPDX-License-Identifier: MIT
"""Whether a target has what a case may need: asked of the target itself, never of its version.

A probe is ``(ground, target) -> bool``, or takes the target's first process where that is enough.
Its name says what it asks, ``suite.run.needs`` which release or option brings it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable

from suite.agent.build import BuildError
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import Facts
from suite.judge.standing import CAPABILITIES
from suite.packed import packed
from suite.process import elf
from suite.process.calls.files import O_PATH
from suite.process.calls.ioctls import TIOCGPTPEER, TIOCLINUX, TIOCSCTTY, TIOCSPTLCK, TIOCSTI
from suite.process.calls.uring import Op, Ring
from suite.process.process import Process
from suite.process.uapi import (
    AT_EXECVE_CHECK,
    AT_FDCWD,
    CAP_PERFMON,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    F_NOTIFY,
    FAN_REPORT_FD_ERROR,
    O_EMPTYPATH,
    PIDFD_SIGNAL_THREAD_GROUP,
)
from suite.targets.base import Ground, Target
from suite.targets.ground import put_agent32
from suite.targets.modules import load_modules
from suite.values import Argument, InOut, Out
from suite.witness.tracefs import TRACED_SINCE


def is_root(facts: Facts) -> bool:
    """Whether it is the root of the machine, and may do what that one always could."""
    plain = sum(1 << CAPABILITIES.index(name) for name in _OF_ROOT)
    return facts.uid == 0 and not facts.in_user_namespace and not plain & ~facts.capabilities


_OF_ROOT = ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID", "SYS_ADMIN")


def has_compat(ground: Ground, _: Target) -> bool:
    if ground.facts.machine != "x86_64":
        return False
    try:
        agent = put_agent32(ground)
    except BuildError:
        return False
    with ground.session.scope():
        return ground.root.fork().observe(Process.exec32, agent).outcome == Allowed()


def has_bpf(process: Process) -> bool:
    """Whether a map can be made: the system call may be built, yet kept from us."""

    def ask(process: Process) -> None:
        process.close(process.make_map())

    return process.observe(ask).outcome == Allowed()


def with_ring(holds: Callable[[Process, Ring], bool]) -> Callable[[Ground, Target], bool]:
    """Whether there is io_uring, and something holds of a ring."""

    def ask(ground: Ground, _: Target) -> bool:
        with ground.session.scope():
            process = ground.root.fork()
            if process.observe(Process.uring).outcome != Allowed():
                return False
            return holds(process, process.uring())

    return ask


def has_commands(process: Process, ring: Ring) -> bool:
    def ask(process: Process) -> None:
        ring.command(process, process.open("/dev/null", os.O_RDONLY))

    return process.observe(ask).outcome == Allowed()


def has_block_commands(process: Process, ring: Ring) -> bool:
    """Whether a block device has commands: then one that there is not is EINVAL.

    So is any operation that a ring does not know, as of kernels before 5.19.
    """

    def ask(process: Process) -> None:
        ring.command(process, process.open("/dev/loop0", os.O_RDONLY))

    return ring.knows(process, Op.URING_CMD) and process.observe(ask).outcome == Denied("EINVAL")


def knows(name: str) -> Callable[[Ground, Target], bool]:
    """Whether the kernel has a system call; what it says of senseless arguments is no matter."""

    def ask(ground: Ground, _: Target) -> bool:
        call = ground.root.observe(Process.syscall, name, -1, -1, -1, -1, -1, -1)
        return call.outcome != Denied("ENOSYS")

    return ask


def allows(action: Callable[[Process, str], object]) -> Callable[[Ground, Target], bool]:
    """Whether something may be done in a mount namespace of its own; it is given a folder."""

    def ask(ground: Ground, _: Target) -> bool:
        with ground.session.scope():
            process = ground.root.fork()
            if process.observe(Process.unshare, CLONE_NEWNS).outcome != Allowed():
                return False
            return process.observe(action, ground.place).outcome == Allowed()

    return ask


def mounts(kind: str, path: str = "") -> Callable[[Ground, Target], bool]:
    """Whether a file system can be mounted, and has this path."""

    def mount(process: Process, place: str) -> None:
        process.mount(kind, place, kind)
        process.open(f"{place}/{path}", O_PATH)

    return allows(mount)


def has_tracepoints(ground: Ground, target: Target) -> bool:
    """Whether Landlock's events can be traced, or are owed (see ``suite.witness.tracefs``)."""
    owed = ground.facts.abi >= TRACED_SINCE
    return mounts("tracefs", "events" if owed else "events/landlock")(ground, target)


def has_memory_groups(ground: Ground, _: Target) -> bool:
    controllers: list[bytes] = []

    def look(process: Process, place: str) -> None:
        process.mount("cgroup2", place, "cgroup2")
        controllers.extend(process.read_file(f"{place}/cgroup.controllers").split())

    return allows(look)(ground, _) and b"memory" in controllers


def fails_allocations(ground: Ground, target: Target) -> bool:
    """Whether the n-th allocation of a thread can be made to fail, be it one that may wait."""
    has_countdown = has_entry("fail-nth")(ground, target)
    return has_countdown and mounts("debugfs", "failslab/ignore-gfp-wait")(ground, target)


def opens_empty_path(ground: Ground, _: Target) -> bool:
    """Older kernels ignore the flag, and look for a file without a name."""

    def ask(process: Process) -> None:
        fd = process.open(ground.place, O_PATH)
        process.open("", os.O_RDONLY | O_EMPTYPATH, at=fd)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def opens_handles(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        process.chdir(ground.place)
        process.open_handle(AT_FDCWD, process.file_handle("."), O_PATH)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def runs_linked(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        path = f"{ground.place}/linked"
        header = process.read_file(ground.agent, elf.HEADER)
        process.write_file(path, elf.linked(header, ground.agent), 0o755)
        process.exec(path)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def leases_files(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        path = f"{ground.place}/leased"
        process.write_file(path, b"")
        process.fcntl(process.open(path, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def dumps_core_files(process: Process) -> bool:
    def ask(process: Process) -> None:
        pattern = process.read_file("/proc/sys/kernel/core_pattern")
        numbered = process.read_file("/proc/sys/kernel/core_uses_pid")
        answer.append((pattern, numbered) == (b"core\n", b"0\n"))

    answer: list[bool] = []
    return process.observe(ask).outcome == Allowed() and answer[0]


def has_fanotify_errors(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.close(process.fanotify(FAN_REPORT_FD_ERROR))

    return process.observe(ask).outcome == Allowed()


def has_filesystem(name: str, ground: Ground, target: Target) -> bool:
    """Whether the kernel knows it, once its module is loaded."""
    load_modules((name,), ground, target)
    return name in ground.root.read_file("/proc/filesystems").decode().split()


def has_formats(ground: Ground, target: Target) -> bool:
    """Whether formats can be registered, on a machine that isn't ours for a user namespace only."""
    if not has_filesystem("binfmt_misc", ground, target):
        return False
    if target.disposable:
        return True
    if not (ground.private and ground.facts.user_namespaces):
        return False
    with ground.session.scope():
        child = ground.root.fork(CLONE_NEWUSER | CLONE_NEWNS)
        path = "/proc/sys/fs/binfmt_misc"
        return child.observe(Process.mount, "none", path, "binfmt_misc").outcome == Allowed()


def has_execve_check(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.exec("/", flags=AT_EXECVE_CHECK)  # a folder: nothing is ever run

    return process.observe(ask).outcome != Denied("EINVAL")


def has_signal_flags(process: Process) -> bool:
    def ask(process: Process) -> None:
        pidfd = process.pidfd_open(process.getpid())
        process.pidfd_send_signal(pidfd, 0, PIDFD_SIGNAL_THREAD_GROUP)
        process.close(pidfd)

    return process.observe(ask).outcome == Allowed()


def has_dnotify(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        process.fcntl(process.open(ground.place, os.O_RDONLY), F_NOTIFY, 0)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def opens(ground: Ground, path: str) -> bool:
    def ask(process: Process) -> None:
        process.close(process.open(path, os.O_RDWR))

    return ground.root.observe(ask).outcome == Allowed()


def has_sysv_fs(ground: Ground, target: Target) -> bool:
    return has_filesystem("sysv", ground, target)


def type_character(process: Process, place: str, *, privileged: bool = True) -> None:
    """Put a character into what is read from a terminal that the process leads a session on."""
    process.mount("devpts", place, "devpts")
    master = process.open(f"{place}/ptmx", os.O_RDWR | os.O_NOCTTY)
    process.ioctl(master, TIOCSPTLCK, bytes(4))
    end = process.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
    process.setsid()
    process.ioctl(end, TIOCSCTTY, 0)
    if not privileged:
        process.drop_capabilities()
    process.ioctl(end, TIOCSTI, b"\n")


def type_without_privileges(process: Process, place: str) -> None:
    type_character(process, place, privileged=False)


def has_console(process: Process) -> bool:
    """Whether there is a virtual console, which tells whether a shift key is down."""
    get_shift_state = InOut(b"\x06")

    def ask(process: Process) -> None:
        fd = process.open("/dev/tty1", os.O_RDWR | os.O_NOCTTY)
        process.ioctl(fd, TIOCLINUX, get_shift_state)
        process.close(fd)

    return process.observe(ask).outcome == Allowed()


def has_loop(ground: Ground, target: Target) -> bool:
    load_modules(("loop",), ground, target)
    return opens(ground, "/dev/loop0")


def has_xattrs(kind: str) -> Callable[[Ground, Target], bool]:
    def ask(ground: Ground, _: Target) -> bool:
        call = ground.root.observe(Process.set_xattr, ground.place, f"{kind}.landproof", b"x")
        return call.outcome == Allowed()

    return ask


def has_attributes(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        process.syscall("file_getattr", AT_FDCWD, ground.place, Out(24), 24, 0)

    return ground.root.observe(ask).outcome == Allowed()


def has_fanotify(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        process.watch_by_fanotify(process.fanotify(), ground.place)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def gives(name: str, *arguments: Argument) -> Callable[[Ground, Target], bool]:
    """Whether a system call gives a file descriptor, or something else that ends with us."""

    def ask(ground: Ground, _: Target) -> bool:
        with ground.session.scope():
            process = ground.root.fork()
            return process.observe(Process.syscall, name, *arguments).outcome == Allowed()

    return ask


def has_shared_memory(process: Process) -> bool:
    return process.observe(Process.stat, "/proc/sysvipc/shm").outcome == Allowed()


def follows_map_files(ground: Ground, _: Target) -> bool:
    address, size, private_fixed = 0x20000000, 0x10000, 0x100002

    def follow(process: Process) -> None:
        fd = process.open(ground.agent, os.O_RDONLY)
        process.syscall("mmap", address, size, 1, private_fixed, fd, 0)
        process.open(f"/proc/self/map_files/{address:x}-{address + size:x}", os.O_RDONLY)

    with ground.session.scope():
        return ground.root.fork().observe(follow).outcome == Allowed()


def loads_programs(kind: int, attach: int = 0) -> Callable[[Ground, Target], bool]:
    """Whether a program of a kind can be loaded, such as: r0 = 1; exit."""

    def ask(process: Process) -> None:
        allow = packed("BNhiBNhi", 0xB7, 0, 0, 1, 0x95, 0, 0, 0)
        process.load_program(kind, allow, attach)

    def probe(ground: Ground, _: Target) -> bool:
        with ground.session.scope():
            return ground.root.fork().observe(ask).outcome == Allowed()

    return probe


def has_entry(name: str) -> Callable[[Ground, Target], bool]:
    """Whether there is such a file in /proc of every process."""

    def ask(ground: Ground, _: Target) -> bool:
        return ground.root.observe(Process.stat, f"/proc/self/{name}").outcome == Allowed()

    return ask


def tells_where_it_sleeps(ground: Ground) -> bool:
    """Whether wchan tells where a process that waits for us sleeps.

    It says 0 of all where x86 unwinds by ORC ("x86: Fix get_wchan() to support the ORC unwinder").
    """
    with ground.session.scope():
        sleeper = ground.root.fork()
        path = f"/proc/{sleeper.getpid().value}/wchan"
        texts: list[bytes] = []
        for _ in range(20):  # it may still be on its way
            ground.root.observe(lambda process: texts.append(process.read_file(path)))
            if texts and texts[-1] not in (b"0", b""):
                return True
        return False


def reads_stack(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.read_file("/proc/self/stack")

    return process.observe(ask).outcome == Allowed()


def reads_slabinfo(process: Process) -> bool:
    return process.observe(Process.read_file, "/proc/slabinfo", 1).outcome == Allowed()


def opens_namespaces(process: Process) -> bool:
    get_uts_namespace = 0xFF0A

    def ask(process: Process) -> None:
        pidfd = process.pidfd_open(process.getpid())
        process.close(process.ioctl(pidfd, get_uts_namespace))
        process.close(pidfd)

    return process.observe(ask).outcome == Allowed()


def has_core_scheduling(process: Process) -> bool:
    sched_core, get = 62, 0
    return process.observe(Process.prctl, sched_core, get, 0, 0, Out(8)).outcome == Allowed()


def opens_untraceable(ground: Ground, name: str, kept: int = 0) -> bool:
    """Whether a file in /proc can be opened of a process that has more capabilities."""
    with ground.session.scope():
        target, reader = ground.root.fork(), ground.root.fork()
        pid = target.getpid().value
        reader.drop_capabilities(kept)
        opened = reader.observe(Process.open, f"/proc/{pid}/{name}", os.O_RDONLY)
        return opened.outcome == Allowed()


def has_perfmon(ground: Ground) -> bool:
    return bool(ground.facts.capabilities >> CAP_PERFMON & 1) and ground.facts.uid == 0


def perfmon_reads(ground: Ground) -> bool:
    return opens_untraceable(ground, "maps", 1 << CAP_PERFMON)


def has_timers(ground: Ground, target: Target) -> bool:
    return bool(ground.facts.capabilities) and has_entry("timers")(ground, target)
