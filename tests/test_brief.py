# SPDX-License-Identifier: MIT
"""A brief run leaves out only what it shows otherwise."""

import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from reports.results import load
from suite.cli.run import CONFIG, QUIET
from suite.landlock.abi import LIMITS
from suite.run.declared import Collector, Declared
from suite.run.rows import parse_node
from suite.targets import schemes
from tests.plugin_miniatures import TARGETS
from tests.registered import install
from tests.runs import landproof, run, write_cases

pytest_plugins = ["pytester"]
CASES = """
import pytest
from suite.run.rows import Row, answers, needs, table, vm_only
from suite.run.needs import Need

ROWS = {
    "guarded": Row(answers="a", needs=(Need.ROOT,)),
    "first": Row(answers="a"),
    "again": Row(answers="a"),
    "other": Row(answers=("a", "b")),
    "silent": Row(),
}

@table(ROWS)
def test_rows(case, ground):
    pass

@answers("a")
def test_function(ground):
    pass

@vm_only
@answers("c")
def test_machine(ground):
    pass

@table({"third": Row(answers="b"), "fourth": Row(answers="b")})
def test_more_rows(case, ground):
    pass
"""

BRIEF = [
    "area/mini[first]",
    "area/mini[other]",
    "area/mini[function]",
    "area/mini[machine]",
    "area/mini[third]",
]


class Ran:
    """Notes what a run would run."""

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.made = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the cases."""
        self.nodes = [item.nodeid for item in session.items]

    def pytest_itemcollected(self) -> None:
        """Count what pytest makes, be it run or not."""
        self.made += 1


@pytest.fixture
def house(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with cases of two areas."""
    for area in ("area", "claims"):
        (pytester.mkdir(area) / "test_mini.py").write_text(CASES)
    pytester.makeini("[pytest]\naddopts = --import-mode=importlib")
    return pytester


def chosen(
    house: pytest.Pytester, *options: str, targets: tuple[str, ...] = ("local",)
) -> list[tuple[str, str]]:
    """The targets and ids of the cases that would be run; no other test is made."""
    ran = Ran()
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "-q", "--collect-only", "--brief")
    named = (f"--target={name}" for name in targets)
    house.inline_run(*plain, *options, *named, plugins=[ran])
    assert ran.made == len(ran.nodes)
    parsed = [parse_node(node, targets) for node in ran.nodes]
    return [found for found in parsed if found]


def test_a_case_stands_for_those_that_show_the_same(house: pytest.Pytester) -> None:
    """The one that needs least, of each function and of each behaviour."""
    assert [case for _, case in chosen(house, "area")] == BRIEF


def test_claims_are_whole(house: pytest.Pytester) -> None:
    """What they show, they show for others too."""
    ids = [case for _, case in chosen(house, "area", "claims")]
    assert len([name for name in ids if name.startswith("claims/")]) == 9
    assert len(ids) == 13


@pytest.fixture
def fakes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kind of target of which there is one of any name."""
    (pytester.path / "fake_targets.py").write_text(TARGETS)
    install(pytester.path, schemes.GROUP, {"fake": "fake_targets:Fakes"})
    monkeypatch.syspath_prepend(pytester.path)
    schemes.registered.cache_clear()
    yield
    schemes.registered.cache_clear()


@pytest.mark.usefixtures("fakes")
def test_every_target_has_the_same_cases(house: pytest.Pytester) -> None:
    """Target by target, each in the order of the files; and no more tests are made for it."""
    targets = ("fake:1", "fake:12", "local")
    assert chosen(house, "area", targets=targets) == list(product(targets, BRIEF))


class Read:
    """Notes which files of cases a process has read by the end of its run, and what it heard."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.heard: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a case that was run."""
        self.heard.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Note what is imported."""
        self.files = {name for name in sys.modules if name.endswith("test_mini")}


def test_who_hands_cases_out_reads_none(house: pytest.Pytester) -> None:
    """Only workers do, which choose the same."""
    read = Read()
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "--brief")
    house.inline_run(*plain, "area", "-n", "1", plugins=[read])
    parsed = {parse_node(node, ["local"]) for node in read.heard}
    assert parsed == {("local", case) for case in BRIEF}
    assert not read.files


def test_of_what_is_chosen_a_brief_run_shows_each_behaviour_once(house: pytest.Pytester) -> None:
    ids = [case for _, case in chosen(house, "area", "--select=again or other")]
    assert ids == ["area/mini[again]", "area/mini[other]"]


def test_a_file_that_can_not_be_read_is_told(house: pytest.Pytester) -> None:
    """Though the cases were chosen from the others already."""
    (house.path / "area" / "test_torn.py").write_text(f"{CASES}\nraise ImportError('torn')\n")
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "--collect-only", "--brief")
    told = house.inline_run(*plain, "area")
    (fault,) = [it for it in told.getreports("pytest_collectreport") if it.failed]
    assert fault.nodeid == "area/test_torn.py"
    assert "ImportError: torn" in str(fault.longrepr)


def test_rows_are_declared_in_one_way(house: pytest.Pytester) -> None:
    """Else, a brief run would not know of them."""
    (house.path / "area" / "test_other.py").write_text(
        "import pytest\n@pytest.mark.parametrize('x', [1, 2])\ndef test_x(x, ground): pass\n"
    )
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "--collect-only", "--brief")
    told = house.inline_run(*plain, "area")
    (fault,) = [it for it in told.getreports("pytest_collectreport") if it.failed]
    assert "test_x: the rows of cases are declared by @table" in str(fault.longrepr)


@pytest.fixture(scope="module")
def declared() -> tuple[dict[str, Declared], dict[str, Declared]]:
    """Our own cases: all, and those of a brief run."""
    found = []
    for options in ([], ["--brief"]):
        collector = Collector()
        folder = CONFIG.parent
        arguments = [f"--config-file={CONFIG}", f"--rootdir={folder.parent}", *QUIET]
        more = ["--collect-only", "--target=local", *options]
        assert pytest.main([str(folder), *arguments, *more], plugins=[collector]) == 0
        found.append(collector.cases)
    return found[0], found[1]


def test_a_brief_run_shows_every_behaviour(
    declared: tuple[dict[str, Declared], dict[str, Declared]],
) -> None:
    whole, brief = ({it for case in some.values() for it in case.answers} for some in declared)
    assert whole == brief


def test_a_brief_run_has_every_function_and_every_feature(
    declared: tuple[dict[str, Declared], dict[str, Declared]],
) -> None:
    whole, brief = ({case.before for case in some.values()} for some in declared)
    assert whole == brief
    whole, brief = ({it for case in some.values() for it in case.covers} for some in declared)
    assert whole == brief


def test_a_brief_run_is_brief(
    declared: tuple[dict[str, Declared], dict[str, Declared]],
) -> None:
    whole, brief = map(len, declared)
    assert brief < whole / 3


def test_a_brief_run_shows_limits_from_both_sides(
    declared: tuple[dict[str, Declared], dict[str, Declared]],
) -> None:
    """Of the port of a rule: the highest, and those above it."""
    bounds = {it for limit in LIMITS.values() for it in (*limit.behaviours, *limit.without)}
    whole, brief = (
        {name for name, case in some.items() if bounds & {*case.answers}} for some in declared
    )
    assert whole == brief
    assert {"syscalls/add_rule[highest-port]", "syscalls/add_rule[port-too-high]"} <= brief


def test_the_readme_says_how_many_cases_there_are(
    declared: tuple[dict[str, Declared], dict[str, Declared]],
) -> None:
    whole, brief = map(len, declared)
    text = " ".join((CONFIG.parents[1] / "README.md").read_text(encoding="utf-8").split())
    said = re.search(r"some ([\d,]+) cases", text)
    assert said is not None
    assert int(said[1].replace(",", "")) == pytest.approx(brief, rel=0.05)
    times = {3: "three", 4: "four", 5: "five"}[round(whole / brief)]
    assert f"in all combinations, {times} times as many" in text


ALIKE = '''
from suite.judge.expectation import always
from suite.judge.outcome import Allowed
from suite.run.rows import Row, table

@table({"once": Row(), "again": Row()})
def test_alike(case, process, judge):
    """Every process has a number."""
    judge(always(Allowed()), process.observe(lambda p: p.getpid()))
'''


@pytest.mark.parametrize(
    ("options", "rows"),
    [([], ["once"]), (["--full"], ["once", "again"]), (["-k", "again"], ["again"])],
    ids=["brief", "full", "chosen"],
)
def test_a_user_is_told_that_there_is_more(
    tmp_path: Path, options: list[str], rows: list[str]
) -> None:
    file = tmp_path / "results.json"
    cases = write_cases(tmp_path, ALIKE)
    done = run(landproof("check", *options, f"--results={file}", cases=cases))
    assert done.returncode == 0
    (target,) = load(file).targets
    assert {case.id for case in target.cases} == {f"mini/cases[{row}]" for row in rows}
    assert ("--full runs every case" in done.stderr) is (not options)
