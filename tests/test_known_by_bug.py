# SPDX-License-Identifier: MIT
"""Entries of a list of known deviations that name a bug instead of cases."""

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.known import Known, faults, mark
from reports.results import load
from suite.errors import Exit
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import CaseRecord, Results, Verdict
from suite.judge.verdict import NOT_FIXED
from suite.landlock.bugs import BUGS, SIGIO_BYPASS, TCP_FAST_OPEN_BYPASS
from tests.report_miniatures import kernel, run
from tests.runs import landproof, write_cases
from tests.runs import run as execute

TODAY = date(2026, 11, 29)
VENDOR = "5.14.0-611.5.1.el9_7"
EACCES = Denied(errno="EACCES")
V = Verdict


def entry(bug: str, on: str = "", verdict: Verdict = V.DEVIATES, observed: str = "") -> Known:
    return Known(
        bug=bug,
        kernel=on,
        verdict=verdict,
        observed=observed,
        reason="not backported",
        source="33cb713db016",
        added=TODAY,
    )


def shows(case: str, release: str, name: str = "tcp-fast-open-bypass") -> CaseRecord:
    """A case that shows a bug, on a kernel of this release."""
    return CaseRecord(
        id=case,
        verdict=V.DEVIATES,
        expected=EACCES,
        observed=Allowed(),
        bug=BUGS[name].seen_on(release, "#1 SMP"),
        about_bug=name,
    )


def misses(case: CaseRecord, verdict: Verdict = V.CONFORMS) -> CaseRecord:
    """The same case on a kernel without the bug, or one that can't be asked."""
    return replace(case, verdict=verdict, observed=EACCES, bug="")


def erratum(verdict: Verdict, clause: str, reason: str = "") -> CaseRecord:
    seen = EACCES if verdict is V.CONFORMS else Allowed()
    return CaseRecord(
        id="history/whiteouts[mknod]",
        verdict=verdict,
        expected=EACCES,
        observed=seen,
        clause=clause,
        reason=reason,
    )


FALSE_CLAIM = erratum(V.DEVIATES, "ABI 1+, erratum 4 fixed", f"erratum 4 is {NOT_FIXED}")


def on(release: str, *cases: CaseRecord) -> Results:
    return run(replace(kernel(f"vm:{release}", release, 6, 0b11), cases=[*cases]))


TCP = "tcp-fast-open-bypass"
HERE = "6.18.15"
ONE = shows("net/fast_open[sendmsg]", HERE)
MARKED = {
    "the-bug": (entry(TCP), HERE, ONE, True),
    "in-any-case": (entry(TCP), HERE, replace(ONE, id="audit/network[fast-open]"), True),
    "another-bug": (entry("sigio-bypass"), HERE, ONE, False),
    "its-series": (entry(TCP, "6.18"), HERE, ONE, True),
    "another-kernel": (entry(TCP, "6.12"), HERE, ONE, False),
    "its-outcome": (entry(TCP, observed="allowed"), HERE, ONE, True),
    "another-outcome": (entry(TCP, observed="EPERM"), HERE, ONE, False),
    "a-vendor-may-have-it": (entry(TCP), VENDOR, shows("net/a[b]", VENDOR), True),
    "the-fix-is-in": (entry(TCP), "7.2.1", shows("net/a[b]", "7.2.1"), False),
    "too-old-for-it": (entry(TCP), "6.1.1", shows("net/a[b]", "6.1.1"), False),
    "another-deviation-of-its-case": (entry(TCP), HERE, replace(ONE, bug=""), False),
    "erratum": (entry("erratum 4"), HERE, FALSE_CLAIM, True),
    "another-erratum": (entry("erratum 3"), HERE, FALSE_CLAIM, False),
    "something-else-of-its-case": (
        entry("erratum 4"),
        HERE,
        replace(FALSE_CLAIM, observed=Denied(errno="EIO"), reason=""),
        False,
    ),
}


@pytest.mark.parametrize(("known", "release", "case", "fits"), MARKED.values(), ids=MARKED.keys())
def test_a_bug_excuses_each_case_that_shows_it(
    known: Known, release: str, case: CaseRecord, fits: bool
) -> None:
    (marked,) = mark(on(release, case), [known], TODAY).targets[0].cases
    assert marked.known == (f"{known.reason} (33cb713db016)" if fits else "")


FIXED = "matched nothing (seen: conforms): remove it"
FAULTS = {
    "shown": ([ONE, misses(ONE)], ""),
    "fixed": ([misses(ONE)], f"entry 1 ({TCP} on 6.18) {FIXED}"),
    "only-like-it": (
        [replace(ONE, bug=TCP_FAST_OPEN_BYPASS.seen_on("7.2.1", ""))],
        "(seen: deviates, allowed, looks like tcp-fast-open-bypass, which 7.2.1 carries the fix of",
    ),
    "could-not-be-asked": ([misses(ONE, V.SKIPPED), misses(ONE, V.BROKEN)], ""),
    "other-cases-ran": ([misses(shows("history/sigio[x]", HERE, "sigio-bypass"))], ""),
    "results-of-before": ([replace(misses(ONE), about_bug="")], ""),
}


@pytest.mark.parametrize(("cases", "said"), FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("whole", [True, False])
def test_a_bug_that_is_gone_is_a_fault_of_the_list(
    cases: list[CaseRecord], said: str, whole: bool
) -> None:
    found = [*faults([entry(TCP, "6.18")], on(HERE, *cases), TODAY, whole=whole)]
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_an_erratum_that_is_fixed_or_no_longer_claimed_is_a_fault_of_the_list() -> None:
    def told(case: CaseRecord) -> list[str]:
        return [*faults([entry("erratum 4")], on(HERE, case), TODAY, whole=False)]

    assert told(FALSE_CLAIM) == []
    assert told(erratum(V.CONFORMS, "ABI 1+, erratum 4 fixed")) == [f"entry 1 (erratum 4) {FIXED}"]
    unfixed = erratum(V.UNFIXED, "ABI 1+, erratum 4 not fixed")
    assert "(seen: unfixed): remove it" in told(unfixed)[0]


CASES = '''\
from suite.judge.expectation import ByBug, since
from suite.judge.outcome import Allowed, Denied
from suite.landlock.abi import LANDLOCK, SCOPE
from suite.landlock.bugs import SIGIO_BYPASS

def owed(before):
    return since((), ByBug(SIGIO_BYPASS, before=before, after=Denied("EPERM")))

def test_shows(process, judge):
    """A number is what a kernel with the bug gives."""
    judge(owed(Allowed()), process.observe(lambda p: p.getpid()))

def test_otherwise(process, judge):
    """A number is not what such a kernel gives."""
    judge(owed(Denied("EACCES")), process.observe(lambda p: p.getpid()))
'''
LIST = '[[known]]\nbug = "{}"\nreason = "r"\nsource = "4b80320ca7ed"\nadded = 2026-11-29\n'


def test_a_run_records_which_bug_a_case_is_about_and_holds_the_list_against_it(
    tmp_path: Path,
) -> None:
    cases, file, known = write_cases(tmp_path, CASES), tmp_path / "r.json", tmp_path / "known.toml"
    known.write_text(LIST.format("sigio-bypass"))

    def check(*arguments: str) -> tuple[int, list[str]]:
        done = execute(landproof("check", f"--known={known}", *arguments, cases=cases))
        return done.returncode, done.stderr.splitlines()[1:]

    code, said = check("--full", f"--results={file}")
    (target,) = load(file).targets
    assert [case.about_bug for case in target.cases] == ["sigio-bypass"] * 2
    assert target.facts
    may_have_it = ", which " not in SIGIO_BYPASS.seen_on(target.facts.release, target.facts.version)
    assert code == Exit.DEVIATES  # one of both is a deviation of no known bug
    assert "regression: mini/cases[otherwise] deviates on local" in said
    assert bool(target.cases[1].known) == may_have_it
    code, said = check("-kotherwise")
    stale = f"{known}: entry 1 (sigio-bypass) matched nothing (seen: deviates, allowed): remove it"
    assert (code, said[0]) == (Exit.DEVIATES, stale)
