# SPDX-License-Identifier: MIT
"""What ``-k`` means: cases by what they are called, and never by where they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.cli.collect import declared_cases
from suite.errors import Exit, UsageError
from suite.run.declared import Declared, selection
from suite.run.selection import names, selector
from tests.runs import landproof, run, write_cases

TRUNCATE = names("fs/truncate[truncate-path]", "test_truncate_without_a_rule")
CASES = '''\
"""Cases that need nothing of Landlock."""

from suite.judge.expectation import always
from suite.judge.outcome import Allowed


def test_local(process, judge):
    """Every process has a number."""
    judge(always(Allowed()), process.observe(lambda p: p.getpid()))


def test_other(process, judge):
    """Every process has a number."""
    judge(always(Allowed()), process.observe(lambda p: p.getpid()))
'''


@pytest.mark.parametrize(
    "text",
    [
        "fs", "truncate", "test_truncate.py", "test_truncate_without", "truncate-path", "TRUNCATE",
        "fs/truncate", "fs/truncate[truncate-path]", "fs/truncate[truncate-path] or nothing",
        "truncate and not open", "fs and truncate and path",
    ],
)  # fmt: skip
def test_a_case_is_meant_by_each_of_its_names(text: str) -> None:
    assert selector(text)(TRUNCATE)


@pytest.mark.parametrize("text", ["local", "vm:6.12", "net", "fs/trunc[", "not truncate", "case"])
def test_it_is_not_meant_by_what_is_none(text: str) -> None:
    assert not selector(text)(TRUNCATE)


@pytest.mark.parametrize("text", ["a b", "(", "a and", "a,b"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^-k "):
        selector(text)


def test_the_name_of_the_target_is_not_matched(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    done = run(landproof("check", "-klocal", cases=cases))
    assert (done.returncode, done.stderr.count("local: 1 case in")) == (Exit.CONFORMS, 1)
    done = run(landproof("matrix", "--target=local", "-n2", "-klocal", cases=cases))
    assert (done.returncode, done.stderr.count("local: 1 case in")) == (Exit.CONFORMS, 1)


def test_an_id_selects_its_case_alone() -> None:
    cases = declared_cases()
    everything = {it.id: names(it.id, _function(it)) for it in cases.values()}
    for case in list(cases)[::97]:
        selects = selector(case)
        assert [it for it in everything if selects(everything[it])] == [case]


def test_every_id_is_a_word() -> None:
    for case in declared_cases():
        selector(case)


def _function(case: Declared) -> str:
    return case.before.rpartition("::")[2].removesuffix("[")


def test_the_shortest_expression_is_told() -> None:
    cases = declared_cases()
    told = {case: selection(cases[case], cases.values()) for case in list(cases)[::400]}
    for case, expression in told.items():
        selects = selector(expression)
        assert [it.id for it in cases.values() if selects(names(it.id, _function(it)))] == [case]
    assert any(len(expression) < len(case) for case, expression in told.items())
