# SPDX-License-Identifier: MIT
"""Signals between two processes: the ways to send one, and whether it came."""

from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGUSR1

from suite.case import (
    SCOPE, Allowed, Call, Denied, Observation, Outcome, Process, Ruleset, Seen, since,
)  # fmt: skip
from suite.process.uapi import (
    PIDFD_SIGNAL_PROCESS_GROUP,
    PIDFD_SIGNAL_THREAD,
    PIDFD_SIGNAL_THREAD_GROUP,
)

SCOPED = Ruleset(scope=SCOPE.SIGNAL)
DENIED = since(SCOPE.SIGNAL, Denied("EPERM"))
ALLOWED = since(SCOPE.SIGNAL, Allowed())
NOT_SENT = since(SCOPE.SIGNAL, Denied("EAGAIN"))
"""Of a signal that nobody is told about: the receiver finds none."""
Send = Callable[[Process, Call, int], object]


def pid(process: Process) -> Call:
    assert process.pid is not None
    return process.pid


def kill(sender: Process, receiver: Call, number: int = SIGUSR1) -> None:
    sender.kill(receiver, number)


def tkill(sender: Process, receiver: Call, number: int = SIGUSR1) -> None:
    sender.tkill(receiver, number)


def tgkill(sender: Process, receiver: Call, number: int = SIGUSR1) -> None:
    sender.tgkill(receiver, receiver, number)


def sigqueue(sender: Process, receiver: Call, number: int = SIGUSR1) -> None:
    sender.sigqueue(receiver, number)


def tgsigqueue(sender: Process, receiver: Call, number: int = SIGUSR1) -> None:
    sender.tgsigqueue(receiver, receiver, number)


def pidfd(flags: int = 0) -> Send:
    def send(sender: Process, receiver: Call, number: int = SIGUSR1) -> None:
        sender.pidfd_send_signal(sender.pidfd_open(receiver), number, flags)

    return send


BY_PIDFD = {
    "pidfd-thread": pidfd(PIDFD_SIGNAL_THREAD),
    "pidfd-thread-group": pidfd(PIDFD_SIGNAL_THREAD_GROUP),
    "pidfd-process-group": pidfd(PIDFD_SIGNAL_PROCESS_GROUP),
}
"""With flags, which need ``Need.PIDFD_SIGNAL_FLAGS``."""
WAYS: dict[str, Send] = {
    "kill": kill,
    "tkill": tkill,
    "tgkill": tgkill,
    "sigqueue": sigqueue,
    "tgsigqueue": tgsigqueue,
    "pidfd": pidfd(),
    **BY_PIDFD,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What the sender was told, and what the receiver, which blocks the signal, finds."""

    told: Observation
    found: Observation

    @property
    def outcome(self) -> Outcome:
        """What the sender was told, if that is what was done."""
        told, found = self.told.outcome, self.found.outcome
        if (told == Allowed()) == (found == Allowed()):
            return told
        return Seen(f"told {told}, found {found}")


def deliver(send: Send, sender: Process, receiver: Process, number: int = SIGUSR1) -> Sent:
    """Send a signal, and take it from the receiver's pending ones."""
    told = sender.observe(send, pid(receiver), number)
    return Sent(told, receiver.observe(Process.take_signal, number))
