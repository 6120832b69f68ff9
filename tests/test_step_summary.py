# SPDX-License-Identifier: MIT
"""The summary of a CI step: short, and never more than GitHub takes."""

import pytest
from msgspec.structs import replace

from reports.diff import compare
from reports.formats.summary import MOST
from reports.render import render, render_diff
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from tests.report_miniatures import LISTED, behaviour, hostile, known, run, zoo


def huge(targets: int, cases: int, name: str = "") -> Results:
    """Kernels where every case deviates in a way of its own, and their names begin so."""
    bad = replace(behaviour("fs/access[execute]", 7), verdict=Verdict.DEVIATES)
    return run(
        *(
            TargetRecord(
                name=f"vm:{name}{number}",
                cases=[
                    replace(bad, id=f"fs/x[{number}-{row}]", reason=f"{row} " + "é" * 5000)
                    for row in range(cases)
                ],
            )
            for number in range(targets)
        )
    )


@pytest.mark.parametrize(
    ("targets", "cases", "name"), [(1, 1000, ""), (40, 30, ""), (2500, 0, "x" * 400)]
)
def test_what_is_too_long_is_cut_with_a_pointer(targets: int, cases: int, name: str) -> None:
    text = render(huge(targets, cases, name), "summary")
    assert MOST * 0.9 < len(text.encode()) <= MOST
    assert text.count("<details>") == text.count("</details>")
    assert " more lines: see the results file (`landproof report FILE" in text


def test_a_long_diff_is_cut_too() -> None:
    calm = huge(1, 1000)
    for case in (cases := calm.targets[0].cases):
        cases[cases.index(case)] = replace(case, verdict=Verdict.CONFORMS)
    text = render_diff(compare(calm, huge(1, 1000)), "summary")
    assert len(text.encode()) <= MOST
    assert " more lines: see the results file" in text


def test_each_kernel_is_a_line_and_the_rest_is_folded() -> None:
    shown, _, folded = render(zoo(), "summary").partition("<details>")
    assert all(f"| `{target.name}` | " in shown for target in zoo().targets)
    assert (
        "| `vm:6.12` | 6.12.43+deb12-amd64 x86\\_64 |" not in shown
    )  # what needs no escape has none
    assert "cred-transfer" in folded
    assert "VFS: Unable to mount" not in folded  # consoles are in the results file


def test_what_is_listed_as_known_is_told_apart() -> None:
    text = render(known(), "summary")
    assert "<summary>New: 1 deviation</summary>" in text
    assert "<summary>Listed as known: 1 deviation</summary>" in text
    new, old = (line for line in text.splitlines() if "observed: " in line)
    assert "known" not in new
    assert old.endswith(f"; known: {LISTED}")


def test_text_of_a_target_can_end_nothing() -> None:
    results = hostile()
    cases = [CaseRecord(id="fs/y[</details>]", verdict=Verdict.LOST, reason="</details>|")]
    text = render(replace(results, targets=[TargetRecord(name="</td>", cases=cases)]), "summary")
    assert text.count("</details>") == text.count("<details>") + text.count(r"\</details>")
    assert "| `</td>` |" in text
    for line in render(results, "summary").splitlines():
        assert not line.startswith(("::", "ok", "#  Subtest"))
