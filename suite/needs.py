# SPDX-License-Identifier: MIT
"""What a case may need of a target, and how to tell that it isn't there."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterable
from enum import Enum

from suite.agent.build import BuildError
from suite.calls.files import (
    AT_EXECVE_CHECK,
    AT_FDCWD,
    F_NOTIFY,
    FAN_REPORT_FD_ERROR,
    O_EMPTYPATH,
    O_PATH,
)
from suite.calls.mounts import FSMOUNT_NAMESPACE, OPEN_TREE_NAMESPACE, UNSHARE_EMPTY_MNTNS
from suite.calls.sockets import AF_SMC, IP_LOCAL_PORT_RANGE, IPPROTO_MPTCP, IPPROTO_SMC, inet6
from suite.calls.tasks import (
    BPF_CGROUP_INET4_CONNECT,
    BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
    CAP_PERFMON,
    CAP_SYS_ADMIN,
    PIDFD_SIGNAL_THREAD_GROUP,
    SECCOMP_GET_ACTION_AVAIL,
    SECCOMP_RET_ALLOW,
)
from suite.calls.uring import FEAT_SQPOLL_NONFIXED, Op, Ring
from suite.modules import load_modules
from suite.outcome import Allowed, Denied
from suite.process import CLONE_NEWNS, CLONE_NEWUSER, Process
from suite.session import Argument, Out
from suite.targets.base import Ground, Target
from suite.targets.ground import agent32


class Need(Enum):
    """Something that a target may lack; the value is the reason that reports give."""

    ROOT = "needs root"
    MOUNT = "needs a mount namespace of its own (root or user namespaces)"
    NET = "needs a network namespace of its own (root or user namespaces)"
    IPV6 = "needs IPv6"
    AUDIT = "needs the audit subsystem and CAP_AUDIT_CONTROL"
    CLONE3 = "needs clone3(2), and CLONE_CLEAR_SIGHAND (Linux 5.5)"
    SECURITYFS = "needs securityfs (CONFIG_SECURITYFS)"
    LSM_CALLS = "needs lsm_list_modules(2) and lsm_get_self_attr(2) (Linux 6.8)"
    SECCOMP = "needs seccomp filters (CONFIG_SECCOMP_FILTER)"
    NO_AUDIT = "needs a kernel without the audit subsystem (no CONFIG_AUDIT)"
    ADMIN = "needs CAP_SYS_ADMIN (root or user namespaces)"
    MPTCP = "needs MPTCP"
    USER_NAMESPACES = "needs user namespaces"
    COMPAT = "needs programs for i386 on x86_64 (CONFIG_IA32_EMULATION), and landproof's own"
    OVERLAY = "needs overlayfs (CONFIG_OVERLAY_FS)"
    BPF = "needs bpf(2) and its file system (CONFIG_BPF_SYSCALL, CAP_BPF)"
    MQUEUE = "needs POSIX message queues (CONFIG_POSIX_MQUEUE)"
    OLD_CALLS = "needs mkdir(2), link(2), rename(2) and the like, which newer architectures lack"
    URING = "needs io_uring (CONFIG_IO_URING, and no kernel.io_uring_disabled)"
    URING_POLLING = "needs io_uring's SQPOLL for files that were not registered (Linux 5.11)"
    URING_PATHS = "needs io_uring's MKDIRAT, SYMLINKAT and LINKAT (Linux 5.15)"
    URING_FTRUNCATE = "needs io_uring's FTRUNCATE (Linux 6.9)"
    URING_SEND_TO = "needs io_uring's SEND to an address (Linux 6.1)"
    URING_BIND = "needs io_uring's BIND (Linux 6.11)"
    URING_COMMAND = "needs commands of drivers by io_uring (Linux 6.1, for the null device)"
    PIDFD_SIGNAL_FLAGS = "needs the flags of pidfd_send_signal(2) (Linux 6.9)"
    UNIX_OUT_OF_BAND = "needs out-of-band data of UNIX sockets (CONFIG_AF_UNIX_OOB)"
    DNOTIFY = "needs dnotify (CONFIG_DNOTIFY)"
    MOUNT_SETATTR = "needs mount_setattr(2) (Linux 5.12)"
    OPEN_TREE_ATTR = "needs open_tree_attr(2) (Linux 6.15)"
    OPEN_TREE_NAMESPACE = "needs OPEN_TREE_NAMESPACE of open_tree(2) (Linux 7.0)"
    FSMOUNT_NAMESPACE = "needs FSMOUNT_NAMESPACE of fsmount(2) (Linux 7.1)"
    EMPTY_NAMESPACE = "needs UNSHARE_EMPTY_MNTNS of unshare(2) (Linux 7.1)"
    FCHROOT = "needs fchroot(2) (Linux 7.3)"
    SYSFS = "needs sysfs, and the right to mount it (CONFIG_SYSFS)"
    CGROUP2 = "needs cgroup2, and the right to mount it (CONFIG_CGROUPS)"
    AUTOMOUNT = "needs tracefs that debugfs mounts by itself (CONFIG_DEBUG_FS, CONFIG_TRACING)"
    WARN_AGAIN = "needs clear_warn_once of debugfs (CONFIG_DEBUG_FS)"
    ACCT = "needs acct(2) (CONFIG_BSD_PROCESS_ACCT)"
    SWAP = "needs swapon(2) (CONFIG_SWAP)"
    EXECVE_CHECK = "needs AT_EXECVE_CHECK of execveat(2) (Linux 6.14)"
    EMPTY_PATH = "needs O_EMPTYPATH of open(2) (Linux 7.2)"
    FILE_HANDLES = "needs open_by_handle_at(2) (CONFIG_FHANDLE, CAP_DAC_READ_SEARCH)"
    CORE_FILES = "needs core dumps in files named core (kernel.core_pattern, CONFIG_COREDUMP)"
    FANOTIFY_ERRORS = "needs FAN_REPORT_FD_ERROR of fanotify_init(2) (Linux 6.13)"
    BINFMT_MISC = "needs binfmt_misc (CONFIG_BINFMT_MISC), on a host one of its own (Linux 6.7)"
    DEVPTS = "needs devpts, and the right to mount it (CONFIG_UNIX98_PTYS)"
    LOOP = "needs to open /dev/loop0 (CONFIG_BLK_DEV_LOOP, root)"
    USERFAULTFD = "needs to open /dev/userfaultfd (CONFIG_USERFAULTFD, Linux 6.1, root)"
    USER_XATTRS = "needs user.* extended attributes (on tmpfs CONFIG_TMPFS_XATTR and Linux 6.6)"
    TRUSTED_XATTRS = "needs trusted.* extended attributes (CONFIG_TMPFS_XATTR, CAP_SYS_ADMIN)"
    FILE_ATTRIBUTES = "needs file_getattr(2) and file_setattr(2) (Linux 6.17)"
    INOTIFY = "needs inotify (CONFIG_INOTIFY_USER)"
    FANOTIFY = "needs fanotify (CONFIG_FANOTIFY, CAP_SYS_ADMIN)"
    SYSV_SHM = "needs System V shared memory (CONFIG_SYSVIPC)"
    FUSE = "needs FUSE (CONFIG_FUSE_FS), and /dev/fuse"
    HUGETLB = "needs huge pages (CONFIG_HUGETLBFS)"
    SYSVIPC = "needs System V IPC (CONFIG_SYSVIPC)"
    SECRET_MEMORY = "needs memfd_secret(2) (CONFIG_SECRETMEM, Linux 5.14)"  # noqa: S105 (no password)
    MAP_FILES = "needs to follow /proc/self/map_files (CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN)"
    MEMORY_GROUPS = "needs the memory controller of cgroup2 (CONFIG_MEMCG)"
    NO_INET = "needs a kernel without TCP/IP (no CONFIG_INET)"
    PAGES_OF_4K = "needs pages of 4 KiB"
    SCTP = "needs SCTP (CONFIG_IP_SCTP, and its module loaded)"
    SMC = "needs SMC (CONFIG_SMC, and its module loaded)"
    SMC_OF_INET = "needs SMC as a protocol of IPv4 (CONFIG_SMC, Linux 6.11)"
    UDP_LITE = "needs UDP-Lite (until Linux 7.0)"
    VSOCK = "needs AF_VSOCK (CONFIG_VSOCKETS)"
    RAW_SOCKETS = "needs raw and packet sockets (CAP_NET_RAW, CONFIG_PACKET)"
    LOCAL_PORT_RANGE = "needs IP_LOCAL_PORT_RANGE (Linux 6.3)"
    CGROUP_BPF = "needs BPF programs of cgroups (CONFIG_CGROUP_BPF, CAP_BPF, CAP_NET_ADMIN)"
    KCMP = "needs kcmp(2) (CONFIG_KCMP)"
    MOVE_PAGES = "needs move_pages(2) (CONFIG_MIGRATION, CONFIG_NUMA)"
    MIGRATE_PAGES = "needs migrate_pages(2) (CONFIG_NUMA)"
    PIDFD_NAMESPACES = "needs ioctl(2) of a pidfd for namespaces (Linux 6.11)"
    CORE_SCHEDULING = "needs core scheduling (CONFIG_SCHED_CORE, hyper-threading)"
    PROC_NUMA_MAPS = "needs numa_maps in /proc (CONFIG_NUMA)"
    PROC_PAGE_MONITOR = "needs smaps and pagemap in /proc (CONFIG_PROC_PAGE_MONITOR)"
    PROC_IO = "needs io in /proc (CONFIG_TASK_IO_ACCOUNTING)"
    PROC_SYSCALL = "needs syscall in /proc (CONFIG_HAVE_ARCH_TRACEHOOK)"
    PROC_STACK = "needs stack in /proc, and CAP_SYS_ADMIN (CONFIG_STACKTRACE)"
    PROC_TIMERS = "needs timers in /proc, open to all (CONFIG_CHECKPOINT_RESTORE)"
    PROC_GUARDED_TIMERS = "needs timers in /proc that only who may trace can read"
    PROC_WCHAN = "needs wchan in /proc (CONFIG_KALLSYMS)"
    PERF_EVENTS = "needs perf_event_open(2) (CONFIG_PERF_EVENTS)"
    HIDEPID = "needs to mount procfs with hidepid=ptraceable (Linux 5.8)"
    PERFMON_READS = "needs CAP_PERFMON, and that it reads memory maps of others (Linux 6.16)"
    PERFMON_READS_NOTHING = "needs CAP_PERFMON, and that it reads no memory (before Linux 6.16)"
    DISPOSABLE = "could change the machine: runs in virtual machines only"


def _has_mptcp(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.close(process.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))

    return process.observe(ask).outcome == Allowed()


def _has_compat(ground: Ground, _: Target) -> bool:
    if ground.facts.machine != "x86_64":
        return False
    try:
        agent = agent32(ground)
    except BuildError:
        return False
    with ground.session.scope():
        return ground.root.fork().observe(Process.exec32, agent).outcome == Allowed()


def _has_bpf(process: Process) -> bool:
    """Whether a map can be made: the system call may be built, yet kept from us."""

    def ask(process: Process) -> None:
        process.close(process.make_map())

    return process.observe(ask).outcome == Allowed()


def _with_ring(holds: Callable[[Process, Ring], bool]) -> Callable[[Ground, Target], bool]:
    """Whether there is io_uring, and something holds of a ring."""

    def ask(ground: Ground, _: Target) -> bool:
        with ground.session.scope():
            process = ground.root.fork()
            if process.observe(Process.uring).outcome != Allowed():
                return False
            return holds(process, process.uring())

    return ask


def _has_commands(process: Process, ring: Ring) -> bool:
    null = process.open("/dev/null", os.O_RDONLY)
    return process.observe(ring.command, null).outcome == Allowed()


def _sends_to_address(process: Process, ring: Ring) -> bool:
    """Whether it looks at the address, which is no good one, so that nothing is sent."""
    fd = process.socket(socket.AF_INET, socket.SOCK_DGRAM)
    outcome = process.observe(ring.send, fd, b"", inet6(9)).outcome
    return outcome == Denied("EAFNOSUPPORT")


def _knows(name: str) -> Callable[[Ground, Target], bool]:
    """Whether the kernel has a system call; what it says of senseless arguments is no matter."""

    def ask(ground: Ground, _: Target) -> bool:
        call = ground.root.observe(Process.syscall, name, -1, -1, -1, -1, -1, -1)
        return call.outcome != Denied("ENOSYS")

    return ask


def _allows(action: Callable[[Process, str], object]) -> Callable[[Ground, Target], bool]:
    """Whether something may be done in a mount namespace of its own; it is given a folder."""

    def ask(ground: Ground, _: Target) -> bool:
        with ground.session.scope():
            process = ground.root.fork()
            if process.observe(Process.unshare, CLONE_NEWNS).outcome != Allowed():
                return False
            return process.observe(action, ground.place).outcome == Allowed()

    return ask


def _mounts(kind: str, path: str = "") -> Callable[[Ground, Target], bool]:
    """Whether a file system can be mounted, and has this path."""

    def mount(process: Process, place: str) -> None:
        process.mount(kind, place, kind)
        process.open(f"{place}/{path}", O_PATH)

    return _allows(mount)


def _has_memory_groups(ground: Ground, _: Target) -> bool:
    controllers: list[bytes] = []

    def look(process: Process, place: str) -> None:
        process.mount("cgroup2", place, "cgroup2")
        controllers.extend(process.read_file(f"{place}/cgroup.controllers").split())

    return _allows(look)(ground, _) and b"memory" in controllers


def _opens_empty_path(ground: Ground, _: Target) -> bool:
    """Older kernels ignore the flag, and look for a file without a name."""

    def ask(process: Process) -> None:
        fd = process.open(ground.place, O_PATH)
        process.open("", os.O_RDONLY | O_EMPTYPATH, at=fd)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def _opens_handles(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        process.chdir(ground.place)
        process.open_handle(AT_FDCWD, process.file_handle("."), O_PATH)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def _dumps_core_files(process: Process) -> bool:
    def ask(process: Process) -> None:
        pattern = process.read_file("/proc/sys/kernel/core_pattern")
        numbered = process.read_file("/proc/sys/kernel/core_uses_pid")
        answer.append((pattern, numbered) == (b"core\n", b"0\n"))

    answer: list[bool] = []
    return process.observe(ask).outcome == Allowed() and answer[0]


def _has_fanotify_errors(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.close(process.fanotify(FAN_REPORT_FD_ERROR))

    return process.observe(ask).outcome == Allowed()


def _has_filesystem(name: str, ground: Ground, target: Target) -> bool:
    """Whether the kernel knows it, once its module is loaded."""
    load_modules((name,), ground, target)
    return name in ground.root.read_file("/proc/filesystems").decode().split()


def _has_formats(ground: Ground, target: Target) -> bool:
    """Whether formats can be registered, on a machine that isn't ours for a user namespace only."""
    if not _has_filesystem("binfmt_misc", ground, target):
        return False
    if target.disposable:
        return True
    if not (ground.private and ground.facts.user_namespaces):
        return False
    with ground.session.scope():
        child = ground.root.fork(CLONE_NEWUSER | CLONE_NEWNS)
        path = "/proc/sys/fs/binfmt_misc"
        return child.observe(Process.mount, "none", path, "binfmt_misc").outcome == Allowed()


def _has_execve_check(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.exec("/", flags=AT_EXECVE_CHECK)  # a folder: nothing is ever run

    return process.observe(ask).outcome != Denied("EINVAL")


def _has_signal_flags(process: Process) -> bool:
    def ask(process: Process) -> None:
        pidfd = process.pidfd_open(process.getpid())
        process.pidfd_send_signal(pidfd, 0, PIDFD_SIGNAL_THREAD_GROUP)
        process.close(pidfd)

    return process.observe(ask).outcome == Allowed()


def _sends_out_of_band(process: Process) -> bool:
    def ask(process: Process) -> None:
        ends = process.socketpair()
        process.sendto(ends[0], b"x", flags=socket.MSG_OOB)
        for end in ends:
            process.close(end)

    return process.observe(ask).outcome == Allowed()


def _has_dnotify(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        process.fcntl(process.open(ground.place, os.O_RDONLY), F_NOTIFY, 0)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def _opens(ground: Ground, path: str) -> bool:
    def ask(process: Process) -> None:
        process.close(process.open(path, os.O_RDWR))

    return ground.root.observe(ask).outcome == Allowed()


def _has_loop(ground: Ground, target: Target) -> bool:
    load_modules(("loop",), ground, target)
    return _opens(ground, "/dev/loop0")


def _has_xattrs(kind: str) -> Callable[[Ground, Target], bool]:
    def ask(ground: Ground, _: Target) -> bool:
        call = ground.root.observe(Process.set_xattr, ground.place, f"{kind}.landproof", b"x")
        return call.outcome == Allowed()

    return ask


def _has_fanotify(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        process.watch_by_fanotify(process.fanotify(), ground.place)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def _gives(name: str, *arguments: Argument) -> Callable[[Ground, Target], bool]:
    """Whether a system call gives a file descriptor, or something else that ends with us."""

    def ask(ground: Ground, _: Target) -> bool:
        with ground.session.scope():
            process = ground.root.fork()
            return process.observe(Process.syscall, name, *arguments).outcome == Allowed()

    return ask


def _has_shared_memory(process: Process) -> bool:
    return process.observe(Process.stat, "/proc/sysvipc/shm").outcome == Allowed()


def _follows_map_files(ground: Ground, _: Target) -> bool:
    address, size, private_fixed = 0x20000000, 0x10000, 0x100002

    def follow(process: Process) -> None:
        fd = process.open(ground.agent, os.O_RDONLY)
        process.syscall("mmap", address, size, 1, private_fixed, fd, 0)
        process.open(f"/proc/self/map_files/{address:x}-{address + size:x}", os.O_RDONLY)

    with ground.session.scope():
        return ground.root.fork().observe(follow).outcome == Allowed()


def _loads_programs(ground: Ground, _: Target) -> bool:
    """Whether a program that allows every connection can be loaded: r0 = 1; exit."""

    def ask(process: Process) -> None:
        allow = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 1, 0x95, 0, 0, 0)
        process.load_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, allow, BPF_CGROUP_INET4_CONNECT)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def _makes_sockets(
    family: int, protocol: int = 0, kind: int = socket.SOCK_STREAM, modules: tuple[str, ...] = ()
) -> Callable[[Ground, Target], bool]:
    """Whether there are such sockets, once their modules are loaded."""

    def ask(ground: Ground, target: Target) -> bool:
        load_modules(modules, ground, target)
        with ground.session.scope():
            process = ground.root.fork()
            return process.observe(Process.socket, family, kind, protocol).outcome == Allowed()

    return ask


def _has_local_port_range(ground: Ground, _: Target) -> bool:
    def ask(process: Process) -> None:
        fd = process.socket(socket.AF_INET, socket.SOCK_STREAM)
        process.setsockopt(fd, socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, 0)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def _has_entry(name: str) -> Callable[[Ground, Target], bool]:
    """Whether there is such a file in /proc of every process."""

    def ask(ground: Ground, _: Target) -> bool:
        return ground.root.observe(Process.stat, f"/proc/self/{name}").outcome == Allowed()

    return ask


def _reads_stack(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.read_file("/proc/self/stack")

    return process.observe(ask).outcome == Allowed()


def _opens_namespaces(process: Process) -> bool:
    get_uts_namespace = 0xFF0A

    def ask(process: Process) -> None:
        pidfd = process.pidfd_open(process.getpid())
        process.close(process.ioctl(pidfd, get_uts_namespace))
        process.close(pidfd)

    return process.observe(ask).outcome == Allowed()


def _has_core_scheduling(process: Process) -> bool:
    sched_core, get = 62, 0
    return process.observe(Process.prctl, sched_core, get, 0, 0, Out(8)).outcome == Allowed()


def _opens_untraceable(ground: Ground, name: str, kept: int = 0) -> bool:
    """Whether a file in /proc can be opened of a process that has more capabilities."""
    with ground.session.scope():
        target, reader = ground.root.fork(), ground.root.fork()
        pid = target.getpid().value
        reader.drop_capabilities(kept)
        opened = reader.observe(Process.open, f"/proc/{pid}/{name}", os.O_RDONLY)
        return opened.outcome == Allowed()


def _has_perfmon(ground: Ground) -> bool:
    return bool(ground.facts.capabilities >> CAP_PERFMON & 1) and ground.facts.uid == 0


def _perfmon_reads(ground: Ground) -> bool:
    return _opens_untraceable(ground, "maps", 1 << CAP_PERFMON)


def _has_timers(ground: Ground, target: Target) -> bool:
    return bool(ground.facts.capabilities) and _has_entry("timers")(ground, target)


_PRESENT: dict[Need, Callable[[Ground, Target], bool]] = {
    Need.ROOT: lambda ground, _: ground.facts.uid == 0,
    Need.MOUNT: lambda ground, _: ground.private,
    Need.NET: lambda ground, _: ground.private,
    Need.IPV6: lambda ground, _: ground.facts.ipv6,
    Need.AUDIT: lambda ground, _: ground.facts.audit and ground.facts.uid == 0,
    Need.CLONE3: _knows("clone3"),
    Need.SECURITYFS: lambda ground, _: bool(ground.facts.lsm),
    Need.LSM_CALLS: _knows("lsm_list_modules"),
    Need.SECCOMP: _gives(
        "seccomp", SECCOMP_GET_ACTION_AVAIL, 0, struct.pack("<I", SECCOMP_RET_ALLOW)
    ),
    Need.NO_AUDIT: lambda ground, _: not ground.facts.audit,
    Need.ADMIN: lambda ground, _: bool(ground.facts.capabilities >> CAP_SYS_ADMIN & 1),
    Need.MPTCP: lambda ground, _: _has_mptcp(ground.root),
    Need.USER_NAMESPACES: lambda ground, _: ground.facts.user_namespaces,
    Need.COMPAT: _has_compat,
    Need.OVERLAY: lambda ground, target: (
        ground.private and _has_filesystem("overlay", ground, target)
    ),
    Need.BPF: lambda ground, _: "bpf" in ground.facts.filesystems and _has_bpf(ground.root),
    Need.MQUEUE: lambda ground, _: "mqueue" in ground.facts.filesystems,
    Need.OLD_CALLS: lambda ground, _: "mkdir" in ground.session.numbers,
    Need.URING: _with_ring(lambda process, ring: True),
    Need.URING_POLLING: _with_ring(
        lambda process, ring: bool(ring.features & FEAT_SQPOLL_NONFIXED)
    ),
    Need.URING_PATHS: _with_ring(lambda process, ring: ring.knows(process, Op.LINKAT)),
    Need.URING_FTRUNCATE: _with_ring(lambda process, ring: ring.knows(process, Op.FTRUNCATE)),
    Need.URING_SEND_TO: _with_ring(_sends_to_address),
    Need.URING_BIND: _with_ring(lambda process, ring: ring.knows(process, Op.BIND)),
    Need.URING_COMMAND: _with_ring(_has_commands),
    Need.PIDFD_SIGNAL_FLAGS: lambda ground, _: _has_signal_flags(ground.root),
    Need.UNIX_OUT_OF_BAND: lambda ground, _: _sends_out_of_band(ground.root),
    Need.DNOTIFY: _has_dnotify,
    Need.MOUNT_SETATTR: _knows("mount_setattr"),
    Need.OPEN_TREE_ATTR: _knows("open_tree_attr"),
    Need.OPEN_TREE_NAMESPACE: _allows(
        lambda process, place: process.open_tree(place, OPEN_TREE_NAMESPACE)
    ),
    Need.FSMOUNT_NAMESPACE: _allows(lambda process, _: process.new_mount(flags=FSMOUNT_NAMESPACE)),
    Need.EMPTY_NAMESPACE: _allows(lambda process, _: process.unshare(UNSHARE_EMPTY_MNTNS)),
    Need.FCHROOT: _knows("fchroot"),
    Need.SYSFS: _mounts("sysfs"),
    Need.CGROUP2: _mounts("cgroup2"),
    Need.AUTOMOUNT: _mounts("debugfs", "tracing/trace"),
    Need.WARN_AGAIN: _mounts("debugfs", "clear_warn_once"),
    Need.ACCT: _knows("acct"),
    Need.SWAP: _knows("swapon"),
    Need.CORE_FILES: lambda ground, _: _dumps_core_files(ground.root),
    Need.FANOTIFY_ERRORS: lambda ground, _: _has_fanotify_errors(ground.root),
    Need.BINFMT_MISC: _has_formats,
    Need.EXECVE_CHECK: lambda ground, _: _has_execve_check(ground.root),
    Need.EMPTY_PATH: _opens_empty_path,
    Need.FILE_HANDLES: _opens_handles,
    Need.DEVPTS: _mounts("devpts", "ptmx"),
    Need.LOOP: _has_loop,
    Need.USERFAULTFD: lambda ground, _: _opens(ground, "/dev/userfaultfd"),
    Need.USER_XATTRS: _has_xattrs("user"),
    Need.TRUSTED_XATTRS: _has_xattrs("trusted"),
    Need.FILE_ATTRIBUTES: _knows("file_setattr"),
    Need.INOTIFY: _knows("inotify_init1"),
    Need.FANOTIFY: _has_fanotify,
    Need.SYSV_SHM: _knows("shmget"),
    Need.FUSE: lambda ground, target: (
        ground.private and _has_filesystem("fuse", ground, target) and _opens(ground, "/dev/fuse")
    ),
    Need.HUGETLB: _gives("memfd_create", "", 4),
    Need.SYSVIPC: lambda ground, _: _has_shared_memory(ground.root),
    Need.SECRET_MEMORY: _gives("memfd_secret", 0),
    Need.MAP_FILES: _follows_map_files,
    Need.MEMORY_GROUPS: _has_memory_groups,
    Need.NO_INET: lambda ground, _: (
        ground.root.observe(Process.socket, socket.AF_INET, socket.SOCK_STREAM).outcome
        == Denied("EAFNOSUPPORT")
    ),
    Need.PAGES_OF_4K: _gives("mmap", 0x20001000, 4096, 1, 0x32, -1, 0),
    Need.SCTP: _makes_sockets(socket.AF_INET, socket.IPPROTO_SCTP, modules=("sctp",)),
    Need.SMC: _makes_sockets(AF_SMC, modules=("smc",)),
    Need.SMC_OF_INET: _makes_sockets(socket.AF_INET, IPPROTO_SMC, modules=("smc",)),
    Need.UDP_LITE: _makes_sockets(socket.AF_INET, socket.IPPROTO_UDPLITE, kind=socket.SOCK_DGRAM),
    Need.VSOCK: _makes_sockets(socket.AF_VSOCK, modules=("vsock",)),
    Need.RAW_SOCKETS: _makes_sockets(socket.AF_PACKET, kind=socket.SOCK_RAW),
    Need.LOCAL_PORT_RANGE: _has_local_port_range,
    Need.CGROUP_BPF: _loads_programs,
    Need.KCMP: _knows("kcmp"),
    Need.MOVE_PAGES: _knows("move_pages"),
    Need.MIGRATE_PAGES: _knows("migrate_pages"),
    Need.PIDFD_NAMESPACES: lambda ground, _: _opens_namespaces(ground.root),
    Need.CORE_SCHEDULING: lambda ground, _: _has_core_scheduling(ground.root),
    Need.PROC_NUMA_MAPS: _has_entry("numa_maps"),
    Need.PROC_PAGE_MONITOR: _has_entry("smaps"),
    Need.PROC_IO: _has_entry("io"),
    Need.PROC_SYSCALL: _has_entry("syscall"),
    Need.PROC_STACK: lambda ground, _: _reads_stack(ground.root),
    Need.PROC_TIMERS: lambda ground, target: (
        _has_timers(ground, target) and _opens_untraceable(ground, "timers")
    ),
    Need.PROC_GUARDED_TIMERS: lambda ground, target: (
        _has_timers(ground, target) and not _opens_untraceable(ground, "timers")
    ),
    Need.PROC_WCHAN: _has_entry("wchan"),
    Need.PERF_EVENTS: _knows("perf_event_open"),
    Need.HIDEPID: _allows(
        lambda process, place: process.mount("proc", place, "proc", 0, "hidepid=ptraceable")
    ),
    Need.PERFMON_READS: lambda ground, _: _has_perfmon(ground) and _perfmon_reads(ground),
    Need.PERFMON_READS_NOTHING: lambda ground, _: (
        _has_perfmon(ground) and not _perfmon_reads(ground)
    ),
    Need.DISPOSABLE: lambda _, target: target.disposable,
}


def unmet(needs: Iterable[Need], ground: Ground, target: Target) -> str | None:
    """Why a case can't be shown here: the first need that the target lacks."""
    return next((need.value for need in needs if not _PRESENT[need](ground, target)), None)
