# SPDX-License-Identifier: MIT
"""Schemes that other packages bring: used by name, told apart, refused in one line."""

import os
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from reports.results import load
from suite.errors import Exit, UsageError
from suite.judge.records import CaseRecord
from suite.targets import schemes
from suite.targets.schemes import Schemes
from tests.registered import install
from tests.runs import landproof, run, write_cases

ROOT = Path(__file__).resolve().parent.parent
TINY = {"tiny": "tests.tiny_target:Tiny"}
CASES = """
from suite.case import FS, Allowed, Denied, Process, Ruleset, since
from suite.judge.expectation import always

def test_modelled(process, judge):
    judge(always(Allowed()), process.observe(Process.getpid))

def test_rejected(process, judge):
    domain = process.under(Ruleset(fs=FS.EXECUTE))
    judge(since(FS.EXECUTE, Denied("EACCES")), domain.observe(Process.getpid))

def test_observed(process, judge):
    judge(always(Denied("EACCES")), process.observe(Process.link, "old", "new"))

def test_of_a_kind(process, judge):
    judge(always(Allowed()), process.observe(Process.ioctl, 0, 1))

def test_death(process, judge):
    process.fork().exit()
    judge(always(Allowed()), process.observe(Process.getpid))

def test_set_up(process, tree, judge):
    judge(always(Allowed()), process.observe(Process.getpid))

def test_value(process, judge):
    assert process.getppid().value
    judge(always(Allowed()), process.observe(Process.getpid))
"""
TOLD = {
    "modelled": ("conforms", ""),
    "rejected": ("absent", ""),
    "observed": ("skipped", "not modelled: linkat"),
    "of-a-kind": ("skipped", "not modelled: ioctl of a driver"),
    "death": ("skipped", "not modelled: exit_group"),
    "set-up": ("skipped", "not modelled: mkdirat"),
    "value": ("skipped", "not modelled: getppid"),
}


def installed(folder: Path, objects: dict[str, str], name: str = "made-up") -> dict[str, str]:
    """An environment in which a package brings kinds of targets."""
    install(folder / name, schemes.GROUP, objects, name)
    return {"PYTHONPATH": os.pathsep.join([str(folder / name), str(ROOT)])}


def told(cases: list[CaseRecord]) -> dict[str, tuple[str, str]]:
    """Verdicts and reasons by row."""
    return {it.id.partition("[")[2][:-1]: (str(it.verdict), it.reason) for it in cases}


@pytest.mark.parametrize("verb", ["check", "matrix"])
def test_a_target_of_another_package(tmp_path: Path, verb: str) -> None:
    environment = installed(tmp_path, TINY)
    results = tmp_path / "results.json"
    argv = landproof(
        *(verb, "--full", "--target", "tiny:one", "--target", "local", "--results", str(results)),
        cases=write_cases(tmp_path, CASES),
    )
    ran = run(argv, environment)
    assert ran.returncode in (Exit.CONFORMS, Exit.DEVIATES), ran.stderr
    tiny, local = sorted(load(results).targets, key=lambda target: target.name, reverse=True)
    assert (tiny.name, local.name) == ("tiny:one", "local")
    assert tiny.facts is not None
    assert tiny.facts.release == "0.0.1-tiny"
    assert told(tiny.cases) == TOLD
    assert told(local.cases)["observed"][0] == "deviates"  # there is no such file
    line = (
        "tiny:one 0.0.1-tiny: no Landlock (ENOSYS: not built: Landlock came with Linux 5.13), "
        "provides: not est"
    )
    assert line in " ".join(ran.stdout.split())
    # Told apart from what another machine would show.
    assert "5 need calls that the target can't make" in " ".join(ran.stdout.split())


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "nowhere",
            "landproof: no such target: nowhere (there is client:NAME[+MODE]@TARGET, ",
        ),
        ("torn:x", "landproof: torn:x: this kind of target can't be used: ModuleNotFoundError: "),
        ("local:x", "ERROR: local:x: there is one running kernel, local"),
    ],
)
def test_a_name_that_means_nothing_is_one_line(tmp_path: Path, name: str, line: str) -> None:
    environment = installed(tmp_path, {"torn": "no_such_module:Torn"})
    ran = run(landproof("check", "--target", name, cases=write_cases(tmp_path, CASES)), environment)
    assert ran.returncode == Exit.USAGE
    assert [it for it in ran.stderr.splitlines() if it] == [ran.stderr.strip()]
    assert line in ran.stderr


def test_a_torn_package_keeps_no_other_from_being_used(tmp_path: Path) -> None:
    environment = installed(tmp_path, {"torn": "no_such_module:Torn"})
    cases = write_cases(tmp_path, CASES)
    assert run(landproof("-k", "modelled", cases=cases), environment).returncode == Exit.CONFORMS


def test_of_two_packages_with_one_scheme_none_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("package-one", "package-two"):
        installed(tmp_path, TINY, name)
        monkeypatch.syspath_prepend(tmp_path / name)
    found = Schemes.of(entry_points(group=schemes.GROUP))
    with pytest.raises(UsageError, match=r"\(package-one, package-two\): uninstall all but one"):
        found.of_target("tiny:one")
    assert found.of_target("local").usage == "local"


def test_what_is_no_kind_is_refused() -> None:
    found = Schemes.of([EntryPoint("it", "pathlib:Path", schemes.GROUP)])
    with pytest.raises(UsageError, match=r"TypeError: pathlib:Path is no suite.*Scheme"):
        found.of_target("it:x")
