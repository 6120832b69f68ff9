# SPDX-License-Identifier: MIT
"""The matrix: its cells, its rows, and what lies behind them."""

import pytest
from msgspec.structs import replace

from reports.matrix import LEGEND, Cell, build
from reports.render import render
from suite.judge.outcome import Denied
from suite.judge.records import CaseRecord, TargetRecord, Verdict
from suite.landlock import abi as table
from tests.report_miniatures import EINVAL, claim, known, run, zoo

pytestmark = pytest.mark.usefixtures("abi_11")
KERNELS = tuple(target.name for target in zoo().targets)

CELLS = {
    "": {},
    "-": {Verdict.ABSENT: 9},
    "skip 2": {Verdict.SKIPPED: 2},
    "ok 12": {Verdict.CONFORMS: 12},
    "ok 3": {Verdict.CONFORMS: 3, Verdict.ABSENT: 9},
    "ok 3/4": {Verdict.CONFORMS: 3, Verdict.ABSENT: 9, Verdict.SKIPPED: 1},
    "unfix 1/4": {Verdict.CONFORMS: 3, Verdict.UNFIXED: 1},
    "DEV 2/14": {Verdict.CONFORMS: 12, Verdict.DEVIATES: 2},
    "DEV 2": {Verdict.ABSENT: 12, Verdict.DEVIATES: 2},
    "CRASH 1/15+": {Verdict.CONFORMS: 12, Verdict.DEVIATES: 2, Verdict.CRASHED: 1},
    "BROKEN 1": {Verdict.BROKEN: 1},
}


@pytest.mark.parametrize(("text", "counts"), CELLS.items(), ids=str)
def test_a_cell_at_a_glance(text: str, counts: dict[Verdict, int]) -> None:
    assert str(Cell(counts)) == text
    assert Cell(counts).text(short=True) == text.partition("/")[0] + "+" * text.endswith("+")


KNOWN_CELLS = {
    "dev 2/14": ({Verdict.CONFORMS: 12, Verdict.DEVIATES: 2}, {Verdict.DEVIATES: 2}),
    "DEV 1/3+": ({Verdict.CONFORMS: 1, Verdict.DEVIATES: 2}, {Verdict.DEVIATES: 1}),
    "DEV 1/2+": ({Verdict.CRASHED: 1, Verdict.DEVIATES: 1}, {Verdict.CRASHED: 1}),
    "crash 1/2+": (
        {Verdict.CRASHED: 1, Verdict.DEVIATES: 1},
        {Verdict.CRASHED: 1, Verdict.DEVIATES: 1},
    ),
    "BROKEN 1/2+": ({Verdict.BROKEN: 1, Verdict.HUNG: 1}, {Verdict.HUNG: 1}),
    "hung 1/3": ({Verdict.UNFIXED: 2, Verdict.HUNG: 1}, {Verdict.HUNG: 1}),
}


@pytest.mark.parametrize("text", KNOWN_CELLS)
def test_a_known_fault_hides_no_other_and_is_in_small_letters(text: str) -> None:
    cell = Cell(*KNOWN_CELLS[text])
    assert str(cell) == text
    assert cell.all_known == text.islower()


def test_known_faults_come_last() -> None:
    matrix = build(known())
    assert [bool(entry.known) for entry in matrix.deviations] == [False, True]
    assert [bool(entry.known) for entry in matrix.silences] == [False, True]


def test_the_mark_of_every_verdict_has_a_legend() -> None:
    assert {word for mark, _ in LEGEND for word in mark.split()[:1]} >= {it.mark for it in Verdict}


def test_rows_follow_areas_and_abi_versions() -> None:
    matrix = build(zoo())
    assert list(dict.fromkeys(row.area for row in matrix.rows)) == [
        "claims",
        "fs",
        "net",
        "scope",
        "syscalls",
    ]
    fs = [(row.since, row.feature) for row in matrix.rows if row.area == "fs"]
    assert fs == [
        (None, ""),
        (1, "fs.execute"),
        (1, "fs.read_file"),
        (2, "fs.refer"),
        (3, "fs.truncate"),
        (5, "fs.ioctl_dev"),
    ]
    assert matrix.targets == KERNELS
    assert matrix.uncovered == ("create.errata",)


def test_upcoming_features_that_no_target_has_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    upcoming = table.PERMISSION.NAMESPACE_USE
    row = table.Abi(upcoming.since, "", 56, "")
    monkeypatch.setattr(table, "ABIS", {**table.ABIS, row.version: row})
    monkeypatch.setattr(table, "FEATURES", {**table.FEATURES, "namespace.use": upcoming})
    old, new = (
        CaseRecord(id="permissions/a[b]", verdict=verdict, covers=["namespace.use"])
        for verdict in (Verdict.ABSENT, Verdict.CONFORMS)
    )
    targets = [TargetRecord(name=name, cases=[it]) for name, it in (("a", old), ("b", new))]
    assert build(run(targets[0])).unreached == ("namespace.use",)
    assert build(run(*targets)).unreached == ()
    assert "No kernel reached `namespace.use`: no release" in render(run(targets[0]), "markdown")


def test_features_that_we_do_not_know_come_last() -> None:
    case = CaseRecord(id="fs/a[b]", verdict=Verdict.CONFORMS, covers=["fs.teleport", "fs.refer"])
    rows = build(run(TargetRecord(name="k", cases=[case]))).rows
    assert [(row.since, row.feature) for row in rows] == [
        (None, ""),
        (2, "fs.refer"),
        (None, "fs.teleport"),
    ]


def test_kernels_that_deviate_alike_share_an_entry() -> None:
    one, two, other = (
        replace(claim("fs.refer", 6, accepts=False), observed=answer)
        for answer in (EINVAL, EINVAL, Denied(errno="EPERM"))
    )
    results = run(
        TargetRecord(name="a", cases=[one]),
        TargetRecord(name="b", cases=[other]),
        TargetRecord(name="c", cases=[two]),
    )
    assert [(it.targets, str(it.observed)) for it in build(results).deviations] == [
        (("a", "c"), "create_ruleset: EINVAL"),
        (("b",), "EPERM"),
    ]


def test_cases_lost_for_one_reason_share_an_entry() -> None:
    entries = build(zoo()).silences
    assert [(it.verdict, it.targets, len(it.cases)) for it in entries] == [
        (Verdict.CRASHED, ("vm:6.18",), 1),
        (Verdict.LOST, ("vm:6.18",), 6),
        (Verdict.LOST, ("vm:7.9",), 12),
        (Verdict.BROKEN, ("vm:6.9",), 5),
        (Verdict.SKIPPED, KERNELS[:-1], 1),
    ]
