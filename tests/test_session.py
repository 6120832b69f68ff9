# SPDX-License-Identifier: MIT
"""Sessions: promises, what travels when, and what becomes of failures."""

import os
import resource
import struct
from collections.abc import Sequence

import pytest

from suite.agent import build, wire
from suite.errors import LandproofError
from suite.judge.outcome import Allowed, Denied
from suite.process.process import Process
from suite.process.promise import HungError, Mode, SetupError
from suite.process.session import Session
from suite.values import Beyond, Int, Out, Pack
from tests.agents import ARCH


@pytest.fixture
def frames(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the programs that were sent."""
    sent: list[int] = []
    submit = session.channel.submit

    def counted(ops: Sequence[wire.Op]) -> int:
        sent.append(len(ops))
        return submit(ops)

    monkeypatch.setattr(session.channel, "submit", counted)
    return sent


# What travels when


def test_a_launched_program_runs_beside_others(process: Process, session: Session) -> None:
    pipe = process.pipe()
    _, write_end = struct.unpack("<ii", pipe.data)
    reader = process.fork()
    call = reader.read(Int(pipe, 0), 4)
    batch = session.launch()
    assert process.getpid().value > 0
    assert not batch.answered
    assert process.write(write_end, b"done").value == 4
    assert call.data[:4] == b"done"
    assert batch.answered


def test_nothing_is_sent_until_a_value_is_needed(process: Process, frames: list[int]) -> None:
    pid = process.getpid()
    child = process.fork()
    parent = child.getppid()
    assert frames == []
    assert parent.value == pid.value
    assert child.pid is not None
    assert child.pid.value != pid.value
    assert frames == [4]


def test_promises_of_a_program_are_arguments_in_it(process: Process, frames: list[int]) -> None:
    pipe = process.pipe()
    process.write(Int(pipe, 4), b"through")
    call = process.read(Int(pipe, 0), 7)
    assert call.data[:7] == b"through"
    assert frames == [4]


def test_promises_of_an_earlier_program_are_values(process: Process, frames: list[int]) -> None:
    pipe = process.pipe()
    assert len(pipe.data) == 8
    process.write(Int(pipe, 4), b"later")
    fd = process.dup(Int(pipe, 0))
    assert fd.value >= 0
    assert process.read(fd, 5).data[:5] == b"later"
    assert frames == [2, 2, 1]


def test_what_lies_beyond_an_address(process: Process, frames: list[int]) -> None:
    page = process.syscall("mmap", 0, 4096, 3, 0x22, -1, 0)
    process.poke(Beyond(page, 100), b"behind")
    assert process.peek(page, 4096).data[100:106] == b"behind"
    assert process.peek(Beyond(page, 103), 3).data[:3] == b"ind"
    assert frames == [4, 1]


def test_four_bytes_are_signed_in_an_earlier_program_too(process: Process) -> None:
    pipe = process.pipe()
    process.write(Int(pipe, 4), b"\xff" * 4)
    read = process.read(Int(pipe, 0), 4)
    memfd = process.syscall("memfd_create", "test", 0)
    assert read.value == 4
    seek = process.observe(Process.syscall, "lseek", memfd, Int(read, 0), os.SEEK_SET)
    assert seek.outcome == Denied("EINVAL")


def test_asking_twice_sends_once(process: Process, frames: list[int]) -> None:
    call = process.getpid()
    assert call.value == call.value == call.value
    assert frames == [2]


def test_an_empty_program_is_not_sent(session: Session, frames: list[int]) -> None:
    session.flush()
    assert frames == []


def test_structs_of_values_promises_and_pointers(process: Process) -> None:
    """writev(2) of an iovec that points to text of its own."""
    pipe = process.pipe()
    iovec = Pack(((8, b"pointed at"), (8, 10), (8, b"and more"), (8, 8)))
    process.syscall("writev", Int(pipe, 4), iovec, 2)
    assert process.read(Int(pipe, 0), 64).data[:18] == b"pointed atand more"


def test_a_promise_in_a_struct(process: Process) -> None:
    """poll(2)'s struct names a file descriptor of the same program, or of one before."""
    pipe = process.pipe()
    first = process.syscall("ppoll", Pack(((4, Int(pipe, 4)), struct.pack("<hh", 4, 0))), 1, 0, 0)
    assert first.value == 1
    second = process.syscall("ppoll", Pack(((4, Int(pipe, 4)), struct.pack("<hh", 4, 0))), 1, 0, 0)
    assert second.value == 1


def test_negative_values_in_a_struct(process: Process) -> None:
    assert process.syscall("ppoll", Pack(((4, -1), bytes(4))), 1, Pack(((8, 0), (8, 0)))).value == 0


# Failures


def test_a_failed_set_up_names_the_call_and_the_errno(process: Process) -> None:
    fd = process.open("/none/such", os.O_RDONLY)
    later = process.getpid()
    with pytest.raises(
        SetupError, match=r"openat\(AT_FDCWD, \"/none/such\", .*\): ENOENT"
    ) as caught:
        _ = later.value
    assert caught.value.call is fd


def test_a_failed_set_up_leaves_out_the_rest(process: Process, session: Session) -> None:
    keep = process.pipe()
    session.flush()
    process.close(999)
    process.write(Int(keep, 4), b"x")
    with pytest.raises(SetupError, match=r"close\(999\): EBADF"):
        _ = process.getpid().value
    process.fcntl(Int(keep, 0), 4, os.O_NONBLOCK)
    empty = process.observe(Process.read, Int(keep, 0), 1)
    assert empty.outcome == Denied("EAGAIN")


def test_what_a_set_up_builds_on_is_named(process: Process, session: Session) -> None:
    with session.in_mode(Mode.OBSERVED):
        fd = process.open("/none", os.O_RDONLY)
    closed = process.close(fd)
    with pytest.raises(SetupError, match=r"close\(<openat>\): an earlier call that it builds on"):
        _ = closed.value


def test_a_process_that_died_breaks_the_set_up(process: Process) -> None:
    process.exit()
    with pytest.raises(SetupError, match=r"getpid\(\): was dead"):
        _ = process.getpid().value


def test_a_process_that_ends_is_expected_to(process: Process) -> None:
    child = process.fork()
    ended = child.exit(3)
    status = process.wait(child.pid or 0)
    assert os.waitstatus_to_exitcode(struct.unpack_from("<i", status.data)[0]) == 3
    assert ended.failure == "DIED"


def test_data_that_died_with_its_process_is_not_made_up(process: Process) -> None:
    """A value may have come, its buffers not: that breaks the case, it does not read as empty."""
    child = process.fork()
    cwd = child.syscall("getcwd", Out(64), 64)
    child.prctl(1, 9)  # PR_SET_PDEATHSIG
    me = child.syscall("getpid")
    with process.session.in_mode(Mode.DEATH):
        child.kill(me, 9)
    assert me.value > 0
    with pytest.raises(SetupError, match=r"getcwd\(.*\): its buffers were lost with its process"):
        _ = cwd.data


def test_a_hung_call_is_named_with_its_deadline(session: Session, process: Process) -> None:
    session.deadline_ms = 100
    process.syscall("ppoll", 0, 0, 0, 0)
    with pytest.raises(HungError, match=r"ppoll\(NULL, 0, NULL, NULL\) did not return in 0.1 s"):
        _ = process.getpid().value


# Processes


def test_kills_travel_with_the_next_program(
    process: Process, session: Session, frames: list[int]
) -> None:
    with session.scope():
        first = process.fork()
        pid = first.getpid().value
    assert frames == [3]
    with session.scope():
        second = process.fork()
        assert second.id == first.id
        assert second.getpid().value != pid
    assert frames == [3, 3]  # kill, fork, getpid


def test_kills_ahead_travel_with_the_last_program(
    process: Process, session: Session, frames: list[int]
) -> None:
    session.flush()
    with session.scope():
        pid = process.fork().getpid()
        session.conclude()
        assert pid.value > 0
    process.wait(pid)
    assert process.observe(Process.kill, pid, 0).outcome == Denied("ESRCH")
    assert frames == [1, 3, 2]


def test_kills_ahead_are_not_lost_with_a_program_that_failed(
    process: Process, session: Session
) -> None:
    with session.scope():
        pid = process.fork().getpid().value
        process.close(999)
        session.conclude()
        with pytest.raises(SetupError):
            session.pending.settle()
    process.wait(pid)
    assert process.observe(Process.kill, pid, 0).outcome == Denied("ESRCH")


def test_nobody_makes_calls_after_the_judgement(process: Process, session: Session) -> None:
    session.flush()
    with session.scope():
        process.fork().getpid()
        session.conclude()
        with pytest.raises(LandproofError, match="getpid after the judgement"):
            process.getpid()
    assert process.getpid().value > 0


def test_kills_ahead_of_nothing_travel_later(
    process: Process, session: Session, frames: list[int]
) -> None:
    session.flush()
    with session.scope():
        assert process.fork().getpid().value > 0
        session.conclude()
    assert frames == [1, 2]
    session.flush()
    assert frames == [1, 2, 1]


def test_what_a_case_never_asked_for_is_not_sent(
    process: Process, session: Session, frames: list[int]
) -> None:
    session.flush()
    with session.scope():
        child = process.fork()
        child.close(999)  # would break the set-up of whoever came next
    assert process.getpid().value > 0
    assert frames == [1, 2]


def test_kills_are_not_lost_with_what_was_never_sent(process: Process, session: Session) -> None:
    with session.scope():
        process.fork()
        pid = process.fork().getpid().value
    with session.scope():
        process.fork()  # has the id of the first
    assert process.observe(Process.kill, pid, 0).outcome in (Allowed(), Denied("ESRCH"))
    process.wait(pid)
    assert process.observe(Process.kill, pid, 0).outcome == Denied("ESRCH")


def test_ids_do_not_run_out(process: Process, session: Session) -> None:
    """More processes than there are ids, 64 a case."""
    session.flush()
    for _ in range(wire.MAX_PROCESS // 64 + 2):
        with session.scope():
            children = [process.fork() for _ in range(64)]
            assert max(child.id for child in children) == 65
            session.flush()
    assert process.getpid().value > 0


def test_after_a_failed_case_the_next_one_works(process: Process, session: Session) -> None:
    with session.scope():
        child = process.fork()
        child.close(999)
        with pytest.raises(SetupError):
            _ = child.getpid().value
    with session.scope():
        assert process.fork().getpid().value > 0


def test_an_unknown_system_call_is_no_promise(process: Process) -> None:
    with pytest.raises(KeyError):
        process.syscall("frobnicate")


# Images of another word size


@pytest.mark.skipif(ARCH != "x86_64", reason="only x86_64 kernels run i386 programs")
def test_an_i386_image_makes_its_own_calls(process: Process) -> None:
    before, parent = process.getpid().value, process.getppid().value
    if process.observe(Process.exec32, str(build.agent("i386"))).outcome != Allowed():
        pytest.skip("this kernel does not run i386 programs")
    assert process.getpid().value == before
    child = process.fork()
    assert child.getppid().value == before
    assert child.syscall("ugetrlimit", resource.RLIMIT_CORE, Out(8)).value == 0  # i386's alone
    assert Process(process.session, 0).fork().getppid().value == parent
