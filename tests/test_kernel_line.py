# SPDX-License-Identifier: MIT
"""The line of a kernel: what it claims and what it provides, on miniature kernels."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from reports.kernel_line import KernelLine, summarize
from suite.judge.outcome import Allowed, Denied, Outcome
from suite.judge.records import CaseRecord, Verdict
from suite.judge.standing import Standing
from tests.abi_miniature import FEATURES, at_abi_11
from tests.report_miniatures import BUG, EINVAL, claim, kernel, zoo

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


def test_known_bugs_are_named_once() -> None:
    assert line_of("vm:7.0").bugs == (BUG,)


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
        "provides ABI 4: fs.ioctl_dev is deviating, scope.signal is rejected with EINVAL",
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
