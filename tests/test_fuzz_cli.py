# SPDX-License-Identifier: MIT
"""``landproof fuzz`` as its users see it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite.cli.main import main
from suite.errors import Exit
from suite.fuzz.kept import load
from tests.explorations import skip_without_landlock

_LYING = "lying:enforces-nothing/local"


@pytest.fixture
def needs_landlock() -> None:
    skip_without_landlock()


@pytest.mark.usefixtures("needs_landlock")
def test_what_was_found_is_kept_by_an_interrupt_and_can_be_played_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ["--database", str(tmp_path / "kept")]
    words = (sys.executable, "-m", "suite.cli.main", "fuzz", "--target", _LYING, "--seed", "1")
    running = subprocess.Popen(
        [*words, "--seconds", "60", *kept], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        limit = time.monotonic() + 50
        while not [*tmp_path.glob("kept/*.txt")]:
            assert time.monotonic() < limit
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == Exit.DEVIATES
    first = out.partition("\n")[0]
    assert first.startswith("interrupted; so far: ")
    assert "from the model" in first
    path = min(tmp_path.glob("kept/*.txt"))
    program = load(path)
    assert any(step.action == "enforce" for step in program)
    assert f"{path.stem}: {program[-1]}: Landlock (kept in {path})" in out
    assert "landlock_restrict_self(" in out

    assert main(["fuzz", path.stem, "--target", _LYING, *kept]) == Exit.DEVIATES
    again = capsys.readouterr().out
    assert again.startswith("1 difference from the model: 1 program on 1 target\n")
    assert main(["fuzz", str(path), "--target", "local", *kept]) == Exit.CONFORMS
    assert f"{path.stem}: local gives what model:" in capsys.readouterr().out
    assert main(["repro", str(path)]) == Exit.CONFORMS
    written = capsys.readouterr().out
    assert "int main(" in written
    assert f"fuzz:{path.stem} {len(program)} {program[-1]}" in written


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "nosuch: No such file or directory"),
        (["--target", "lying:nosuch/local"], "there is no shape 'nosuch'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fuzz", "--database", str(tmp_path), *words]) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_program_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.txt").write_text("p0 dance\n")
    words = ["--database", str(tmp_path), "--target", "model:3", "--most", "2", "--seed", "4"]
    assert main(["fuzz", *words]) == Exit.CONFORMS
    told = capsys.readouterr()
    assert told.out.startswith("no difference from the model: 2 programs on 1 target\n")
    assert "bad.txt: step 1: there is no 'dance'" in told.err
    assert "it is left out" in told.err


def test_a_folder_that_can_not_be_had_is_said_before_anything_is_played(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fuzz", "--database", "/dev/null/fuzz"]) == Exit.INFRASTRUCTURE
    assert "/dev/null/fuzz: Not a directory; say by --database" in capsys.readouterr().err
