# SPDX-License-Identifier: MIT
"""Observations: what an action comes to, and what is no outcome of a kernel."""

import os
from pathlib import Path

import pytest

from suite.judge.outcome import Allowed, Denied, Rejected
from suite.process.process import NotRunError, Observation, Process
from suite.process.promise import HungError, Mode, SetupError
from suite.process.session import Session
from suite.values import Pack


def test_a_hung_observation_is_no_outcome(session: Session, process: Process) -> None:
    session.deadline_ms = 100
    observed = process.observe(Process.syscall, "ppoll", 0, 0, 0, 0)
    with pytest.raises(HungError):
        _ = observed.outcome


def test_an_observed_action_is_allowed_or_denied(process: Process) -> None:
    good = process.observe(Process.open, "/dev/null", os.O_RDONLY)
    bad = process.observe(Process.open, "/none", os.O_RDONLY)
    assert process.getpid().value > 0
    assert (good.outcome, bad.outcome) == (Allowed(), Denied("ENOENT"))


def test_what_fails_outside_too_is_not_denied(process: Process) -> None:
    def seen(path: str) -> Observation:
        return process.observe(Process.open, path, os.O_RDONLY)

    assert seen("/none").against(seen("/none/other")) == Allowed()
    assert seen("/none").against(seen("/dev/null")) == Denied("ENOENT")
    assert seen("/dev/null").against(seen("/none")) == Allowed()


def test_a_refusal_stays_what_it_is_whatever_was_seen_outside(process: Process) -> None:
    with process.session.gate():
        process.create_ruleset(Pack(()), 0)
    refused = process.observe(Process.getpid)
    assert isinstance(refused.outcome, Rejected)
    assert refused.against(refused) == refused.outcome


def test_the_first_failure_is_the_outcome_and_leaves_out_the_rest(
    process: Process, tmp_path: Path
) -> None:
    def action(process: Process, folder: str) -> None:
        process.mkdir(f"{folder}/first")
        process.rmdir(f"{folder}/none")
        process.mkdir(f"{folder}/second")
        process.close(999)

    observed = process.observe(action, str(tmp_path))
    after = process.observe(Process.mkdir, f"{tmp_path}/after")
    assert observed.outcome == Denied("ENOENT")
    assert after.outcome == Allowed()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["after", "first"]


def test_an_action_that_needs_a_value_on_its_way(process: Process) -> None:
    """It takes several programs; a failure in any of them is its outcome."""

    def action(process: Process) -> None:
        fd = process.open("/dev/null", os.O_RDONLY).value
        process.fcntl(fd, 1)
        process.close(999)
        process.mkdir("/none/never")

    assert process.observe(action).outcome == Denied("EBADF")


def test_an_action_whose_value_is_an_errno(process: Process) -> None:
    """The value that the action wanted does not come: the failure is the outcome."""

    def action(process: Process) -> None:
        fd = process.open("/none", os.O_RDONLY).value
        process.close(fd)

    assert process.observe(action).outcome == Denied("ENOENT")


def test_a_set_up_that_fails_within_an_action_is_no_outcome(process: Process) -> None:
    process.close(999)
    with pytest.raises(SetupError, match="EBADF"):
        process.observe(lambda p: p.getpid().value)


def test_an_observation_that_was_not_run(process: Process, session: Session) -> None:
    """An earlier observation's failure it builds on: that is no outcome of the kernel."""
    with session.in_mode(Mode.OBSERVED):
        fd = process.open("/none", os.O_RDONLY)
    observed = process.observe(Process.close, fd)
    with pytest.raises(NotRunError, match=r"close\(<openat>\) was left out"):
        _ = observed.outcome


# Gates


def test_a_refused_ruleset_is_what_observations_come_to(process: Process, session: Session) -> None:
    before = process.observe(Process.close, 999)
    with session.gate():
        process.create_ruleset(bytes(8), 4)
    after = process.observe(Process.open, "/dev/null", os.O_RDONLY)
    assert before.outcome == Denied("EBADF")
    assert after.outcome == Rejected("create_ruleset", "EINVAL")


def test_a_gate_that_is_no_landlock_call_breaks_the_set_up(
    process: Process, session: Session
) -> None:
    with session.gate():
        process.open("/none", os.O_PATH)
    with pytest.raises(SetupError, match=r"openat\(.*\): ENOENT"):
        _ = process.observe(Process.getpid).outcome


def test_gates_are_of_one_case(process: Process, session: Session) -> None:
    with session.scope():
        with session.gate():
            process.create_ruleset(bytes(8), 4)
        session.flush()
    with session.scope():
        child = process.fork()
        assert child.observe(Process.getpid).outcome == Allowed()


def test_gates_end_with_their_case(process: Process, session: Session) -> None:
    with session.scope():
        with session.gate():
            process.create_ruleset(bytes(8), 4)
        session.flush()
    assert process.observe(Process.getpid).outcome == Allowed()


def test_a_gate_that_let_pass_is_looked_at_once(process: Process, session: Session) -> None:
    """Or many programs in one case would take the time of their square."""
    for _ in range(3):
        with session.gate():
            process.getpid()
        passed = process.observe(Process.getppid)
        assert len(passed.gates) == 1
        assert passed.outcome == Allowed()
    with session.gate():
        process.create_ruleset(bytes(8), 4)
    for _ in range(3):
        refused = process.observe(Process.getppid)
        assert [gate.name for gate in refused.gates] == ["landlock_create_ruleset"]
        assert refused.outcome == Rejected("create_ruleset", "EINVAL")
