# SPDX-License-Identifier: MIT
"""Which need of a case a target lacks: what it says when it is asked, once."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from suite.packed import packed
from suite.process.calls.uring import FEAT_SQPOLL_NONFIXED, Op
from suite.process.promise import CallError, FilteredError
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
from suite.run.needs import Need
from suite.targets.base import Ground, Target

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
        "seccomp", SECCOMP_GET_ACTION_AVAIL, 0, packed("I", SECCOMP_RET_ALLOW)
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
    Need.URING_DISCARD: lambda ground, target: (
        probes.has_loop(ground, target)
        and probes.with_ring(probes.has_block_commands)(ground, target)
    ),
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
    Need.TIOCSTI: probes.allows(probes.type_character),
    Need.LEGACY_TIOCSTI: probes.allows(probes.type_without_privileges),
    Need.CONSOLE: lambda ground, _: probes.has_console(ground.root),
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
    Need.FAULT_INJECTION: probes.fails_allocations,
    Need.DEBUGGED_CACHES: probes.mounts("debugfs", "slab/kmalloc-cg-64/alloc_traces"),
    Need.NO_INET: lambda ground, _: socket_probes.lacks_inet(ground.root),
    Need.X86_64: lambda ground, _: ground.facts.machine == "x86_64",
    Need.PAGES_OF_4K: probes.gives("mmap", 0x20001000, 4096, 1, 0x32, -1, 0),
    Need.SCTP: socket_probes.makes_sockets(socket.AF_INET, socket.IPPROTO_SCTP, modules=("sctp",)),
    Need.SMC: socket_probes.makes_sockets(AF_SMC, modules=("smc",)),
    Need.SMC_OF_INET: socket_probes.makes_sockets(socket.AF_INET, IPPROTO_SMC, modules=("smc",)),
    Need.UDP_LITE: socket_probes.makes_sockets(
        socket.AF_INET, socket.IPPROTO_UDPLITE, kind=socket.SOCK_DGRAM
    ),
    Need.VSOCK: socket_probes.makes_sockets(socket.AF_VSOCK, modules=("vsock",)),
    Need.ALG: socket_probes.computes_digests,
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
    Need.SLABINFO: lambda ground, _: probes.reads_slabinfo(ground.root),
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


def ask_all(ground: Ground, target: Target) -> None:
    """Ask for every need, so that no case has to.

    Raises:
        AgentLostError: The target died of a question.
    """
    for need in Need:
        try:
            _met(need, ground, target)
        except CallError:
            continue  # it is for the case that needs it to say so


def _met(need: Need, ground: Ground, target: Target) -> bool:
    answers = ground.session.notes.of(_Answers)
    if need not in answers:
        try:
            answers[need] = _PRESENT[need](ground, target)
        except FilteredError:
            answers[need] = False
    return answers[need]
