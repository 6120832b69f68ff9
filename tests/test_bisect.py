# SPDX-License-Identifier: MIT
"""Between which builds an answer changes: the search, and the verb on a fake archive."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reports.bisect import Answer, Bisection, Build, bisect
from suite.cli import asking, collect
from suite.cli import bisect as verb
from suite.cli.main import main
from suite.cli.run import Ended
from suite.errors import Exit, InfrastructureError, UsageError
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import CaseRecord, TargetRecord, Verdict
from suite.run.declared import Declared
from tests.fake_archive import Archive, Key, direct, missing_tools
from tests.report_miniatures import run

OLD = Answer(Verdict.UNFIXED, Allowed())
NEW = Answer(Verdict.CONFORMS, Denied(errno="EACCES"))
OTHER = Answer(Verdict.DEVIATES, Denied(errno="EPERM"))
NONE = Answer(None, reason="skipped: needs root")
GONE = Answer(None, reason="not in the archive", booted=False)


def search(answers: list[Answer]) -> Bisection:
    asked: list[int] = []

    def ask(build: Build) -> Answer:
        asked.append(int(build.version))
        return answers[asked[-1]]

    builds = [Build(str(number), f"{number}-amd64") for number in range(len(answers))]
    found = bisect("fs/a[b]", builds, ask)
    assert len(set(asked)) == len(asked) == len(found.steps)
    return found


@pytest.mark.parametrize("count", [2, 3, 4, 5, 16, 17, 33, 100])
def test_the_first_build_that_differs_is_found_with_few_boots(count: int) -> None:
    for change in range(1, count):
        found = search([OLD] * change + [NEW] * (count - change))
        assert (found.last.build.version, found.first.build.version) == (
            str(change - 1),
            str(change),
        )
        assert found.boots <= 2 + math.ceil(math.log2(count - 1))


def test_a_third_answer_is_not_the_old_one() -> None:
    found = search([OLD, OLD, OTHER, NEW, NEW])
    assert (found.first.build.version, found.first.answer) == ("2", OTHER)


@pytest.mark.parametrize("silent", [NONE, GONE])
def test_builds_without_an_answer_are_passed_over(silent: Answer) -> None:
    found = search([OLD, OLD, silent, silent, silent, NEW, NEW])
    assert (found.last.build.version, found.first.build.version) == ("1", "5")
    assert [step.build.version for step in found.untold] == ["2", "3", "4"]
    assert found.boots == len(found.steps) - (3 if silent is GONE else 0)


def test_those_that_do_not_matter_are_not_named() -> None:
    found = search([OLD, OLD, OLD, NEW, NONE, NONE, NEW])
    assert (found.last.build.version, found.first.build.version) == ("2", "3")
    assert found.untold == ()


def test_nothing_between_answers() -> None:
    found = search([OLD, NONE, NONE, NEW])
    assert [step.build.version for step in found.untold] == ["1", "2"]


def test_ends_that_do_not_differ_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"^fs/a\[b\] gives the same on 0 and 2: unfixed, obs"):
        search([OLD, NEW, OLD])


@pytest.mark.parametrize("answers", [[NONE, OLD, NEW], [OLD, NEW, NONE]])
def test_an_end_without_an_answer_is_told(answers: list[Answer]) -> None:
    with pytest.raises(InfrastructureError, match=r"^\d gives no answer: skipped: needs root; ch"):
        search(answers)


@pytest.mark.parametrize("verdict", [it for it in Verdict if not it.heard])
def test_what_says_nothing_of_the_kernel_is_no_answer(verdict: Verdict) -> None:
    answer = Answer.of(CaseRecord(id="fs/a[b]", verdict=verdict, reason="why\nat length"))
    assert (answer.verdict, answer.reason) == (None, f"{verdict}: why")


def test_a_crash_is_an_answer() -> None:
    answer = Answer.of(CaseRecord(id="fs/a[b]", verdict=Verdict.CRASHED, reason="panic"))
    assert (answer.verdict, str(answer)) == (Verdict.CRASHED, "crashed, observed nothing")


CASE = "history/whiteouts[mknod-no-make-reg]"
FIXED_IN = 74
Land = Callable[..., int]


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The releases that were booted: in place of QEMU, an erratum that 6.12.74 fixed."""
    releases: list[str] = []

    def boot(targets: list[str], *, options: list[str], nodes: list[str]) -> Ended:
        (target,) = targets
        assert nodes == [f"cases/history/test_whiteouts.py::test_whiteout[{target}-{CASE[18:]}"]
        releases.append(target.removeprefix("vm:"))
        fixed = int(releases[-1].split(".")[2].partition("+")[0]) >= FIXED_IN
        record = CaseRecord(
            id=CASE,
            verdict=Verdict.CONFORMS if fixed else Verdict.UNFIXED,
            observed=Denied(errno="EACCES") if fixed else Allowed(),
        )
        return Ended(run(TargetRecord(name=target, cases=[record])), interrupted=False)

    monkeypatch.setattr(asking, "run", boot)
    monkeypatch.setattr(verb, "find_emulators", list)
    monkeypatch.setattr(asking, "find_qemu", lambda _: "qemu")
    monkeypatch.setattr(asking, "choose_accelerator", lambda *_: "tcg")
    return releases


@pytest.fixture(scope="module")
def archive(
    tmp_path_factory: pytest.TempPathFactory, key: Key
) -> Iterator[tuple[Archive, dict[str, Declared]]]:
    """An archive with some builds, and all cases: both take their time."""
    if missing_tools():
        pytest.skip(f"needs {missing_tools()}")
    with Archive(tmp_path_factory.mktemp("www"), key) as archive:
        for point in (9, 43, 57, 69, 73, 74, 85, 90):
            archive.add_image("trixie", f"6.12.{point}+deb13-cloud-amd64", f"6.12.{point}-1")
        archive.publish()
        yield archive, collect.declared_cases()


@pytest.fixture
def land(
    archive: tuple[Archive, dict[str, Declared]],
    tmp_path: Path,
    key: Key,
    monkeypatch: pytest.MonkeyPatch,
) -> Land:
    """The verb on that archive, with a store of its own."""
    for name, value in direct(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(collect, "declared_cases", lambda: archive[1])
    common = [f"--store={tmp_path / 'store'}", f"--mirror={archive[0].url}"]
    return lambda *given: main(["bisect", *given, *common, f"--keyring={key.keyring}"])


def test_both_directions_find_the_same_build(
    land: Land, booted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for ends in (("6.12.43", "6.12.90"), ("6.12.90", "6.12.43")):
        code = land(CASE, "--good", ends[0], "--bad", ends[1], "--json")
        out, err = capsys.readouterr()
        found = json.loads(out)
        assert code == Exit.CONFORMS
        assert found["first"]["build"]["version"] == "6.12.74-1"
        assert found["last"]["build"]["version"] == "6.12.73-1"
        assert (found["boots"], found["builds"]) == (4, 7)
        assert "1: 6.12.43-1 (6.12.43+deb13-cloud-amd64): unfixed, observed allowed" in err
    assert len(booted) == 8
    assert "6.12.9+deb13-cloud-amd64" not in booted


def image(folder: Path, release: str) -> Path:
    """A kernel of the user's own, as far as it is looked at before it boots."""
    head = bytearray(0x1000)
    head[0x202:0x206] = b"HdrS"
    head[0x20E:0x210] = (0x400).to_bytes(2, "little")
    head[0x600 : 0x600 + len(release) + 1] = f"{release} ".encode()
    folder.mkdir()
    (folder / "bzImage").write_bytes(head)
    return folder


def test_a_list_of_ones_own_is_bisected(
    land: Land,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Names of archives may be among paths; labels tell kernels of one release apart."""
    asked: list[str] = []

    def boot(targets: list[str], *, options: list[str], nodes: list[str]) -> Ended:
        del nodes
        (target,) = targets
        asked.append(target)
        assert f"--label={target.removeprefix('vm:')}=" in " ".join(options)
        old = target in ("vm:a", "vm:b")
        verdict, outcome = (
            (Verdict.UNFIXED, Allowed()) if old else (Verdict.CONFORMS, Denied(errno="EACCES"))
        )
        record = CaseRecord(id=CASE, verdict=verdict, observed=outcome)
        return Ended(run(TargetRecord(name=target, cases=[record])), interrupted=False)

    monkeypatch.setattr(asking, "run", boot)
    monkeypatch.setattr(verb, "find_emulators", list)
    monkeypatch.setattr(asking, "find_qemu", lambda _: "qemu")
    monkeypatch.setattr(asking, "choose_accelerator", lambda *_: "tcg")
    paths = [image(tmp_path / name, "6.18.0-rc1") for name in "abcd"]
    listed = ",".join([*(f"{path.name}={path}" for path in paths), "new=6.12.90"])
    assert land(CASE, "--kernels", listed, "--json") == Exit.CONFORMS
    found = json.loads(capsys.readouterr().out)
    assert found["last"]["build"] == {"version": "b", "release": "6.18.0-rc1"}
    assert found["first"]["build"] == {"version": "c", "release": "6.18.0-rc1"}
    assert asked == ["vm:a", "vm:new", "vm:c", "vm:b"]


ENDS = "name the kernels to bisect: either --good and --bad, or --kernels A,B"
WRONG = {
    "no-ends": ((CASE,), ENDS),
    "one-end": ((CASE, "--good=6.12.43"), ENDS),
    "ends-and-list": ((CASE, "--good=6.12.43", "--bad=6.12.90", "--kernels=6.12.9,6.12"), ENDS),
    "list-of-one": ((CASE, "--kernels=6.12"), "--kernels: 6.12 is one kernel; name two at least"),
    "no-path": ((CASE, "--kernels=6.12,/gone/linux"), "/gone/linux does not exist; give path: "),
    "unknown-case": (
        ("history/whiteouts[mknod]", "--good=6.12.43", "--bad=6.12.90"),
        "no case 'history/whiteouts[mknod]'; near are: history/whiteouts[mknod-no-make-reg], ",
    ),
    "many-cases": (
        ("history/whiteouts[mknod-", "--good=6.12.43", "--bad=6.12.90"),
        "2 cases begin with 'history/whiteouts[mknod-': history/whiteouts[mknod-no-make-reg], ",
    ),
    "no-difference": (
        (CASE, "--good=6.12.43", "--bad=6.12.73"),
        f"{CASE} gives the same on 6.12.43-1 and 6.12.73-1: unfixed, observed allowed",
    ),
    "one-build": (
        (CASE, "--good=6.12.90", "--bad=6.12"),
        "6.12.90 and 6.12 are the same build: 6.12.90-1",
    ),
    "no-build": (
        (CASE, "--good=6.12.44", "--bad=6.12.90"),
        "no cloud-amd64 kernel '6.12.44'; there are: 6.12.9, 6.12.43",
    ),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.usefixtures("booted")
def test_wrong_usage_is_one_line(
    land: Land, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert land(*arguments) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(f"landproof: {said}")


@pytest.mark.usefixtures("booted")
def test_an_interrupt_ends_it(
    land: Land, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "run", lambda *_, **__: Ended(run(), interrupted=True))
    assert land(CASE, "--good=6.12.43", "--bad=6.12.90") == Exit.INTERRUPTED
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1]) == ("", "landproof: interrupted")
