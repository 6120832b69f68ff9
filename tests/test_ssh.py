# SPDX-License-Identifier: MIT
"""Kernels of other machines, by ssh: what is brought there, what is told, and what is left."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from reports.skips import told
from suite.agent.channel import AgentLostError
from suite.distribution import lacking
from suite.errors import Exit, InfrastructureError, UsageError
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from suite.targets import ground as grounds
from suite.targets.ssh import SshTarget
from suite.targets.ssh_host import Host
from tests.kernels import FULL
from tests.runs import landproof, run, running, wait_until, write_cases
from tests.ssh_world import USER, World, world

CASES = '''\
"""Cases of which one loses its connection, the first time."""

import os
import signal
import time
from pathlib import Path

from suite.judge.expectation import always
from suite.judge.outcome import Allowed
from suite.run.rows import Row, table

FINE = always(Allowed())


class Step(Row, frozen=True, kw_only=True):
    name: str


@table({name: Step(name=name) for name in ("before", "breaks", "after", "waits")})
def test_row(case, process, judge):
    """The connection is there."""
    folder = Path(os.environ["LANDPROOF_TEST_WORLD"])
    if case.name == "breaks" and not (folder / "broke").exists():
        (folder / "broke").touch()
        while not (folder / "servers").exists():
            time.sleep(0.02)
        for pid in (folder / "servers").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    if case.name == "waits" and (folder / "slow").exists():
        (folder / "waiting").touch()
        process.session.deadline_ms = 300_000
        _ = process.syscall("ppoll", 0, 0, 0, 0).value
    judge(FINE, process.observe(type(process).getpid))
'''


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def reach(there: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The machine, to which ssh knows the way; nothing is left there afterwards."""
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    yield there
    there.settles()


@pytest.mark.parametrize(
    ("name", "login", "port", "sudo"),
    [
        ("ssh:board", "board", "", False),
        ("ssh:me@board:22", "me@board", "22", False),
        ("ssh:board?sudo", "board", "", True),
        ("ssh:192.0.2.1:2222?sudo", "192.0.2.1", "2222", True),
        ("ssh:::1", "::1", "", False),
        ("ssh:me@[fe80::1%eth0]:22", "me@fe80::1%eth0", "22", False),
    ],
)
def test_names(name: str, login: str, port: str, sudo: bool) -> None:
    assert Host.of(name) == Host(name, login, port, sudo)


@pytest.mark.parametrize(
    "name",
    [
        "ssh:",
        "ssh:-oProxyCommand=true",
        "ssh:a b",
        "ssh:a:b",
        "ssh:a?root",
        "ssh:a:123456",
        "ssh:@",
    ],
)
def test_names_that_make_no_sense(name: str) -> None:
    with pytest.raises(UsageError, match=r"such targets are named|there is no option"):
        Host.of(name)


def test_without_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    target = SshTarget(Host.of("ssh:board"))
    with pytest.raises(InfrastructureError, match=re.escape(lacking("ssh"))):
        target.start()
    target.stop()


@pytest.mark.parametrize(
    ("name", "uid"), [("root", 0), ("tester", USER), ("tester?sudo", 0), ("noisy", USER + 1)]
)
def test_a_machine(reach: World, name: str, uid: int) -> None:
    target = SshTarget(Host.of(f"ssh:{name}"))
    try:
        ground = target.start()
        assert ground.facts.uid == uid
        assert ground.facts.release == os.uname().release
        assert not target.disposable
        assert ground.private
        ground.root.write_file(f"{ground.place}/file", bytes(60_000))
        assert len(ground.root.read_file(f"{ground.place}/file")) == 60_000
        (left,) = reach.left()
        assert left.startswith("landproof-")
    finally:
        target.stop()


def test_it_starts_again_and_stops_twice(reach: World) -> None:
    target = SshTarget(Host.of("ssh:root"))
    for _ in range(2):
        target.start()
        target.stop()
        target.stop()
        reach.settles()


def test_without_namespaces_a_folder_takes_their_place(
    reach: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grounds, "_in_namespaces", lambda _session: None)
    target = SshTarget(Host.of("ssh:tester"))
    try:
        ground = target.start()
        assert not ground.private
        assert Path(ground.place).parent.name.startswith("landproof-")
        ground.root.mkdir(f"{ground.place}/closed")
        ground.root.mkdir(f"{ground.place}/closed/inner")
        ground.root.syscall("fchmodat", -100, f"{ground.place}/closed".encode() + b"\0", 0)
        ground.session.flush()
    finally:
        target.stop()
    reach.settles()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("asked?sudo", "sudo asks for a password there: let it ask for none"),
        ("armed", "no agent for vax: landproof knows"),
        ("guest", "there is no shell there that runs programs, it says: This account"),
        ("stranger", "it takes none of your keys, and a password can't be typed here"),
        ("unknown", "its host key is not known here: run this once .*: ssh unknown"),
        ("changed", "its host key is not the one that is known here"),
        ("refused", "the connection is refused"),
        ("root@127.0.0.1:9", "the connection is refused"),
        ("nosuch.invalid", "there is no host of that name"),
        ("192.0.2.1", "it does not answer: is it on"),
    ],
)
def test_what_is_wrong_in_a_line(reach: World, name: str, said: str) -> None:
    target = SshTarget(Host.of(f"ssh:{name}"))
    with pytest.raises(InfrastructureError, match=said) as told:
        target.start()
    target.stop()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("others", ["exec", "noexec"])
def test_folders_from_which_nothing_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: str
) -> None:
    with world(tmp_path, "noexec", others) as there:
        for name, value in there.env.items():
            monkeypatch.setenv(name, value)
        target = SshTarget(Host.of("ssh:tester"))
        try:
            if others == "exec":
                assert target.start().facts.uid == USER
            else:
                with pytest.raises(InfrastructureError, match="mount one of them without noexec"):
                    target.start()
        finally:
            target.stop()
        there.settles()


def test_a_broken_connection_is_nobodys_fault(reach: World) -> None:
    target = SshTarget(Host.of("ssh:root"))
    try:
        ground = target.start()
        reach.break_connections()
        with pytest.raises(AgentLostError):
            _ = ground.root.getpid().value
        verdict, why = target.autopsy()
        assert verdict is Verdict.LOST
        assert why.startswith("the connection broke (")
        assert why.endswith("; the machine itself runs on")
    finally:
        target.stop()


def test_a_machine_that_is_gone_and_one_that_booted_anew(reach: World) -> None:
    target = SshTarget(Host.of("ssh:root"), back_s=0)
    try:
        target.start()
        link = target._link
        assert link
        reach.break_connections()
        link.greeting = replace(link.greeting, boot="another")
        assert target.autopsy()[0] is Verdict.LOST
        assert "the machine has booted anew meanwhile" in target.autopsy()[1]
        target._host = replace(target._host, login="127.0.0.1", port="9")
        assert target.autopsy()[0] is Verdict.LOST
        assert target.autopsy()[1].endswith("and no new one is answered")
    finally:
        target.stop()


@pytest.mark.parametrize(
    ("number", "verdict", "said"),
    [
        (signal.SIGKILL, Verdict.CRASHED, "the agent was killed by SIGKILL"),
        (signal.SIGSTOP, Verdict.LOST, "the agent was stopped by a signal from outside"),
        (0, Verdict.HUNG, "the agent does not answer; the machine does"),
    ],
)
def test_an_agent_that_dies_or_is_silent(
    reach: World, monkeypatch: pytest.MonkeyPatch, number: int, verdict: Verdict, said: str
) -> None:
    monkeypatch.setattr("suite.targets.ssh._AUTOPSY_S", 1.0)
    target = SshTarget(Host.of("ssh:root"))
    try:
        target.start()
        # Its processes are children of namespaces' first ones: it is the shell's child.
        shells = {it.pid for it in reach.running("sh")}
        agent = next(it for it in reach.running("agent") if it.parent in shells)
        os.kill(agent.pid, number)
        assert target.autopsy() == (verdict, said)
        if number == signal.SIGSTOP:
            os.kill(agent.pid, signal.SIGCONT)
    finally:
        target.stop()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, r"the connection broke \(ssh was killed by SIGKILL\); the machine .* on"),
        (signal.SIGSTOP, "ssh was stopped by a signal from outside"),
    ],
)
def test_ssh_itself_is_no_kernel(
    reach: World, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    monkeypatch.setattr("suite.targets.ssh._AUTOPSY_S", 1.0)
    target = SshTarget(Host.of("ssh:root"))
    try:
        target.start()
        assert target._link
        os.kill(target._link._ssh.pid, number)
        verdict, why = target.autopsy()
        assert verdict is Verdict.LOST
        assert re.fullmatch(said, why)
    finally:
        target.stop()


def _environment(there: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**there.env, "LANDPROOF_TEST_WORLD": str(folder)}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("verb", ["check", "matrix"])
def test_a_run_goes_on_after_its_connection_broke(
    reach: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    _environment(reach, tmp_path, monkeypatch)
    cases = write_cases(tmp_path, CASES)
    with running(tmp_path, verb, "--full", "--target", "ssh:tester", cases=cases) as found:
        wait_until(lambda: reach.running("agent") or found.popen.poll() is not None, "it is there")
        servers = " ".join(str(it.pid) for it in reach.running("sshd"))
        (tmp_path / "listed").write_text(servers)
        (tmp_path / "listed").rename(tmp_path / "servers")  # whole as soon as it is there
        code, _, err = found.wait()
        assert code == Exit.CONFORMS, err
        assert (tmp_path / "broke").exists()
        assert found.verdicts("ssh:tester") == dict.fromkeys(
            ("before", "breaks", "after", "waits"), "conforms"
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_an_interrupt(
    reach: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    _environment(reach, tmp_path, monkeypatch)
    (tmp_path / "broke").touch()
    (tmp_path / "slow").touch()
    cases = write_cases(tmp_path, CASES)
    with running(tmp_path, "check", "--full", "--target", "ssh:root", cases=cases) as found:
        wait_until((tmp_path / "waiting").exists, "a case waits")
        assert reach.left()
        os.kill(found.popen.pid, number)
        assert found.wait()[0] == (-number if number == signal.SIGKILL else Exit.INTERRUPTED)
        reach.settles()


def test_a_wrong_name_is_wrong_usage(tmp_path: Path) -> None:
    done = run(landproof("check", "--target", "ssh:", cases=write_cases(tmp_path, CASES)))
    assert done.returncode == Exit.USAGE
    assert "such targets are named ssh:[USER@]HOST" in done.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [("ssh:board", "1 need root there (?sudo after the target)"), ("local", "sudo landproof")],
)
def test_what_lifts_the_need_of_root(name: str, says: str) -> None:
    case = CaseRecord(id="a/b[c]", verdict=Verdict.SKIPPED, reason="needs root")
    target = TargetRecord(name=name, facts=structs.replace(FULL, uid=1000), cases=[case])
    assert says in told(Results(landproof="1", started="", seconds=1, targets=[target]))


def test_a_command_there(reach: World) -> None:
    """It runs in the files of that machine, as who logs in, and knows nothing of this one."""
    words = ("run", "--target", "ssh:tester", "--cwd=/usr", "--json", "--", "sh", "-c")
    done = run(landproof(*words, "id -un; pwd; echo $HOME; echo $LANDPROOF_KERNEL; exit 3"))
    (told,) = json.loads(done.stdout)["runs"]
    assert (done.returncode, told) == (Exit.DEVIATES, told | {"end": "failed", "code": 3})
    assert told["output"].split("\n") == ["tester", "/usr", "", "ssh:tester", ""]
