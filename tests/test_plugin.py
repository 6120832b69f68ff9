# SPDX-License-Identifier: MIT
"""The pytest plugin, over miniature cases and targets: from each test to exactly one record."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import suite.run.plugin  # noqa: F401 (pytester forgets what is first imported in a run of its own)
from suite.errors import Exit
from suite.run.envelopes import RECORD
from suite.targets import schemes
from tests.plugin_miniatures import CASES, CONFTEST, TARGETS
from tests.registered import install

pytest_plugins = ["pytester"]


class Collector:
    """Takes the records as a run's reader does."""

    def __init__(self) -> None:
        self.envelopes: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what is attached to a report."""
        for key, envelope in report.user_properties:
            if key == RECORD and isinstance(envelope, str):
                self.envelopes.append(json.loads(envelope))

    def records(self) -> dict[str, dict[str, Any]]:
        """The records by id; each test has one."""
        records = {envelope["case"]["id"]: envelope["case"] for envelope in self.envelopes}
        assert len(records) == len(self.envelopes)
        return records


@pytest.fixture
def house(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.Pytester]:
    """A folder with the miniature targets and cases."""
    (pytester.path / "fake_targets.py").write_text(TARGETS)
    install(pytester.path, schemes.GROUP, {"fake": "fake_targets:Fakes"})
    monkeypatch.syspath_prepend(pytester.path)
    # What workers have: xdist noted it when it was imported.
    monkeypatch.setattr("xdist.workermanage._sys_path", list(sys.path))
    schemes.registered.cache_clear()
    pytester.makeconftest(CONFTEST)
    area = pytester.mkdir("area")
    (area / "test_mini.py").write_text(CASES)
    yield pytester
    schemes.registered.cache_clear()


def run(house: pytest.Pytester, *options: str) -> tuple[Collector, int | pytest.ExitCode | None]:
    """Run the cases; what was collected, and the exit status."""
    collector = Collector()
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "-q")
    result = house.inline_run(*plain, *options, plugins=[collector])
    return collector, result.ret


def log(house: pytest.Pytester) -> list[str]:
    """What was done with the targets."""
    return (house.path / "log").read_text().splitlines()


VERDICTS = {
    "conforms": ("conforms", ""),
    "deviates": ("deviates", ""),
    "fails-without-landlock-too": ("broken", "without Landlock, close(2) gives EBADF, too"),
    "denies-nothing": ("deviates", ""),
    "control-fails": ("broken", "the control came to EBADF"),
    "judges-twice": ("broken", "the case was judged already: one behaviour, one judgement"),
    "judges-early": ("broken", "getpid after the judgement, which comes last in a case"),
    "no-judgement": ("broken", "the case ended without a judgement"),
    "setup-fails": ("broken", "close(999): EBADF"),
    "assertion": ("broken", "AssertionError: assert"),
    "mistake": ("broken", "AttributeError: 'Process' object has no attribute 'frobnicate'"),
    "hangs": ("hung", "ppoll(NULL, 0, NULL, NULL) did not return in 0.1 s"),
    "needs": ("skipped", "needs a moon"),
    "vm-only": ("skipped", "could change the machine: runs in virtual machines only"),
    "dies": ("crashed", "the agent ended with status -9"),
    "dies-once": ("crashed", "the agent ended with status -9"),
    "stopped": ("lost", "the agent was stopped by a signal from outside"),
    "gone-when-looked-at-again": ("deviates", ""),
    "silent": ("hung", "the agent does not answer"),
    "after": ("conforms", ""),
    "row-one": ("conforms", ""),
    "row-two": ("conforms", ""),
}


def test_every_case_gives_one_record(
    house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.process.promise.patience_s", lambda _: 0.4)
    collector, status = run(house, "--target", "fake")
    records = collector.records()
    assert set(records) == {f"area/mini[{name}]" for name in VERDICTS}
    for name, (verdict, reason) in VERDICTS.items():
        record = records[f"area/mini[{name}]"]
        assert record["verdict"] == verdict, record
        assert reason in record["reason"]
        assert (record["reason"] == "") == (reason == "")
    bugs = {name: it["about_bug"] for name, it in records.items() if it["about_bug"]}
    assert bugs == {"area/mini[dies]": "freed-parent"}
    assert "freed-parent" in records["area/mini[dies]"]["bug"]
    assert status == pytest.ExitCode.TESTS_FAILED
    # It died three times, once while a case was looked at again; was stopped twice; fell silent.
    assert log(house) == ["start fake", "stop fake"] * 7
    facts = [envelope for envelope in collector.envelopes if "facts" in envelope]
    assert facts == collector.envelopes[:1]
    assert facts[0]["kernel"]["name"] == "k"


def test_what_a_record_holds(house: pytest.Pytester) -> None:
    collector, _ = run(house, "--target", "fake", "-k", "conforms or deviates or table")
    records = collector.records()
    good, bad = records["area/mini[conforms]"], records["area/mini[deviates]"]
    assert (good["summary"], good["source"]) == ("It behaves.", "the function.")
    assert (
        good["observed"]
        == good["expected"]
        == good["control"]
        == {
            "outcome": "allowed",
            "value": None,
        }
    )
    assert good["clause"] == "ABI 0+"
    assert (bad["summary"], bad["source"]) == ("", "the module.")
    assert bad["observed"] == {"outcome": "denied", "errno": "EACCES"}
    assert bad["control"] is None
    assert good["calls"] == []
    line = '] openat(AT_FDCWD, "/", O_RDONLY|O_CLOEXEC) = -1 EACCES (Permission denied)'
    assert bad["calls"][-1].endswith(line)
    assert records["area/mini[row-one]"]["covers"] == ["fs.read_file"]
    assert records["area/mini[row-two]"]["covers"] == ["net.bind_tcp"]
    assert all(0 < record["seconds"] < 10 for record in records.values())


def test_a_target_that_does_not_come_up(house: pytest.Pytester) -> None:
    """Its cases are lost, with the reason; those of other targets are heard."""
    collector, status = run(
        house, "--target", "fake:down", "--target", "fake", "-k", "conforms or deviates or after"
    )
    lost = [e["case"] for e in collector.envelopes if e["target"] == "fake:down"]
    assert [case["verdict"] for case in lost] == ["lost"] * 3
    assert {case["reason"] for case in lost} == {"no bootable device"}
    heard = [e["case"]["verdict"] for e in collector.envelopes if e["target"] == "fake"]
    assert heard == ["conforms", "deviates", "conforms"]
    assert not any("facts" in e for e in collector.envelopes if e["target"] == "fake:down")
    assert status == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["", "xdist"])
def test_a_case_whose_machine_was_killed_is_run_once_more(
    house: pytest.Pytester, more: tuple[str, ...]
) -> None:
    collector, status = run(
        house, *more, "--target", "fake:outside", "-k", "dies or dies_once or after"
    )
    records = collector.records()
    assert {name: record["verdict"] for name, record in records.items()} == {
        "area/mini[dies]": "lost",
        "area/mini[dies-once]": "conforms",
        "area/mini[after]": "conforms",
    }
    assert records["area/mini[dies]"]["reason"].endswith("the agent ended with status -9")
    assert log(house).count("start fake:outside") == 4
    facts = [envelope for envelope in collector.envelopes if "facts" in envelope]
    assert facts == collector.envelopes[:1], "those of the record that was dropped are told again"
    assert status == pytest.ExitCode.TESTS_FAILED


def test_one_target_after_the_other(house: pytest.Pytester) -> None:
    run(house, "--target", "fake:1", "--target", "fake:2", "-k", "conforms or after")
    assert log(house)[:3] == ["start fake:1", "stop fake:1", "start fake:2"]
    assert log(house).count("start fake:2") == 1
    assert log(house)[-1] == "stop fake:2"


def test_the_target_is_local_by_default(house: pytest.Pytester) -> None:
    collector, status = run(house, "-k", "conforms")
    assert [envelope["target"] for envelope in collector.envelopes] == ["local"]
    assert status == pytest.ExitCode.OK


NOWHERE = (
    "ERROR: no such target: nowhere (there is client:NAME[+MODE]@TARGET, fake:NAME,"
    " gcov:BUILD_TREE, local, lying:SHAPE/TARGET, "
    "model:ABI[+errata=N,N][+bugs=NAME,NAME], ssh:[USER@]HOST[:PORT][?sudo], uml:PATH,"
    " vm:[LABEL=]NAME)"
)


@pytest.mark.parametrize("more", [(), ("-n", "2", "--dist", "loadgroup")], ids=["", "xdist"])
def test_an_unknown_target_is_one_line(house: pytest.Pytester, more: tuple[str, ...]) -> None:
    result = house.runpytest_inprocess("-p", "suite.run.plugin", "--target", "nowhere", *more)
    assert result.ret == Exit.USAGE + 2 == pytest.ExitCode.USAGE_ERROR
    output = [*result.outlines, *result.errlines]
    assert NOWHERE in output
    assert not any("Traceback" in line or "INTERNALERROR" in line for line in output)


def test_tests_without_a_target_are_none_of_ours(house: pytest.Pytester) -> None:
    collector, status = run(house, "-k", "not_a_case")
    assert (collector.envelopes, status) == ([], pytest.ExitCode.OK)
    assert not Path(house.path / "log").exists()


def test_verdicts_are_shown(house: pytest.Pytester) -> None:
    result = house.runpytest_inprocess(
        "-p", "suite.run.plugin", "-v", "--target", "fake", "-k", "conforms or deviates or vm_only"
    )
    lines = [line.rpartition("::")[2] for line in result.outlines if "::test_" in line]
    shown = {line.split("[")[0]: line.split()[1] for line in lines if "%" in line}
    assert shown == {
        "test_conforms": "CONFORMS",
        "test_deviates": "DEVIATES",
        "test_vm_only": "SKIPPED",
    }
    text = "\n".join(result.outlines)
    assert "expected allowed (ABI 0+), observed EACCES" in text


def test_a_file_that_is_no_case_is_told_as_pytest_does(house: pytest.Pytester) -> None:
    (house.path / "area" / "test_torn.py").write_text("import nothing_of_this_name")
    result = house.runpytest_inprocess("-p", "suite.run.plugin", "--target", "fake")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*No module named 'nothing_of_this_name'*"])


def test_records_arrive_over_xdist(house: pytest.Pytester) -> None:
    """Two workers, a target each; the facts of both come once."""
    collector, status = run(
        house,
        *("-n", "2", "--dist", "loadgroup", "--target", "fake:1", "--target", "fake:2"),
        *("-k", "conforms or deviates or (dies and not once) or table"),
    )
    assert status == pytest.ExitCode.TESTS_FAILED
    for name in ("fake:1", "fake:2"):
        envelopes = [e for e in collector.envelopes if e["target"] == name]
        verdicts = sorted((e["case"]["id"], e["case"]["verdict"]) for e in envelopes)
        assert verdicts == [
            ("area/mini[conforms]", "conforms"),
            ("area/mini[deviates]", "deviates"),
            ("area/mini[dies]", "crashed"),
            ("area/mini[row-one]", "conforms"),
            ("area/mini[row-two]", "conforms"),
        ]
        assert sum("facts" in envelope for envelope in envelopes) == 1


def test_a_fixture_of_others_gets_what_the_case_gets(house: pytest.Pytester) -> None:
    house.makeconftest(
        f"{CONFTEST}\n\n@pytest.fixture\ndef theirs(tree, port, judge, process):\n"
        "    return process, tree, port, judge\n"
    )
    (house.path / "area" / "test_more.py").write_text(
        "def test_same(theirs, judge, process, tree, port):\n"
        "    assert theirs == (process, tree, port, judge)\n"
    )
    collector, _ = run(house, "--target", "fake", "-k", "same")
    (record,) = collector.records().values()
    assert record["reason"] == "the case ended without a judgement"


def test_pytest_makes_one_fixture_of_a_case(house: pytest.Pytester) -> None:
    """Each takes it as long as some cases."""
    (house.path / "area" / "test_more.py").write_text(
        "def test_much(ground, facts, mount_point, filesystem, process, process32, tree, port,\n"
        "              judge, target_name):\n"
        "    assert target_name == 'fake'\n"
    )
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "--target", "fake")
    result = house.runpytest_inprocess(*plain, "-k", "much", "--setup-show")
    made = [line for line in result.outlines if line.strip().startswith("SETUP")]
    assert [line.split() for line in made] == [["SETUP", "F", "setting"]]


class Places:
    """Where pytest looks for a case, and where its reports say that it is."""

    def __init__(self) -> None:
        self.looked_for: dict[str, object] = {}
        self.told: dict[str, object] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Ask pytest, as it does itself."""
        for item in items:
            _, line, name = item.reportinfo()
            self.looked_for[item.nodeid] = item.nodeid.partition("::")[0], line, name

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a report says."""
        self.told[report.nodeid] = report.location


def test_reports_say_where_a_case_is(house: pytest.Pytester) -> None:
    (house.path / "area" / "test_more.py").write_text(
        "import functools\n\n\ndef once(function):\n    @functools.wraps(function)\n"
        "    def wrapped(process):\n        return function(process)\n\n    return wrapped\n\n\n"
        "@once\ndef test_conforms_wrapped(process):\n    process.getpid()\n\n\n"
        "class TestOfClass:\n    def test_conforms_method(self, process):\n"
        "        process.getpid()\n"
    )
    places = Places()
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "-q", "--target", "fake")
    house.inline_run(*plain, "-k", "conforms or row", plugins=[places])
    assert len(places.told) == 5
    assert places.told == {case: places.looked_for[case] for case in places.told}
