# SPDX-License-Identifier: MIT
"""Known deviations: what a list may say, what it excuses, and when it is at fault itself."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reports.diff import compare
from reports.ending import FailOn, Terms, judged
from reports.known import Known, faults, mark, read
from reports.render import Style, render
from reports.results import save
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.judge.outcome import Allowed, Denied, Outcome
from suite.judge.records import CaseRecord, Fault, Results, TargetRecord, Verdict
from tests.report_miniatures import kernel, never_came_up, run
from tests.runs import landproof, write_cases
from tests.runs import run as execute

TODAY = date(2026, 11, 22)
EACCES = Denied(errno="EACCES")
LINK = "https://github.com/landlock-lsm/linux/issues/41"
V = Verdict


def case(
    identity: str, verdict: Verdict = V.DEVIATES, observed: Outcome | None = None
) -> CaseRecord:
    seen = Allowed() if verdict is V.DEVIATES else None
    return CaseRecord(id=identity, verdict=verdict, expected=EACCES, observed=observed or seen)


def target(*cases: CaseRecord, name: str = "vm:6.12", release: str = "6.12.43") -> TargetRecord:
    return replace(kernel(name, release, 6, 0b11), cases=[*cases])


def entry(identity: str, **more: Any) -> Known:  # noqa: ANN401 (fields of any type)
    told = Known(case=identity, reason="not backported", source=LINK, added=TODAY)
    return replace(told, **more)


FILE = """\
[[known]]
case = "fs/a[*]"
kernel = "6.12"
observed = "allowed"
reason = "not backported"
source = "33cb713db016"
added = 2026-11-01
expires = 2027-01-01

[[known]]
case = "fs/b[c]"
verdict = "crashed"
reason = "it panics"
source = "https://github.com/landlock-lsm/linux/issues/41"
added = 2026-11-02
"""


def test_a_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(FILE)
    first, second = read(tmp_path / "known.toml")
    assert (first.expires, first.observed) == (date(2027, 1, 1), "allowed")
    assert (second.verdict, second.kernel, second.expires) == (V.CRASHED, "", None)


WRONG = {
    "unknown-key": ("kernel =", "kernels =", "entry 1: Object contains unknown field `kernels`"),
    "unknown-table": ("[[known]]", "[[knwon]]", "unknown field `knwon`"),
    "no-source": (
        'source = "33cb713db016"\n',
        "",
        "entry 1: Object missing required field `source`",
    ),
    "no-date": ("2026-11-01", '"soon"', "entry 1: Expected `date`, got `str` - at `$.added`"),
    "no-verdict": ('"crashed"', '"panicked"', "Invalid enum value 'panicked'"),
    "not-a-fault": ('"crashed"', '"lost"', "entry 2: verdict lost is no fault of a kernel"),
    "no-citation": ("33cb713db016", "I think", "entry 1: source 'I think' is neither a link nor"),
    "empty-reason": ("it panics", " ", "entry 2: reason must not be empty"),
    "no-case": (
        'case = "fs/b[c]"\n',
        "",
        "entry 2: either case or bug must be given, and not both",
    ),
    "case-and-bug": ("verdict =", 'bug = "sigio-bypass"\nverdict =', "entry 2: either case or bug"),
    "unknown-bug": (
        'case = "fs/a[*]"',
        'bug = "tcp-fast-open"',
        "entry 1: no known bug is called 'tcp-fast-open'; the nearest is 'tcp-fast-open-bypass'",
    ),
    "unknown-erratum": (
        'case = "fs/a[*]"',
        'bug = "erratum 99"',
        "entry 1: no known bug is called 'erratum 99'; the nearest is 'erratum ",
    ),
    "bug-that-crashes": (
        'case = "fs/b[c]"',
        'bug = "freed-parent"',
        "entry 2: verdict crashed tells of no bug: name the case",
    ),
    "expired-before": ("2027-01-01", "2026-01-01", "entry 1: expires on 2026-01-01, before it"),
    "no-toml": ("[[known]]", "[[known]", "known.toml: "),
}


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_list_is_one_line(
    old: str, new: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "known.toml"
    file.write_text(FILE.replace(old, new))
    with pytest.raises(UsageError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)
    assert main(["check", f"--known={file}"]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)


def test_no_file_and_no_text_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^cannot read .*: No such file"):
        read(tmp_path / "known.toml")
    (tmp_path / "known.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"known\.toml: "):
        read(tmp_path / "known.toml")


MARKED = {
    "id": (entry("fs/a[b]"), True),
    "glob": (entry("fs/*]"), True),
    "glob-inside": (entry("*a[*"), True),
    "brackets-are-no-class": (entry("fs/[a][b]"), False),
    "other": (entry("fs/a"), False),
    "release": (entry("fs/a[b]", kernel="6.12.43"), True),
    "series": (entry("fs/a[b]", kernel="6.12"), True),
    "target": (entry("fs/a[b]", kernel="vm:6.12"), True),
    "not-cut-off-inside": (entry("fs/a[b]", kernel="6.1"), False),
    "other-kernel": (entry("fs/a[b]", kernel="7.3"), False),
    "observed": (entry("fs/a[b]", observed="allowed"), True),
    "other-outcome": (entry("fs/a[b]", observed="EPERM"), False),
    "other-verdict": (entry("fs/a[b]", verdict=V.CRASHED), False),
    "last-day": (entry("fs/a[b]", expires=TODAY), True),
    "expired": (entry("fs/a[b]", expires=date(2026, 11, 21)), False),
}


@pytest.mark.parametrize(("known", "fits"), MARKED.values(), ids=MARKED.keys())
def test_what_an_entry_excuses(known: Known, fits: bool) -> None:
    (marked,) = mark(run(target(case("fs/a[b]"))), [known], TODAY).targets[0].cases
    assert marked.known == (f"not backported ({LINK})" if fits else "")


@pytest.mark.parametrize("verdict", [v for v in V if v.fault is not Fault.KERNELS])
def test_only_faults_are_ever_marked(verdict: Verdict) -> None:
    results = run(target(case("fs/a[b]", verdict)))
    assert mark(results, [entry("*", verdict=verdict)], TODAY) == results


def test_older_marks_do_not_outlive_the_list() -> None:
    results = mark(run(target(case("fs/a[b]"))), [entry("*")], TODAY)
    assert mark(results, [], TODAY) == run(target(case("fs/a[b]")))


FAULTS = {
    "used": (entry("fs/a[b]"), None),
    "fixed": (
        entry("fs/good[b]", kernel="6.12"),
        "entry 1 (fs/good[b] on 6.12) matched nothing (seen: conforms, EACCES): remove it",
    ),
    "otherwise": (entry("fs/a[b]", observed="EPERM"), "entry 1 (fs/a[b]) matched nothing (seen: d"),
    "expired": (
        entry("fs/a[b]", added=date(2026, 1, 1), expires=date(2026, 11, 21)),
        "entry 1 (fs/a[b]) expired on 2026-11-21: look again, then renew or remove it",
    ),
    "other-target": (entry("fs/good[b]", kernel="7.3"), None),
    "dead-target": (entry("fs/a[b]", kernel="5.10"), None),
    "skipped": (entry("fs/skipped[b]"), None),
    "no-such-case": (entry("fs/z[z]"), "entry 1 (fs/z[z]) matched nothing: no case has that id"),
}


@pytest.mark.parametrize(("known", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_list_can_only_shrink(known: Known, said: str | None) -> None:
    cases = [
        case("fs/a[b]"),
        case("fs/good[b]", V.CONFORMS, EACCES),
        case("fs/skipped[b]", V.SKIPPED),
    ]
    results = run(target(*cases), never_came_up("vm:5.10"))
    found = list(faults([known], results, TODAY, whole=True))
    assert len(found) == (said is not None)
    assert not said or found[0].startswith(said)


def test_cases_that_were_not_to_run_speak_against_no_entry() -> None:
    assert not list(faults([entry("fs/z[z]")], run(target()), TODAY, whole=False))


GOOD, BAD = case("fs/a[b]", V.CONFORMS, EACCES), case("fs/a[b]")
KNOWN = replace(BAD, known="not backported")
R, D, N = FailOn.REGRESSION, FailOn.DEVIATION, FailOn.NONE
EXITS = {
    "good": (target(GOOD), None, (0, 0, 0)),
    "deviates": (target(BAD), None, (1, 1, 0)),
    "crashed": (target(case("fs/a[b]", V.CRASHED)), None, (1, 1, 0)),
    "known": (target(KNOWN), None, (0, 1, 0)),
    "in-the-baseline": (target(BAD), target(BAD), (0, 1, 0)),
    "another-outcome": (target(BAD), target(case("fs/a[b]", V.DEVIATES, EACCES)), (1, 1, 0)),
    "good-in-the-baseline": (target(BAD), target(GOOD), (1, 1, 0)),
    "not-in-the-baseline": (target(BAD), target(case("fs/c[d]")), (1, 1, 0)),
    "known-and-good-before": (target(KNOWN), target(GOOD), (0, 1, 0)),
    "claims-less": (replace(kernel("vm:6.12", "6.12", 5), cases=[GOOD]), target(GOOD), (1, 0, 0)),
    "broken": (target(GOOD, case("fs/c[d]", V.BROKEN)), None, (3, 3, 3)),
    "lost": (target(case("fs/a[b]", V.LOST)), None, (3, 3, 3)),
    "all-skipped": (target(case("fs/a[b]", V.SKIPPED)), None, (3, 3, 3)),
    "nothing": (target(), None, (3, 3, 3)),
    "never-came-up": (never_came_up("vm:6.12"), None, (3, 3, 3)),
}


@pytest.mark.parametrize(("now", "before", "codes"), EXITS.values(), ids=EXITS.keys())
def test_when_a_run_fails(
    now: TargetRecord, before: TargetRecord | None, codes: tuple[int, int, int]
) -> None:
    baseline = run(before) if before else None
    assert (
        tuple(judged(run(now), Terms(fail_on=it, baseline=baseline)).code for it in (R, D, N))
        == codes
    )


def test_regressions_are_named() -> None:
    terms = Terms(fail_on=R, baseline=run(target(BAD)))
    assert list(judged(run(target(BAD, case("fs/c[d]"))), terms).regressions) == [
        "fs/c[d] deviates on vm:6.12"
    ]


def test_a_known_regression_is_shown_but_makes_no_run_worse() -> None:
    difference = compare(run(target(GOOD)), run(target(KNOWN)))
    assert len(difference.changes) == 1
    assert not difference.regressed
    assert compare(run(target(GOOD)), run(target(BAD))).regressed


def test_reports_tell_known_deviations_from_others() -> None:
    results = run(target(KNOWN, case("fs/c[d]")))
    text = render(results, "terminal", Style(verbosity=1))
    assert "New: 1 deviation" in text
    assert "Listed as known: 1 deviation" in text
    assert text.count("known     not backported") == 1
    text = render(results, "markdown")
    assert "Deviations (2, 1 known)" in text
    assert text.count("known: not backp") == 1


def test_reports_tell_known_crashes_from_others() -> None:
    crash = case("fs/a[b]", V.CRASHED)
    results = run(target(replace(crash, known="an old panic"), replace(crash, id="fs/c[d]")))
    for fmt in ("terminal", "markdown"):
        text = render(results, fmt, Style(verbosity=1))
        assert text.count("an old panic") == 1
        assert text.count("crashed on vm:6.12") + text.count("**crashed** on `vm:6.12`") == 2


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Results with two deviations, and a list that knows one of them and one that was fixed."""
    results: Results = run(target(BAD, case("fs/c[d]"), case("fs/good[b]", V.CONFORMS, EACCES)))
    save(tmp_path / "now.json", results)
    save(tmp_path / "before.json", run(target(GOOD, case("fs/c[d]"))))
    known = tmp_path / "known.toml"
    text = '[[known]]\ncase = "{}"\nreason = "r"\nsource = "{}"\nadded = 2026-11-22\n'
    known.write_text("".join(text.format(it, LINK) for it in ("fs/a[b]", "fs/good[b]")))
    return tmp_path, known


def test_report_and_diff_take_a_list(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, known = files
    now, before = str(folder / "now.json"), str(folder / "before.json")
    stale = f"{known}: entry 2 (fs/good[b]) matched nothing (seen: conforms, EACCES): remove it\n"
    assert main(["report", now, "--known", str(known)]) == Exit.DEVIATES
    out, err = capsys.readouterr()
    assert "; 1 new deviation; 1 case listed as known" in " ".join(out.split())
    assert err == stale
    assert main(["diff", before, now]) == Exit.DEVIATES
    known.write_text(known.read_text().partition("\n[[known]]")[0])
    assert main(["diff", before, now, "--known", str(known)]) == Exit.CONFORMS
    assert f"known     r ({LINK})" in capsys.readouterr().out


def test_a_baseline_of_other_targets_is_refused_before_anything_runs(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    two = files[0] / "two.json"
    save(two, run(target(BAD), target(BAD, name="vm:7.3")))
    assert main(["check", f"--baseline={two}"]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "landproof: no target in common: the baseline holds vm:6.12, vm:7.3\n"


CASES = '''\
from suite.judge.expectation import always
from suite.judge.outcome import Denied

def test_deviates(process, judge):
    """No process has a number."""
    judge(always(Denied("EACCES")), process.observe(lambda p: p.getpid()))
'''


def test_a_run_fails_on_what_it_is_told_to(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    known, results = tmp_path / "known.toml", tmp_path / "results.json"

    def check(*arguments: str) -> tuple[int, list[str]]:
        done = execute(landproof("check", "--full", *arguments, cases=cases))
        return done.returncode, done.stderr.splitlines()[1:]

    line = "regression: mini/cases[deviates] deviates on local"
    assert check(f"--results={results}") == (Exit.DEVIATES, [])
    assert check("--fail-on=regression") == (Exit.DEVIATES, [line])
    assert check("--fail-on=none") == (Exit.CONFORMS, [])
    assert check(f"--baseline={results}") == (Exit.CONFORMS, [])
    assert check(f"--baseline={results}", "--fail-on=deviation") == (Exit.DEVIATES, [])
    text = '[[known]]\ncase = "mini/*"\nobserved = "{}"\nreason = "r"\n'
    text += 'source = "{}"\nadded = 2026-11-22\n'
    known.write_text(text.format("allowed", LINK))
    assert check(f"--known={known}") == (Exit.CONFORMS, [])
    known.write_text(text.format("EPERM", LINK))
    stale = f"{known}: entry 1 (mini/*) matched nothing (seen: deviates, allowed): remove it"
    assert check(f"--known={known}") == (Exit.DEVIATES, [stale, line])
    assert check(f"--known={known}", "--fail-on=none") == (Exit.CONFORMS, [stale])
