# SPDX-License-Identifier: MIT
"""Processes and threads, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from suite.kernel.credentials import Credentials, Namespace
from suite.kernel.inodes import MountNamespace, Path
from suite.kernel.memory import Memory
from suite.kernel.open_files import FileTable


@dataclass(slots=True, eq=False, repr=False)
class PidNamespace(Namespace):
    """A PID namespace: who has which number in it."""

    parent: PidNamespace | None = None
    tasks: dict[int, Task] = field(default_factory=dict)
    """Also ended ones that nobody has waited for (zombies: by their leader)."""
    last: int = 0

    def up(self) -> Iterator[PidNamespace]:
        """Itself, its parent, and so on up to the initial one."""
        it: PidNamespace | None = self
        while it is not None:
            yield it
            it = it.parent


@dataclass(slots=True, eq=False, repr=False)
class NetNamespace(Namespace):
    """A network namespace: who is bound where. Sockets keep their books in ``bound``."""

    bound: dict[object, object] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    loopback_up: bool = False


@dataclass(slots=True, eq=False, repr=False)
class FsContext:
    """Where a process stands; threads share one."""

    root: Path
    cwd: Path
    umask: int = 0o022
    users: int = 1
    """How many tasks have it."""

    def copy(self) -> FsContext:
        """As fork(2) does."""
        return FsContext(self.root, self.cwd, self.umask)


@dataclass(slots=True, eq=False, repr=False)
class Namespaces:
    """The namespaces of a task, but the user namespace, which credentials have."""

    mounts: MountNamespace
    pids: PidNamespace
    net: NetNamespace
    ipc: Namespace
    uts: Namespace
    cgroup: Namespace
    time: Namespace
    pids_for_children: PidNamespace
    time_for_children: Namespace

    def copy(self) -> Namespaces:
        """The same ones, to change some."""
        return Namespaces(
            self.mounts,
            self.pids,
            self.net,
            self.ipc,
            self.uts,
            self.cgroup,
            self.time,
            self.pids_for_children,
            self.time_for_children,
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that waits to be taken, and what siginfo_t tells of it."""

    number: int
    code: int = 0
    """SI_USER and so on."""
    sender: int = 0
    """The sender's id, as the receiver sees it."""
    uid: int = 0
    value: int = 0
    """What sigqueue(3) or a timer sends along; the band of SIGIO."""


@dataclass(slots=True, eq=False, repr=False)
class Group:
    """A process: its threads, and what they share."""

    leader: Task = field(init=False)
    threads: list[Task] = field(default_factory=list)
    """Those that live."""
    parent: Task | None = None
    children: list[Group] = field(default_factory=list)
    process_group: int = 0
    """The number of its leader, in the initial PID namespace."""
    session: int = 0
    handlers: dict[int, bytes] = field(default_factory=dict)
    """What rt_sigaction(2) set, by signal: a struct sigaction of the kernel, of 32 bytes. Shared by
    CLONE_SIGHAND, which only threads use here."""
    pending: list[Signal] = field(default_factory=list)
    """Signals of the whole process that nobody has taken yet."""
    exit_signal: int = 17
    """SIGCHLD as a rule: what its parent gets when it ends."""
    status: int | None = None
    """As wait4(2) gives it, once it has ended."""
    stopped: int = 0
    """The signal that stopped it; 0 while it runs."""
    unseen: int | None = None
    """A status of stopping or going on that wait4(2) has not told its parent yet."""
    synchronizes: bool = False
    """Whether its threads wait for one that is held, so that Landlock restricts all at once."""
    is_subreaper: bool = False
    """PR_SET_CHILD_SUBREAPER."""
    is_doomed: bool = False
    """Whether a signal will have ended it before its next call."""
    limits: dict[int, tuple[int, int]] = field(default_factory=dict)
    dumpable: int = 1
    extra: dict[str, object] = field(default_factory=dict)
    """What single areas keep with a process."""


@dataclass(slots=True, eq=False, repr=False)
class Trace:
    """How a task is traced by ptrace(2)."""

    tracer: Task
    is_seized: bool = False
    """By PTRACE_SEIZE, not PTRACE_ATTACH or PTRACE_TRACEME."""
    stop: int | None = None
    """While the tracer holds it: the status with which it stopped, as wait4(2) gives it."""
    is_unseen: bool = False
    """Whether the tracer has not been told of that by wait4(2) yet."""
    has_caught: bool = False
    """Whether the stop is a signal that the tracer may let through."""
    at_calls: bool = False
    """Whether it is to stop at its next system call (PTRACE_SYSCALL)."""


@dataclass(slots=True, eq=False, repr=False)
class Task:
    """A thread: what makes system calls."""

    identity: int
    """The number by which the host calls it; 0 for the supervisor."""
    number: int
    """Its id in the initial PID namespace."""
    group: Group
    credentials: Credentials
    files: FileTable
    fs: FsContext
    memory: Memory
    namespaces: Namespaces
    name: str = "landproof-agent"
    """As /proc/PID/comm has it."""
    arch: str = "x86_64"
    """Whose numbers of system calls it uses; ``i386`` after it executed the agent for i386."""
    no_new_privs: bool = False
    blocked: int = 0
    """The mask of blocked signals; bit 0 is signal 1."""
    pending: list[Signal] = field(default_factory=list)
    is_alive: bool = True
    status: int | None = None
    """Of the thread alone, once it has ended."""
    death_signal: int = 0
    """PR_SET_PDEATHSIG."""
    waits_for: Task | None = None
    """Its child of vfork(2), which has called neither execve(2) nor exit(2) yet."""
    trace: Trace | None = None
    """While it is traced."""
    is_new_image: bool = False
    """Whether it called execve(2) since it was made."""
    numbers: dict[int, int] = field(default_factory=dict)
    """Its id in each PID namespace that it is in, by ``Namespace.number``."""
    executable: Path | None = None
    waiting_since: float | None = None
    """By the kernel's clock, while a call of its waits: when it was first made."""
    extra: dict[str, object] = field(default_factory=dict)
    """What single areas keep with a task: tracing, robust lists, seccomp filters."""

    @property
    def is_leader(self) -> bool:
        """Whether it is the first thread of its process."""
        return self.group.leader is self

    @property
    def tracer(self) -> Task | None:
        """Who traces it."""
        return self.trace.tracer if self.trace else None

    def number_in(self, pids: PidNamespace) -> int:
        """Its id as that PID namespace has it; 0 if it is not in it. Source: pid_nr_ns()."""
        return self.numbers.get(pids.number, 0)
