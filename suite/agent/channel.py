# SPDX-License-Identifier: MIT
"""The seam between cases and targets: a conversation with an agent, or with a stand-in for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from suite.agent import wire
from suite.errors import InfrastructureError


class AgentLostError(InfrastructureError):
    """The channel is closed, or what came over it makes no sense."""


class AgentSilentError(AgentLostError):
    """The agent said nothing for longer than its deadlines allow."""


class Channel(Protocol):
    """What a session needs of a target. Whoever keeps these rules can stand behind it.

    - A program is a list of operations. They are done in order, each by the process that it names.
      Programs of different processes may run at the same time.
    - What an operation does on the target it has done when ``results`` gives its record. A failed
      call is a record, never an exception.
    - A record that is missing means that its operation was not begun: an earlier one failed and
      said by ``on_fail`` where to go on.
    - An exception means that nothing is known of a program's operations: each may have been done
      or not. The target is given up then; nothing is asked of it again.
    - Process 0 is there from the beginning. An id is free again when its process was killed.
    - What the target has no word for is a record with ``Status.NOT_MODELLED``, and ends the
      program. To guess is worse than to say so: a case is skipped then, and the call named. Of the
      system calls, close(2) and wait4(2) it has to know: they are made between cases.
    """

    hello: wire.Hello
    """Known before the first program is sent."""

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Send a program without waiting for it; its number, for ``results``.

        Raises:
            AgentLostError: The target is gone.
        """

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        """Wait for a program: its records, by the index of the operation. Asked once a program.

        Raises:
            AgentLostError: The target is gone.
            AgentSilentError: It did not answer in this many seconds.
        """

    def answered(self, identity: int) -> bool:
        """Whether ``results`` would give the records of a program at once."""

    def close(self) -> None:
        """End the conversation; may be called again. The target is ended by who started it."""


def patience_s(ops: Sequence[wire.Op]) -> float:
    """Seconds after which a program's answer is overdue.

    The agent kills a process at twice a call's deadline at the latest, and a program is expected
    to hold one hung call; beyond that, the agent itself does not answer.
    """
    return 10.0 + 3 * max((op.deadline_ms for op in ops), default=0) / 1000


def run(channel: Channel, ops: Sequence[wire.Op]) -> dict[int, wire.Record]:
    """Send a program and wait for its records."""
    return channel.results(channel.submit(ops), patience_s(ops))
