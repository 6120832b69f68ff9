# SPDX-License-Identifier: MIT
"""Typed calls on processes, credentials and signals."""

from suite.packed import Form, packed
from suite.process.calls.base import Caller
from suite.process.promise import Call
from suite.process.uapi import (
    BPF_MAP_CREATE,
    BPF_MAP_LOOKUP_ELEM,
    BPF_MAP_TYPE_ARRAY,
    BPF_OBJ_GET,
    BPF_OBJ_PIN,
    BPF_PROG_ATTACH,
    BPF_PROG_LOAD,
    BPF_RAW_TRACEPOINT_OPEN,
    PR_GET_NO_NEW_PRIVS,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PTRACER,
    PR_SET_SECCOMP,
    SECCOMP_MODE_FILTER,
    SECCOMP_SET_MODE_FILTER,
    SI_QUEUE,
    SIG_BLOCK,
    SIGEV_SIGNAL,
    WALL,
)
from suite.values import Argument, Fd, Out, Pack

_CAPABILITY_VERSION_3 = 0x20080522


def _siginfo(number: int) -> bytes:
    """A siginfo_t as sigqueue(3) makes it."""
    return packed("3i", number, 0, SI_QUEUE).ljust(128, b"\0")


def _fprog(program: bytes) -> Pack:
    """A struct sock_fprog."""
    return Pack(((2, len(program) // 8), bytes(6), (8, program)))


def sigset(*signals: int) -> bytes:
    """A kernel sigset_t."""
    return packed("Q", sum(1 << (number - 1) for number in signals))


class Tasks(Caller):
    """prctl(2), kill(2), ptrace(2) and their kin."""

    def getpid(self) -> Call:
        """getpid(2)."""
        return self.syscall("getpid")

    def getppid(self) -> Call:
        """getppid(2)."""
        return self.syscall("getppid")

    def gettid(self) -> Call:
        """gettid(2)."""
        return self.syscall("gettid")

    def prctl(self, option: int, *arguments: Argument) -> Call:
        """prctl(2); arguments left out are 0."""
        return self.syscall("prctl", option, *arguments, *[0] * (4 - len(arguments)))

    def no_new_privs(self) -> Call:
        """prctl(PR_SET_NO_NEW_PRIVS, 1)."""
        return self.prctl(PR_SET_NO_NEW_PRIVS, 1)

    def kill(self, pid: int | Call, number: int) -> Call:
        """kill(2)."""
        return self.syscall("kill", pid, number)

    def tgkill(self, tgid: int | Call, tid: int | Call, number: int) -> Call:
        """tgkill(2)."""
        return self.syscall("tgkill", tgid, tid, number)

    def tkill(self, tid: int | Call, number: int) -> Call:
        """tkill(2)."""
        return self.syscall("tkill", tid, number)

    def sigqueue(self, pid: int | Call, number: int) -> Call:
        """rt_sigqueueinfo(2)."""
        return self.syscall("rt_sigqueueinfo", pid, number, _siginfo(number))

    def tgsigqueue(self, tgid: int | Call, tid: int | Call, number: int) -> Call:
        """rt_tgsigqueueinfo(2)."""
        return self.syscall("rt_tgsigqueueinfo", tgid, tid, number, _siginfo(number))

    def pidfd_send_signal(self, pidfd: Fd, number: int, flags: int = 0) -> Call:
        """pidfd_send_signal(2)."""
        return self.syscall("pidfd_send_signal", pidfd, number, 0, flags)

    def setsid(self) -> Call:
        """setsid(2): lead a new session, without a terminal."""
        return self.syscall("setsid")

    def setpgid(self) -> Call:
        """setpgid(0, 0): lead a new process group."""
        return self.syscall("setpgid", 0, 0)

    def block_signals(self, *signals: int) -> Call:
        """Block signals, so that they stay pending and can be asked for."""
        return self.syscall("rt_sigprocmask", SIG_BLOCK, sigset(*signals), 0, 8)

    def take_signal(self, *signals: int) -> Call:
        """rt_sigtimedwait(2) without waiting: the pending signal's number, or EAGAIN."""
        return self.syscall("rt_sigtimedwait", sigset(*signals), 0, bytes(16), 8)

    def await_signal(self, *signals: int) -> Call:
        """rt_sigtimedwait(2): the number of a blocked signal, once there is one."""
        return self.syscall("rt_sigtimedwait", sigset(*signals), 0, 0, 8)

    def ptrace(self, request: int, pid: int | Call = 0) -> Call:
        """ptrace(2)."""
        return self.syscall("ptrace", request, pid, 0, 0)

    def allow_any_tracer(self) -> Call:
        """prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); EINVAL without Yama."""
        return self.prctl(PR_SET_PTRACER, -1)

    def has_no_new_privs(self) -> Call:
        """prctl(PR_GET_NO_NEW_PRIVS): 0 or 1."""
        return self.prctl(PR_GET_NO_NEW_PRIVS)

    def pidfd_open(self, pid: int | Call) -> Call:
        """pidfd_open(2)."""
        return self.syscall("pidfd_open", pid, 0)

    def wait(self, pid: int | Call, options: int = WALL) -> Call:
        """wait4(2): the status is the call's ``data``."""
        return self.syscall("wait4", pid, Out(4, "i"), options, 0)

    def drop_capabilities(self, kept: int = 0) -> Call:
        """capset(2): keep only this mask, effective and permitted."""
        header = packed("Ii", _CAPABILITY_VERSION_3, 0)
        low, high = kept & 0xFFFFFFFF, kept >> 32
        return self.syscall("capset", header, packed("6I", low, low, 0, high, high, 0))

    def init_module(self, image: bytes) -> Call:
        """init_module(2) without parameters."""
        return self.syscall("init_module", image, len(image), "")

    def unshare(self, flags: int) -> Call:
        """unshare(2)."""
        return self.syscall("unshare", flags)

    def setns(self, fd: Fd, kind: int = 0) -> Call:
        """setns(2)."""
        return self.syscall("setns", fd, kind)

    def setuid(self, user: int) -> Call:
        """setuid(2)."""
        return self.syscall("setuid", user)

    def limit(self, resource: int, value: int) -> Call:
        """prlimit64(2) of the process itself, both its soft and its hard limit."""
        return self.syscall("prlimit64", 0, resource, packed("QQ", value, value), None)

    def seccomp(self, program: bytes, flags: int = 0) -> Call:
        """seccomp(SECCOMP_SET_MODE_FILTER) with a filter of classic BPF."""
        return self.syscall("seccomp", SECCOMP_SET_MODE_FILTER, flags, _fprog(program))

    def prctl_seccomp(self, program: bytes) -> Call:
        """prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER), which filters may know less of."""
        return self.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, _fprog(program))

    def keyctl(self, command: int, argument: Argument = 0) -> Call:
        """keyctl(2)."""
        return self.syscall("keyctl", command, argument)

    def make_map(self, size: int = 4) -> Call:
        """bpf(BPF_MAP_CREATE): a file descriptor of an array of one element of this size."""
        attr = packed("IIII", BPF_MAP_TYPE_ARRAY, 4, size, 1)
        return self.syscall("bpf", BPF_MAP_CREATE, attr, len(attr))

    def look_up(self, fd: Fd, size: int, form: Form = "") -> Call:
        """bpf(BPF_MAP_LOOKUP_ELEM): the element of an array of one is the call's ``data``."""
        attr = Pack(((4, fd), bytes(4), (8, bytes(4)), (8, Out(size, form)), bytes(8)))
        return self.syscall("bpf", BPF_MAP_LOOKUP_ELEM, attr, 32)

    def open_tracepoint(self, name: str, program: Fd) -> Call:
        """bpf(BPF_RAW_TRACEPOINT_OPEN): the program runs until this is closed."""
        attr = Pack(((8, name), (4, program), bytes(4)))
        return self.syscall("bpf", BPF_RAW_TRACEPOINT_OPEN, attr, 16)

    def load_program(self, kind: int, instructions: bytes, attach: int = 0) -> Call:
        """bpf(BPF_PROG_LOAD): a file descriptor of a program for an attach type."""
        size = len(instructions) // 8
        head: tuple[tuple[int, Argument], ...] = ((4, kind), (4, size), (8, instructions))
        attr = Pack((*head, (8, "Dual MIT/GPL"), bytes(44), (4, attach)))
        return self.syscall("bpf", BPF_PROG_LOAD, attr, 72)

    def attach_program(self, target: Fd, program: Fd, attach: int) -> Call:
        """bpf(BPF_PROG_ATTACH) to a cgroup."""
        attr = Pack(((4, target), (4, program), (4, attach), (4, 0)))
        return self.syscall("bpf", BPF_PROG_ATTACH, attr, 16)

    def pin(self, fd: Fd, path: str) -> Call:
        """bpf(BPF_OBJ_PIN): give an object a path."""
        return self.syscall("bpf", BPF_OBJ_PIN, Pack(((8, path), (4, fd), bytes(4))), 16)

    def pinned(self, path: str) -> Call:
        """bpf(BPF_OBJ_GET): the file descriptor of what was pinned."""
        return self.syscall("bpf", BPF_OBJ_GET, Pack(((8, path), (8, 0))), 16)

    def mq_open(self, name: str, flags: int) -> Call:
        """mq_open(2); the name has no slash. A queue is small, so that many fit a user's limit."""
        attr = Pack(((8, 0), (8, 1), (8, 8), bytes(40)))
        return self.syscall("mq_open", name, flags, 0o600, attr)

    def mq_send(self, queue: Fd, data: bytes) -> Call:
        """mq_timedsend(2) without a deadline."""
        return self.syscall("mq_timedsend", queue, data, len(data), 0, 0)

    def mq_notify(self, queue: Fd, number: int) -> Call:
        """mq_notify(2) of the process itself, by a signal."""
        event = packed("Qii", 0, number, SIGEV_SIGNAL).ljust(64, b"\0")
        return self.syscall("mq_notify", queue, event)

    def mq_unlink(self, name: str) -> Call:
        """mq_unlink(2)."""
        return self.syscall("mq_unlink", name)
