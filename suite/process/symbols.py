# SPDX-License-Identifier: MIT
"""The names of constants, as the kernel's headers and strace(1) have them: a table each kind.

The numbers are those of Python's modules, of ``uapi.py`` and ``calls/ioctls.py``, and of Landlock's
own table. Only what none of them has is written down here.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import resource
import signal
import socket
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

from suite.landlock import abi
from suite.landlock.calls import RULE_TYPES
from suite.process import uapi
from suite.process.calls import ioctls


@dataclass(frozen=True, slots=True)
class Word:
    """A number as an expression of C, and the value of each name in it."""

    text: str
    names: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Symbols:
    """The constants of one kind, by name."""

    values: Mapping[str, int]
    are_bits: bool = True
    field: int = 0
    """Of bits, those that are one number: its names are among the others (O_ACCMODE)."""
    unknown: str = ""
    """What strace says in a comment where it knows none, such as ``LANDLOCK_ACCESS_FS_???``."""
    field_last: bool = False

    def word(self, number: int) -> Word:
        """``O_WRONLY|O_CLOEXEC``; what has no name is hexadecimal."""
        if not self.are_bits:
            return self._one(number)
        left = number
        first = self._in_field(number & self.field) if self.field or not number else {}
        left -= number & self.field if first else 0
        names = {} if self.field_last else first
        for name, value in self.values.items():
            if value and not value & self.field and value & left == value:
                names[name] = value
                left &= ~value
        names |= first
        parts = list(names)
        if left or not parts:
            parts.append(hex(left) if left else "0")
        if left and not any(names.values()) and self.unknown:
            parts[-1] += f" /* {self.unknown} */"
        return Word("|".join(parts), names)

    def _in_field(self, number: int) -> dict[str, int]:
        found = (name for name, value in self.values.items() if value == number)
        name = next(found, None)
        return {} if name is None else {name: number}

    def _one(self, number: int) -> Word:
        names = self._in_field(number)
        return Word("".join(names) or _unknown(number, self.unknown), names)


def _unknown(number: int, comment: str) -> str:
    text = hex(number) if number > 9 else str(number)
    return f"{text} /* {comment} */" if comment else text


def _found(names: str, *modules: ModuleType) -> dict[str, int]:
    """The constants of these names; ``NAME=number`` where no module has it."""
    found: dict[str, int] = {}
    for item in names.split():
        name, _, number = item.partition("=")
        places = [it for it in modules if hasattr(it, name)]
        found[name] = int(number, 0) if number else int(getattr(places[0], name))
    return found


def _with_prefix(prefix: str, modules: Iterable[ModuleType], without: str = "") -> dict[str, int]:
    """All constants of these modules whose names begin so."""
    left_out = set(without.split())
    return {
        name: int(number)
        for module in modules
        for name, number in vars(module).items()
        if name.startswith(prefix) and name not in left_out and isinstance(number, int)
    }


def _features(kind: type[abi.Feature]) -> Symbols:
    names = {constant: int(bit) for bit in kind for constant in bit.constants}
    return Symbols(names, unknown=f"{abi.CONSTANT[kind]}_???")


_SOCKET = (uapi, socket)
SIGNALS = {it.name: int(it) for it in signal.Signals if it.name not in ("SIGRTMIN", "SIGRTMAX")}
_REAL_TIME = {f"SIGRT_{number - 32}": number for number in range(33, 65)}
_CLONE = _with_prefix("CLONE_", [uapi], without="CLONE_THREAD")
_CLONE["CLONE_THREAD"] = 1 << 16

SYMBOLS: dict[str, Symbols] = {
    "access": Symbols(_found("F_OK R_OK W_OK X_OK", os)),
    "af": Symbols(
        _found("AF_UNSPEC AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_VSOCK AF_RDS", socket)
        | _found("AF_TIPC AF_CAN AF_KEY AF_ALG AF_QIPCRTR AF_SMC AF_X25 AF_AX25", *_SOCKET)
        | _found("AF_XDP=44 AF_KCM=41 AF_BLUETOOTH=31 AF_PPPOX AF_LLC AF_MCTP=45", socket),
        are_bits=False,
        unknown="AF_???",
    ),
    "atflags": Symbols(
        _found("AT_SYMLINK_NOFOLLOW=0x100 AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT=0x800", uapi)
        | _found("AT_EMPTY_PATH AT_RECURSIVE=0x8000 AT_EXECVE_CHECK", uapi)
    ),
    "atremove": Symbols(_found("AT_REMOVEDIR", uapi)),
    "bpf": Symbols(
        _found("BPF_MAP_CREATE BPF_MAP_LOOKUP_ELEM BPF_PROG_LOAD BPF_OBJ_PIN BPF_OBJ_GET", uapi)
        | _found("BPF_PROG_ATTACH BPF_RAW_TRACEPOINT_OPEN", uapi),
        are_bits=False,
    ),
    "bpfmaptype": Symbols(
        _found("BPF_MAP_TYPE_HASH=1 BPF_MAP_TYPE_ARRAY=2 BPF_MAP_TYPE_PERCPU_ARRAY=6")
        | _found("BPF_MAP_TYPE_RINGBUF=27"),
        are_bits=False,
    ),
    "capversion": Symbols(_found("_LINUX_CAPABILITY_VERSION_3=0x20080522"), are_bits=False),
    "clone": Symbols(_CLONE | SIGNALS, field=0xFF, field_last=True),
    "clonens": Symbols(_CLONE | _found("UNSHARE_EMPTY_MNTNS", uapi)),
    "cloexec": Symbols(_found("O_CLOEXEC O_NONBLOCK O_DIRECT", os)),
    "efd": Symbols(_found("EFD_CLOEXEC=0o2000000 EFD_NONBLOCK=0o4000 EFD_SEMAPHORE=1")),
    "epoll": Symbols(_found("EPOLL_CTL_ADD=1 EPOLL_CTL_DEL=2 EPOLL_CTL_MOD=3"), are_bits=False),
    "epollflags": Symbols(_found("EPOLL_CLOEXEC=0o2000000")),
    "falloc": Symbols(
        _with_prefix("FALLOC_FL_", [uapi])
        | _found("FALLOC_FL_INSERT_RANGE=0x20 FALLOC_FL_UNSHARE_RANGE=0x40")
        | _found("FALLOC_FL_WRITE_ZEROES=0x80")
    ),
    "fan": Symbols(_found("FAN_CLOEXEC FAN_NONBLOCK FAN_REPORT_FD_ERROR", uapi)),
    "fanmark": Symbols(_found("FAN_MARK_ADD", uapi)),
    "fanmask": Symbols(_found("FAN_OPEN FAN_EVENT_ON_CHILD", uapi)),
    "fcntl": Symbols(
        _found("F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN", fcntl)
        | _found(
            "F_GETOWN F_SETSIG F_GETSIG F_SETOWN_EX F_OFD_SETLK=37 F_OFD_SETLKW=38", uapi, fcntl
        )
        | _found("F_SETLEASE F_GETLEASE F_NOTIFY F_DUPFD_CLOEXEC F_ADD_SEALS=1033", uapi, fcntl),
        are_bits=False,
    ),
    "dnotify": Symbols(
        _found("DN_ACCESS DN_MODIFY DN_CREATE DN_DELETE DN_RENAME DN_ATTRIB", fcntl)
        | _found("DN_MULTISHOT=0x80000000")
    ),
    "lease": Symbols(_found("F_RDLCK=0 F_WRLCK=1 F_UNLCK=2"), are_bits=False),
    "owner": Symbols(_found("F_OWNER_TID F_OWNER_PID F_OWNER_PGRP", uapi), are_bits=False),
    "fsconfig": Symbols(_with_prefix("FSCONFIG_", [uapi]), are_bits=False),
    "fsmount": Symbols(_found("FSMOUNT_CLOEXEC FSMOUNT_NAMESPACE", uapi)),
    "fsopen": Symbols(_found("FSOPEN_CLOEXEC", uapi)),
    "fspick": Symbols(_found("FSPICK_CLOEXEC", uapi)),
    "in": Symbols(
        _found("IN_ACCESS=1 IN_MODIFY=2 IN_ATTRIB=4 IN_CLOSE_WRITE=8 IN_CLOSE_NOWRITE=0x10")
        | _found("IN_OPEN=0x20 IN_MOVED_FROM=0x40 IN_MOVED_TO=0x80 IN_CREATE=0x100")
        | _found("IN_DELETE=0x200 IN_DELETE_SELF=0x400 IN_MOVE_SELF=0x800")
    ),
    "inflags": Symbols(_found("IN_CLOEXEC=0o2000000 IN_NONBLOCK=0o4000")),
    "ioctl": Symbols(
        _with_prefix("", [ioctls], without="NOBODYS _WRITE _READ")
        | _found("TIOCSPGRP=0x5410 PIDFD_GET_UTS_NAMESPACE=0xFF0A"),
        are_bits=False,
    ),
    "ipproto": Symbols(
        _found(
            "IPPROTO_IP IPPROTO_ICMP IPPROTO_TCP IPPROTO_UDP IPPROTO_ICMPV6 IPPROTO_SCTP", socket
        )
        | _found("IPPROTO_UDPLITE IPPROTO_RAW IPPROTO_MPTCP IPPROTO_SMC IPPROTO_DCCP=33", *_SOCKET),
        are_bits=False,
    ),
    "itimer": Symbols(_found("ITIMER_REAL=0 ITIMER_VIRTUAL=1 ITIMER_PROF=2"), are_bits=False),
    "keyctl": Symbols(_with_prefix("KEYCTL_", [uapi]), are_bits=False),
    "lladd": _features(abi.ADD_RULE),
    "llcreate": _features(abi.CREATE),
    "llfs": _features(abi.FS),
    "llnet": _features(abi.NET),
    "llpermission": _features(abi.PERMISSION),
    "llrestrict": _features(abi.RESTRICT),
    "llrule": Symbols(
        {it.constant: it.value for it in RULE_TYPES.values()},
        are_bits=False,
        unknown="LANDLOCK_RULE_???",
    ),
    "llscope": _features(abi.SCOPE),
    "lock": Symbols(_found("LOCK_SH LOCK_EX LOCK_NB LOCK_UN", fcntl)),
    "lsmattr": Symbols(
        _found("LSM_ATTR_UNDEF=0 LSM_ATTR_CURRENT=100 LSM_ATTR_EXEC=101 LSM_ATTR_FSCREATE=102")
        | _found("LSM_ATTR_KEYCREATE=103 LSM_ATTR_PREV=104 LSM_ATTR_SOCKCREATE=105"),
        are_bits=False,
    ),
    "madvice": Symbols(_found("MADV_DONTNEED MADV_COLD=20 MADV_PAGEOUT=21", mmap), are_bits=False),
    "map": Symbols(
        _found("MAP_SHARED MAP_PRIVATE MAP_ANONYMOUS MAP_POPULATE=0x8000 MAP_FIXED=0x10", mmap)
        | _found("MAP_FIXED_NOREPLACE=0x100000"),
    ),
    "membarrier": Symbols(_found("MEMBARRIER_CMD_GLOBAL=1"), are_bits=False),
    "mfd": Symbols(_found("MFD_CLOEXEC MFD_ALLOW_SEALING=2 MFD_HUGETLB=4", uapi)),
    "mkmode": Symbols(
        _found("S_IFSOCK S_IFLNK S_IFREG S_IFBLK S_IFDIR S_IFCHR S_IFIFO", stat), field=0o170000
    ),
    "mnt": Symbols(_found("MNT_FORCE=1 MNT_DETACH MNT_EXPIRE=4 UMOUNT_NOFOLLOW=8", uapi)),
    "mountattr": Symbols(_found("MOUNT_ATTR_RDONLY MOUNT_ATTR_NOSUID=2 MOUNT_ATTR_NODEV=4", uapi)),
    "movemount": Symbols(_with_prefix("MOVE_MOUNT_", [uapi])),
    "ms": Symbols(
        _found("MS_RDONLY MS_NOSUID=2 MS_NODEV=4 MS_NOEXEC=8 MS_REMOUNT MS_BIND MS_MOVE", uapi)
        | _found("MS_REC MS_UNBINDABLE=0x20000 MS_PRIVATE MS_SLAVE=0x80000 MS_SHARED", uapi)
    ),
    "msg": Symbols(
        _found("MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_TRUNC MSG_DONTWAIT MSG_EOR MSG_WAITALL", socket)
        | _found("MSG_ERRQUEUE MSG_NOSIGNAL MSG_MORE MSG_ZEROCOPY=0x4000000 MSG_FASTOPEN", *_SOCKET)
    ),
    "open": Symbols(
        _found("O_RDONLY O_WRONLY O_RDWR O_ACCMODE O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND", os)
        | _found("O_NONBLOCK O_SYNC O_ASYNC O_DSYNC O_DIRECT O_NOFOLLOW O_NOATIME O_CLOEXEC", os)
        | _found("O_PATH O_TMPFILE O_DIRECTORY O_EMPTYPATH", os, uapi),
        field=os.O_ACCMODE,
    ),
    "opentree": Symbols(
        _found("OPEN_TREE_CLONE OPEN_TREE_NAMESPACE AT_SYMLINK_NOFOLLOW=0x100", uapi)
        | _found("AT_EMPTY_PATH AT_RECURSIVE=0x8000 OPEN_TREE_CLOEXEC=0o2000000", uapi)
    ),
    "pidfdsignal": Symbols(_with_prefix("PIDFD_SIGNAL_", [uapi])),
    "poll": Symbols(_found("POLLIN=1 POLLPRI=2 POLLOUT=4 POLLERR=8 POLLHUP=0x10")),
    "prctl": Symbols(
        _with_prefix("PR_", [uapi]) | _found("PR_GET_DUMPABLE=3 PR_SET_CHILD_SUBREAPER=36"),
        are_bits=False,
    ),
    "prot": Symbols(_found("PROT_READ PROT_WRITE PROT_EXEC PROT_NONE=0", mmap)),
    "ptrace": Symbols(
        _with_prefix("PTRACE_", [uapi])
        | _found("PTRACE_PEEKTEXT=1 PTRACE_PEEKDATA=2 PTRACE_PEEKUSER=3 PTRACE_POKEDATA=5")
        | _found("PTRACE_CONT=7 PTRACE_KILL=8 PTRACE_SYSCALL=24 PTRACE_GETSIGINFO=0x4202"),
        are_bits=False,
    ),
    "rename": Symbols(_with_prefix("RENAME_", [uapi])),
    "resolve": Symbols(_with_prefix("RESOLVE_", [uapi])),
    "rlimit": Symbols(
        _with_prefix("RLIMIT_", [resource], without="RLIMIT_OFILE"),
        are_bits=False,
    ),
    "ringenter": Symbols(_found("IORING_ENTER_GETEVENTS=1 IORING_ENTER_SQ_WAKEUP=2")),
    "ringregister": Symbols(
        _found("IORING_REGISTER_PROBE=8 IORING_REGISTER_PERSONALITY=9"), are_bits=False
    ),
    "seccomp": Symbols(
        _found("SECCOMP_SET_MODE_STRICT=0 SECCOMP_SET_MODE_FILTER SECCOMP_GET_ACTION_AVAIL", uapi),
        are_bits=False,
    ),
    "seccompflags": Symbols(
        _found(
            "SECCOMP_FILTER_FLAG_TSYNC SECCOMP_FILTER_FLAG_NEW_LISTENER "
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
            uapi,
        )
    ),
    "seek": Symbols(_found("SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE", os), are_bits=False),
    "shut": Symbols(_found("SHUT_RD SHUT_WR SHUT_RDWR", socket), are_bits=False),
    "sig": Symbols(SIGNALS | _REAL_TIME, are_bits=False),
    "sighow": Symbols(_found("SIG_BLOCK SIG_UNBLOCK=1 SIG_SETMASK=2", uapi), are_bits=False),
    "sockcall": Symbols(
        _found("SYS_SOCKET=1 SYS_BIND=2 SYS_CONNECT=3 SYS_LISTEN=4 SYS_ACCEPT=5 SYS_SENDTO=11")
        | _found("SYS_RECVFROM=12 SYS_SETSOCKOPT=14 SYS_SENDMSG=16 SYS_ACCEPT4=18 SYS_SENDMMSG=20"),
        are_bits=False,
    ),
    "sockflags": Symbols(_found("SOCK_CLOEXEC SOCK_NONBLOCK", socket)),
    "socktype": Symbols(
        _found("SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP=6", socket)
        | _found("SOCK_PACKET=10 SOCK_CLOEXEC SOCK_NONBLOCK", socket),
        field=0xF,
    ),
    "sol": Symbols(
        _found("SOL_IP SOL_SOCKET SOL_TCP SOL_UDP SOL_IPV6=41 SOL_SCTP=132 SOL_MPTCP=284", socket),
        are_bits=False,
    ),
    "sol_ip": Symbols(
        _found(
            "IP_TOS IP_TTL IP_BIND_ADDRESS_NO_PORT IP_LOCAL_PORT_RANGE IP_FREEBIND=15", *_SOCKET
        ),
        are_bits=False,
    ),
    "sol_ipv6": Symbols(_found("IPV6_ADDRFORM IPV6_V6ONLY", *_SOCKET), are_bits=False),
    "sol_sctp": Symbols(
        _found("SCTP_SOCKOPT_BINDX_ADD=100 SCTP_SOCKOPT_CONNECTX_OLD=107")
        | _found("SCTP_SOCKOPT_CONNECTX=110"),
        are_bits=False,
    ),
    "sol_socket": Symbols(
        _found(
            "SO_DEBUG SO_REUSEADDR SO_ERROR SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE", socket
        )
        | _found("SO_LINGER SO_REUSEPORT SO_PASSCRED SO_PEERCRED SO_RCVTIMEO SO_SNDTIMEO", socket)
        | _found("SO_BINDTODEVICE=25 SO_ATTACH_FILTER=26 SO_PEERGROUPS=59 SO_ZEROCOPY=60")
        | _found("SO_PEERPIDFD=77 SO_PASSRIGHTS=83"),
        are_bits=False,
    ),
    "sol_tcp": Symbols(
        _found("TCP_NODELAY TCP_FASTOPEN TCP_FASTOPEN_CONNECT TCP_REPAIR=19 TCP_ULP=31", *_SOCKET),
        are_bits=False,
    ),
    "wait": Symbols(
        _found("WNOHANG WUNTRACED WCONTINUED=8 WEXITED=4 WNOWAIT=0x1000000", uapi)
        | {"__WALL": uapi.WALL}
    ),
}
"""By the word that a row of ``syscalls.py`` has for the kind."""
