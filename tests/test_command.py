# SPDX-License-Identifier: MIT
"""``landproof run``: commands of somebody else's on real kernels, and on the running one."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from suite.cli.on_kernel import OnKernel
from suite.command.order import Order
from suite.errors import Exit
from suite.targets.local import LocalTarget
from tests.kernels import stored
from tests.runs import Argv, Process, in_terminal, landproof, processes, run, wait_until
from vm import folders

JUNIT = (
    "<testsuites><testsuite><testcase classname='c' name='one'/><testcase name='two'><failure/>"
    "</testcase></testsuite></testsuites>"
)
LOOK = f"""
echo abi=$LANDPROOF_ABI crate=$LANDLOCK_CRATE_TEST_ABI errata=$LANDPROOF_ERRATA on=$LANDPROOF_KERNEL
echo ids=$(id -u):$(id -g) release=$(uname -r) folder=$PWD
(touch nothing) 2>/dev/null && echo wrote-here
(touch /tmp/own /run/own /var/tmp/own /dev/shm/own) && echo wrote-own
unshare --user true && echo namespaces
test -c /dev/null && test -d /proc/self && test -d /sys/kernel/security && echo systems
echo kept > out/$LANDPROOF_KERNEL
echo "{JUNIT}" > out/report.xml
printf 'ok 1 - first\\nnot ok 2 - second\\nok 3 - third # SKIP why\\n'
test $LANDPROOF_ABI -gt 6
"""


def on_local(*words: str) -> Argv:
    return landproof("run", "--target=local", *words)


def ran(argv: Argv) -> tuple[int, dict[str, Any], str]:
    """The exit code, the one run of the document, and standard error."""
    done = run(argv)
    (only,) = json.loads(done.stdout)["runs"]
    return done.returncode, only, done.stderr


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands start, with one to write to."""
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_command_on_two_kernels(here: Path) -> None:
    for name in ("6.1", "7.3"):
        stored(name)
    argv = landproof(
        *("run", "--kernels=old=6.1,7.3", "--rw=out", "--logs=logs", "--junit=out/report.xml"),
        *("--tap", "--format=junit", "--accel=tcg", "--", "sh", "-c", LOOK),
    )
    done = run(argv)
    assert done.returncode == Exit.DEVIATES, done.stderr
    for label, abi, release in (("old", "2", "6.1."), ("7.3", "11", "7.3.")):
        said = (here / "logs" / f"{label}.log").read_text()
        assert f"abi={abi} crate={abi} " in said
        assert f"on={label}\n" in said
        assert f"ids={os.getuid()}:{os.getgid()} release={release}" in said
        assert f" folder={here}\n" in said
        assert "wrote-here" not in said
        assert "wrote-own\nnamespaces\nsystems\n" in said
        assert (here / "out" / label).read_text() == "kept\n"
        assert all(f"{label} | {line}\n" in done.stderr for line in said.splitlines())
    root = ET.fromstring(done.stdout)  # noqa: S314 (ours)
    old, new = root.findall("testsuite")
    assert [it.get("name") for it in (old, new)] == ["vm:old", "vm:7.3"]
    assert [it.get("failures") for it in (old, new)] == ["3", "2"]
    classes = [it.get("classname") for it in new.findall("testcase")]
    assert classes == ["vm:7.3", "vm:7.3.c", *["vm:7.3"] * 4]
    assert not (here / "nothing").exists()


def test_a_kernel_that_dies_of_it(here: Path) -> None:
    stored("7.3")
    words = ("run", "--kernels=7.3", "--json", "--accel=tcg", "--user=root", "--", "sh", "-c")
    code, told, _ = ran(landproof(*words, "echo bye; sleep 1; echo c > /proc/sysrq-trigger"))
    assert (code, told["end"], told["output"]) == (Exit.DEVIATES, "crashed", "bye\n")
    assert "sysrq triggered crash" in told["reason"]
    assert told["first_output_s"] > 0


def test_the_machine_has_no_rights_here(here: Path) -> None:
    """Not even root's, of a kernel that asks for writing where it was given nothing to write."""
    stored("7.3")
    script = "mount -o remount,rw / && touch /out-of-the-guest"
    words = ("run", "--kernels=7.3", "--json", "--accel=tcg", "--user=root", "--", "sh", "-c")
    code, told, _ = ran(landproof(*words, script))
    assert (code, told["end"]) == (Exit.DEVIATES, "failed")
    assert "Read-only file system" in told["output"]
    assert not Path("/out-of-the-guest").exists()


@pytest.mark.parametrize(
    ("script", "code", "end"),
    [
        ("exit 0", Exit.CONFORMS, {"end": "passed", "code": 0}),
        ("exit 42", Exit.DEVIATES, {"end": "failed", "code": 42}),
        ("kill -SEGV $$", Exit.DEVIATES, {"end": "failed", "signal": "SIGSEGV"}),
        ("exec >&- 2>&-; sleep 1; exit 3", Exit.DEVIATES, {"end": "failed", "code": 3}),
    ],
)
def test_its_end(here: Path, script: str, code: Exit, end: dict[str, object]) -> None:
    given, told, _ = ran(on_local("--json", "--", "sh", "-c", script))
    assert (given, told | end) == (code, told)
    assert told["release"] == os.uname().release


def test_its_output_is_whole_and_in_order(here: Path) -> None:
    script = "for i in $(seq 20000); do echo line $i; test $i = 9 && echo error >&2; done"
    _, told, _ = ran(on_local("--json", "--", "bash", "-c", script))
    lines = told["output"].splitlines()
    assert lines.pop(9) == "error"
    assert lines == [f"line {number}" for number in range(1, 20001)]


def test_its_time_is_up(here: Path) -> None:
    argv = on_local("--json", "--timeout=0.5", "--", "sh", "-c", "echo on; sleep 300 & sleep 300")
    code, told, _ = ran(argv)
    assert (code, told["end"], told["output"]) == (Exit.DEVIATES, "timed out", "on\n")
    assert told["seconds"] < 30


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--", "no-such-program"), Exit.INFRASTRUCTURE, "can't be executed there: ENOENT"),
        (("--", "/etc/passwd"), Exit.INFRASTRUCTURE, "can't be executed there: EACCES"),
        (("--", "./text"), Exit.INFRASTRUCTURE, "ENOEXEC; programs of another architecture"),
        (("--cwd=/none", "--", "true"), Exit.INFRASTRUCTURE, "can't start in /none: ENOENT"),
        ((), Exit.USAGE, "no command; write it behind --"),
        (("--logs=text/logs", "--", "true"), Exit.USAGE, "--logs text/logs: Not a directory"),
        (("--rw=none", "--", "true"), Exit.USAGE, "none is no folder on this machine"),
        (("--user=none-such", "--", "true"), Exit.USAGE, "no such user"),
        (("--timeout=0", "--", "true"), Exit.USAGE, "more than 0 seconds"),
        (("--target=vm:1.0", "--", "true"), Exit.USAGE, "1.0"),
    ],
)
def test_what_can_not_be_run(here: Path, words: tuple[str, ...], code: Exit, line: str) -> None:
    (here / "text").write_text("no program\n")
    (here / "text").chmod(0o755)
    done = run(on_local(*words))
    assert done.returncode == code
    assert line in done.stdout + done.stderr


def test_tap_of_another_version_is_told(here: Path) -> None:
    done = run(on_local("--tap", "--format=junit", "--", "echo", "TAP version 12"))
    assert done.returncode == Exit.CONFORMS
    assert "what the command prints is no TAP" in done.stdout


def test_a_log_that_is_full_costs_no_result(here: Path) -> None:
    (here / "local.log").symlink_to("/dev/full")
    code, told, said = ran(on_local("--json", "--logs=.", "--", "sh", "-c", "echo on; exit 3"))
    assert (code, told["code"], told["output"]) == (Exit.DEVIATES, 3, "on\n")
    assert "the log of local ends here: No space left" in said


def test_its_network(here: Path) -> None:
    up = "ip -o link show lo | grep -q LOWER_UP"
    assert ran(on_local("--json", "--network=none", "--", "sh", "-c", up))[0] == Exit.DEVIATES
    assert ran(on_local("--json", "--", "sh", "-c", up))[0] == Exit.CONFORMS


def test_it_is_interrupted(here: Path) -> None:
    argv = on_local("--", "sh", "-c", "echo begun; exec sleep 4321")
    code, shown = in_terminal(argv, {}, r"local \| begun")
    assert code == Exit.INTERRUPTED
    assert "interrupted on local" in shown
    wait_until(lambda: not [it for it in processes() if it.name == "sleep" and is_ours(it)], "end")


class Slow(LocalTarget):
    """A target that takes its time to end."""

    inside = most = 0

    def stop(self) -> None:
        """Note whether somebody else is at it."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.05)
        self.inside -= 1


def test_one_thread_at_a_time_ends_a_target() -> None:
    """An interrupt ends it from another thread, when the command may have ended by itself."""
    target = Slow()
    job = OnKernel(target, Order(words=("true",), folder="/"), ())
    threads = [threading.Thread(target=job.stop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.most == 1


def is_ours(process: Process) -> bool:
    try:
        return b"4321" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_flood_does_not_keep_it_from_ending(here: Path) -> None:
    code, told, _ = ran(on_local("--json", "--timeout=1", "--", "yes"))
    assert (code, told["end"]) == (Exit.DEVIATES, "timed out")


def test_a_shell_has_a_terminal(here: Path) -> None:
    script = "test -t 0 && tty; stty size; read answer; echo got $answer; stty -a | grep -c isig"
    code, shown = in_terminal(
        landproof("shell", "--target=local", "--", "sh", "-c", script), {}, "never", b"typed\r"
    )
    assert code == Exit.CONFORMS
    assert "/dev/pts/" in shown
    assert "24 80" in shown
    assert "got typed" in shown
    assert "local: passed" in shown


def test_a_shell_needs_a_terminal() -> None:
    done = run(landproof("shell", "--target=local"))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "landproof run -- COMMAND" in done.stderr


def test_a_kernel_that_mounts_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = stored("6.12")
    monkeypatch.setattr(folders, "ways", lambda: (folders.Way.P9,))
    assert folders.way_of(kernel) is None
    assert "6.12+amd64" in str(folders.cannot(kernel))
    assert folders.flavour() == "amd64"
