# SPDX-License-Identifier: MIT
"""The agent: what its operations do, over real frames, on this machine."""

import errno
import os
import struct
from collections.abc import Iterator

import pytest

from suite.agent import wire
from suite.agent.wire import Address, Data, Fix, Op, OpKind, Result, Status
from tests.agents import Agent, both_ways, fork, give_in, take_out

AT_FDCWD = -100
DGRAM = 2


def test_a_call_gives_its_value_or_errno(agent: Agent) -> None:
    pid, bad = agent.run(agent.call(1, "getpid"), agent.call(1, "close", 999)).values()
    assert pid.value in agent.processes()
    assert (bad.status, bad.value, bad.failed) == (Status.DONE, -errno.EBADF, True)


def test_all_six_arguments_arrive(agent: Agent) -> None:
    flags = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
    address, freed = agent.values(
        agent.call(1, "mmap", 0, 4096, 3, flags, -1, 0),
        agent.call(1, "munmap", Result(0), 4096),
    )
    assert address % 4096 == 0
    assert freed == 0
    # The sixth: an offset that is not a multiple of a page.
    assert agent.run(agent.call(1, "mmap", 0, 4096, 3, flags, -1, 1))[0].value == -errno.EINVAL


def test_a_counter_goes_on(agent: Agent) -> None:
    before, after = agent.values(Op(OpKind.COUNT, 1), Op(OpKind.COUNT, 1))
    assert 0 < before < after < before + 10**10  # no processor counts so much in between


def test_an_in_buffer_is_read_by_the_call(agent: Agent) -> None:
    path = give_in(b"/dev/null\0")
    fd = agent.call(1, "openat", AT_FDCWD, Address(0), os.O_RDONLY, 0, buffers=[path])
    assert agent.values(fd)[0] >= 0


def test_an_out_buffer_comes_back_padded(agent: Agent) -> None:
    record = agent.run(agent.call(1, "getcwd", Address(0), 101, buffers=[take_out(101)]))[0]
    assert record.data[: record.value] == os.fsencode(os.getcwd()) + b"\0"  # noqa: PTH109
    assert len(record.data) == 104


def test_zeros_at_the_end_of_a_buffer_are_not_sent(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client knows how many there were; of an empty buffer, too."""
    answers: list[bytes] = []

    def decoded(payload: bytes, order: wire.ByteOrder) -> Iterator[tuple[int, wire.Record]]:
        answers.append(payload)
        return decode(payload, order)

    decode = wire.decode_records
    monkeypatch.setattr(wire, "decode_records", decoded)
    path = agent.call(1, "getcwd", Address(0), 1 << 16, buffers=[take_out(1 << 16)])
    none = agent.call(1, "read", -1, Address(0), 1 << 16, buffers=[take_out(1 << 16)])
    there, empty = agent.run(path, none).values()
    assert there.data[: there.value].endswith(b"\0")
    assert not any(there.data[there.value :])
    assert len(there.data) == len(empty.data) == 1 << 16
    assert not any(empty.data)
    record = 16
    assert sum(map(len, answers)) <= record + wire.padded(there.value) + record + 8


def test_an_inout_buffer_goes_both_ways(agent: Agent) -> None:
    (record,) = agent.run(
        agent.call(1, "capget", Address(0), 0, buffers=[both_ways(struct.pack("<Ii", 0, 0))])
    ).values()
    version, pid = struct.unpack_from("<Ii", record.data)
    assert version == 0x20080522  # the kernel puts its preferred version over an unknown one
    assert pid == 0


def test_several_buffers_of_one_call(agent: Agent) -> None:
    size = both_ways(struct.pack("<I", 64))
    pair = agent.call(1, "socketpair", 1, DGRAM, 0, Address(0), buffers=[take_out(8)])
    name = agent.call(
        1,
        "getsockname",
        Data(0, 0, 4),
        Address(0),
        Address(1),
        buffers=[take_out(64), size],
    )
    records = agent.run(pair, name)
    assert struct.unpack_from("<H", records[1].data)[0] == 1  # AF_UNIX
    assert struct.unpack_from("<I", records[1].data, 64)[0] == 2


def test_results_and_data_of_earlier_calls(agent: Agent) -> None:
    pipe = agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)])
    write = agent.call(1, "write", Data(0, 4, 4), Address(0), 5, buffers=[give_in(b"hello")])
    read = agent.call(1, "read", Data(0, 0, 4), Address(0), Result(1), buffers=[take_out(5)])
    records = agent.run(pipe, write, read)
    assert records[2].value == 5
    assert records[2].data[:5] == b"hello"


def test_data_of_eight_bytes_and_of_a_second_buffer(agent: Agent) -> None:
    """getsockopt(SO_COOKIE) gives 8 bytes; its length field is the buffer after."""
    size = both_ways(struct.pack("<I", 8))
    made = agent.call(1, "socket", 1, DGRAM, 0)
    cookie = agent.call(
        1, "getsockopt", Result(0), 1, 57, Address(0), Address(1), buffers=[take_out(8), size]
    )
    fixed = Fix(0, 0, 8, Data(1, 0, 8))
    out = Fix(0, 8, 4, Data(1, 8, 4))
    pipe = agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)])
    write = agent.call(
        1, "write", Data(2, 4, 4), Address(0), 12, buffers=[give_in(bytes(12))], fixes=[fixed, out]
    )
    read = agent.call(1, "read", Data(2, 0, 4), Address(0), 12, buffers=[take_out(12)])
    records = agent.run(made, cookie, pipe, write, read)
    assert records[4].data[:8] == records[1].data[:8] != bytes(8)
    assert struct.unpack_from("<I", records[4].data, 8)[0] == 8


def test_data_of_four_bytes_is_signed(agent: Agent) -> None:
    """As a file descriptor or a process id is: lseek(2) refuses -1, not 0xffffffff."""
    pipe = agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)])
    write = agent.call(1, "write", Data(0, 4, 4), Address(0), 8, buffers=[give_in(b"\xff" * 8)])
    read = agent.call(1, "read", Data(0, 0, 4), Address(0), 8, buffers=[take_out(8)])
    memfd = agent.call(1, "memfd_create", Address(0), 0, buffers=[give_in(b"test\0")])
    seek = agent.call(1, "lseek", Result(3), Data(2, 0, 4), os.SEEK_SET)
    assert agent.run(pipe, write, read, memfd, seek)[4].value == -errno.EINVAL


def test_a_fix_points_a_struct_to_a_buffer(agent: Agent) -> None:
    """writev(2): an iovec whose base is the address of the other buffer, plus an offset."""
    pipe = agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)])
    iovec = give_in(struct.pack("<QQ", 0, 3))
    write = agent.call(
        1,
        "writev",
        Data(0, 4, 4),
        Address(0),
        1,
        buffers=[iovec, give_in(b"abcdef")],
        fixes=[Fix(0, 0, 8, Address(1, 2))],
    )
    read = agent.call(1, "read", Data(0, 0, 4), Address(0), 9, buffers=[take_out(9)])
    records = agent.run(pipe, write, read)
    assert records[2].data[: records[2].value] == b"cde"


def test_references_cross_processes(agent: Agent) -> None:
    """What one process got is an argument of another; the parent's pid here."""
    asked, told, _ = agent.values(
        agent.call(1, "getpid"), fork(1, 2), agent.call(2, "kill", Result(0), 0)
    )
    assert agent.values(agent.call(2, "getpid"), agent.call(2, "getppid")) == [told, asked]


def test_what_builds_on_a_failure_is_left_undone(agent: Agent) -> None:
    opened = agent.call(1, "openat", AT_FDCWD, Address(0), 0, 0, buffers=[give_in(b"/none/x\0")])
    named = agent.call(1, "close", Result(0))
    filled = agent.call(
        1, "write", 1, Address(0), 8, buffers=[give_in(bytes(8))], fixes=[Fix(0, 0, 4, Result(0))]
    )
    again = agent.call(1, "close", Result(1))
    records = agent.run(opened, named, filled, again, agent.call(1, "getpid"))
    assert records[0].value == -errno.ENOENT
    assert [records[n].status for n in (1, 2, 3)] == [Status.UNRESOLVED] * 3
    assert records[4].value > 0


def test_data_beyond_the_buffer_is_no_data(agent: Agent) -> None:
    pipe = agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)])
    offsets = (8, 6, 1 << 40, (1 << 64) - 4)
    records = agent.run(pipe, *(agent.call(1, "close", Data(0, at, 4)) for at in offsets))
    assert [records[n + 1].status for n in range(4)] == [Status.UNRESOLVED] * 4


@pytest.mark.parametrize("process", [1, 2], ids=["same-process", "another"])
def test_a_failure_jumps_where_it_is_told(agent: Agent, process: int) -> None:
    agent.values(fork(0, 2))
    bad = agent.call(1, "close", 999, on_fail=3)
    good = agent.call(1, "getpid", on_fail=4)
    records = agent.run(bad, good, good, agent.call(process, "getpid"), good)
    assert list(records) == [0, 3, 4]


def test_an_unresolved_operation_jumps_too(agent: Agent) -> None:
    bad = agent.call(1, "close", 999)
    built = agent.call(1, "close", Result(0), on_fail=wire.END)
    records = agent.run(bad, built, agent.call(1, "getpid"))
    assert list(records) == [0, 1]


def test_a_jump_back_goes_on(agent: Agent) -> None:
    bad = agent.call(1, "close", 999, on_fail=1)
    assert list(agent.run(agent.call(1, "getpid"), bad, agent.call(1, "getpid"))) == [0, 1, 2]


def test_peek_and_poke(agent: Agent) -> None:
    """Memory of a process is written and read; a child has a copy of its own."""
    page = agent.call(1, "mmap", 0, 4096, 3, 0x22, -1, 0)
    poke = Op(OpKind.POKE, 1, args=(Result(0),), buffers=[give_in(b"parent")])
    other = Op(OpKind.POKE, 2, args=(Result(0),), buffers=[give_in(b"child.")])
    peeks = [Op(OpKind.PEEK, n, args=(Result(0),), buffers=[take_out(6)]) for n in (1, 2)]
    records = agent.run(page, poke, fork(1, 2), other, *peeks)
    assert [records[n].data[:6] for n in (4, 5)] == [b"parent", b"child."]
    assert records[4].value == 6


def test_a_peek_may_give_a_result_that_the_kernel_left(agent: Agent) -> None:
    """With argument 2 the value is what memory holds: a number, or an errno that is a failure."""
    page = agent.call(1, "mmap", 0, 4096, 3, 0x22, -1, 0)
    peek = Op(OpKind.PEEK, 1, args=(Result(0), 0, 1), buffers=[take_out(4)])
    pokes = [
        Op(OpKind.POKE, 1, args=(Result(0),), buffers=[give_in(struct.pack("<i", number))])
        for number in (7, -errno.EACCES)
    ]
    records = agent.run(page, pokes[0], peek, pokes[1], peek)
    assert records[2].value == 7
    assert records[4].value == -errno.EACCES
    assert records[4].failed
