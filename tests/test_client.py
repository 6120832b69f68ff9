# SPDX-License-Identifier: MIT
"""The host's end of the channel: what it makes of agents that are no good."""

import gc
import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from suite.agent import wire
from suite.agent.channel import AgentLostError, AgentSilentError, patience_s, run
from suite.agent.client import AgentClient
from suite.agent.wire import FRAME, Address, FrameKind, Op, OpKind, Result
from tests.agents import Agent, fork, give_in, take_out

MEGABYTE = 1 << 20


@dataclass
class Peer:
    """The other end of a channel, in the hands of the test."""

    theirs: socket.socket
    ours: socket.socket

    def say(self, kind: int, payload: bytes, identity: int = 0) -> None:
        """Send a frame as the agent would."""
        self.ours.sendall(FRAME.pack(12 + len(payload), identity, kind, 0) + payload)

    def client(self, hello_s: float = 5) -> AgentClient:
        """A client of it."""
        return AgentClient(self.theirs.fileno(), self.theirs.fileno(), hello_s=hello_s)


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A channel to nobody."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        yield Peer(theirs, ours)


HELLO = struct.pack("<HHI", wire.VERSION, 8, 4096)


def test_the_hello_is_read(peer: Peer) -> None:
    peer.say(FrameKind.HELLO, HELLO)
    assert peer.client().hello == wire.Hello(wire.VERSION, 8, 4096)


@pytest.mark.parametrize(
    "hello",
    [struct.pack("<HHI", wire.VERSION + 1, 8, 4096), b"\x09\0", struct.pack("<HHI", 9, 4, 1)],
)
def test_another_version_is_named_with_what_to_do(peer: Peer, hello: bytes) -> None:
    """Whatever else its hello says, and however long that is."""
    peer.say(FrameKind.HELLO, hello)
    with pytest.raises(AgentLostError, match=r"speaks protocol [39], this landproof 2: reinstall"):
        peer.client()


def test_an_answer_that_came_while_we_stood_still_is_heard(peer: Peer) -> None:
    """After Ctrl-Z and fg, time is long up: the agent did answer in it."""
    peer.say(FrameKind.HELLO, HELLO)
    assert peer.client(hello_s=-60).hello.version == wire.VERSION


def test_no_hello_at_all(peer: Peer) -> None:
    with pytest.raises(AgentSilentError, match="no answer from the agent"):
        peer.client(hello_s=0.01)


def test_the_other_end_is_closed(peer: Peer) -> None:
    peer.ours.close()
    with pytest.raises(AgentLostError, match="the agent is gone"):
        peer.client()


def test_something_else_speaks(peer: Peer) -> None:
    """What a shell prints, for one; it is shown, and not waited for."""
    peer.ours.sendall(b"sh: 1: landproof-agent: Exec format error\n")
    with pytest.raises(AgentLostError, match="'sh: 1: landproof-agent: Exec format error"):
        peer.client()


def test_a_failed_client_leaves_no_descriptor(peer: Peer) -> None:
    peer.ours.close()
    gc.collect()  # Of earlier tests, so that no number of theirs becomes free meanwhile.
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 (names alone)
    with pytest.raises(AgentLostError):
        peer.client()
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_frames_come_in_pieces_and_in_any_order(peer: Peer) -> None:
    peer.say(FrameKind.HELLO, HELLO)
    client = peer.client()
    first, second = client.submit([]), client.submit([Op(OpKind.CALL, 1)])
    record = struct.pack("<HHIq", 0, 0, 0, 42)
    answer = FRAME.pack(12 + len(record), second, FrameKind.RESULTS, 1) + record
    answer += FRAME.pack(12, first, FrameKind.RESULTS, 0)

    def drip() -> None:
        for byte in answer:
            peer.ours.sendall(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    assert client.results(first, 5) == {}
    assert client.results(second, 5)[0].value == 42
    thread.join()
    client.close()


def test_an_error_frame_is_told(peer: Peer) -> None:
    peer.say(FrameKind.HELLO, HELLO)
    client = peer.client()
    peer.say(FrameKind.ERROR, b"malformed frame: a header")
    with pytest.raises(AgentLostError, match="the agent ended: malformed frame: a header"):
        run(client, [])


def test_an_answer_that_is_overdue(peer: Peer) -> None:
    peer.say(FrameKind.HELLO, HELLO)
    client = peer.client()
    number = client.submit([])
    with pytest.raises(AgentSilentError):
        client.results(number, patience_s=0.01)


def test_patience_outlasts_a_hung_call() -> None:
    ops = [Op(OpKind.CALL, 1, deadline_ms=ms) for ms in (10, 4000)]
    assert patience_s(ops) > 2 * 4 + 1


def test_an_agent_that_ended(agent: Agent) -> None:
    """Between programs: whichever end notices first, it is lost."""
    agent.popen.kill()
    agent.popen.wait()
    with pytest.raises(AgentLostError):
        agent.run(agent.call(1, "getpid"))
    agent.popen.returncode = 0  # we did that


def test_both_ends_full_of_words(agent: Agent) -> None:
    """Megabytes both ways at once: neither end waits for the other for ever."""
    memfd = agent.call(1, "memfd_create", Address(0), 0, buffers=[give_in(b"test\0")])
    write = agent.call(
        1, "pwrite64", Result(0), Address(0), MEGABYTE, 0, buffers=[give_in(bytes(MEGABYTE))]
    )
    read = agent.call(
        1, "pread64", Result(0), Address(0), MEGABYTE, 0, buffers=[take_out(MEGABYTE)]
    )
    numbers = [agent.client.submit([memfd, write, read]) for _ in range(6)]
    for number in numbers:
        assert len(agent.client.results(number, 10)[2].data) == MEGABYTE


def test_the_agent_says_why_it_ends(agent: Agent) -> None:
    with pytest.raises(AgentLostError, match="the agent ended: malformed frame"):
        agent.run(fork(0, 0))


def test_a_big_endian_agent(peer: Peer) -> None:
    """Its first frame shows the byte order, and all that follows is in it, both ways."""
    hello = struct.pack(">HHI", wire.VERSION, 8, 4096)
    peer.ours.sendall(struct.pack(">4I", 12 + len(hello), 0, FrameKind.HELLO, 0) + hello)
    client = peer.client()
    assert client.hello == wire.Hello(wire.VERSION, 8, 4096, "big")
    number = client.submit([wire.Op(wire.OpKind.CALL, 1, 5, [-2], [take_out(12)])])
    head, op, source = struct.pack(">4I", 52, number, 1, 1), bytes([0, 1, 1, 0]), bytes(8)
    op += struct.pack(">HHIi", 1, 0, 10_000, 5)
    assert peer.ours.recv(4096) == head + op + source + struct.pack(">qII", -2, 2, 12)
    record = struct.pack(">HHIq", 0, 0, 8, -2) + b"12345678"
    frame = struct.pack(">4I", 12 + len(record), number, FrameKind.RESULTS, 0)
    peer.ours.sendall(frame + record)
    assert client.results(number, 5) == {
        0: wire.Record(wire.Status.DONE, -2, b"12345678" + bytes(8))
    }


def test_a_paced_channel_is_given_no_more_than_is_taken(peer: Peer) -> None:
    """A program of several windows waits for the agent each time, and arrives as it is."""
    peer.say(FrameKind.HELLO, HELLO)
    client = AgentClient(peer.theirs.fileno(), peer.theirs.fileno(), paced=True)
    program = wire.encode_program(1, [Op(OpKind.CALL, 1, 0, buffers=[give_in(bytes(20_000))])])
    most, heard = 0, bytearray()

    def take() -> None:
        nonlocal most
        told = 0
        while len(heard) < len(program):
            heard.extend(peer.ours.recv(1 << 16))
            most = max(most, len(heard) - told)
            if len(heard) - told >= wire.CREDIT:
                told += wire.CREDIT
                peer.say(FrameKind.CREDIT, b"")

    thread = threading.Thread(target=take)
    thread.start()
    client.submit([Op(OpKind.CALL, 1, 0, buffers=[give_in(bytes(20_000))])])
    thread.join(10)
    assert bytes(heard) == program
    assert wire.CREDIT < most <= 3 * wire.CREDIT
