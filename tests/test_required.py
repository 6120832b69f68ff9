# SPDX-License-Identifier: MIT
"""What users require of kernels: claimed and provided, or the run ends with 1 and one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.required import Required, unmet
from reports.results import save
from suite.cli.main import main
from suite.errors import Exit
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import CaseRecord, TargetRecord, Verdict
from tests.report_miniatures import EINVAL, claim, kernel, lacks_signal, run

pytestmark = pytest.mark.usefixtures("abi_11")

WHOLE = kernel("vm:7.0", "7.0.2", 8, errata=0b011)
LIAR = kernel("vm:el9", "5.14", 6, change=lacks_signal)
OFF = kernel("vm:6.1", "6.1.0", 0, missing="EOPNOTSUPP")
DOWN = TargetRecord(name="vm:7.9", reason="no agent after 60 s")
UNSURE = kernel(
    "vm:7.0",
    "7.0.2",
    8,
    change=lambda case: (
        replace(case, verdict=Verdict.SKIPPED, reason="needs root")
        if case.id == "claims/bits[restrict-tsync]"
        else case
    ),
)


def shows(number: int, verdict: Verdict) -> CaseRecord:
    """A case that owes what the fix of an erratum made of it."""
    return CaseRecord(
        id=f"history/erratum[{number}]",
        verdict=verdict,
        clause=f"ABI 4+, erratum {number} fixed",
        expected=Denied(errno="EACCES"),
        observed=Allowed() if verdict is Verdict.DEVIATES else Denied(errno="EACCES"),
    )


FIXED = replace(WHOLE, cases=[*WHOLE.cases, shows(1, Verdict.CONFORMS), shows(2, Verdict.DEVIATES)])
SAID = [
    (WHOLE, Required(abi=8), ""),
    (WHOLE, Required(abi=9), "vm:7.0: requires ABI 9: claims ABI 8"),
    (LIAR, Required(abi=5), ""),
    (
        LIAR,
        Required(abi=6),
        "vm:el9: requires ABI 6: provides ABI 5: scope.signal is rejected with EINVAL",
    ),
    (LIAR, Required(features=("scope.abstract_unix_socket", "fs.truncate")), ""),
    (
        LIAR,
        Required(features=("scope.signal",)),
        "vm:el9: requires scope.signal: claimed, but claims/bits[scope-signal] deviates: "
        "create_ruleset: EINVAL",
    ),
    (
        WHOLE,
        Required(features=("net.bind_udp", "fs.execute")),
        "vm:7.0: requires net.bind_udp: claims ABI 8, it came with ABI 10",
    ),
    (UNSURE, Required(abi=7), ""),
    (
        UNSURE,
        Required(abi=8),
        "vm:7.0: requires ABI 8: provides: not established (of 30 claims cases, "
        "1 skipped: needs root)",
    ),
    (
        UNSURE,
        Required(features=("restrict.tsync",)),
        "vm:7.0: requires restrict.tsync: claimed, but claims/bits[restrict-tsync] is skipped: "
        "needs root",
    ),
    (
        replace(WHOLE, cases=[]),
        Required(abi=1, features=("fs.execute",)),
        "vm:7.0: requires ABI 1: provides: not established (no claims case ran); "
        "requires fs.execute: claimed, but no claims case about it ran",
    ),
    (
        kernel("vm:6.6", "6.6.1", 3),
        Required(features=("create.errata",)),
        "vm:6.6: requires create.errata: the kernel has no errata interface",
    ),
    (FIXED, Required(errata=(1,)), ""),
    (
        FIXED,
        Required(errata=(2, 3)),
        "vm:7.0: requires erratum 2: claimed, but history/erratum[2] deviates: allowed; "
        "requires erratum 3: not claimed",
    ),
    (
        WHOLE,
        Required(errata=(1,)),
        "vm:7.0: requires erratum 1: claimed, but no case that shows it ran",
    ),
    (
        OFF,
        Required(abi=1, features=("fs.refer",), errata=(3,)),
        "vm:6.1: requires ABI 1, fs.refer, erratum 3: no Landlock (EOPNOTSUPP: disabled at boot); "
        "to mend it, boot with landlock in the list of the kernel parameter lsm=, such as "
        "lsm=landlock,lockdown,yama",
    ),
    (DOWN, Required(abi=1), "vm:7.9: requires ABI 1: never came up: no agent after 60 s"),
    (OFF, Required(), ""),
]


@pytest.mark.parametrize(("target", "required", "line"), SAID)
def test_what_a_kernel_lacks_is_one_line(
    target: TargetRecord, required: Required, line: str
) -> None:
    assert unmet(target, required) == line
    assert bool(required) == (required != Required())


def test_a_feature_that_another_case_clears_is_not_lacking() -> None:
    both = claim("fs.refer", 6, accepts=False)
    mixed = replace(both, id="claims/mixed", covers=["fs.refer", "fs.execute"], observed=EINVAL)
    target = replace(LIAR, cases=[*kernel("x", "6.12", 6).cases, mixed])
    # Both of its features have a case of their own that conforms: it blames both.
    assert "requires fs.execute" in unmet(target, Required(features=("fs.execute",)))
    alone = replace(mixed, covers=["fs.execute", "net.bind_udp"])
    target = replace(LIAR, cases=[*kernel("x", "6.12", 6).cases, alone])
    assert unmet(target, Required(features=("fs.execute",))) == ""


@pytest.fixture
def file(tmp_path: Path) -> str:
    save(tmp_path / "r.json", run(WHOLE, LIAR))
    return str(tmp_path / "r.json")


def test_a_report_ends_with_1_and_a_line_a_target(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["report", file, "--require-abi", "9", "--require", "fs.execute, SCOPE.signal"]
    assert main(argv) == Exit.DEVIATES
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["vm:7.0", "vm:el9"]
    assert main(["report", file, "--require-abi", "5"]) == Exit.CONFORMS
    assert capsys.readouterr().err == ""


def test_a_kernel_that_never_came_up_is_told_and_not_blamed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "r.json", run(WHOLE, DOWN))
    assert main(["report", str(tmp_path / "r.json"), "--require-abi=8"]) == Exit.CONFORMS
    assert capsys.readouterr().err == (
        "vm:7.9: requires ABI 8: never came up: no agent after 60 s\n"
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--require", "fs.trunc", "no feature 'fs.trunc'; near are: fs.truncate"),
        ("--require", "scope.singal", "no feature 'scope.singal'; near are: scope.signal"),
        ("--require", "", "no feature ''; near are: fs.execute, fs.write_file, "),
        ("--require-abi", "99", "'99': landproof knows ABI 1 to "),
        ("--require-abi", "-1", "'-1': landproof knows ABI 1 to "),
        ("--require-abi", "²", "landproof knows ABI 1 to "),
        ("--require-errata", "1,x", "no erratum 'x'; landproof knows 1, 2, 3, 4"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "matrix", "report"])
def test_what_is_not_known_is_one_line(
    verb: str, option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, f"{option}={value}"])
    assert ended.value.code == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
