# SPDX-License-Identifier: MIT
"""A conversation that is held once and replayed: the same answers, and nothing but the same."""

from collections.abc import Sequence

import msgspec
import pytest

from suite.agent.channel import run
from suite.agent.wire import Op, OpKind
from suite.process.syscalls import NUMBERS
from tests.tiny_target import ARCH, TinyChannel
from vm.rehearsal import Conversation, OtherConversationError, Recording, Replaying


def call(name: str, *arguments: int) -> list[Op]:
    """A program of one call."""
    return [Op(OpKind.CALL, 0, NUMBERS[ARCH][name], arguments)]


def recorded() -> Conversation:
    """Two programs and their answers, as a file would give them back."""
    recording = Recording(TinyChannel())
    run(recording, call("getpid"))
    run(recording, call("close", 3))
    assert recording.conversation
    return msgspec.msgpack.decode(msgspec.msgpack.encode(recording.conversation), type=Conversation)


class Silent(TinyChannel):
    """What must not be asked."""

    def submit(self, ops: Sequence[Op]) -> int:
        """Fail."""
        raise AssertionError(ops)


def test_the_same_questions_get_the_answers_of_then() -> None:
    replaying = Replaying(Silent(), recorded())
    assert replaying.hello == TinyChannel().hello
    first, second = replaying.submit(call("getpid")), replaying.submit(call("close", 3))
    assert replaying.answered(first)
    assert replaying.results(second, 1) == run(TinyChannel(), call("close", 3))
    assert replaying.results(first, 1) == run(TinyChannel(), call("getpid"))


def test_what_follows_is_asked_of_the_agent() -> None:
    channel = TinyChannel()
    replaying = Replaying(channel, recorded())
    for program in (call("getpid"), call("close", 3)):
        run(replaying, program)
    fourth = [replaying.submit(call("prctl")) for _ in range(2)][1]
    assert replaying.answered(fourth)
    assert replaying.results(fourth, 1) == run(TinyChannel(), call("prctl"))
    assert len(channel._answers) == 2


@pytest.mark.parametrize("other", [call("close", 4), call("getpid"), []])
def test_another_question_is_not_answered(other: list[Op]) -> None:
    replaying = Replaying(Silent(), recorded())
    replaying.submit(call("getpid"))
    with pytest.raises(OtherConversationError, match="prepared otherwise"):
        replaying.submit(other)
    with pytest.raises(OtherConversationError):
        replaying.finish()
    replaying.submit(call("close", 3))
    replaying.finish()


def test_nothing_is_known_while_an_answer_is_awaited() -> None:
    recording = Recording(TinyChannel())
    known = [recording.conversation]
    number = recording.submit(call("getpid"))
    known.append(recording.conversation)
    recording.results(number, 1)
    known.append(recording.conversation)
    assert [it and len(it.exchanges) for it in known] == [0, None, 1]
