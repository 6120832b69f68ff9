# SPDX-License-Identifier: MIT
"""The line of a kernel: what it claims and what it provides, on miniature kernels."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from reports.kernel_line import KernelLine, summarize
from suite.judge.absence import CREATE_RULESET
from suite.judge.outcome import Allowed, Denied, Outcome
from suite.judge.records import CaseRecord, Verdict, accepts
from suite.judge.standing import Standing
from tests.abi_miniature import FEATURES, at_abi_11
from tests.report_miniatures import (
    BUG,
    EINVAL,
    claim,
    contradicted_bug,
    kernel,
    looks_like_bug,
    more,
    whiteout,
    zoo,
)

pytestmark = pytest.mark.usefixtures("abi_11")


def line_of(name: str) -> KernelLine:
    return next(summarize(target) for target in zoo().targets if target.name == name)


LINES = {
    "vm:5.10": "no Landlock (ENOSYS: not built: Landlock came with Linux 5.13)",
    "vm:6.1": "no Landlock (EOPNOTSUPP: disabled at boot)",
    "vm:6.6": "claims ABI 3 (no errata interface); provides ABI 3",
    "vm:6.9": "claims ABI 4 (no errata interface); provides: not established (of 30 claims cases, "
    "5 broken: the control failed: ENOSPC); 5 broken",
    "vm:el9": "claims ABI 6 errata none; "
    "provides ABI 5: scope.signal is rejected with EINVAL; 2 deviations",
    "vm:6.12": "claims ABI 6 errata {1,2}; provides ABI 6",
    "vm:6.12u": "claims ABI 6 errata {1}; provides ABI 6; also accepts net.bind_udp; 1 deviation",
    "vm:6.18": "claims ABI 7 errata {1,2,3}; provides ABI 7; 1 crashed, 6 lost",
    "vm:7.0": "claims ABI 8 errata {1,2,3,4}; provides ABI 8; 1 deviation",
    "vm:next": "claims ABI 13 errata {1,2,3,4,7}; "
    "provides at least ABI 11, the newest that landproof knows",
    "vm:7.9": "never came up: no agent after 60 s; 12 lost",
}


@pytest.mark.parametrize(("name", "line"), LINES.items(), ids=LINES.keys())
def test_the_line_of_a_kernel(name: str, line: str) -> None:
    assert str(line_of(name)) == line


def test_a_skipped_claim_about_no_feature_leaves_nothing_open() -> None:
    hearsay = CaseRecord(id="claims/hearsay", verdict=Verdict.SKIPPED, reason="runs in VMs only")
    feature = replace(hearsay, covers=["fs.execute"])
    whole = next(target for target in zoo().targets if target.name == "vm:6.12")
    assert summarize(replace(whole, cases=[*whole.cases, hearsay])).provided == 6
    assert summarize(replace(whole, cases=[*whole.cases, feature])).provided is None


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(), "no Landlock (ENOSYS: not built)"),
        # What is behind a filter was not seen.
        (
            Standing(filtered={CREATE_RULESET: "ENOSYS"}),
            "no Landlock (ENOSYS: a seccomp filter answers landlock_create_ruleset); provides: "
            "not established (of 2 claims cases, 1 skipped: needs TCP/IP)",
        ),
    ],
    ids=["not-built", "filtered"],
)
def test_a_skipped_claim_leaves_a_kernel_without_landlock_nothing(
    standing: Standing, said: str
) -> None:
    claims = [
        CaseRecord(id="claims/network[a]", verdict=Verdict.ABSENT, covers=["net.bind_tcp"]),
        CaseRecord(
            id="claims/network[b]",
            verdict=Verdict.SKIPPED,
            covers=["net.connect_tcp"],
            reason="needs TCP/IP",
        ),
    ]
    target = replace(kernel("vm:own", "7.3.4-own", 0, missing="ENOSYS"), cases=claims)
    assert target.facts
    line = summarize(replace(target, facts=replace(target.facts, standing=standing)))
    assert str(line) == said


def test_known_bugs_are_named_once() -> None:
    assert line_of("vm:7.0").bugs == (BUG,)


def test_a_likeness_is_named_unless_the_release_has_the_fix() -> None:
    likely = summarize(kernel("k", "7.0", 8, change=looks_like_bug))
    other = summarize(kernel("k", "7.0.2", 8, change=contradicted_bug))
    assert (likely.bugs, other.bugs) == ((f"looks like {BUG}",), ())
    assert other.faults == "1 deviation"


def test_what_the_cases_ran_under_is_a_note() -> None:
    whole = next(target for target in zoo().targets if target.name == "vm:6.12")
    assert whole.facts
    standing = Standing(no_new_privs=True, seccomp=2, filtered={"bpf": "EPERM"})
    line = summarize(replace(whole, facts=replace(whole.facts, standing=standing)))
    assert line.notes == ("the cases ran confined: no_new_privs is set; seccomp filters bpf",)


def test_what_is_newer_than_landproof_is_a_note_and_no_fault() -> None:
    line = line_of("vm:next")
    assert line.notes == (
        "ABI 13 is newer than landproof knows (ABI 11)",
        "erratum 7 is newer than landproof knows",
    )
    assert line.faults == ""


def test_what_a_kernel_takes_beyond_its_claim() -> None:
    def unknown(row: str, verdict: Verdict, *names: str) -> CaseRecord:
        return CaseRecord(id=f"claims/unknown[{row}]", verdict=verdict, observed=accepts(names))

    line = with_claims(
        denied("net.bind_udp", answer=Allowed()),
        unknown("net", Verdict.DEVIATES, "net.bind_udp", "net bit 4"),
        unknown("type", Verdict.DEVIATES, "rules of type 3"),
        unknown("fs", Verdict.LOST, "fs bit 17"),
    )
    assert line.also == ("net.bind_udp", "net bit 4", "rules of type 3")
    assert line.provided is None  # a claims case was lost
    assert "also accepts net.bind_udp, net bit 4, rules of type 3" in str(line)


ERRATA = {
    "claimed-and-fixed": (whiteout(0b1000, fixed=True), 0b1000, ""),
    "neither": (whiteout(0, fixed=False), 0, ""),
    "claimed-alone": (whiteout(0b1000, fixed=False), 0b1000, "errata: 4 claimed, not fixed"),
    "fixed-alone": (whiteout(0, fixed=True), 0, "erratum 4 fixed, not claimed"),
    "no-interface": (whiteout(None, fixed=True), None, ""),
    # Another outcome than before the fix tells nothing of the erratum.
    "another-outcome": (
        replace(whiteout(0b1000, fixed=False), observed=Denied("EPERM"), reason=""),
        0b1000,
        "",
    ),
    "unheard": (replace(whiteout(0b1000, fixed=False), verdict=Verdict.LOST), 0b1000, ""),
}


@pytest.mark.parametrize(("case", "errata", "said"), ERRATA.values(), ids=ERRATA)
def test_errata_that_a_kernel_is_wrong_about(
    case: CaseRecord, errata: int | None, said: str
) -> None:
    line = summarize(more(kernel("k", "1.0", 6, errata), case))
    assert line.fixes == said
    assert [part for part in str(line).split("; ") if "fixed" in part] == ([said] if said else [])


def test_errata_are_told_together() -> None:
    def about(number: int, *, claimed: bool, fixed: bool, row: str = "") -> CaseRecord:
        case = whiteout(0b1000 if claimed else 0, fixed=fixed)
        return replace(
            case,
            id=f"history/x[{number}{row}]",
            clause=case.clause.replace("erratum 4", f"erratum {number}"),
            reason=case.reason.replace("erratum 4", f"erratum {number}"),
        )

    line = summarize(
        more(
            kernel("k", "1.0", 6, 0b0101),
            about(1, claimed=True, fixed=False),
            about(2, claimed=False, fixed=True),
            about(3, claimed=True, fixed=False),
            about(3, claimed=True, fixed=True, row="-part"),
            about(4, claimed=False, fixed=True),
            about(4, claimed=False, fixed=False, row="-part"),  # not fixed in full
        )
    )
    assert line.fixes == "errata: 1, 3 claimed, not fixed; erratum 2 fixed, not claimed"


def test_counts_keep_the_order_of_verdicts() -> None:
    assert list(line_of("vm:6.12u").counts.items()) == [
        (Verdict.CONFORMS, 30),
        (Verdict.ABSENT, 10),
        (Verdict.UNFIXED, 1),
        (Verdict.DEVIATES, 1),
        (Verdict.SKIPPED, 1),
    ]


def test_a_filtered_kernel_says_so() -> None:
    blocked = summarize(kernel("k", "6.12", 0, missing="EPERM"))
    assert str(blocked) == "no Landlock (EPERM: blocked, and no filter was seen that does it)"
    assert summarize(kernel("k", "6.12", 0)).claims == "no Landlock (no reason given)"


@at_abi_11()
def with_claims(
    change: Callable[[str], CaseRecord | None], *more: CaseRecord, abi: int = 6
) -> KernelLine:
    """The line of a kernel whose claims cases ``change`` replaces, by label."""
    cases = [change(label) or claim(label, abi) for label in FEATURES if label != "create.errata"]
    target = kernel("k", "1.0", abi, 0)
    return summarize(replace(target, cases=[*cases, *more]))


def denied(*labels: str, answer: Outcome = EINVAL) -> Callable[[str], CaseRecord | None]:
    """Claims cases of these features deviate."""

    def change(label: str) -> CaseRecord | None:
        if label not in labels:
            return None
        return replace(claim(label, 6, accepts=False), observed=answer)

    return change


def together(verdict: Verdict, *labels: str, reason: str = "") -> CaseRecord:
    """One claims case that covers several features."""
    return CaseRecord(
        id="claims/together[all]", verdict=verdict, covers=[*labels], observed=EINVAL, reason=reason
    )


def silent(*labels: str) -> Callable[[str], CaseRecord | None]:
    """Claims cases of these features hung."""

    def change(label: str) -> CaseRecord | None:
        if label not in labels:
            return None
        return replace(claim(label, 6), verdict=Verdict.HUNG, reason="no answer in 5 s\nconsole")

    return change


PROVIDES = {
    "the-oldest-missing-feature-counts": (
        with_claims(denied("scope.signal", "fs.refer")),
        "provides ABI 1: fs.refer and scope.signal are rejected with EINVAL",
        1,
    ),
    "nothing-in-full": (
        with_claims(denied("fs.execute", answer=Denied(errno="EPERM"))),
        "provides no ABI version in full: fs.execute is failing with EPERM",
        0,
    ),
    "different-answers-are-told-apart": (
        with_claims(
            lambda label: (
                denied("scope.signal")(label)
                or denied("fs.ioctl_dev", answer=Allowed(value=7))(label)
            )
        ),
        "provides ABI 4: fs.ioctl_dev is accepted and not enforced, scope.signal is rejected with "
        "EINVAL",
        4,
    ),
    "many-features-are-cut-short": (
        with_claims(denied(*FEATURES)),
        "provides no ABI version in full: fs.execute, fs.write_file, fs.read_file and 18 more are "
        "rejected with EINVAL",
        0,
    ),
    "a-common-case-blames-what-no-other-cleared": (
        with_claims(
            denied("scope.signal"),
            together(Verdict.DEVIATES, "fs.execute", "fs.truncate", "scope.signal"),
        ),
        "provides ABI 5: scope.signal is rejected with EINVAL",
        5,
    ),
    "a-common-case-blames-all-when-each-alone-is-well": (
        with_claims(lambda _: None, together(Verdict.DEVIATES, "fs.truncate", "scope.signal")),
        "provides ABI 2: fs.truncate and scope.signal are rejected with EINVAL",
        2,
    ),
    "the-errata-interface-belongs-to-no-version": (
        with_claims(lambda _: None, together(Verdict.DEVIATES, "create.errata")),
        "provides ABI 6",
        6,
    ),
    "unknown-features-are-nobodys-version": (
        with_claims(lambda _: None, together(Verdict.DEVIATES, "fs.teleport")),
        "provides ABI 6",
        6,
    ),
    "a-newer-feature-rejected-oddly-is-not-accepted": (
        with_claims(denied("net.bind_udp", answer=Denied(errno="EPERM"))),
        "provides ABI 6",
        6,
    ),
    "silence-leaves-it-open": (
        with_claims(silent("fs.execute")),
        "provides: not established (of 30 claims cases, 1 hung: no answer in 5 s)",
        None,
    ),
    "silence-leaves-an-upper-bound": (
        with_claims(
            lambda label: denied("scope.signal")(label) or silent("fs.execute", "fs.refer")(label)
        ),
        "provides at most ABI 5: scope.signal is rejected with EINVAL; "
        "of 30 claims cases, 2 hung: no answer in 5 s",
        None,
    ),
    "no-claims-case": (
        summarize(replace(kernel("k", "1.0", 6), cases=[])),
        "provides: not established (no claims case ran)",
        None,
    ),
}


@pytest.mark.parametrize(("line", "text", "version"), PROVIDES.values(), ids=PROVIDES.keys())
def test_what_a_kernel_provides(line: KernelLine, text: str, version: int | None) -> None:
    assert line.provides == text
    assert line.provided == version
