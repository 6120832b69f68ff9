# SPDX-License-Identifier: MIT
"""A live process (or thread) on a target, driven call by call."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from suite.agent import wire
from suite.errors import LandproofError
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, errno_name
from suite.landlock.abi import (
    ADD_RULE,
    CREATE,
    FS,
    LANDLOCK_CALLS,
    PERMISSION,
    RESTRICT,
    RULE_CAPABILITY,
    RULE_NAMESPACE,
    RULE_NET_PORT,
    RULE_PATH_BENEATH,
)
from suite.landlock.ruleset import Ruleset, net_port, path_beneath, used
from suite.process import memory
from suite.process.around import Around
from suite.process.calls.files import O_PATH, Files
from suite.process.calls.mounts import Mounts
from suite.process.calls.sockets import Sockets
from suite.process.calls.tasks import Tasks
from suite.process.calls.uring import Rings
from suite.process.promise import Batch, Call, Gave, Mode, SetupError
from suite.process.session import Session
from suite.process.uapi import AT_EMPTY_PATH, AT_FDCWD, CLONE_THREAD, CLONE_VFORK, CLONE_VM
from suite.values import Argument, Fd, Form, Out, Pack

_SHORT = {name: name.removeprefix("landlock_") for name in LANDLOCK_CALLS}


class NotRunError(SetupError):
    """An observation was left out because an earlier call of its program failed."""


class OwnDomainError(LandproofError):
    """A case makes its domain call by call, so that nobody else can make it."""


class Enforcer(Protocol):
    """Who makes the domains of a case in its place."""

    def under(self, process: Process, layers: Sequence[Ruleset]) -> Process:
        """A child of a process in a domain of these layers."""


@dataclass(slots=True)
class Domains:
    """Who makes the domains of a target's cases; a note of the session."""

    enforcer: Enforcer | None = None
    """None if cases do so themselves."""


@dataclass(slots=True)
class Observation:
    """What an action came to; settled when ``outcome`` is asked for."""

    calls: list[Call]
    """The action's calls; they span several programs if it asked for a value on its way."""
    batch: Batch
    """The program in which the action ended."""
    gates: list[Call]
    """Of the calls with which the case has entered domains so far, those that may have failed."""

    @property
    def outcome(self) -> Outcome:
        """A refusal on the way into a domain, or the action's first failed call, or ``Allowed``.

        The session keeps which calls came to it.

        Raises:
            SetupError: The set-up before the action failed, or a process died.
            HungError: A call did not return.
        """
        return self._given(self._came_to())

    def _given(self, outcome: Outcome, outside: list[Call] | None = None) -> Outcome:
        self.batch.sender.given.append(Gave(outcome, self.calls, outside))
        return outcome

    def against(self, outside: Observation) -> Outcome:
        """The outcome; ``Allowed`` if the same calls came to it outside of the domain, too.

        For what a file system or a device may refuse by itself. What Landlock refuses on the way
        into a domain stays what it is.
        """
        outcome = self.outcome
        same = outcome == outside.outcome and not isinstance(outcome, Rejected)
        return self._given(Allowed() if same else outcome, outside.calls)

    def _came_to(self) -> Outcome:
        if not self.calls:
            raise LandproofError("the observed action made no call")
        for call in self.calls:
            call.batch.settle()
        self.batch.settle()
        refused = _refusal(self.gates)
        if refused is not None:
            return refused
        for call in self.calls:
            record = call.record
            if record is None or record.status == wire.Status.UNRESOLVED:
                raise NotRunError(call, f"{call} was left out")
            if record.failed:
                return failure_outcome(call, record)
        return Allowed()

    @property
    def done(self) -> list[Call]:
        """The calls before the one that failed, or all."""
        return [call for call in self.calls if call.record and not call.failure]

    @property
    def with_value(self) -> Outcome:
        """The outcome; if all calls were allowed, it holds the value of the last one."""
        outcome = self.outcome
        if outcome != Allowed():
            return outcome
        return self._given(Allowed(self.calls[-1].value))


def failure_outcome(call: Call, record: wire.Record) -> Outcome:
    """The outcome of a call that gave an errno."""
    name = errno_name(-record.value)
    if call.name in _SHORT:
        return Rejected(_SHORT[call.name], name)
    return Denied(name)


@dataclass(slots=True, eq=False)
class Process(Files, Mounts, Sockets, Tasks, Rings):
    """One process or thread of a target.

    Calls are promises: they are sent when a value is needed, in the order in which they were
    made, across all processes. A call that fails breaks the case, unless it is observed.
    """

    session: Session
    id: int
    pid: Call | None = None
    """Its process id (or thread id) as its creator sees it."""
    arch: str | None = None
    """``i386`` after ``exec32``; None for the architecture of the target."""
    shares: bool = False
    """Whether it may share memory with other processes; then it makes no call about memory."""

    def syscall(self, name: str, *arguments: Argument) -> Call:
        """Append a system call.

        Raises:
            SharedMemoryError: The process may share memory, and the call is not known to leave it
                alone.
            OwnDomainError: Somebody else makes the domains, and this is a call of Landlock's.
        """
        if name in _SHORT and self.session.notes.of(Domains).enforcer is not None:
            raise OwnDomainError(f"the case calls {name}(2) by itself")
        if self.shares:
            memory.check(name, arguments)
        return self.session.call(self.id, name, *arguments, arch=self.arch)

    def map_ids(self, user: int = 0, group: int = 0) -> None:
        """Become root in a new user namespace; ``user`` and ``group`` are its ids outside of it."""
        self.write_file("/proc/self/setgroups", b"deny")
        self.write_file("/proc/self/uid_map", b"0 %d 1" % user)
        self.write_file("/proc/self/gid_map", b"0 %d 1" % group)

    # Other processes

    def fork(
        self, flags: int = 0, at_end: int = signal.SIGCHLD, *, around: Around | None = None
    ) -> Process:
        """clone(2): a child in the same domain; clone3(2) where clone has no room for a flag.

        The parent gets the signal ``at_end`` when the child ends. Where forks are expensive, a
        child without flags shares its parent's memory, if the parent may share it (``shares``).
        """
        if self.shares and not flags and self.session.shares_memory:
            flags = CLONE_VM
        return self._clone(flags | at_end, "fork", around)

    def vfork(self) -> Process:
        """A child in its parent's memory; the parent waits until the child calls exec or exit.

        All that the child does until then has to travel in one program, so the case must not ask
        for a value before.
        """
        return self._clone(CLONE_VM | CLONE_VFORK | signal.SIGCHLD, "vfork")

    def thread(self, *, around: Around | None = None) -> Process:
        """clone(2): a thread of the same process."""
        return self._clone(CLONE_THREAD, "thread", around)

    def _clone(self, flags: int, name: str, around: Around | None = None) -> Process:
        identity = self.session.new_process()
        more = around.arguments if around else ()
        call = self.session.add(wire.OpKind.FORK, self.id, name, (identity, flags, *more))
        return Process(self.session, identity, call, self.arch, self.shares)

    def exec(self, path: str, *, at: Fd = AT_FDCWD, flags: int = 0) -> Call:
        """execveat(2) of the agent, or of a script that runs it: the new image goes on serving."""
        return self.session.add(wire.OpKind.EXEC, self.id, "execveat", (at, path, flags))

    def fexec(self, fd: Fd) -> Call:
        """execveat(2) of an open file."""
        return self.exec("", at=fd, flags=AT_EMPTY_PATH)

    def exec32(self, agent: str) -> Call:
        """execveat(2) of the i386 agent: its calls, and its children's, take the 32-bit entry."""
        call = self.exec(agent)
        self.arch = "i386"
        return call

    def give(self, fd: Fd, receiver: Process) -> Call:
        """Pass a file descriptor (SCM_RIGHTS); the call gives its number in the receiver."""
        return self.session.add(wire.OpKind.GIVE, self.id, "give", (fd, receiver.id))

    def exit(self, status: int = 0) -> Call:
        """exit_group(2)."""
        with self.session.in_mode(Mode.DEATH):
            return self.syscall("exit_group", status)

    def peek(self, address: Argument, size: int, form: Form = "") -> Call:
        """Read memory: the bytes are the call's ``data``."""
        self._needs_own_memory("peek")
        return self.session.add(wire.OpKind.PEEK, self.id, "peek", (address, Out(size, form)))

    def result_at(self, address: Argument) -> Call:
        """Read a result that the kernel left in memory; it becomes this call's value or errno."""
        self._needs_own_memory("result_at")
        return self.session.add(wire.OpKind.PEEK, self.id, "result_at", (address, Out(4), 1))

    def poke(self, address: Argument, data: bytes | Pack) -> Call:
        """Write memory."""
        self._needs_own_memory("poke")
        return self.session.add(wire.OpKind.POKE, self.id, "poke", (address, data))

    def count(self) -> Call:
        """Read the processor's counter, as the call's value: nothing of the kernel is asked."""
        return self.session.add(wire.OpKind.COUNT, self.id, "count", ())

    def _needs_own_memory(self, operation: str) -> None:
        if self.shares:
            memory.refuse(operation)

    # Landlock

    def create_ruleset(self, attr: Argument, size: int, flags: CREATE | int = 0) -> Call:
        """landlock_create_ruleset(2)."""
        return self.syscall("landlock_create_ruleset", attr, size, int(flags))

    def add_rule(self, ruleset: Fd, kind: int, attr: Argument, flags: int = 0) -> Call:
        """landlock_add_rule(2)."""
        return self.syscall("landlock_add_rule", ruleset, kind, attr, int(flags))

    def restrict_self(self, ruleset: Fd, flags: RESTRICT | int = 0) -> Call:
        """landlock_restrict_self(2)."""
        return self.syscall("landlock_restrict_self", ruleset, int(flags))

    def build(self, ruleset: Ruleset) -> Call:
        """Create a ruleset with its rules; the call gives its file descriptor.

        If the kernel refuses it, that refusal is the outcome of whatever is observed afterwards.
        """
        with self.session.gate():
            return self.make_ruleset(ruleset)

    def make_ruleset(self, ruleset: Ruleset) -> Call:
        """The same, where the mode that there is says what a refusal means."""
        attr = ruleset.attr()
        fd = self.create_ruleset(attr, attr.size)
        for place, rights in ruleset.paths:
            parent = self.open(place, O_PATH) if isinstance(place, str) else place
            self.add_rule(fd, RULE_PATH_BENEATH, path_beneath(rights, parent))
            if isinstance(place, str):
                self.close(parent)
        for place in ruleset.quiet_paths:
            parent = self.open(place, O_PATH) if isinstance(place, str) else place
            self.add_rule(fd, RULE_PATH_BENEATH, path_beneath(FS(0), parent), ADD_RULE.QUIET)
        for port, access in ruleset.ports:
            self.add_rule(fd, RULE_NET_PORT, net_port(access, port))
        for kinds, quiet in ruleset.namespaces:
            self.add_rule(fd, RULE_NAMESPACE, used(PERMISSION.NAMESPACE_USE, kinds, quiet))
        for bits, quiet in ruleset.capabilities:
            self.add_rule(fd, RULE_CAPABILITY, used(PERMISSION.CAPABILITY_USE, bits, quiet))
        return fd

    def enforce(self, ruleset: Fd, flags: RESTRICT | int = 0) -> Call:
        """landlock_restrict_self(2); a refusal is the outcome of all later observations."""
        with self.session.gate():
            return self.restrict_self(ruleset, flags)

    def restrict(self, *layers: Ruleset) -> None:
        """Set no_new_privs and enforce the rulesets, each as a layer."""
        self.no_new_privs()
        for ruleset in layers:
            fd = self.build(ruleset)
            self.enforce(fd, ruleset.flags)
            self.close(fd)

    def under(self, *layers: Ruleset) -> Process:
        """A child that has enforced these layers."""
        enforcer = self.session.notes.of(Domains).enforcer
        if enforcer is not None and layers:
            return enforcer.under(self, layers)
        child = self.fork()
        child.restrict(*layers)
        return child

    # Observing

    def observe(
        self, action: Callable[..., object], *arguments: object, **options: object
    ) -> Observation:
        """Do ``action(process, *arguments, **options)`` and observe its outcome.

        The first call that fails is the outcome, and the rest of the action is left out.
        """
        session = self.session
        with session.in_mode(Mode.OBSERVED) as calls:
            try:
                action(self, *arguments, **options)
            except SetupError as error:
                if error.call not in calls:
                    raise
                # The action asked for the value of its own failed call, which is the outcome.
        return Observation(calls, session.pending, session.standing_gates())


def _refusal(gates: list[Call]) -> Outcome | None:
    """What Landlock refused on the way into a domain."""
    for call in gates:
        record = call.record
        if record is None or not record.failed:
            continue
        if call.name not in _SHORT:
            raise SetupError(call, f"{call}: {call.failure}")
        return failure_outcome(call, record)
    return None
