# SPDX-License-Identifier: MIT
"""Malformed frames end the agent with an error frame or cleanly: no signal, no hang."""

import errno
import random
import signal
import struct
import subprocess
from dataclasses import replace

import pytest

from suite.agent import build, wire
from suite.agent.wire import (
    FRAME,
    Address,
    Buffer,
    BufferFlag,
    Data,
    Fix,
    FrameKind,
    Op,
    OpKind,
    Result,
    Source,
    Status,
    encode_program,
)
from tests.agents import ARCH, THREAD, Agent, both_ways, fork, give_in, take_out

HELLO_SIZE = FRAME.size + 8
NOBODY = 7
"""A process that does not exist: its operations are looked at, not done."""


def fate(data: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """How an agent ends that is sent these bytes, then the end; and what it said."""
    command = [str(build.agent(ARCH))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env={}) as agent:
        try:
            said, complaints = agent.communicate(data, timeout=10)
        finally:
            agent.kill()
    assert complaints == b""
    frames = []
    at = HELLO_SIZE
    while at < len(said):
        size, _, kind, _ = FRAME.unpack_from(said, at)
        frames.append((kind, said[at + FRAME.size : at + 4 + size]))
        at += 4 + size
    assert at == len(said)
    return agent.returncode, frames


def header(size: int = 12, kind: int = FrameKind.PROGRAM, count: int = 0) -> bytes:
    return FRAME.pack(size, 1, kind, count)


def frame(*ops: Op, count: int | None = None, more: bytes = b"") -> bytes:
    """A program's frame, with another number of operations or something behind them."""
    size, identity, kind, number = FRAME.unpack_from(encode_program(1, ops))
    body = encode_program(1, ops)[FRAME.size :] + more
    number = number if count is None else count
    return FRAME.pack(size + len(more), identity, kind, number) + body


CALL = Op(OpKind.CALL, NOBODY)
EIGHT = give_in(bytes(8))
AROUND = Op(OpKind.FORK, NOBODY, args=[1, signal.SIGCHLD, 0], buffers=[EIGHT, take_out(8), EIGHT])
HALF = Buffer(BufferFlag.OUT, wire.MAX_FRAME // 2)
MANY = [take_out(8)] * 17

MALFORMED = {
    "hello": header(kind=FrameKind.HELLO),
    "results": header(kind=FrameKind.RESULTS),
    "unknown-kind": header(kind=9),
    "text": b"Last login: Sat Nov 21 on ttyS0\n",
    "size-of-less-than-a-header": header(size=11),
    "oversized": header(size=wire.MAX_FRAME + 1),
    "largest-size": header(size=0xFFFFFFFF),
    "more-operations-than-numbers": header(count=0x10000),
    "operations-missing": frame(CALL, count=2),
    "bytes-left-over": frame(CALL, more=bytes(8)),
    "bytes-without-operations": frame(more=bytes(16)),
    "half-an-operation": frame(CALL, more=bytes(8), count=2),
    "seven-arguments": frame(replace(CALL, args=[0] * 7)),
    "seventeen-buffers": frame(replace(CALL, buffers=MANY)),
    "process-too-large": frame(replace(CALL, process=wire.MAX_PROCESS + 1)),
    "unknown-operation": frame(CALL).replace(bytes([0, 0, 0, 0, NOBODY]), bytes([8, 0, 0, 0, 7])),
    "buffer-both-none": frame(replace(CALL, buffers=[Buffer(BufferFlag(0), 8)])),
    "buffer-unknown-flag": frame(replace(CALL, buffers=[Buffer(BufferFlag(4), 8)])),
    "buffer-past-the-frame": frame(replace(CALL, buffers=[take_out(8)])).replace(
        struct.pack("<II", 2, 8), struct.pack("<II", 1, 8)
    ),
    "buffer-of-4-gigabytes": frame(replace(CALL, buffers=[Buffer(BufferFlag.OUT, 0xFFFFFFFF)])),
    "buffers-for-no-frame": frame(*[replace(CALL, buffers=[HALF])] * 3),
    "fix-of-no-buffer": frame(replace(CALL, buffers=[EIGHT], fixes=[Fix(1, 0, 8, 1)])),
    "fix-of-3-bytes": frame(replace(CALL, buffers=[EIGHT], fixes=[Fix(0, 0, 3, 1)])),
    "fix-past-the-buffer": frame(replace(CALL, buffers=[EIGHT], fixes=[Fix(0, 4, 8, 1)])),
    "fix-far-past-the-buffer": frame(
        replace(CALL, buffers=[EIGHT], fixes=[Fix(0, 0xFFFFFFFC, 8, 1)])
    ),
    "peek-without-a-buffer": frame(Op(OpKind.PEEK, NOBODY, args=[0])),
    "peek-into-an-in-buffer": frame(Op(OpKind.PEEK, NOBODY, args=[0], buffers=[EIGHT])),
    "poke-from-an-out-buffer": frame(Op(OpKind.POKE, NOBODY, args=[0], buffers=[take_out(8)])),
    "fork-id-0": frame(fork(NOBODY, 0)),
    "fork-id-too-large": frame(fork(NOBODY, wire.MAX_PROCESS + 1)),
    "fork-id-promised": frame(CALL, Op(OpKind.FORK, NOBODY, args=[Result(0), signal.SIGCHLD])),
    "fork-without-flags": frame(Op(OpKind.FORK, NOBODY, args=[1])),
    "fork-with-one-buffer": frame(replace(AROUND, buffers=[EIGHT])),
    "fork-that-reads-first": frame(replace(AROUND, buffers=[take_out(8), EIGHT, EIGHT])),
    "fork-around-no-descriptor": frame(replace(AROUND, args=[1, signal.SIGCHLD])),
    "give-to-the-supervisor": frame(Op(OpKind.GIVE, NOBODY, args=[0, 0])),
    "give-to-none": frame(Op(OpKind.GIVE, NOBODY, args=[0])),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_frame_is_refused(data: bytes) -> None:
    status, frames = fate(data + frame(CALL))
    assert status == 2
    ((kind, text),) = frames
    assert kind == FrameKind.ERROR
    assert text.startswith(b"malformed frame: ")


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 40])
def test_a_truncated_frame_is_the_end(length: int) -> None:
    assert fate(frame(CALL, CALL)[:length]) == (0, [])


def test_the_largest_of_everything_is_well_formed() -> None:
    """The bounds of the malformed ones, from within."""
    buffers = [*[EIGHT] * 15, take_out(8)]
    full = Op(OpKind.CALL, wire.MAX_PROCESS, 1, [0] * 6, buffers, [Fix(14, 0, 8, 1)] * 255)
    ops = [full, fork(NOBODY, wire.MAX_PROCESS), AROUND, replace(CALL, buffers=[HALF])]
    status, frames = fate(frame(*ops) + frame(*[CALL] * 0xFFFF) + frame())
    assert status == 0
    counts = [len(list(wire.decode_records(payload))) for _, payload in frames]
    assert counts == [4, 0xFFFF, 0]


def test_the_supervisor_forks_and_nothing_else() -> None:
    """Its own system calls and memory are not for the host; nor are threads of it."""
    with Agent() as agent:
        calls = [
            agent.call(0, "getpid"),
            Op(OpKind.PEEK, 0, args=[Address(0)], buffers=[take_out(8)]),
            Op(OpKind.EXEC, 0, args=[-100, Address(0), 0], buffers=[give_in(b"/bin/true\0")]),
            Op(OpKind.GIVE, 0, args=[0, 1]),
        ]
        statuses = [record.status for record in agent.run(*calls).values()]
        assert statuses == [Status.GONE] * 4
        for flags in (THREAD, 0x100 | 0x400, 0x100 | 0x4000):  # CLONE_FILES, CLONE_VFORK
            assert agent.run(fork(0, 1, flags))[0].value == -errno.EINVAL
        agent.values(fork(0, 1), agent.call(1, "getpid"))


def test_mutated_frames() -> None:
    """Bits flipped, bytes replaced, cut out and put in: never a signal, never a hang."""
    draw = random.Random(20261121)  # noqa: S311 (a test's own)
    packed = replace(CALL, args=[Address(0), Result(0)], buffers=[both_ways(bytes(24))])
    fixed = replace(packed, fixes=[Fix(0, 8, 8, Data(0, 4, 4))])
    peek = Op(OpKind.PEEK, NOBODY, args=[Address(0)], buffers=[take_out(16)])
    base = frame(CALL, packed, fixed, peek, fork(NOBODY, 9), Op(OpKind.KILL, NOBODY))
    refused = 0
    for _ in range(400):
        data = bytearray(base)
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(data))
            match draw.randrange(4):
                case 0:
                    data[at] ^= 1 << draw.randrange(8)
                case 1:
                    data[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))
                case 2:
                    del data[at : at + draw.randrange(1, 16)]
                case 3:
                    data[at:at] = draw.randbytes(draw.randrange(1, 16))
        status, frames = fate(bytes(data))
        assert status in (0, 2), f"status {status} after {data.hex()}"
        assert (status == 2) == any(kind == FrameKind.ERROR for kind, _ in frames)
        refused += status == 2
    assert 50 < refused < 350


def test_random_programs_on_a_live_process() -> None:
    """References, fixes and buffers of every kind in calls that do no harm: always an answer."""
    draw = random.Random(20261122)  # noqa: S311 (a test's own)
    extremes = (0, 1, 7, 8, 63, 64, 255, 1 << 31, (1 << 32) - 1, (1 << 63), (1 << 64) - 4)

    def source(buffers: int) -> Source:
        match draw.randrange(4):
            case 0:
                return draw.choice(extremes)
            case 1:
                return Result(draw.choice((0, 1, 5, 0xFFFF)))
            case 2:
                return Data(draw.randrange(8), draw.choice(extremes), draw.choice((0, 4, 8, 255)))
            case _:
                return Address(draw.choice((0, buffers, 0xFFFF)), draw.choice((0, 8)))

    def op(agent: Agent) -> Op:
        data = draw.randbytes(draw.choice((0, 8, 13, 64)))
        makers = (give_in, both_ways, lambda data: take_out(len(data)))
        buffers = [draw.choice(makers)(data) for _ in range(draw.randrange(4))]
        wide = [n for n, buffer in enumerate(buffers) if buffer.size >= 8]
        fixes = [
            Fix(draw.choice(wide), 0, draw.choice((4, 8)), source(len(buffers)))
            for _ in range(draw.randrange(3) if wide else 0)
        ]
        args = [source(len(buffers)) for _ in range(draw.randrange(7))]
        call = agent.call(1, "getpid", *args, buffers=buffers, fixes=fixes)
        call.on_fail = draw.choice((0, 0, 1, 5, wire.END))
        return call

    with Agent() as agent:
        agent.values(fork(0, 1))
        for _ in range(300):
            ops = [op(agent) for _ in range(draw.randrange(1, 9))]
            records = agent.run(*ops)
            assert records.keys() <= set(range(len(ops)))
            assert {record.status for record in records.values()} <= {
                Status.DONE,
                Status.UNRESOLVED,
            }
        agent.values(agent.call(1, "getpid"))
