# SPDX-License-Identifier: MIT
"""A conversation with an agent that is held once, and known by heart afterwards.

What prepares a guest (``suite/targets/ground.py``) leaves state at both ends: processes in the
guest, and on the host what is known of them. The state of the guest is kept; that of the host is
made by the same code again, which asks the same questions and is given the same answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from suite.agent import wire
from suite.agent.channel import Channel
from suite.errors import InfrastructureError

_OTHERWISE = "the guest was prepared otherwise than it is today"


class OtherConversationError(InfrastructureError):
    """What is asked now is not what was asked then."""


class Exchange(msgspec.Struct, frozen=True, array_like=True):
    """One program and its answer."""

    asked: bytes
    """SHA-256 of the program's frame with the number 0."""
    records: dict[int, wire.Record]


class Conversation(msgspec.Struct, frozen=True):
    """All that was said, from the agent's first word on."""

    hello: wire.Hello
    exchanges: list[Exchange]


class Recording:
    """A ``Channel`` that keeps what is said.

    Args:
        channel: What speaks with the agent.
    """

    def __init__(self, channel: Channel) -> None:
        self.hello = channel.hello
        self._channel = channel
        self._asked: dict[int, bytes] = {}
        self._answers: dict[int, dict[int, wire.Record]] = {}

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Note a program and send it."""
        identity = self._channel.submit(ops)
        self._asked[identity] = _digest(ops)
        return identity

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        """Note what the agent says, and pass it on."""
        records = self._channel.results(identity, patience_s)
        self._answers[identity] = records
        return records

    def answered(self, identity: int) -> bool:
        """As of the agent."""
        return self._channel.answered(identity)

    def close(self) -> None:
        """End the conversation with the agent."""
        self._channel.close()

    @property
    def conversation(self) -> Conversation | None:
        """What was said so far; None while an answer is awaited."""
        if self._asked.keys() != self._answers.keys():
            return None
        exchanges = [Exchange(self._asked[it], self._answers[it]) for it in self._asked]
        return Conversation(self.hello, exchanges)


class Replaying:
    """A ``Channel`` that gives kept answers to the questions of then, and passes on what follows.

    Args:
        channel: What speaks with the agent.
        conversation: What was said before.
    """

    def __init__(self, channel: Channel, conversation: Conversation) -> None:
        self.hello = conversation.hello
        self._channel = channel
        self._kept = list(reversed(conversation.exchanges))
        self._answers: dict[int, dict[int, wire.Record]] = {}

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Take the kept answer, or send the program.

        Raises:
            OtherConversationError: The program is another than that of then.
        """
        if not self._kept:
            return self._channel.submit(ops)
        if self._kept[-1].asked != _digest(ops):
            raise OtherConversationError(_OTHERWISE)
        kept = self._kept.pop()
        identity = -1 - len(self._kept)  # a number that the agent's channel never gives
        self._answers[identity] = kept.records
        return identity

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        """What the agent said then, or says now."""
        if identity in self._answers:
            return self._answers.pop(identity)
        return self._channel.results(identity, patience_s)

    def finish(self) -> None:
        """Say that nothing else was said then.

        Raises:
            OtherConversationError: Something was, or was asked otherwise.
        """
        if self._kept:
            raise OtherConversationError(_OTHERWISE)

    def answered(self, identity: int) -> bool:
        """Whether the answer is a kept one, or has come."""
        return identity in self._answers or self._channel.answered(identity)

    def close(self) -> None:
        """End the conversation with the agent."""
        self._channel.close()


def _digest(ops: Sequence[wire.Op]) -> bytes:
    return hashlib.sha256(wire.encode_program(0, ops)).digest()
