# SPDX-License-Identifier: MIT
"""Landlock is off, on real kernels, as a user meets it: one line, exit code, badge."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from reports.results import load
from suite.errors import Exit
from suite.judge.absence import Way, why_off
from suite.targets.filters import BUILT_IN
from tests.filtered import LANDLOCK, filtered
from tests.kernels import stored
from tests.runs import Argv, landproof, run, write_cases

CASES = """\
from suite.case import FS, Allowed, Process, Ruleset, since
from suite.judge.expectation import always

def test_enforced(process, judge):
    domain = process.under(Ruleset(fs=FS.MAKE_REG))
    judge(since(FS.MAKE_REG, Allowed()), domain.observe(Process.getpid))

def test_plain(process, judge):
    judge(always(Allowed()), process.observe(Process.getpid))
"""
GREY = {"message": "no Landlock", "color": "lightgrey"}
KILLED = f"SIGSYS: a seccomp filter kills who calls {LANDLOCK[0]}"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases"), CASES)


def badge_of(ran: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What the badge on standard output says, and how."""
    badge = json.loads(ran.stdout)
    return {name: badge[name] for name in ("message", "color")}


def told(ran: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines about what could not be checked."""
    return [line for line in ran.stderr.splitlines() if line.startswith("nothing could be")]


def off(argv: Argv, target: str, line: str, way: Way, results: Path) -> None:
    """Assert that a run says so in one line, ends with 5 and has a grey badge."""
    ran = run(argv)
    assert ran.returncode == Exit.NO_LANDLOCK, ran.stderr
    (said,) = told(ran)
    assert said.startswith(f"nothing could be checked on {target}: no Landlock ({line}); to mend")
    assert badge_of(ran) == GREY
    assert "Traceback" not in ran.stderr
    (facts,) = (it.facts for it in load(results).targets)
    assert facts
    why = why_off(facts)
    assert why
    assert why.way is way


@pytest.mark.parametrize(
    ("action", "line"),
    [
        ("EPERM", f"EPERM: a seccomp filter answers {LANDLOCK[0]}"),
        ("ENOSYS", f"ENOSYS: a seccomp filter answers {LANDLOCK[0]}"),
        ("kill", KILLED),
        ("trap", KILLED),
    ],
)
def test_behind_a_filter(cases: Path, tmp_path: Path, action: str, line: str) -> None:
    results = tmp_path / "r.json"
    check = landproof("check", "--format=badge-shields", f"--results={results}", cases=cases)
    off(filtered(action, LANDLOCK, check), "local", line, Way.FILTER, results)


def test_the_symbols_of_a_kernel_without_landlock_are_no_evidence() -> None:
    without = b"0 W __x64_sys_landlock_create_ruleset\n0 W __ia32_sys_landlock_add_rule\n"
    assert not BUILT_IN.search(without)
    assert BUILT_IN.search(without + b"ffffffff81af83a0 T landlock_create_object\n")


@pytest.mark.parametrize("call", LANDLOCK[1:])
def test_a_filter_before_one_call_is_enough(cases: Path, call: str) -> None:
    check = landproof("check", "--format=badge-shields", cases=cases)
    ran = run(filtered("EPERM", [call], check))
    assert ran.returncode == Exit.NO_LANDLOCK, ran.stderr
    (said,) = told(ran)
    assert f"Landlock is out of reach (EPERM: a seccomp filter answers {call})" in said
    assert badge_of(ran) == GREY


def test_with_something_required_it_is_unmet(cases: Path) -> None:
    check = landproof("check", "--require-abi=1", "--format=badge-shields", cases=cases)
    ran = run(filtered("EPERM", LANDLOCK, check))
    assert ran.returncode == Exit.DEVIATES
    assert "local: requires ABI 1: no Landlock (EPERM: " in ran.stderr


def matrix(folder: Path, cases: Path, *more: str) -> Argv:
    """A matrix whose badge is printed."""
    results = f"--results={folder / 'r.json'}"
    return landproof("matrix", "--accel=tcg", "--format=badge-shields", results, *more, cases=cases)


@pytest.mark.vm
def test_on_a_kernel_that_is_too_old(cases: Path, tmp_path: Path) -> None:
    stored("5.10")
    line = "ENOSYS: not built: Landlock came with Linux 5.13"
    argv = matrix(tmp_path, cases, "--kernels=5.10")
    off(argv, "vm:5.10", line, Way.OLD, tmp_path / "r.json")
    assert run([*argv, "--fail-on=none"]).returncode == Exit.CONFORMS


@pytest.mark.vm
@pytest.mark.parametrize("lsm", ["capability", "yama,lockdown"])
def test_on_a_kernel_booted_without_it(cases: Path, tmp_path: Path, lsm: str) -> None:
    stored("6.12")
    argv = matrix(tmp_path, cases, "--kernels=6.12", f"--append=lsm={lsm}")
    off(argv, "vm:6.12", "EOPNOTSUPP: disabled at boot", Way.DISABLED, tmp_path / "r.json")
    (target,) = load(tmp_path / "r.json").targets
    assert target.kernel
    assert target.kernel.parameters == f"lsm={lsm}"
    assert target.facts
    # The kernel adds those that come before all others, and after.
    assert {*lsm.split(",")} <= {*target.facts.lsm}
    assert "landlock" not in target.facts.lsm


@pytest.mark.vm
def test_beside_a_kernel_that_has_it_it_is_a_result(cases: Path, tmp_path: Path) -> None:
    for name in ("5.10", "6.12"):
        stored(name)
    ran = run(matrix(tmp_path, cases, "--kernels=5.10,6.12"))
    assert ran.returncode == Exit.CONFORMS, ran.stderr
    assert told(ran) == []
    assert badge_of(ran) == {"message": "2 kernels, all conform", "color": "brightgreen"}
    old, _ = load(tmp_path / "r.json").targets
    assert old.facts
    assert old.facts.security_modules is True, "Debian's has others"


@pytest.mark.parametrize("word", ["rdinit=/bin/sh", "init=/bin/sh", "quiet -- x", "a\tb\x1b"])
def test_parameters_that_are_ours_are_refused(word: str) -> None:
    ran = run(landproof("matrix", f"--append={word}"))
    assert ran.returncode == Exit.USAGE
    assert len(ran.stderr.splitlines()) == 1
