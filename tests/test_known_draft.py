# SPDX-License-Identifier: MIT
"""``landproof known draft``: a list of what deviates, which is read back and wants a reader."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.ending import FailOn, Terms, judged
from reports.known import DRAFT_DAYS, Known, drafts, faults, mark, read
from reports.known_draft import draft, write
from reports.results import load, save
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import CaseRecord, Fault, Results, Verdict
from suite.landlock.bugs import BUGS
from tests import report_miniatures as miniatures
from tests.runs import landproof, write_cases
from tests.runs import run as execute

TODAY = date(2026, 11, 29)
EACCES = Denied(errno="EACCES")
V = Verdict
ALL: dict[str, Callable[[], Results]] = {
    "zoo": miniatures.zoo,
    "few": miniatures.few,
    "later": miniatures.later,
    "compat": miniatures.compat_zoo,
    "listed-before": miniatures.known,
}


def regressions(results: Results) -> list[str]:
    """What a run fails for that has a list of known deviations."""
    return [*judged(results, Terms(fail_on=FailOn.REGRESSION)).regressions]


def case(identity: str, verdict: Verdict = V.DEVIATES, **more: str) -> CaseRecord:
    seen = EACCES if verdict.good else Allowed()
    about = "Truncation needs a rule."
    done = CaseRecord(id=identity, verdict=verdict, summary=about, expected=EACCES)
    return replace(done, observed=seen if verdict.judged else None, **more)


def bug(identity: str, name: str, release: str = "6.18.15") -> CaseRecord:
    return case(identity, bug=BUGS[name].seen_on(release, ""), about_bug=name)


def on(*cases: CaseRecord, release: str = "6.18.15", name: str = "vm:6.18") -> Results:
    return miniatures.run(replace(miniatures.kernel(name, release, 7, 0b11), cases=[*cases]))


def drafted(results: Results, listed: list[Known] | None = None) -> str:
    return write(draft(results, listed or [], TODAY), results, TODAY)


def read_back(text: str, folder: Path) -> list[Known]:
    file = folder / "draft.toml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def shape(entries: list[Known]) -> list[tuple[str, str]]:
    return [(it.subject, it.kernel) for it in entries]


@pytest.mark.parametrize("name", ALL)
def test_with_its_draft_a_run_comes_to_no_fault_of_a_kernel(name: str, tmp_path: Path) -> None:
    results = ALL[name]()
    assert any(regressions(mark(results, [], TODAY)))
    entries = read_back(drafted(results), tmp_path)
    marked = mark(results, entries, TODAY)
    assert list(regressions(marked)) == []
    assert judged(marked, Terms(fail_on=FailOn.REGRESSION)).code is not Exit.DEVIATES
    assert list(faults(entries, marked, TODAY, whole=True)) == []
    # Each entry is needed.
    for entry in entries:
        rest = [it for it in entries if it is not entry]
        assert any(regressions(mark(results, rest, TODAY))), entry


TEXT = """\
# Known deviations, drafted by landproof 0.1.0 on 2026-11-29 from results of 2026-11-21.
# What stands here fails no run, so read it, and write in the reason why you accept it.
# An entry whose reason is TODO expires 30 days after it was added.

# == 6.18.15: 1 known bug in 2 cases, 2 cases of no known bug ==

# audit/network[fast-open], net/fast_open[sendmsg]
[[known]]
bug = "tcp-fast-open-bypass"
kernel = "6.18"
reason = "TCP Fast Open connects to any port; fixed in 7.2 and 6.12.112, in no 6.18"
source = "33cb713db016"
added = 2026-11-29

# Truncation needs a rule.
[[known]]
case = "fs/truncate[path]"
kernel = "6.18"
observed = "allowed"
reason = "TODO: allowed, where EACCES is owed; why is that accepted?"
source = "TODO"
added = 2026-11-29
expires = 2026-12-29

# Truncation needs a rule.
[[known]]
case = "net/tcp[bind]"
kernel = "6.18"
verdict = "crashed"
reason = "TODO: crashed; why is that accepted?"
source = "TODO"
added = 2026-11-29
expires = 2026-12-29
"""


def test_a_draft_says_what_its_reader_needs() -> None:
    name = "tcp-fast-open-bypass"
    assert (
        drafted(
            on(
                bug("audit/network[fast-open]", name),
                case("fs/truncate[open]", V.CONFORMS),
                case("fs/truncate[path]"),
                bug("net/fast_open[sendmsg]", name),
                case("net/tcp[bind]", V.CRASHED),
            )
        )
        == TEXT
    )


TABLES = {
    "alike": ([case("fs/a[b]"), case("fs/a[c]")], ["fs/a[*]"]),
    "alone": ([case("fs/a[b]")], ["fs/a[b]"]),
    "not-all": (
        [case("fs/a[b]"), case("fs/a[c]"), case("fs/a[d]", V.CONFORMS)],
        ["fs/a[b]", "fs/a[c]"],
    ),
    "not-all-ran": ([case("fs/a[b]"), case("fs/a[c]"), case("fs/a[d]", V.SKIPPED)], ["fs/a[*]"]),
    "not-alike": (
        [case("fs/a[b]"), replace(case("fs/a[c]"), observed=Denied(errno="EIO"))],
        ["fs/a[b]", "fs/a[c]"],
    ),
    "one-died": ([case("fs/a[b]"), case("fs/a[c]", V.HUNG)], ["fs/a[b]", "fs/a[c]"]),
    "other-tables": ([case("fs/a[b]"), case("fs/ab[c]")], ["fs/a[b]", "fs/ab[c]"]),
    "a-known-bug-beside": (
        [case("fs/a[b]"), case("fs/a[c]"), bug("fs/a[d]", "weird-files", "6.12.1")],
        ["weird-files", "fs/a[b]", "fs/a[c]"],
    ),
}


@pytest.mark.parametrize(("cases", "listed"), TABLES.values(), ids=TABLES.keys())
def test_a_table_is_joined_where_all_of_it_deviates_alike(
    cases: list[CaseRecord], listed: list[str], tmp_path: Path
) -> None:
    results = on(*cases, release="6.12.1")
    entries = read_back(drafted(results), tmp_path)
    assert [it.subject for it in entries] == listed
    assert list(regressions(mark(results, entries, TODAY))) == []


def test_what_only_looks_like_a_bug_is_a_case_whose_reason_is_open() -> None:
    text = drafted(on(bug("net/a[b]", "tcp-fast-open-bypass", "7.2.1"), release="7.2.1"))
    assert "Looks like tcp-fast-open-bypass, which 7.2.1 carries the fix of." in text
    assert 'case = "net/a[b]"' in text
    assert "\nbug =" not in text


def test_a_bug_that_only_another_landproof_knows_is_named_by_its_case() -> None:
    (entry,) = draft(on(case("net/a[b]", bug="newer-bug: it does things")), [], TODAY)
    assert (entry.known.case, entry.known.bug) == ("net/a[b]", "")


def test_a_bug_without_a_commit_is_cited_by_the_changelog_that_told_of_it(tmp_path: Path) -> None:
    (entry,) = read_back(drafted(on(bug("net/a[b]", "freed-superblock"))), tmp_path)
    assert entry.source == "https://www.kernel.org/pub/linux/kernel/v7.x/ChangeLog-7.3.2"


def test_a_kernel_is_named_by_its_series_unless_others_are_of_it(tmp_path: Path) -> None:
    one = on(case("fs/a[b]"), release="6.12.43+deb12-amd64", name="vm:6.12.43")
    assert shape(read_back(drafted(one), tmp_path)) == [("fs/a[b]", "6.12")]
    other = on(case("fs/a[b]", V.CONFORMS), release="6.12.117-amd64", name="vm:6.12.117")
    both = miniatures.run(*one.targets, *other.targets)
    assert shape(read_back(drafted(both), tmp_path)) == [("fs/a[b]", "6.12.43+deb12-amd64")]
    same = on(case("fs/a[b]", V.CONFORMS), release="6.12.43+deb12-amd64", name="local")
    both = miniatures.run(*one.targets, *same.targets)
    assert shape(read_back(drafted(both), tmp_path)) == [("fs/a[b]", "vm:6.12.43")]


def test_only_what_a_list_lacks_is_drafted_and_both_together_are_a_list(tmp_path: Path) -> None:
    results = on(bug("net/a[b]", "tcp-fast-open-bypass"), case("fs/a[b]"), case("fs/c[d]"))
    first = drafted(on(bug("net/a[b]", "tcp-fast-open-bypass"), case("fs/c[d]")))
    second = drafted(results, read_back(first, tmp_path))
    assert shape(read_back(second, tmp_path)) == [("fs/a[b]", "6.18")]
    both = read_back(first + second, tmp_path)
    assert list(regressions(mark(results, both, TODAY))) == []


OPEN = '[[known]]\ncase = "fs/a[b]"\nreason = "{}"\nsource = "{}"\nadded = 2026-11-29\n{}'
REFUSED = {
    "never-expires": ("TODO: why?", "TODO", "", "the reason is still TODO: write it, or let"),
    "late": ("TODO", "TODO", "expires = 2026-12-30\n", "or let it expire in 30 days"),
    "no-source": ("since 2020", "TODO", "", "source 'TODO' is neither a link nor a commit"),
}


@pytest.mark.parametrize(("reason", "source", "more", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_reason_that_is_open_has_to_expire_soon(
    reason: str, source: str, more: str, said: str, tmp_path: Path
) -> None:
    assert read_back(OPEN.format("TODO", "TODO", "expires = 2026-12-29\n"), tmp_path)
    with pytest.raises(UsageError) as caught:
        read_back(OPEN.format(reason, source, more), tmp_path)
    assert said in str(caught.value)


def test_open_reasons_are_told_until_they_expire() -> None:
    results = on(case("fs/a[b]"), case("fs/c[d]"), bug("net/a[b]", "tcp-fast-open-bypass"))
    entries = [it.known for it in draft(results, [], TODAY)]
    last = TODAY + timedelta(days=DRAFT_DAYS)
    told = f"2 entries say TODO: write reason and source by {last}"
    assert drafts(entries, TODAY) == drafts(entries, last) == told
    assert drafts([it for it in entries if it.bug], TODAY) == ""
    after = last + timedelta(days=1)
    assert drafts(entries, after) == ""
    lines = list(faults(entries, results, after, whole=False))
    assert len(lines) == 2
    assert lines[0].endswith(f"expired on {last}: write its reason or remove it")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    known = bug("net/a[b]", "tcp-fast-open-bypass")
    save(tmp_path / "results.json", on(known, case("fs/a[b]"), case("net/c[d]", V.LOST)))
    return tmp_path / "results.json"


def test_a_draft_is_written_once(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known.toml"
    assert main(["known", "draft", str(file), "--output", str(known)]) == Exit.CONFORMS
    out, err = capsys.readouterr()
    told = "2 entries for 2 faults; 1 with a reason to write (TODO)"
    assert (out, err) == ("", f"{told}; 1 case broken or lost, which no list excuses\n")
    assert len(read(known)) == 2
    assert main(["report", str(file), "--known", str(known)]) == Exit.CONFORMS
    assert "1 entry says TODO: write reason and source by " in capsys.readouterr().err
    # What somebody wrote into it is not written over.
    assert main(["known", "draft", str(file), "--output", str(known)]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert err == f"landproof: {known} exists: give it as --known, and append what it lacks (>>)\n"
    assert main(["known", "draft", str(file), "--known", str(known)]) == Exit.CONFORMS
    out, err = capsys.readouterr()
    assert "[[known]]" not in out
    assert "nothing deviates that is not listed" in err


def test_an_entry_that_is_stale_ends_a_draft_with_1(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known.toml"
    known.write_text(OPEN.format("not backported", "33cb713db016", 'observed = "EPERM"\n'))
    assert main(["known", "draft", str(file), "--known", str(known)]) == Exit.DEVIATES
    out, err = capsys.readouterr()
    assert 'case = "fs/a[b]"' in out
    assert f"{known}: entry 1 (fs/a[b]) matched nothing (seen: deviates, allowed): remove it" in err


WRONG = {
    "no-verb": ([], "landproof known: the following arguments are required: VERB"),
    "no-file": (["draft"], "landproof known draft: the following arguments are required: RESULTS"),
    "not-there": (["draft", "/nowhere"], "landproof: cannot read /nowhere: "),
    "no-folder": (["draft", "{}", "--output=/nowhere/x"], "landproof: cannot write /nowhere/x: "),
    "no-list": (["draft", "{}", "--known=/nowhere"], "landproof: cannot read /nowhere: "),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_one_line(arguments: list[str], said: str, file: Path) -> None:
    done = execute(landproof("known", *(it.format(file) for it in arguments)))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


CASES = '''\
from suite.judge.expectation import always
from suite.judge.outcome import Denied

def test_deviates(process, judge):
    """No process has a number."""
    judge(always(Denied("EACCES")), process.observe(lambda p: p.getpid()))
'''


def test_a_run_with_its_own_draft_ends_with_0(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, CASES)
    results, known = tmp_path / "results.json", tmp_path / "known.toml"
    check = ["check", "--full", f"--results={results}"]
    assert execute(landproof(*check, cases=cases)).returncode == Exit.DEVIATES
    done = execute(landproof("known", "draft", str(results), f"--output={known}"))
    assert done.returncode == Exit.CONFORMS
    done = execute(landproof(*check, f"--known={known}", cases=cases))
    assert (done.returncode, "TODO" in done.stderr) == (Exit.CONFORMS, True)
    (target,) = load(results).targets
    assert [(it.verdict.fault, it.known[:4]) for it in target.cases] == [(Fault.KERNELS, "TODO")]
