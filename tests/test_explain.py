# SPDX-License-Identifier: MIT
"""Cases by name, without a target, and what is told of one."""

import json
import shlex
from pathlib import Path

import pytest

from reports.explain import explain, page
from suite.cli.collect import find
from suite.cli.main import main
from suite.cli.run import CONFIG, run
from suite.errors import Exit, UsageError
from suite.run.declared import Declared

OLD = Path(__file__).parent / "data" / "results" / "v1.json"
ROW = "history/whiteouts[mknod-no-make-reg]"
FUNCTION = "history/sigio[to-process-group]"


def test_a_case_says_what_it_is_before_it_runs(declared: dict[str, Declared]) -> None:
    case = declared[ROW]
    assert case.summary == "To make a whiteout needs MAKE_REG, and not MAKE_CHAR."
    assert case.source.startswith("security/landlock/errata/abi-1.h, erratum 4")
    assert case.covers == ("fs.make_reg", "fs.make_char")
    assert ("ABI 1+, erratum 4 fixed", "EACCES") in case.clauses
    lines = (CONFIG.parents[1] / case.file).read_text().splitlines()
    assert "def test_whiteout(" in "\n".join(lines[case.line - 1 : case.line + 4])
    assert declared[FUNCTION].clauses == ()


def test_pytest_knows_the_case_by_its_node(declared: dict[str, Declared]) -> None:
    for case in (declared[ROW], declared[FUNCTION]):
        (target,) = run(["local"], nodes=[case.node("local")]).results.targets
        assert [record.id for record in target.cases] == [case.id]


def test_what_is_told_to_type_selects_the_case_alone(declared: dict[str, Declared]) -> None:
    # Of a name that begins many, a name in several files, and a function without a table.
    names = (ROW, FUNCTION, "fs/truncate[ftruncate-with-rule]")
    told = []
    for name in names:
        (last,) = page(explain(declared[name], {}, [])).sections[-1:]
        words = shlex.split(last.commands[0])
        assert words[:2] == ["landproof", "-k"]
        told.append(words[2])
    (target,) = run(["local"], select=" or ".join(told)).results.targets
    assert sorted(record.id for record in target.cases) == sorted(names)


def test_cases_are_found_by_a_prefix_of_their_own(declared: dict[str, Declared]) -> None:
    assert find(declared, "history/sigio").id == FUNCTION
    assert find(declared, ROW).id == ROW


NOT_FOUND = {
    "history/whiteouts[mknod-": "2 cases begin with 'history/whiteouts[mknod-': ",
    "history/whiteout": "15 cases begin with 'history/whiteout': ",
    "histroy/sigio[to-proc]": f"no case 'histroy/sigio[to-proc]'; near are: {FUNCTION}",
    "to-process-group": f"no case 'to-process-group'; near are: {FUNCTION}",
    "%": "no case '%'; landproof report shows the ids of a run",
}


@pytest.mark.parametrize(("text", "said"), NOT_FOUND.items())
def test_other_names_are_one_line_with_near_ones(
    declared: dict[str, Declared], text: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        find(declared, text)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_explain_tells_what_results_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "history/sigio", "--results", str(OLD)]) == Exit.CONFORMS
    out = capsys.readouterr().out
    assert "known bug  sigio-bypass" in out
    assert "landproof matrix --kernels 5.10,6.12.100,7.3 -k" in out


def test_explain_runs_the_case_here_when_no_results_are_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", ROW, "--json"]) == Exit.CONFORMS
    told = json.loads(capsys.readouterr().out)
    assert [seen["target"] for seen in told["seen"]] == ["local"]
    assert told["case"]["id"] == ROW


def test_an_unknown_case_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nonsense"]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
