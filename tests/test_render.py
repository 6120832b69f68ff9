# SPDX-License-Identifier: MIT
"""Renderings: golden files, the width of a screen, and text that must not act on it."""

import io
import json

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from reports.kernel_line import summarize
from reports.render import Style, formats, render, style_of
from suite.errors import UsageError
from suite.judge.outcome import Allowed
from suite.judge.records import CaseRecord, TargetRecord, Verdict
from suite.landlock.bugs import BUGS
from tests.abi_miniature import at_abi_11
from tests.report_goldens import DATA, golden_files
from tests.report_miniatures import kernel, run, zoo

pytestmark = pytest.mark.usefixtures("abi_11")
with at_abi_11():
    LINES = {target.name: str(summarize(target)) for target in zoo().targets}
GOLDENS = golden_files()


@pytest.mark.parametrize("file", GOLDENS)
def test_golden_renderings(file: str) -> None:
    stale = "look at the difference; if it is meant, run python -m tests.report_goldens"
    assert (DATA / file).read_text(encoding="utf-8") == GOLDENS[file].text(), stale


@pytest.mark.parametrize("name", formats())
def test_every_format_has_golden_renderings(name: str) -> None:
    """Of results, and of a difference if it can write one."""
    files = [file for file, golden in GOLDENS.items() if golden.fmt == name]
    assert [file for file in files if not (DATA / file).exists()] == [], (
        f"run python -m tests.report_goldens, and read what {name} wrote"
    )


def test_no_golden_rendering_is_left_over() -> None:
    assert {path.name for path in DATA.iterdir()} == set(GOLDENS)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_the_terminal_is_never_overrun(width: int, verbosity: int) -> None:
    text = render(zoo(), "terminal", Style(width=width, verbosity=verbosity))
    lines = [line for line in text.splitlines() if "landproof repro" not in line]
    assert max(map(cell_len, lines)) <= width
    assert not any(line.endswith(" ") for line in lines)


def faulty(number: int) -> TargetRecord:
    """A kernel with every known bug, as many faults that none explains, and much beside that."""
    target = kernel(f"vm:6.{number}", f"6.{number}.1", 7)
    cases = [
        CaseRecord(id=f"{area}/test_{at}[row]", verdict=verdict, bug=bug, observed=Allowed())
        for at, bug in enumerate(map(str, BUGS.values()))
        for area, verdict, bug in (
            ("fs", Verdict.DEVIATES, bug),
            ("net", Verdict.DEVIATES, ""),
            ("scope", Verdict.BROKEN, ""),
            ("audit", Verdict.SKIPPED, ""),
        )
    ]
    return replace(target, cases=[*target.cases, *cases])


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize(("kernels", "most"), [(1, 40), (11, 80)])
def test_the_answer_is_short_and_comes_last(width: int, kernels: int, most: int) -> None:
    for targets in (zoo().targets[:kernels], [faulty(10 + it) for it in range(kernels)]):
        lines = render(run(*targets), "terminal", Style(width=width)).splitlines()
        assert len(lines) <= most
        # The sentence of the last kernel may take a few lines, and notes.
        name = targets[-1].name.removeprefix("vm:")
        assert any(line.startswith(f"{name} ") for line in lines[-8:])


@pytest.mark.parametrize("name", ["terminal", "markdown", "summary", "github", "json"])
def test_who_is_at_risk_is_told_within_the_first_ten_lines(name: str) -> None:
    shown = render(run(*(it for it in zoo().targets if it.name == "vm:7.0")), name)
    assert any("escape" in line for line in shown.splitlines()[:10])


def test_eleven_kernels_fit_120_columns_side_by_side() -> None:
    shown = render(zoo(), "terminal", Style(verbosity=1))
    assert list(LINES) in [line.split() for line in shown.splitlines()]


def test_colour_adds_nothing_but_colour() -> None:
    plain, colour = (
        render(zoo(), "terminal", Style(colour=it, verbosity=1)) for it in (False, True)
    )
    assert "\x1b[" not in plain
    assert "\x1b[1;31mDEV" in colour


def test_json_says_the_same() -> None:
    content = json.loads(render(zoo(), "json"))
    assert [entry["line"] for entry in content["kernels"]] == list(LINES.values())
    assert content["kernels"][4]["provided"] == 5
    assert content["matrix"]["rows"][0]["cells"][4]["counts"] == {
        "conforms": 20,
        "absent": 9,
        "deviates": 1,
    }


@pytest.mark.parametrize("name", formats())
def test_small_and_odd_results_render(name: str) -> None:
    long = "vm:" + "x" * 300 + "-漢字" * 20
    odd = CaseRecord(
        id="fs/й|`_a_`[*b*]",
        verdict=Verdict.DEVIATES,
        summary="Names like <b> and [a](b) | are \x1b[31mtext\x1b]0;title\x07.",
        reason="```\n````\n\u202e\u2028\x85",
    )
    for results in (
        run(),
        run(TargetRecord(name="silent")),
        run(TargetRecord(name=long, cases=[odd, replace(odd, verdict=Verdict.CRASHED)])),
    ):
        for width in (20, 80):
            text = render(results, name, Style(width=width))
            assert text.endswith("\n")
            # A target must not act on the reader's terminal.
            assert not {"\x1b", "\x07", "\x85", "\u202e", "\u2028"} & set(text) or name.endswith(
                "json"
            )


def test_markdown_keeps_its_tables_whole() -> None:
    table = [line for line in GOLDENS["results.md"].text().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {4, 5, 10, 14}


def test_an_unknown_format_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"no format 'paper': choose from .*json.*terminal"):
        render(zoo(), "paper")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "97")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert style_of(_Terminal()) == Style(width=97, colour=True)
    assert style_of(io.StringIO()) == Style(width=97, colour=False)
    assert style_of(None, verbosity=1) == Style(width=97, verbosity=1)
    monkeypatch.setenv("NO_COLOR", "1")
    assert style_of(_Terminal()) == Style(width=97, colour=False)
    for nonsense in ("", "0", "-3", "wide"):
        monkeypatch.setenv("COLUMNS", nonsense)
        assert style_of(io.StringIO()) == Style(width=120)


def test_the_environment_does_not_leak_into_a_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "NO_COLOR": "", "LINES": "3"}.items():
        monkeypatch.setenv(name, value)
    assert render(zoo(), "terminal") == GOLDENS["results-terminal-120.txt"].text()
