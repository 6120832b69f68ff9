# SPDX-License-Identifier: MIT
"""What ``-k`` means: cases by what they are called, and never by where they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.cli.collect import hint
from suite.errors import Exit, UsageError
from suite.run.declared import Declared, names_of
from suite.run.selection import Names, names, selector, words
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


NETWORK = names("net/tcp_files[fs-truncate]", "test_fs")
MORE = names("fs/truncate_more[path]", "test_more")
EXACT = {
    "fs/truncate": {TRUNCATE},
    "FS/Truncate": {TRUNCATE},
    "fs/trunc": set(),
    "s/truncate": set(),
    "truncate": {TRUNCATE, NETWORK, MORE},
    "fs/": {TRUNCATE, MORE},
    "fs/*": {TRUNCATE, MORE},
    "fs/truncate*": {TRUNCATE, MORE},
    "*/tcp_files": {NETWORK},
    "fs/truncate[*]": {TRUNCATE},
    "fs/truncate[truncate-*]": {TRUNCATE},
    "fs/truncate[path]": set(),
    "fs/truncate[truncate-path": set(),
    "fs/*[path]": {MORE},
    "truncate[": {TRUNCATE},
    "tr*path": {TRUNCATE, MORE},
    "fs/truncate or net": {TRUNCATE, NETWORK},
    "truncate and not (fs/truncate or net/)": {MORE},
    "not fs/truncate[*]": {NETWORK, MORE},
}


@pytest.mark.parametrize(("text", "meant"), EXACT.items(), ids=EXACT.keys())
def test_a_word_with_a_slash_is_an_id(text: str, meant: set[Names]) -> None:
    assert {it for it in (TRUNCATE, NETWORK, MORE) if selector(text)(it)} == meant


def test_an_id_selects_its_case_alone(declared: dict[str, Declared]) -> None:
    everything = [names_of(it) for it in declared.values()]
    for case in list(declared)[::97]:
        selects = selector(case)
        assert [it[0] for it in everything if selects(it)] == [case]
        file = case.partition("[")[0]
        of_file = [it for it in declared if it.startswith(f"{file}[")]
        for text in (file, f"{file}[*]"):
            selects = selector(text)
            assert [it[0] for it in everything if selects(it)] == of_file


def test_every_id_is_a_word(declared: dict[str, Declared]) -> None:
    for case in declared:
        assert words(f"not ({case} or x)") == [case, "x"]
        selector(case)


NEAR = {
    "fs/trunc": "near are: fs/truncate",
    "histroy/sigio": "near are: history/sigio",
    "history/sigio[to-proces-group]": "near are: history/sigio[to-process-group]",
    "fs/truncat[creat*]": "near are: fs/truncate[creat",
    "claimz": "near are: claims",
    "tcp_fast_opne and history": "near are: tcp_fast_open",
    "qqqqqq": "landproof report shows the ids of a run",
    "claims and history": "",
}


@pytest.mark.parametrize(("text", "said"), NEAR.items())
def test_what_selects_nothing_is_told_with_what_is_near(
    declared: dict[str, Declared], text: str, said: str
) -> None:
    told = hint(text, declared)
    assert told.startswith(said)
    assert bool(told) == bool(said)


@pytest.mark.parametrize("verb", [["check"], ["matrix", "--target=local", "-n2"]], ids=" ".join)
def test_a_run_of_nothing_is_one_line(verb: list[str], tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    done = run(landproof(*verb, "-k", "mini/case", cases=cases))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == "landproof: no case matches 'mini/case'; near are: mini/cases\n"
    done = run(landproof(*verb, "-k", "mini/cases[other] and local", cases=cases))
    assert done.stderr == "landproof: no case matches 'mini/cases[other] and local'\n"
    done = run(landproof(*verb, "-k", "mini/cases[loc*]", cases=cases))
    assert (done.returncode, done.stderr.count("local: 1 case in")) == (Exit.CONFORMS, 1)
