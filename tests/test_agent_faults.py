# SPDX-License-Identifier: MIT
"""The agent when processes hang, die or lose their socket, and when the host goes away."""

import os
import select
import signal
import struct
import time

import pytest

from suite.agent import build
from suite.agent.wire import Address, Op, OpKind, Result, Status
from tests.agents import ARCH, THREAD, Agent, fork, give_in, kill, take_out

MEGABYTE = 1 << 20
SHORT_MS = 150
SLACK_S = 2.0
"""What a busy machine may add."""


def sleep(agent: Agent, process: int, milliseconds: int, deadline_ms: int) -> Op:
    """A call that takes this long."""
    time_spec = give_in(struct.pack("<qq", 0, milliseconds * 1_000_000))
    return agent.call(
        process, "nanosleep", Address(0), 0, buffers=[time_spec], deadline_ms=deadline_ms
    )


def test_a_hung_call_ends_its_process_alone(agent: Agent) -> None:
    """Within twice its deadline; the results before it are kept, other processes go on."""
    agent.values(fork(0, 2))
    pid = agent.values(agent.call(1, "getpid"))[0]
    begun = time.monotonic()
    short = agent.call(1, "getpid", deadline_ms=SHORT_MS)
    hung = agent.client.submit([short, agent.forever(1, SHORT_MS), short, agent.call(2, "getpid")])
    agent.values(agent.call(2, "getpid"))
    records = agent.client.results(hung, 5)
    assert 0.9 * SHORT_MS / 1000 < time.monotonic() - begun < 2 * SHORT_MS / 1000 + SLACK_S
    assert records[0].value == pid
    assert [records[n].status for n in range(1, 4)] == [Status.HUNG, Status.GONE, Status.DONE]
    assert agent.values(fork(0, 1), agent.call(1, "getpid"))[1] != pid
    assert agent.settles_at(set(agent.processes()) - {pid})


def test_a_new_process_that_hangs_or_dies_at_once(agent: Agent) -> None:
    """What it did in the program of its parent before is kept."""
    begun = time.monotonic()
    pid = agent.call(2, "getpid")
    hung = agent.run(fork(1, 2), pid, agent.forever(2, SHORT_MS), agent.call(1, "getpid"))
    assert time.monotonic() - begun < 2 * SHORT_MS / 1000 + SLACK_S
    assert hung[1].value == hung[0].value
    assert hung[2].status == Status.HUNG
    assert hung[3].status == Status.DONE
    suicide = agent.call(2, "kill", Result(1), signal.SIGKILL)
    died = agent.run(fork(1, 2), pid, suicide, agent.call(2, "getpid"))
    assert died[1].value == died[0].value
    assert [died[n].status for n in (2, 3)] == [Status.DIED, Status.GONE]


def test_a_hung_call_leads_where_a_failure_does(agent: Agent) -> None:
    agent.values(fork(0, 2))
    hung = agent.forever(1, SHORT_MS)
    hung.on_fail = 2
    records = agent.run(hung, agent.call(2, "getpid"), agent.call(2, "getppid"))
    assert list(records) == [0, 2]


def test_each_call_has_a_deadline_of_its_own(agent: Agent) -> None:
    """A slow call is not held to the deadline of a quick one after it, nor the other way."""
    slow = sleep(agent, 1, 2 * SHORT_MS, deadline_ms=10_000)
    quick = agent.call(1, "getpid", deadline_ms=SHORT_MS)
    begun = time.monotonic()
    records = agent.run(slow, quick, agent.forever(1, SHORT_MS), slow)
    assert [records[n].status for n in range(3)] == [Status.DONE, Status.DONE, Status.HUNG]
    assert time.monotonic() - begun < 4 * SHORT_MS / 1000 + SLACK_S


def test_many_calls_may_take_longer_than_one(agent: Agent) -> None:
    """The deadline is of a call, not of the program."""
    records = agent.run(*(sleep(agent, 1, 30, deadline_ms=100) for _ in range(8)))
    assert [record.status for record in records.values()] == [Status.DONE] * 8


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_signal_in_the_middle_of_a_program(agent: Agent, number: int) -> None:
    pid = agent.call(1, "getpid")
    death = agent.call(1, "kill", Result(0), number)
    records = agent.run(pid, death, pid, agent.forever(1), fork(0, 2), agent.call(2, "getpid"))
    assert records[0].value > 0
    assert [records[n].status for n in (1, 2, 3)] == [Status.DIED, Status.GONE, Status.GONE]
    assert records[5].value == records[4].value


@pytest.mark.parametrize("kind", [OpKind.PEEK, OpKind.POKE])
def test_memory_that_is_not_there(agent: Agent, kind: OpKind) -> None:
    buffer = take_out(8) if kind == OpKind.PEEK else give_in(bytes(8))
    fault = Op(kind, 1, args=(16,), buffers=[buffer])
    records = agent.run(agent.call(1, "getpid"), fault)
    assert [record.status for record in records.values()] == [Status.DONE, Status.DIED]


@pytest.mark.parametrize("name", ["exit_group", "exit"])
def test_exit_keeps_what_came_before(agent: Agent, name: str) -> None:
    """The buffers too, not the values alone."""
    cwd = agent.call(1, "getcwd", Address(0), 256, buffers=[take_out(256)])
    records = agent.run(cwd, agent.call(1, name, 7), agent.call(1, "getpid"))
    assert records[0].data.rstrip(b"\0") == os.getcwd().encode()  # noqa: PTH109
    assert [records[n].status for n in (1, 2)] == [Status.DIED, Status.GONE]


def test_an_idle_process_that_was_killed_is_gone(agent: Agent) -> None:
    """Its parent killed and reaped it; it is gone at the next call."""
    child = agent.values(fork(1, 2))[0]
    wait = agent.call(1, "wait4", child, Address(0), 0, 0, buffers=[take_out(4)])
    records = agent.run(agent.call(1, "kill", child, signal.SIGKILL), wait)
    assert os.WTERMSIG(struct.unpack_from("<i", records[1].data)[0]) == signal.SIGKILL
    fds = agent.fds()
    assert agent.run(agent.call(2, "getpid"))[0].status == Status.GONE
    assert agent.fds() == fds - 2


def test_nothing_is_given_to_a_dead_process(agent: Agent) -> None:
    child = agent.values(fork(1, 2))[0]
    wait = agent.call(1, "wait4", child, 0, 0, 0)
    agent.values(agent.call(1, "kill", child, signal.SIGKILL), wait)
    fds = agent.fds()
    give = Op(OpKind.GIVE, 1, args=(0, 2))
    assert [agent.run(give)[0].status for _ in range(3)] == [Status.GONE] * 3
    assert agent.fds() == fds - 2


def test_a_thread_that_exits_leaves_its_process(agent: Agent) -> None:
    ended = [agent.call(2, "exit", 0), agent.call(2, "getpid"), agent.call(1, "getpid")]
    records = agent.run(fork(1, 2, THREAD), *ended)
    statuses = [records[n].status for n in (1, 2, 3)]
    assert statuses == [Status.DIED, Status.GONE, Status.DONE]


def test_a_thread_that_is_killed_takes_its_process_along(agent: Agent) -> None:
    pid = agent.values(agent.call(1, "getpid"), fork(1, 2, THREAD))[0]
    os_pidfd = os.pidfd_open(pid)
    try:
        agent.values(kill(2))
        assert wait_for_end(os_pidfd)
    finally:
        os.close(os_pidfd)
    assert agent.run(agent.call(1, "getpid"))[0].status == Status.GONE


def wait_for_end(pidfd: int) -> bool:
    """Whether a process ends soon."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(5000))


def test_a_death_is_noticed_while_children_live(agent: Agent) -> None:
    """A child that was forked beside a thread keeps no end of the thread's or the leader's."""
    leader = agent.values(
        agent.call(1, "getpid"), fork(1, 2, THREAD), fork(2, 3), fork(1, 4), fork(2, 5, THREAD)
    )[0]
    agent.values(agent.call(3, "getpid"), agent.call(4, "getpid"))
    assert agent.run(agent.call(5, "exit", 0, deadline_ms=3000))[0].status == Status.DIED
    pidfd = os.pidfd_open(leader)
    try:
        os.kill(leader, signal.SIGKILL)
        assert wait_for_end(pidfd)
    finally:
        os.close(pidfd)
    calls = [agent.call(n, "getpid", deadline_ms=3000) for n in (1, 2, 3, 4)]
    statuses = [record.status for record in agent.run(*calls).values()]
    assert statuses == [Status.GONE, Status.GONE, Status.DONE, Status.DONE]


def test_a_process_without_its_socket_does_not_stay(agent: Agent) -> None:
    pidfd = os.pidfd_open(agent.values(agent.call(1, "getpid"))[0])
    closes = agent.call(1, "close_range", 3, 0xFFFFFFFF, 0)
    try:
        assert agent.run(closes, agent.forever(1))[1].status in (Status.DIED, Status.GONE)
        assert wait_for_end(pidfd)
    finally:
        os.close(pidfd)


def test_the_end_of_the_channel_ends_all(agent: Agent) -> None:
    """The supervisor, blocked processes, idle ones, threads, and orphans."""
    agent.values(fork(0, 2), fork(1, 3), fork(1, 4, THREAD), fork(3, 5), kill(3))
    agent.client.submit([agent.forever(2)])
    agent.client.submit([agent.forever(4)])
    agent.values(agent.call(5, "getpid"))
    assert len(agent.processes()) >= 4
    assert agent.close() == 0
    assert agent.processes() == {}


def test_the_host_stops_listening() -> None:
    """Only the agent's way to speak is closed: it ends at its next word."""
    with Agent() as agent:
        agent.values(fork(0, 1))
        deaf, closed = os.pipe()
        os.close(closed)
        os.dup2(deaf, agent.reader)
        os.close(deaf)
        agent.client.submit([agent.call(1, "getpid")])
        assert agent.popen.wait(5) == 1


def test_a_channel_that_does_not_block() -> None:
    """As some who start us hand it over; the agent waits for its next program."""
    with Agent(blocking=False) as agent:
        agent.values(fork(0, 1))
        large = agent.call(1, "getcwd", Address(0), MEGABYTE, buffers=[take_out(MEGABYTE)])
        assert len(agent.run(large)[0].data) == MEGABYTE
        assert agent.popen.poll() is None


def test_over_any_pipes() -> None:
    """As through shells on another host."""
    with Agent(["sh", "-c", f"cat | '{build.agent(ARCH)}' | cat"]) as agent:
        agent.values(fork(0, 1))
        content = bytes(range(256)) * 4096
        memfd = agent.call(1, "memfd_create", Address(0), 0, buffers=[give_in(b"test\0")])
        write = agent.call(
            1, "pwrite64", Result(0), Address(0), MEGABYTE, 0, buffers=[give_in(content)]
        )
        read = agent.call(
            1, "pread64", Result(0), Address(0), MEGABYTE, 0, buffers=[take_out(MEGABYTE)]
        )
        assert agent.run(memfd, write, read)[2].data == content
