# SPDX-License-Identifier: MIT
"""However the machine, the shell or a file treats us: one line, the right code, no traceback."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reports.results import load
from suite.cli.main import main
from suite.errors import TRACEBACK, Exit
from tests.cli_cases import CASES
from tests.runs import PATIENCE_S, landproof, run, write_cases
from tests.traps import ROOT

OLD = Path(__file__).parent / "data" / "results" / "v2.json"
SLOW_IMPORT = """\
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            print("importing", flush=True)
            for _ in range(600):  # a signal just before a sleep does not end it
                time.sleep(0.1)
sys.meta_path.insert(0, Slow())
from suite.cli.main import main
sys.exit(main())
"""


def shell(words: str, *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell, with LANDPROOF and OLD in it."""
    ours = f"{shlex.quote(sys.executable)} -m suite.cli.main"
    line = words.replace("LANDPROOF", ours).replace("OLD", shlex.quote(str(OLD)))
    return subprocess.run(
        ["bash", "-c", line],  # for >&- and ulimit
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("LANDPROOF report OLD >&-", 3, "landproof: standard output: Bad file descriptor\n"),
        ("LANDPROOF report OLD >/dev/full", 3, "landproof: standard output: No space left on "),
        ("LANDPROOF --help >/dev/full", 3, "landproof: standard output: No space left on device\n"),
        ("LANDPROOF --version >/dev/full", 3, "landproof: standard output: No space left on "),
        ("LANDPROOF report OLD <&- >&- 2>&-", 3, ""),
        ("LANDPROOF frobnicate 2>&-", 2, ""),
        ("LANDPROOF frobnicate 2>/dev/full", 2, ""),
        ("LANDPROOF report OLD 2>&- >/dev/null", 0, ""),
        ("LANDPROOF report OLD --output=/dev/full", 3, "landproof: cannot write /dev/full: No sp"),
        ("ulimit -v 61440; LANDPROOF check", 3, "landproof: 60 MiB of memory are not enough to "),
        ("ulimit -v 20480; LANDPROOF report OLD", 3, "landproof: "),
        ("mkdir gone && cd gone && rmdir ../gone && LANDPROOF report OLD", 2, "landproof: the cu"),
        (r"LANDPROOF report $'\xff\n.json'", 2, r"landproof: cannot read \udcff"),
        (r"LANDPROOF report OLD --output $'\xff/x'", 2, r"landproof: cannot write \udcff/x: No s"),
    ],
)
def test_it_is_told_in_one_line(tmp_path: Path, line: str, code: int, said: str) -> None:
    done = shell(line, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= (2 if r"\n" in line else bool(said))


def test_names_that_are_no_utf_8_are_names(tmp_path: Path) -> None:
    done = shell("cp OLD $'\\xff.json' && LANDPROOF diff --json $'\\xff.json' OLD", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (Exit.CONFORMS, "")
    assert json.loads(done.stdout)["before"] == r"\udcff.json"


def test_few_descriptors_are_no_traceback_and_lose_no_results(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    argv = shlex.join(landproof("check", "-kconforms", f"--results={tmp_path}/r.json", cases=cases))
    done = shell(f"ulimit -n 8; {argv}")
    assert done.returncode == Exit.INFRASTRUCTURE
    assert "Traceback" not in done.stderr
    (target,) = load(tmp_path / "r.json").targets
    assert "Too many open files" in target.cases[0].reason


def test_results_are_written_though_nobody_can_read_the_answer(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    argv = shlex.join(landproof("check", "-kconforms", f"--results={tmp_path}/r.json", cases=cases))
    done = shell(f"{argv} >&-")
    assert (done.returncode, len(load(tmp_path / "r.json").targets)) == (Exit.INFRASTRUCTURE, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda it: it.name)
@pytest.mark.parametrize("module", ["suite.cli.outlet", "suite.cli.verbs", "rich.console"])
def test_an_interrupt_while_importing(module: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_IMPORT.format(module=module), "kernels", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as popen:
        assert popen.stdout is not None
        assert popen.stdout.readline() == "importing\n"
        popen.send_signal(number)
        _, said = popen.communicate(timeout=PATIENCE_S)
    assert (popen.returncode, said) == (Exit.INTERRUPTED, "landproof: interrupted\n")


@pytest.mark.parametrize("verb", ["check", "matrix"])
def test_a_fault_of_pytest_is_one_line_and_keeps_what_was_heard(tmp_path: Path, verb: str) -> None:
    cases = write_cases(tmp_path, CASES)
    (cases / "mini" / "conftest.py").write_text(
        "def pytest_runtest_logreport(report):\n"
        "    if 'deviates' in report.nodeid and report.when == 'call':\n"
        "        raise ZeroDivisionError('of the test')\n"
    )
    where = ["--target=local"] if verb == "matrix" else []
    file = tmp_path / "results.json"
    arguments = (verb, *where, "-kconforms or deviates", f"--results={file}")
    done = run(landproof(*arguments, cases=cases))
    assert done.returncode == Exit.INFRASTRUCTURE
    *_, last = done.stderr.splitlines()
    assert last.startswith("landproof: what was not run is lost: internal fault: ")
    assert "of the test" in last
    assert "Traceback" not in done.stderr
    assert "INTERNALERROR" not in done.stderr
    assert {str(case.verdict) for case in load(file).targets[0].cases} >= {"conforms"}


def test_what_nobody_expected_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise ValueError("one\ntwo")

    monkeypatch.setattr("suite.cli.report.load", fail)
    assert main(["report", "x"]) == Exit.INFRASTRUCTURE
    said = f"landproof: internal fault: ValueError: two; run again with {TRACEBACK}=1 and report it"
    assert capsys.readouterr().err == f"{said}\n"
    monkeypatch.setenv(TRACEBACK, "1")
    assert main(["report", "x"]) == Exit.INFRASTRUCTURE
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last)")
    assert shown.endswith(f"{said}\n")


DOCUMENTS = {
    "json-deep": ('{"schema": 2, "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "is not JSON: max"),
    "abi-negative": ("-1", "'vm:5.10' claims less than nothing"),
    "empty": ("", "is empty"),
    "binary": ("\x7fELF\0", "is not JSON"),
}


@pytest.mark.parametrize(("text", "said"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_strange_results_file(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.json"
    if text == "-1":
        document = json.loads(OLD.read_bytes())
        for target in document["targets"]:
            target["facts"]["abi"] = -1
        text = json.dumps(document)
    file.write_text(text)
    assert main(["report", str(file)]) == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_list_of_known_deviations_that_is_deep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "known.toml"
    file.write_text("x = " + "[" * 100_000 + "]" * 100_000)
    assert main(["report", str(OLD), f"--known={file}"]) == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"landproof: {file}: maximum recursion depth")
