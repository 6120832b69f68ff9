# SPDX-License-Identifier: MIT
"""The local target: what it gives to root and to others, and that the host stays as it was."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suite.agent import build
from suite.judge.records import Verdict
from suite.process.process import Process
from suite.process.promise import Mode
from suite.process.uapi import CLONE_NEWUSER
from suite.targets.facts import probe
from suite.targets.local import LocalTarget
from tests.agents import survivors

ROOT, USER = 0, 65534
CHECKOUT = Path(__file__).parents[1]
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--net", "--ipc", "--uts"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for temporary files that everybody may use."""
    with tempfile.TemporaryDirectory(prefix="landproof-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def run(folder: Path, user: int, refused: str = "-") -> dict[str, Any]:
    """What ``local_probe.py`` finds; the host is the same before and after."""
    if user and os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    if user and not open_to_all(build.agent()):
        pytest.skip("the checkout is not readable for others")
    mounts = Path("/proc/self/mounts").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "tests.local_probe", str(user), refused],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    (agent,) = found["agents"]
    assert survivors(agent) == []
    assert Path("/proc/self/mounts").read_bytes() == mounts
    assert list(folder.iterdir()) == []
    return found


def open_to_all(path: Path) -> bool:
    """Whether every user may execute a file."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


def may_unshare(user: int) -> bool:
    """Whether this machine gives namespaces to a user."""
    command = [*UNSHARE, *(["--user", "--map-root-user"] if user else []), "true"]
    if user:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("user", [ROOT, USER])
def test_cases_get_namespaces_of_their_own(folder: Path, user: int) -> None:
    if not may_unshare(user):
        pytest.skip("this machine gives no namespaces to this user")
    found = run(folder, user)
    assert found["private"]
    assert found["content"] == "content"
    assert found["denied"] in (True, None)
    assert found["pid"] < 100
    assert not found["place_on_host"]
    assert found["uid"] == (user or os.geteuid())


@pytest.mark.parametrize("user", [ROOT, USER])
@pytest.mark.parametrize("refused", ["clone", "mount"])
def test_without_namespaces_a_folder_takes_their_place(
    folder: Path, user: int, refused: str
) -> None:
    """Refused outright, or given without the right to mount in them; the folder goes after."""
    found = run(folder, user, refused)
    assert not found["private"]
    assert found["content"] == "content"
    assert found["denied"] in (True, None)
    assert Path(found["place"]).parent == folder


def test_it_starts_again_and_stops_twice() -> None:
    target = LocalTarget()
    try:
        first = target.start().root.getpid().value
        target.stop()
        target.stop()
        assert target.start().root.getpid().value == first
    finally:
        target.stop()


def test_an_agent_that_died_and_one_that_does_not_answer() -> None:
    target = LocalTarget()
    try:
        ground = target.start()
        assert target.autopsy() == (Verdict.HUNG, "the agent does not answer")
        agent = target._agent
        assert agent
        agent.send_signal(signal.SIGSTOP)
        assert target.autopsy()[0] == Verdict.LOST
        agent.send_signal(signal.SIGCONT)
        agent.kill()
        assert target.autopsy() == (Verdict.CRASHED, "the agent ended with status -9")
        assert ground.facts.abi >= 0
    finally:
        target.stop()
    assert target.autopsy()[0] == Verdict.CRASHED


@pytest.mark.parametrize("flags", [0, CLONE_NEWUSER], ids=["as-it-is", "user-namespace"])
def test_without_proc_the_target_says_who_it_is(
    process: Process, flags: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not this host, nor somebody in a user namespace, where it is nobody."""
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with process.session.in_mode(Mode.OBSERVED):
        root = process.fork(flags)
        confined = root.chroot(str(tmp_path))
    if root.pid is None or root.pid.failure or confined.failure:
        pytest.skip("this machine gives no user namespaces, or we are not root")
    facts = probe(root, private=False)
    assert (facts.uid, facts.filesystems) == (uid, [])


def test_facts_of_this_machine() -> None:
    target = LocalTarget()
    try:
        facts = target.start().facts
    finally:
        target.stop()
    uname = os.uname()
    assert (facts.release, facts.version, facts.machine) == (
        uname.release,
        uname.version,
        uname.machine,
    )
    assert facts.uid == os.geteuid()
    assert "tmpfs" in facts.filesystems
    assert (facts.abi == 0) == (facts.missing is not None)
