# SPDX-License-Identifier: MIT
"""What a case may need of a target, and how to tell that it isn't there."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable
from enum import Enum

from suite.process.calls.uring import FEAT_SQPOLL_NONFIXED, Op
from suite.process.promise import FilteredError
from suite.process.uapi import (
    AF_SMC,
    BPF_CGROUP_INET4_CONNECT,
    BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
    BPF_PROG_TYPE_RAW_TRACEPOINT,
    CAP_SYS_ADMIN,
    FSMOUNT_NAMESPACE,
    IPPROTO_MPTCP,
    IPPROTO_SMC,
    OPEN_TREE_NAMESPACE,
    SECCOMP_GET_ACTION_AVAIL,
    SECCOMP_RET_ALLOW,
    UNSHARE_EMPTY_MNTNS,
)
from suite.run import probes, socket_probes
from suite.targets.base import Ground, Target


class Need(Enum):
    """Something that a target may lack; the value is the reason that reports give."""

    ROOT = "needs root"
    NO_NEW_PRIVS_UNSET = "needs to be started without no_new_privs"
    MOUNT = "needs a mount namespace of its own (root or user namespaces)"
    NET = "needs a network namespace of its own (root or user namespaces)"
    INET = "needs TCP/IP (CONFIG_INET)"
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
    TRACEPOINTS = "needs the landlock tracepoints (Linux 7.3), and tracefs (CONFIG_TRACING, root)"
    WARN_AGAIN = "needs clear_warn_once of debugfs (CONFIG_DEBUG_FS)"
    ACCT = "needs acct(2) (CONFIG_BSD_PROCESS_ACCT)"
    SWAP = "needs swapon(2) (CONFIG_SWAP)"
    EXECVE_CHECK = "needs AT_EXECVE_CHECK of execveat(2) (Linux 6.14)"
    EMPTY_PATH = "needs O_EMPTYPATH of open(2) (Linux 7.2)"
    LINKED = "needs to run a program by the interpreter that its ELF file names"
    FILE_LOCKS = "needs locks of files (CONFIG_FILE_LOCKING)"
    IPC_NAMESPACES = "needs IPC namespaces (CONFIG_IPC_NS)"
    CGROUP_NAMESPACES = "needs cgroup namespaces (CONFIG_CGROUPS)"
    FILE_LEASES = "needs file leases (CONFIG_FILE_LOCKING, and fs.leases-enable)"
    FILE_HANDLES = "needs open_by_handle_at(2) (CONFIG_FHANDLE, CAP_DAC_READ_SEARCH)"
    CORE_FILES = "needs core dumps in files named core (kernel.core_pattern, CONFIG_COREDUMP)"
    FANOTIFY_ERRORS = "needs FAN_REPORT_FD_ERROR of fanotify_init(2) (Linux 6.13)"
    BINFMT_MISC = "needs binfmt_misc (CONFIG_BINFMT_MISC), on a host one of its own (Linux 6.7)"
    DEVPTS = "needs devpts, and the right to mount it (CONFIG_UNIX98_PTYS)"
    LOOP = "needs to open /dev/loop0 (CONFIG_BLK_DEV_LOOP, root)"
    SYSV_FS = "needs the file system of System V (CONFIG_SYSV_FS, until Linux 6.14)"
    USERFAULTFD = "needs to open /dev/userfaultfd (CONFIG_USERFAULTFD, Linux 6.1, root)"
    USER_XATTRS = "needs user.* extended attributes (on tmpfs CONFIG_TMPFS_XATTR and Linux 6.6)"
    TRUSTED_XATTRS = "needs trusted.* extended attributes (CONFIG_TMPFS_XATTR, CAP_SYS_ADMIN)"
    SECURITY_XATTRS = "needs security.* extended attributes (on tmpfs CONFIG_TMPFS_XATTR)"
    FILE_ATTRIBUTES = "needs file_getattr(2) (Linux 6.17, on tmpfs CONFIG_TMPFS_XATTR)"
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
    RAW_TRACEPOINTS = "needs BPF programs of tracepoints (CONFIG_BPF_EVENTS, CAP_BPF, CAP_PERFMON)"
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
    PROC_WCHAN = "needs wchan in /proc (CONFIG_KALLSYMS, on x86 with ORC Linux 5.16)"
    PERF_EVENTS = "needs perf_event_open(2) (CONFIG_PERF_EVENTS)"
    HIDEPID = "needs to mount procfs with hidepid=ptraceable (Linux 5.8)"
    PERFMON_READS = "needs CAP_PERFMON, and that it reads memory maps of others (Linux 6.16)"
    PERFMON_READS_NOTHING = "needs CAP_PERFMON, and that it reads no memory (before Linux 6.16)"
    DISPOSABLE = "could change the machine: runs in virtual machines only"


RINGS = frozenset(need for need in Need if need.name.startswith("URING"))
"""The needs of who uses rings of io_uring, which are mapped memory."""


_PRESENT: dict[Need, Callable[[Ground, Target], bool]] = {
    Need.ROOT: lambda ground, _: probes.is_root(ground.facts),
    Need.NO_NEW_PRIVS_UNSET: lambda ground, _: not ground.facts.standing.no_new_privs,
    Need.MOUNT: lambda ground, _: ground.private,
    Need.NET: lambda ground, _: ground.private,
    Need.INET: socket_probes.makes_sockets(socket.AF_INET),
    Need.IPV6: lambda ground, _: ground.facts.ipv6,
    Need.AUDIT: lambda ground, _: ground.facts.audit and ground.facts.uid == 0,
    Need.CLONE3: probes.knows("clone3"),
    Need.SECURITYFS: lambda ground, _: bool(ground.facts.lsm),
    Need.LSM_CALLS: probes.knows("lsm_list_modules"),
    Need.SECCOMP: probes.gives(
        "seccomp", SECCOMP_GET_ACTION_AVAIL, 0, struct.pack("<I", SECCOMP_RET_ALLOW)
    ),
    Need.NO_AUDIT: lambda ground, _: not ground.facts.audit,
    Need.ADMIN: lambda ground, _: bool(ground.facts.capabilities >> CAP_SYS_ADMIN & 1),
    Need.MPTCP: socket_probes.makes_sockets(socket.AF_INET, IPPROTO_MPTCP),
    Need.USER_NAMESPACES: lambda ground, _: ground.facts.user_namespaces,
    Need.COMPAT: probes.has_compat,
    Need.OVERLAY: lambda ground, target: (
        ground.private and probes.has_filesystem("overlay", ground, target)
    ),
    Need.BPF: lambda ground, _: "bpf" in ground.facts.filesystems and probes.has_bpf(ground.root),
    Need.MQUEUE: lambda ground, _: "mqueue" in ground.facts.filesystems,
    Need.OLD_CALLS: lambda ground, _: "mkdir" in ground.session.numbers,
    Need.URING: probes.with_ring(lambda process, ring: True),
    Need.URING_POLLING: probes.with_ring(
        lambda process, ring: bool(ring.features & FEAT_SQPOLL_NONFIXED)
    ),
    Need.URING_PATHS: probes.with_ring(lambda process, ring: ring.knows(process, Op.LINKAT)),
    Need.URING_FTRUNCATE: probes.with_ring(lambda process, ring: ring.knows(process, Op.FTRUNCATE)),
    Need.URING_SEND_TO: probes.with_ring(socket_probes.sends_to_address),
    Need.URING_BIND: probes.with_ring(lambda process, ring: ring.knows(process, Op.BIND)),
    Need.URING_COMMAND: probes.with_ring(probes.has_commands),
    Need.PIDFD_SIGNAL_FLAGS: lambda ground, _: probes.has_signal_flags(ground.root),
    Need.UNIX_OUT_OF_BAND: lambda ground, _: socket_probes.sends_out_of_band(ground.root),
    Need.DNOTIFY: probes.has_dnotify,
    Need.MOUNT_SETATTR: probes.knows("mount_setattr"),
    Need.OPEN_TREE_ATTR: probes.knows("open_tree_attr"),
    Need.OPEN_TREE_NAMESPACE: probes.allows(
        lambda process, place: process.open_tree(place, OPEN_TREE_NAMESPACE)
    ),
    Need.FSMOUNT_NAMESPACE: probes.allows(
        lambda process, _: process.new_mount(flags=FSMOUNT_NAMESPACE)
    ),
    Need.EMPTY_NAMESPACE: probes.allows(lambda process, _: process.unshare(UNSHARE_EMPTY_MNTNS)),
    Need.FCHROOT: probes.knows("fchroot"),
    Need.SYSFS: probes.mounts("sysfs"),
    Need.CGROUP2: probes.mounts("cgroup2"),
    Need.AUTOMOUNT: probes.mounts("debugfs", "tracing/trace"),
    Need.TRACEPOINTS: probes.has_tracepoints,
    Need.WARN_AGAIN: probes.mounts("debugfs", "clear_warn_once"),
    Need.ACCT: probes.knows("acct"),
    Need.SWAP: probes.knows("swapon"),
    Need.CORE_FILES: lambda ground, _: probes.dumps_core_files(ground.root),
    Need.FANOTIFY_ERRORS: lambda ground, _: probes.has_fanotify_errors(ground.root),
    Need.BINFMT_MISC: probes.has_formats,
    Need.EXECVE_CHECK: lambda ground, _: probes.has_execve_check(ground.root),
    Need.EMPTY_PATH: probes.opens_empty_path,
    Need.LINKED: probes.runs_linked,
    Need.FILE_LOCKS: probes.knows("flock"),
    Need.IPC_NAMESPACES: probes.has_entry("ns/ipc"),
    Need.CGROUP_NAMESPACES: probes.has_entry("ns/cgroup"),
    Need.FILE_LEASES: probes.leases_files,
    Need.FILE_HANDLES: probes.opens_handles,
    Need.DEVPTS: probes.mounts("devpts", "ptmx"),
    Need.LOOP: probes.has_loop,
    Need.SYSV_FS: probes.has_sysv_fs,
    Need.USERFAULTFD: lambda ground, _: probes.opens(ground, "/dev/userfaultfd"),
    Need.USER_XATTRS: probes.has_xattrs("user"),
    Need.TRUSTED_XATTRS: probes.has_xattrs("trusted"),
    Need.SECURITY_XATTRS: probes.has_xattrs("security"),
    Need.FILE_ATTRIBUTES: probes.has_attributes,
    Need.INOTIFY: probes.knows("inotify_init1"),
    Need.FANOTIFY: probes.has_fanotify,
    Need.SYSV_SHM: probes.knows("shmget"),
    Need.FUSE: lambda ground, target: (
        ground.private
        and probes.has_filesystem("fuse", ground, target)
        and probes.opens(ground, "/dev/fuse")
    ),
    Need.HUGETLB: probes.gives("memfd_create", "", 4),
    Need.SYSVIPC: lambda ground, _: probes.has_shared_memory(ground.root),
    Need.SECRET_MEMORY: probes.gives("memfd_secret", 0),
    Need.MAP_FILES: probes.follows_map_files,
    Need.MEMORY_GROUPS: probes.has_memory_groups,
    Need.NO_INET: lambda ground, _: socket_probes.lacks_inet(ground.root),
    Need.PAGES_OF_4K: probes.gives("mmap", 0x20001000, 4096, 1, 0x32, -1, 0),
    Need.SCTP: socket_probes.makes_sockets(socket.AF_INET, socket.IPPROTO_SCTP, modules=("sctp",)),
    Need.SMC: socket_probes.makes_sockets(AF_SMC, modules=("smc",)),
    Need.SMC_OF_INET: socket_probes.makes_sockets(socket.AF_INET, IPPROTO_SMC, modules=("smc",)),
    Need.UDP_LITE: socket_probes.makes_sockets(
        socket.AF_INET, socket.IPPROTO_UDPLITE, kind=socket.SOCK_DGRAM
    ),
    Need.VSOCK: socket_probes.makes_sockets(socket.AF_VSOCK, modules=("vsock",)),
    Need.RAW_SOCKETS: socket_probes.makes_sockets(socket.AF_PACKET, kind=socket.SOCK_RAW),
    Need.LOCAL_PORT_RANGE: socket_probes.has_local_port_range,
    Need.CGROUP_BPF: probes.loads_programs(
        BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT
    ),
    Need.RAW_TRACEPOINTS: probes.loads_programs(BPF_PROG_TYPE_RAW_TRACEPOINT),
    Need.KCMP: probes.knows("kcmp"),
    Need.MOVE_PAGES: probes.knows("move_pages"),
    Need.MIGRATE_PAGES: probes.knows("migrate_pages"),
    Need.PIDFD_NAMESPACES: lambda ground, _: probes.opens_namespaces(ground.root),
    Need.CORE_SCHEDULING: lambda ground, _: probes.has_core_scheduling(ground.root),
    Need.PROC_NUMA_MAPS: probes.has_entry("numa_maps"),
    Need.PROC_PAGE_MONITOR: probes.has_entry("smaps"),
    Need.PROC_IO: probes.has_entry("io"),
    Need.PROC_SYSCALL: probes.has_entry("syscall"),
    Need.PROC_STACK: lambda ground, _: probes.reads_stack(ground.root),
    Need.PROC_TIMERS: lambda ground, target: (
        probes.has_timers(ground, target) and probes.opens_untraceable(ground, "timers")
    ),
    Need.PROC_GUARDED_TIMERS: lambda ground, target: (
        probes.has_timers(ground, target) and not probes.opens_untraceable(ground, "timers")
    ),
    Need.PROC_WCHAN: lambda ground, _: probes.tells_where_it_sleeps(ground),
    Need.PERF_EVENTS: probes.knows("perf_event_open"),
    Need.HIDEPID: probes.allows(
        lambda process, place: process.mount("proc", place, "proc", 0, "hidepid=ptraceable")
    ),
    Need.PERFMON_READS: lambda ground, _: (
        probes.has_perfmon(ground) and probes.perfmon_reads(ground)
    ),
    Need.PERFMON_READS_NOTHING: lambda ground, _: (
        probes.has_perfmon(ground) and not probes.perfmon_reads(ground)
    ),
    Need.DISPOSABLE: lambda _, target: target.disposable,
}


class _Answers(dict[Need, bool]):
    """What a target said when it was asked."""


def unmet(needs: Iterable[Need], ground: Ground, target: Target) -> str | None:
    """Why a case can't be shown here: the first need that the target lacks."""
    return next((need.value for need in needs if not _met(need, ground, target)), None)


def _met(need: Need, ground: Ground, target: Target) -> bool:
    answers = ground.session.notes.of(_Answers)
    if need not in answers:
        try:
            answers[need] = _PRESENT[need](ground, target)
        except FilteredError:
            answers[need] = False
    return answers[need]
