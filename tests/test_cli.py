# SPDX-License-Identifier: MIT
"""The command line as a user types it: what it prints where, exit codes, how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.results import load
from suite.distribution import lacking
from suite.errors import Exit
from tests.cli_cases import CASES
from tests.fake_archive import Archive, Key, direct, missing_tools
from tests.runs import (
    Argv,
    in_terminal,
    landproof,
    plain,
    run,
    running,
    survivors,
    wait_until,
    write_cases,
)

SOON_S = 8.0
"""How long landproof may take to end when it is told to; it takes less than one second."""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases"), CASES)


def our_line(text: str, *, alone: bool = False) -> str:
    """The error that was printed: one line, the last; above it at most progress."""
    *progress, last = text.splitlines()
    assert last.startswith("landproof: ")
    assert not (alone and progress)
    assert not any(re.match(r"landproof: |Traceback|\s", line) for line in progress)
    return last


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["matrix", "-h"]], ids=str)
def test_help(arguments: Argv) -> None:
    done = run(landproof(*arguments))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: landproof")
    if len(arguments) == 1:
        assert all(
            f"    {verb} " in done.stdout for verb in ("check", "matrix", "kernels", "report")
        )
        assert "exit codes:\n  0  conforms\n  1  a kernel deviates" in done.stdout


def test_the_installed_command_is_the_module() -> None:
    command = Path(sys.executable).with_name("landproof")
    if not command.exists():
        pytest.skip("landproof is not installed beside this Python (pip install -e .)")
    assert run([str(command), "--version"]).stdout == run(landproof("--version")).stdout != ""


def test_no_arguments_check_the_running_kernel(cases: Path) -> None:
    done = run(landproof("-kconforms", cases=cases))
    assert done.returncode == Exit.CONFORMS
    assert re.search(r"^local  \S+: (claims ABI \d+|no Landlock)", done.stdout, re.M)
    assert re.fullmatch(r"local: 1 case in \d+\.\d s, done\n", done.stderr)


def test_a_deviation_ends_with_1_and_is_told(cases: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = run(landproof("check", "-k", "deviates or conforms", f"--results={file}", cases=cases))
    assert done.returncode == Exit.DEVIATES
    assert "New: report it\n  mini/cases[deviates] on local\n" in done.stdout
    verdicts = {case.id: str(case.verdict) for case in load(file).targets[0].cases}
    assert verdicts == {"mini/cases[conforms]": "conforms", "mini/cases[deviates]": "deviates"}


def test_json_is_all_that_is_on_standard_output(cases: Path) -> None:
    done = run(landproof("check", "--json", "-kconforms", cases=cases))
    assert [kernel["target"] for kernel in json.loads(done.stdout)["kernels"]] == ["local"]
    assert done.returncode == Exit.CONFORMS


WRONG = {
    ("check", "-knothing"): "no case matches 'nothing'; .* the ids of a run",
    ("check", "-ka b"): "-k 'a b': expected end of input; got identifier",
    ("check", "--results=/nowhere/x"): "cannot write /nowhere/x: there is no folder /nowhere",
    ("check", "--output=/"): "cannot write /: it is a folder",
    ("matrix", "--kernels=path:/nowhere"): "/nowhere does not exist; give path: a vmlinuz, .*",
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.items(), ids=str)
def test_wrong_usage_is_one_line(cases: Path, arguments: tuple[str, ...], said: str) -> None:
    if arguments[0] == "matrix" and not shutil.which("qemu-system-x86_64"):
        pytest.skip("needs qemu-system-x86_64")
    done = run(landproof(*arguments, cases=cases))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert re.fullmatch(f"landproof: {said}", our_line(done.stderr, alone=True))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["report", "x", "--format=xml"], "--format: invalid choice: 'xml' (choose from 'badge',"),
        (["bisect", "x"], "name the kernels to bisect: either --good and --bad, or --kernels"),
        (["matrix", "--kernels=,"], "argument --kernels: no kernel is named"),
        (["matrix", "-n0"], "argument -n: at least 1"),
    ],
)
def test_wrong_arguments_say_which(arguments: Argv, said: str) -> None:
    done = run(landproof(*arguments))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_cases_that_can_not_be_read_are_no_success(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    (cases / "mini" / "test_more.py").write_text("import nonsense\n")
    done = run(landproof("check", "-kconforms", cases=cases))
    assert (done.returncode, done.stdout) == (Exit.INFRASTRUCTURE, "")
    assert our_line(done.stderr, alone=True).endswith("No module named 'nonsense'")


@pytest.mark.parametrize(
    ("words", "emulator"),
    [
        (("matrix", "--kernels=6.12"), "qemu-system-x86_64"),
        (("matrix", "--kernels=s390x/6.12"), "qemu-system-s390x"),
        (("run", "--kernels=6.12", "--", "true"), "qemu-system-x86_64"),
        (("bisect", "CASE", "--good=arm64/6.12", "--bad=arm64/7.3"), "qemu-system-aarch64"),
    ],
)
def test_a_missing_qemu_is_one_line_with_its_package(
    tmp_path: Path, words: tuple[str, ...], emulator: str
) -> None:
    done = run(landproof(*words), {"PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (Exit.INFRASTRUCTURE, "")
    assert our_line(done.stderr, alone=True) == f"landproof: {lacking(emulator)}"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archive, Argv]]:
    """An archive with one kernel, and the arguments that name it."""
    if lacking := [*missing_tools(), *([] if shutil.which("qemu-system-x86_64") else ["QEMU"])]:
        pytest.skip(f"needs {lacking}")
    key = Key(tmp_path_factory.mktemp("key"))
    with Archive(tmp_path_factory.mktemp("www"), key) as archive:
        archive.add_image("trixie", "6.12.43+deb13-cloud-amd64", "6.12.43-1")
        archive.publish()
        yield archive, [f"--mirror={archive.url}", f"--keyring={key.keyring}"]
    key.close()


def matrix(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(landproof("matrix", f"--store={folder / 'store'}", *arguments), direct(folder))


def test_an_unknown_kernel_is_one_line(mirror: tuple[Archive, Argv], tmp_path: Path) -> None:
    done = matrix(tmp_path, "--kernels=6.99", *mirror[1])
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    last = our_line(done.stderr)
    assert re.search(r"^landproof: no .* kernel '6\.99'; there are: 6\.12", last)


def test_a_truncated_download_is_one_line(mirror: tuple[Archive, Argv], tmp_path: Path) -> None:
    (deb,) = mirror[0].folder.rglob("*.deb")
    whole = deb.read_bytes()
    deb.write_bytes(whole[: len(whole) // 2])
    try:
        done = matrix(tmp_path, "--kernels=6.12", *mirror[1])
    finally:
        deb.write_bytes(whole)
    assert (done.returncode, done.stdout) == (Exit.INFRASTRUCTURE, "")
    last = our_line(done.stderr)
    assert re.search(r"^landproof: no kernel to boot: .* not what the signed index says", last)


def test_no_network_is_one_line_however_many_kernels(tmp_path: Path) -> None:
    if missing_tools() or not shutil.which("qemu-system-x86_64"):
        pytest.skip("needs apt and QEMU")
    done = matrix(tmp_path, "--kernels=6.12,6.1,7.3", "--mirror=http://127.0.0.1:9/debian")
    assert (done.returncode, done.stdout) == (Exit.INFRASTRUCTURE, "")
    last = our_line(done.stderr)
    assert last.startswith("landproof: no kernel to boot: ")
    assert last.count("no network") == done.stderr.count("no network") == 1


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_shows_progress_and_no_color_is_respected(cases: Path, colour: bool) -> None:
    argv = landproof("check", "-k", "conforms or waits", cases=cases)
    environment = {"TERM": "xterm-256color", "NO_COLOR": "" if colour else "1"}
    ticks = r"local ━.* 1/2 +[1-9]\d* s running"
    code, shown = in_terminal(argv, environment, until=ticks)
    assert code == Exit.INTERRUPTED
    lines = plain(shown).splitlines()
    assert any(re.match(ticks, line) for line in lines)
    assert any(re.match(r"local ━.* 1/2 +\d+ s interrupted", line) for line in lines)
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert bool(re.search(r"\x1b\[(?:[0-9;]*;)?[349][0-9][;m]", shown)) == colour


def test_a_reader_that_goes_early_changes_nothing(cases: Path) -> None:
    argv = landproof("check", "--json", "-kdeviates", cases=cases)
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(argv, stdout=writer, stderr=subprocess.PIPE, text=True) as popen:
        os.close(writer)
        _, err = popen.communicate(timeout=60)
    assert popen.returncode == Exit.DEVIATES
    assert re.fullmatch(r"local: 1 case in .*\n", err)


def test_a_full_disk_under_standard_output_is_one_line(cases: Path) -> None:
    with Path("/dev/full").open("w") as full:
        argv = landproof("check", "-kconforms", cases=cases)
        done = subprocess.run(
            argv, check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == Exit.INFRASTRUCTURE
    assert our_line(done.stderr) == "landproof: standard output: No space left on device"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name
)
def test_a_signal_ends_a_check_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    cases = write_cases(tmp_path, CASES)
    with running(tmp_path, "check", "-k", "conforms or waits", cases=cases) as check:
        wait_until((cases / "mini" / "started").exists, "a case waits")
        kin = check.family()
        assert any(process.name.startswith("landproof-agent") for process in kin)
        check.popen.send_signal(number)
        code, out, err = check.wait(SOON_S)
        assert code == Exit.INTERRUPTED
        assert err.splitlines() == ["interrupted: what was not run is told as such"]
        assert check.verdicts("local") == {"conforms": "conforms", "waits": "lost"}
        assert "1 lost" in out
        assert not survivors(kin)


def test_no_agent_outlives_a_killed_check(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    with running(tmp_path, "check", "-kwaits", cases=cases) as check:
        wait_until((cases / "mini" / "started").exists, "a case waits")
        kin = check.family()
        check.popen.kill()
        wait_until(lambda: not survivors(kin), "the agent is gone", SOON_S)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may use; pytest's own are private to its user."""
    folder = Path(f"/tmp/landproof-test-{os.getpid()}")  # noqa: S108 (made by us, or it fails)
    folder.mkdir()
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_an_ordinary_user_can_check_and_leaves_nothing_behind(public_folder: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv, to become nobody")
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    own = {"HOME": str(public_folder), "TMPDIR": str(public_folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if run([*nobody, *landproof("--version")], own).returncode:
        pytest.skip("nobody can't read this checkout")
    before = set(Path("/tmp").iterdir())  # noqa: S108
    done = run([*nobody, *landproof("check", "-k", "truncate and not audit")], own)
    assert done.returncode in (Exit.CONFORMS, Exit.DEVIATES), done.stderr
    assert "Traceback" not in done.stderr
    assert list(public_folder.iterdir()) == []
    left = {p for p in set(Path("/tmp").iterdir()) - before if p.owner() == "nobody"}  # noqa: S108
    assert not left
