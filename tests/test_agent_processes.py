# SPDX-License-Identifier: MIT
"""The agent: its processes and threads, one beside the other and one after the other."""

import errno
import os
import signal
import struct
import time
from pathlib import Path

import pytest

from suite.agent import build
from suite.agent.wire import END, Address, Buffer, Data, Op, OpKind, Result, Status
from tests.agents import ARCH, THREAD, Agent, fork, give_in, kill, take_out

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
CLONE_VM, CLONE_FILES, CLONE_VFORK = 0x100, 0x400, 0x4000
VFORK = CLONE_VM | CLONE_VFORK | signal.SIGCHLD
MEGABYTE = 1 << 20
IGNORE = struct.pack("<Q24x", signal.SIG_IGN)


def own_path() -> Buffer:
    return give_in(os.fsencode(build.agent(ARCH)) + b"\0")


def test_a_new_process_goes_on_in_the_program_of_its_parent(agent: Agent) -> None:
    """With what came before its fork; with what the fork gave; and with what its parent is told."""
    number = agent.call(1, "dup", 0)
    close, again = agent.call(2, "close", Result(0)), agent.call(2, "close", Result(0))
    records = agent.run(number, fork(1, 2), close, again, agent.call(1, "close", Result(0)))
    assert [records[n].value for n in (2, 3, 4)] == [0, -errno.EBADF, 0]
    child = agent.call(3, "kill", Result(0), 0)
    assert agent.values(fork(1, 3), child, agent.call(3, "getppid"))[1] == 0


def test_a_new_process_that_could_not_be_made_runs_nothing(agent: Agent) -> None:
    bad = fork(1, 2, 0x800 | 0x10000)  # CLONE_SIGHAND | CLONE_THREAD without CLONE_VM
    records = agent.run(bad, agent.call(2, "getpid"), agent.call(1, "getpid"))
    assert records[0].value == -errno.EINVAL
    assert records[1].status == Status.GONE
    assert records[2].value == agent.values(agent.call(1, "getpid"))[0]


@pytest.mark.parametrize("flags", [signal.SIGCHLD, CLONE_VM | signal.SIGCHLD, THREAD, 0x800])
def test_what_is_written_around_a_fork(agent: Agent, flags: int) -> None:
    """By the parent alone, be there a child or not: CLONE_SIGHAND alone makes none."""
    file = agent.call(1, "memfd_create", Address(0), 0, buffers=[give_in(b"around\0")])
    made = Op(
        OpKind.FORK, 1, args=(2, flags, Result(0)),
        buffers=[give_in(b"before"), take_out(16), give_in(b"behind")],
    )  # fmt: skip
    pid = agent.call(2, "gettid")
    whole = agent.call(1, "pread64", Result(0), Address(0), 16, 0, buffers=[take_out(16)])
    records = agent.run(file, made, pid, whole)
    assert records[1].data == b"before".ljust(16, b"\0")
    assert records[3].data == b"beforebehind".ljust(16, b"\0")
    assert (records[2].status is Status.DONE) == (records[1].value > 0)
    assert (records[1].value == -errno.EINVAL) == (flags == 0x800)


def test_a_thread_shares_memory_files_and_process_id(agent: Agent) -> None:
    page = agent.call(1, "mmap", 0, 4096, 3, 0x22, -1, 0)
    opened = agent.call(1, "dup", 0)
    poke = Op(OpKind.POKE, 2, args=(Result(0),), buffers=[give_in(b"thread")])
    peek = Op(OpKind.PEEK, 1, args=(Result(0),), buffers=[take_out(6)])
    ids = [agent.call(n, name) for n in (1, 2) for name in ("getpid", "gettid")]
    closed = agent.call(2, "close", Result(1))
    again = agent.call(1, "fcntl", Result(1), 1)
    records = agent.run(page, opened, fork(1, 2, THREAD), poke, peek, *ids, closed, again)
    assert records[4].data[:6] == b"thread"
    pid, leader, same, tid = (records[n].value for n in range(5, 9))
    assert pid == leader == same
    assert tid == records[2].value != pid
    assert (records[9].value, records[10].value) == (0, -errno.EBADF)


def test_a_process_may_share_memory_without_being_a_thread(agent: Agent) -> None:
    """It has a process id of its own, and its end is its own."""
    page = agent.call(1, "mmap", 0, 4096, 3, 0x22, -1, 0)
    poke = Op(OpKind.POKE, 2, args=(Result(0),), buffers=[give_in(b"shared")])
    peek = Op(OpKind.PEEK, 1, args=(Result(0),), buffers=[take_out(6)])
    made = fork(1, 2, CLONE_VM | CLONE_FILES | signal.SIGCHLD)
    records = agent.run(page, made, agent.call(2, "getpid"), poke, peek)
    assert records[2].value == records[1].value
    assert records[4].data[:6] == b"shared"
    assert agent.values(kill(2), agent.call(1, "getpid"))[1] != records[1].value


def open_files(agent: Agent, process: int) -> int:
    flags = [agent.call(process, "fcntl", number, 1) for number in range(40)]
    return sum(record.value >= 0 for record in agent.run(*flags).values())


def test_processes_that_share_memory_have_files_of_their_own(agent: Agent) -> None:
    """What the parent opens later is not theirs, and they know what it knew; so do their kin."""
    light = CLONE_VM | signal.SIGCHLD
    number = agent.call(1, "dup", 0)
    closed = [agent.call(n, "close", Result(0)) for n in (2, 3, 1)]
    records = agent.run(number, fork(1, 2, light), closed[0], fork(1, 3, light), *closed[1:])
    assert [records[n].value for n in (2, 4, 5)] == [0, 0, 0]
    pids = agent.values(*(agent.call(n, "getpid") for n in (1, 2, 3)))
    assert len(set(pids)) == 3
    own = fork(2, 4), agent.call(4, "getppid"), fork(3, 5, light), agent.call(5, "getppid")
    assert agent.values(*own)[1::2] == pids[1:]
    assert open_files(agent, 3) == open_files(agent, 4) == open_files(agent, 5)


def test_who_shares_memory_keeps_its_socket_when_its_parent_makes_threads(agent: Agent) -> None:
    parent, child, threads = 2, 3, range(4, 10)
    for _ in range(60):  # the parent is ahead of its child in some of them
        made = fork(0, parent), fork(parent, child, CLONE_VM | signal.SIGCHLD)
        agent.values(*made, *(fork(parent, it, THREAD) for it in threads))
        asked = agent.call(child, "getppid"), agent.call(parent, "getpid")
        assert len({*agent.values(*asked)}) == 1
        agent.values(*(kill(it) for it in (child, parent, *threads)))


def test_a_process_may_share_the_memory_of_the_supervisor(agent: Agent) -> None:
    """None of its files, and not its end."""
    light = CLONE_VM | signal.SIGCHLD
    child = agent.call(3, "getppid")
    records = agent.run(fork(0, 2, light), agent.call(2, "getpid"), fork(2, 3, light), child)
    assert records[0].value == records[1].value == records[3].value
    assert open_files(agent, 2) == open_files(agent, 3) == open_files(agent, 1)
    agent.run(kill(3), agent.call(2, "exit_group", 0))
    assert agent.values(fork(0, 2, light), agent.call(2, "getpid"))[1] > 0


def test_who_shares_memory_takes_the_place_of_who_was_killed(agent: Agent) -> None:
    """However often, wherever that one was, and whatever large buffers and threads it had."""
    light = CLONE_VM | signal.SIGCHLD
    size = MEGABYTE
    for round_ in range(40):
        random = agent.call(2, "getrandom", Address(0), size, 0, buffers=[take_out(size)])
        thread = fork(2, 3, THREAD)
        records = agent.run(fork(1, 2, light), agent.call(2, "getpid"), thread, random)
        assert records[1].value == records[0].value
        assert len(records[3].data) == size
        child = fork(1, 4, light) if round_ % 2 else fork(2, 4)
        assert agent.values(child, agent.call(4, "getpid"))[1] > 0
        if round_ % 10 == 0:
            sleeps = agent.call(2, "ppoll", 0, 0, 0, 0, 0, deadline_ms=20)
            assert agent.run(sleeps)[0].status == Status.HUNG
        agent.run(kill(4), kill(3), kill(2))
    assert agent.values(agent.call(1, "getpid"))[0] > 0


def test_a_copy_of_shared_memory_goes_on_where_it_was(agent: Agent) -> None:
    """On what was the place of its parent: nobody else may take it."""
    light = CLONE_VM | signal.SIGCHLD
    agent.run(fork(1, 2, light), fork(2, 3), kill(2))
    for made in (fork(3, 2, light), fork(3, 2, THREAD)):
        pids = agent.values(made, agent.call(2, "gettid"), agent.call(3, "gettid"))
        assert pids[0] == pids[1] != pids[2]
        agent.run(kill(2))


def lingering(agent: Agent) -> None:
    """Make process 2, which does not end before process 4 does: a thread stays for its tracer."""
    traced = agent.call(4, "ptrace", 0x4206, Result(1), 0, 0)  # PTRACE_SEIZE
    agent.run(fork(1, 2), fork(2, 3, THREAD), fork(1, 4), traced)
    agent.run(agent.call(3, "exit", 0))


def test_kills_in_a_row_wait_for_each_other(agent: Agent) -> None:
    lingering(agent)
    started = time.monotonic()
    agent.run(kill(3), kill(2), kill(4), agent.call(1, "getpid"))
    assert time.monotonic() - started < 0.5


def test_an_answer_does_not_wait_for_kills_behind_it_and_the_next_one_does(agent: Agent) -> None:
    lingering(agent)
    started = time.monotonic()
    records = agent.run(agent.call(2, "getpid"), kill(2))
    answered = time.monotonic()
    assert records[0].value > 0
    assert records[1].status == Status.DONE
    assert agent.run(agent.call(2, "getpid"))[0].status == Status.GONE
    assert answered - started < 0.5 < time.monotonic() - answered


def test_a_parent_waits_for_the_exit_of_its_vfork(agent: Agent) -> None:
    """Which shares its memory, and answers for what it did."""
    page = agent.call(1, "mmap", 0, 4096, 3, 0x22, -1, 0)
    poke = Op(OpKind.POKE, 2, args=(Result(0),), buffers=[give_in(b"shared")])
    peek = Op(OpKind.PEEK, 1, args=(Result(0),), buffers=[take_out(6)])
    pid, end = agent.call(2, "getpid"), agent.call(2, "exit_group", 7)
    wait = agent.call(1, "wait4", Result(1), Address(0), 0, 0, buffers=[take_out(4)])
    records = agent.run(page, fork(1, 2, VFORK), pid, poke, end, wait, peek)
    assert records[2].value == records[1].value
    assert records[4].status == Status.DIED
    assert records[5].data[:4] == struct.pack("<I", 7 << 8)
    assert records[6].data[:6] == b"shared"


@pytest.mark.parametrize("flags", [VFORK, CLONE_VFORK | signal.SIGCHLD])
def test_a_parent_waits_for_the_exec_of_its_vfork(agent: Agent, flags: int) -> None:
    """Whose new image goes on serving; it may execute what it opened itself."""
    opened = agent.call(2, "openat", AT_FDCWD, Address(0), os.O_CLOEXEC, buffers=[own_path()])
    exec_it = Op(
        OpKind.EXEC, 2, args=(Result(1), Address(0), AT_EMPTY_PATH), buffers=[give_in(b"\0")]
    )
    parent = agent.call(1, "getpid")
    values = agent.values(fork(1, 2, flags), opened, exec_it, agent.call(2, "getppid"), parent)
    assert values[3] == values[4]
    assert agent.values(agent.call(2, "getpid")) == values[:1]


def test_a_vfork_ends_that_would_keep_its_parent_waiting(agent: Agent) -> None:
    """That has nothing to do, no exec or exit, a failure before it, or an exec that failed."""
    failing = agent.call(2, "close", -1, on_fail=END)
    exec_it = Op(OpKind.EXEC, 2, args=(AT_FDCWD, Address(0), 0), buffers=[give_in(b"/none\0")])
    pid = agent.call(2, "getpid")
    for ops in ([], [pid], [failing, agent.call(2, "exit_group", 0)], [pid, exec_it]):
        records = agent.run(fork(1, 2, VFORK), *ops)
        assert records[0].value > 0
        if ops[-1:] == [exec_it]:
            assert [r.value for r in records.values()][1:] == [records[0].value, -errno.ENOENT]
        assert agent.values(agent.call(1, "getpid")) != [records[0].value]
        assert agent.run(pid, kill(2))[0].status in (Status.DIED, Status.GONE)


def test_flags_that_clone_has_no_room_for_go_to_clone3(agent: Agent) -> None:
    """CLONE_CLEAR_SIGHAND is the first of them: a child has no handlers, one of clone(2) has."""
    handler = give_in(struct.pack("<Q24x", 0x1000))
    made = [fork(1, n, flags | signal.SIGCHLD) for n, flags in ((2, 0), (3, 1 << 32))]
    asked = [
        agent.call(n, "rt_sigaction", signal.SIGHUP, 0, Address(0), 8, buffers=[take_out(32)])
        for n in (2, 3)
    ]
    handle = agent.call(1, "rt_sigaction", signal.SIGHUP, Address(0), 0, 8, buffers=[handler])
    records = agent.run(handle, *made, *asked)
    assert [struct.unpack_from("<Q", records[n].data)[0] for n in (3, 4)] == [0x1000, 0]


def test_threads_work_side_by_side(agent: Agent) -> None:
    """A thread is blocked, its siblings go on; then it is woken by one of them."""
    agent.values(fork(1, 2, THREAD), fork(1, 3, THREAD))
    pipe = agent.run(agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)]))[0].data
    reader, writer = struct.unpack_from("<ii", pipe)
    blocked = agent.client.submit(
        [agent.call(2, "read", reader, Address(0), 4, buffers=[take_out(4)])]
    )
    agent.values(agent.call(3, "getpid"))
    agent.values(agent.call(3, "write", writer, Address(0), 4, buffers=[give_in(b"wake")]))
    assert agent.client.results(blocked, 5)[0].data[:4] == b"wake"


def test_a_process_holds_no_more_than_its_socket(agent: Agent) -> None:
    """Neither the channel, nor what the supervisor or a parent holds for others."""
    pids = agent.values(fork(0, 2), fork(0, 3), fork(2, 4), fork(4, 5), fork(3, 6))
    agent.values(*(agent.call(n, "getpid") for n in range(2, 7)))
    for pid in pids:
        names = sorted(str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir())
        assert names.count("/dev/null") >= 2
        assert sum(name.startswith("socket:") for name in names) == 1
        assert len(names) == 4  # with standard error


def test_the_number_of_an_ended_thread_s_socket_is_free(agent: Agent) -> None:
    """What has it next is the process's own, and its children's."""
    numbers = {agent.values(agent.call(1, "dup", 0))[0]}
    agent.values(fork(1, 2, THREAD))
    assert agent.run(agent.call(2, "exit", 0))[0].status == Status.DIED
    numbers |= {agent.values(agent.call(1, "dup", 0))[0] for _ in range(4)}
    checks = [agent.call(3, "fcntl", number, 1) for number in sorted(numbers)]
    assert agent.values(fork(1, 3), *checks)[1:] == [0] * 5


def test_a_process_starts_with_default_signals(agent: Agent) -> None:
    """What the agent ignores is its own affair."""
    pipe = agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)])
    closed = agent.call(1, "close", Data(0, 0, 4))
    write = agent.call(1, "write", Data(0, 4, 4), Address(0), 1, buffers=[give_in(b"x")])
    assert agent.run(pipe, closed, write)[2].status == Status.DIED


def test_exec_crosses_execve_and_serves_on(agent: Agent) -> None:
    path = own_path()
    pid = agent.call(1, "getpid")
    kept = agent.call(1, "dup", 0)
    gone = agent.call(1, "fcntl", 0, 1030, 0)  # F_DUPFD_CLOEXEC
    exec_it = Op(OpKind.EXEC, 1, args=(AT_FDCWD, Address(0), 0), buffers=[path])
    checks = [agent.call(1, "fcntl", Result(n), 1) for n in (1, 2)]
    records = agent.run(pid, kept, gone, exec_it, pid, *checks)
    assert records[3].value == 0
    assert records[4].value == records[0].value
    assert [records[n].value for n in (5, 6)] == [0, -errno.EBADF]


def test_after_exec_there_are_children_and_threads(agent: Agent) -> None:
    path = own_path()
    exec_it = Op(OpKind.EXEC, 1, args=(AT_FDCWD, Address(0), 0), buffers=[path])
    values = agent.values(
        exec_it,
        fork(1, 2),
        agent.call(2, "getpid"),
        fork(1, 3, THREAD),
        agent.call(3, "gettid"),
        agent.call(2, "getpid"),
    )
    assert values[1:3] == [values[1]] * 2
    assert values[3:5] == [values[3]] * 2


def test_a_failed_exec_leaves_the_process(agent: Agent) -> None:
    exec_it = Op(OpKind.EXEC, 1, args=(AT_FDCWD, Address(0), 0), buffers=[give_in(b"/none\0")])
    failed, pid = agent.run(exec_it, agent.call(1, "getpid")).values()
    assert failed.value == -errno.ENOENT
    assert pid.value > 0


def test_give_passes_a_file(agent: Agent) -> None:
    agent.values(fork(0, 2))
    memfd = agent.call(1, "memfd_create", Address(0), 0, buffers=[give_in(b"test\0")])
    write = agent.call(1, "write", Result(0), Address(0), 5, buffers=[give_in(b"given")])
    give = Op(OpKind.GIVE, 1, args=(Result(0), 2))
    read = agent.call(2, "pread64", Result(2), Address(0), 5, 0, buffers=[take_out(5)])
    back = Op(OpKind.GIVE, 1, args=(999, 2))
    records = agent.run(memfd, write, give, read, back, agent.call(2, "getpid"))
    assert records[3].data[:5] == b"given"
    assert records[4].value == -errno.EBADF
    assert records[5].value > 0


def test_kill_ends_a_process_whatever_it_does(agent: Agent) -> None:
    """One that is blocked, too: its program learns that it died."""
    agent.values(fork(0, 2))
    blocked = agent.client.submit([agent.forever(2), agent.call(2, "getpid")])
    assert agent.run(kill(2), agent.call(2, "getpid"))[1].status == Status.GONE
    records = agent.client.results(blocked, 5)
    assert [records[n].status for n in (0, 1)] == [Status.DIED, Status.GONE]


def test_kill_frees_the_id(agent: Agent) -> None:
    first, _, second = agent.values(fork(0, 2), kill(2), fork(0, 2))
    assert first != second
    assert agent.values(agent.call(2, "getpid")) == [second]


def test_an_id_in_use_is_not_given_away(agent: Agent) -> None:
    """Else the process behind it could not be killed any more."""
    before = agent.values(agent.call(1, "getpid"))
    assert agent.run(fork(0, 1))[0].value == -errno.EEXIST
    assert agent.run(fork(1, 1))[0].value == -errno.EEXIST
    assert agent.values(agent.call(1, "getpid")) == before


def test_programs_go_on_while_another_is_blocked(agent: Agent) -> None:
    agent.values(fork(0, 2), fork(0, 3))
    blocked = agent.client.submit([agent.forever(2), agent.call(1, "getpid")])
    waiting = agent.client.submit([agent.call(2, "getpid")])  # for the same process
    for _ in range(3):
        agent.values(agent.call(3, "getpid"), agent.call(1, "getpid"))
    agent.values(kill(2))
    assert agent.client.results(blocked, 5)[0].status == Status.DIED
    assert agent.client.results(waiting, 5)[0].status == Status.GONE


def test_more_programs_than_the_agent_holds_at_once(agent: Agent) -> None:
    """It takes 64; the others wait in the channel until one has ended."""
    agent.values(*(fork(0, n) for n in range(2, 70)))
    ends = agent.run(agent.call(1, "pipe2", Address(0), 0, buffers=[take_out(8)]))[0].data
    reader, writer = struct.unpack_from("<ii", ends)
    agent.values(*(Op(OpKind.GIVE, 1, args=(reader, n)) for n in range(2, 70)))
    read = [
        agent.client.submit([agent.call(n, "read", reader, Address(0), 1, buffers=[take_out(1)])])
        for n in range(2, 65)
    ]
    agent.values(agent.call(1, "write", writer, Address(0), 63, buffers=[give_in(bytes(63))]))
    assert [agent.client.results(number, 5)[0].value for number in read] == [1] * 63


def test_a_megabyte_both_ways(agent: Agent) -> None:
    content = bytes(range(251)) * (MEGABYTE // 251 + 1)
    memfd = agent.call(1, "memfd_create", Address(0), 0, buffers=[give_in(b"test\0")])
    write = agent.call(
        1, "pwrite64", Result(0), Address(0), MEGABYTE, 0, buffers=[give_in(content[:MEGABYTE])]
    )
    read = agent.call(
        1, "pread64", Result(0), Address(0), MEGABYTE, 0, buffers=[take_out(MEGABYTE)]
    )
    records = agent.run(memfd, write, read)
    assert records[1].value == records[2].value == MEGABYTE
    assert records[2].data == content[:MEGABYTE]


def test_a_thousand_operations_in_one_program(agent: Agent) -> None:
    """Over three processes in turn, each naming what the one before gave."""
    agent.values(fork(0, 2), fork(0, 3))
    chain = [agent.call(1, "dup", 0)]
    closes = []
    for n in range(1, 1000):
        process = 1 if n < 500 else 1 + n % 3
        chain.append(agent.call(process, "fcntl", Result(0) if process == 1 else 0, 1))
        closes.append(n)
    records = agent.run(*chain)
    assert list(records) == list(range(1000))
    assert {records[n].value for n in closes} == {0}


def test_a_thousand_processes_leave_nothing(agent: Agent) -> None:
    """Neither file descriptors nor zombies, in the agent or in a parent on the target."""
    agent.values(agent.call(1, "rt_sigaction", 17, Address(0), 0, 8, buffers=[give_in(IGNORE)]))
    before, fds = set(agent.processes()), agent.fds()
    for _ in range(20):
        ops = []
        for _ in range(25):
            ops += [fork(0, 2), agent.call(2, "getpid"), kill(2)]
            ops += [fork(1, 3), agent.call(3, "exit_group", 0), kill(3)]
        records = agent.run(*ops)
        assert all(record.value >= 0 for record in records.values())
    assert agent.fds() == fds
    assert agent.settles_at(before)
