# SPDX-License-Identifier: MIT
"""``landproof explore`` as its users see it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from reports.explored.build import build
from reports.schema import EXPLORED
from suite.cli import repro_programs
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.explore.exploration import Found
from suite.repro.errors import UnwritableError
from suite.repro.program import Shape
from tests.explorations import skip_without_landlock

_COMMAND = (sys.executable, "-m", "suite.cli.main", "explore")


@pytest.fixture(scope="module", autouse=True)
def needs_landlock() -> None:
    skip_without_landlock()


def test_a_kernel_that_enforces_nothing_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path / "state"), "--most", "2", "--relations", "0"]
    targets = ["--target", "local", "--target", "lying:enforces-nothing/local"]
    file = tmp_path / "found.json"
    asked = ["explore", "paths", "refer", *targets, *state]
    assert main(asked) == Exit.DEVIATES
    out = capsys.readouterr().out
    first, *_, last = out.splitlines()
    assert first == last
    assert "differences that nothing explains: " in first
    assert "decisions in 2 spaces on 2 targets; " in first
    assert "of the same ABI version and errata" in out
    assert "not as the model" in out
    assert "landlock_restrict_self(" in out
    report = ["explore", "--report", *state[:2]]
    assert main([*report, "--json", "--output", str(file)]) == Exit.DEVIATES
    assert not capsys.readouterr().out
    told = json.loads(file.read_text(encoding="utf-8"))
    _validate(told)
    assert (told["answer"], told["code"]) == (first, Exit.DEVIATES)
    assert sum(it["decisions"] for it in told["differences"]) == int(first.split()[0])
    assert main(report) == Exit.DEVIATES
    assert capsys.readouterr().out == out  # nothing was played anew, and nothing is forgotten
    assert main(["explore", "paths", "refer", "--target", "local", *state]) == Exit.CONFORMS
    again = capsys.readouterr()
    assert again.out.startswith("no unexplained difference: ")
    assert main([*report, "--target", "vm:6.1"]) == Exit.USAGE
    assert "has nothing of vm:6.1 (it has l" in capsys.readouterr().err


def _validate(told: object) -> None:
    jsonschema.validate(told, json.loads(EXPLORED.path.read_bytes()))


def test_json_in_place_of_words_has_programs_with_their_calls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explore", "refer:800", "refer:3", "--relations", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    _validate(told)
    local = [it for it in told["programs"] if it["target"] == "local"]
    assert [it["number"] for it in local] == [800, 3]
    assert local[0]["outcomes"]["link ab"] == "EACCES"
    assert any("linkat(" in it for it in local[0]["calls"])
    assert [it["model"][:6] for it in told["targets"] if it["name"] == "local"] == ["model:"]


def test_a_kernel_that_refuses_what_it_claims_deviates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--target", "lying:rocky-9.7/local", "--most", "1", "--no-model"]
    state = ["--state", str(tmp_path / "state")]
    assert main(["explore", "paths", *words, *state]) == Exit.DEVIATES
    assert "what lying:rocky-9.7/local claims is refused" in capsys.readouterr().out


def test_an_interrupted_exploration_keeps_what_was_played(tmp_path: Path) -> None:
    words = [*_COMMAND, "ports", "--no-model", "--relations", "0", "--state", str(tmp_path / "it")]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        _await((tmp_path / "it-wal"), 100_000)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == Exit.INTERRUPTED
    assert out.startswith("interrupted; so far: no unexplained difference: ")
    assert "goes on where this one was" in out
    played = int(out.partition("ports")[2].split()[2].replace(",", ""))
    assert played > 0
    more = [*words, "--to", "10"]
    told = subprocess.run(more, capture_output=True, text=True, check=False)
    assert told.returncode == Exit.CONFORMS
    assert f"{played:,}" in told.stdout
    assert "programs in" not in told.stderr  # there was nothing left to play


def test_what_is_interrupted_before_it_began_has_decided_nothing() -> None:
    found = Found([], [], [], {}, {})
    told = build(found, interrupted=True)
    assert (told.answer, told.code) == (
        "interrupted before anything was decided",
        Exit.INTERRUPTED,
    )
    assert build(found).code == Exit.NO_LANDLOCK


def _await(file: Path, size: int) -> None:
    limit = time.monotonic() + 30
    while not file.exists() or file.stat().st_size < size:
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_a_program_is_shown_and_the_answer_comes_first_and_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explore", "refer:800"]) == Exit.CONFORMS
    out = capsys.readouterr().out.splitlines()
    assert out[0] == out[-1]
    assert out[0].startswith("refer:800: local agrees with its model and itself when written ")
    decision = next(it.split() for it in out if it.startswith("link ab "))
    assert decision[2:] == ["EACCES", "EACCES"]  # of the target and of its model
    calls = out.index("refer:800 on local:")
    assert any(
        it.endswith('linkat(3, "l0", 4, "l0", 0) = -1 EACCES (Permission denied)')
        for it in out[calls:]
    )


def test_of_a_program_on_which_targets_differ_the_answer_says_which(
    capsys: pytest.CaptureFixture[str],
) -> None:
    liar = "lying:enforces-nothing/local"
    words = ["refer:800", "--target", "local", "--target", liar, "--no-model", "--relations", "0"]
    assert main(["explore", *words]) == Exit.DEVIATES
    out = capsys.readouterr().out
    assert out.startswith(
        f"refer:800: 14 differences that nothing explains: between local and {liar}\n"
    )
    assert f"local and {liar}, of the same ABI version and errata: 14 decisions, such as " in out
    words = ["refer:800", "--target", "model:1", "--target", "model:7", "--relations", "0"]
    assert main(["explore", *words]) == Exit.CONFORMS
    out = capsys.readouterr().out
    assert out.startswith(
        "refer:800: model:1 and model:7 differ in 7 of 14 decisions, as is predicted by fs.refer "
    )
    assert sum(it.endswith("differs") for it in out.splitlines()) == 7


def test_what_one_target_gave_is_held_against_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explore", "refer:800", "--no-model", "--relations", "0"]
    assert main(words) == Exit.CONFORMS
    assert "local was held against nothing in 14 decisions" in capsys.readouterr().out
    assert main(["explore", "refer:800", "--target", "model:none"]) == Exit.NO_LANDLOCK
    first = capsys.readouterr().out.partition("\n")[0]
    assert first == "nothing was decided: model:none has no Landlock"


def test_spaces_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--list"]) == Exit.CONFORMS
    assert [it.split()[0] for it in capsys.readouterr().out.splitlines()[2:]] == [
        "paths",
        "refer",
        "ports",
        "relations",
        "programs",
        "flags",
        "logs",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "there is no space 'nosuch'"),
        (["paths:1", "refer"], "either spaces to be explored, or programs to be shown"),
        (["paths:9999"], "numbers from 0 to 4912"),
        (["paths", "--shard", "3/2"], "--shard='3/2' is no shard"),
        (["paths", "--from", "9", "--to", "3"], "--to is less than --from"),
        (["paths", "--from", "5000"], "leave no program: paths ends at 4912"),
        (["paths", "--state", "/"], "/: it is no file"),
        (["paths:1", "--report"], "what a program gives is not kept"),
        (["--report", "--state", "/nowhere/state"], "nothing was explored yet"),
        (["--output", "/nowhere/file"], "there is no folder /nowhere"),
        (["--target", "lying:nosuch/local"], "there is no shape 'nosuch'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", *words]) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_a_program_is_written_in_c() -> None:
    """For one decision: what it hangs on is there, and what others do is not."""
    text = repro_programs.written("refer:800", "link ab", "local", Shape.PROGRAM)
    assert "refer:800 link ab" in text
    assert text.count("(landlock_restrict_self, ") == 2
    assert text.count("MUST(linkat, ") == 1  # of the files that it needs
    assert text.count("TRY(OBSERVED, ") == text.count("TRY(OBSERVED, linkat, ") == 1
    with pytest.raises(UsageError, match="it decides no 'nosuch'"):
        repro_programs.written("refer:800", "nosuch", "local", Shape.PROGRAM)
    with pytest.raises(UnwritableError, match="left out, no call tells"):
        repro_programs.written("logs:500", "log write_file", "local", Shape.PROGRAM)
