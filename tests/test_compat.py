# SPDX-License-Identifier: MIT
"""Compatibility data: what it says of miniature kernels, and that it is what its schema says."""

import json
from collections.abc import Callable

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace

from reports.compat import view
from reports.compat.build import build
from reports.compat.document import (
    VERSION,
    AbiState,
    Bugged,
    Compat,
    Fixed,
    State,
    Support,
)
from reports.render import render
from reports.schema import COMPAT
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from suite.landlock.abi import CREATE
from tests.abi_miniature import ABIS, FEATURES, at_abi_11
from tests.report_miniatures import (
    E2BIG,
    EINVAL,
    claim,
    compat_zoo,
    contradicted_bug,
    kernel,
    looks_like_bug,
    more,
    run,
    seventeenth,
)

pytestmark = pytest.mark.usefixtures("abi_11")
with at_abi_11():
    ZOO = build(compat_zoo())
SCHEMA = json.loads(COMPAT.path.read_text(encoding="utf-8"))


def states(compat: Compat, label: str) -> dict[str, str]:
    return {name: on.state.value for name, on in compat.features[label].support.items()}


def support(target: TargetRecord, label: str) -> Support:
    (only,) = build(run(target)).features[label].support.values()
    return only


def row(compat: Compat, label: str) -> view.FeatureRow:
    return next(it for it in view.features(compat) if it.name == label)


def test_the_file_is_what_its_schema_says() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = render(compat_zoo(), "compat")
    jsonschema.validate(json.loads(text), SCHEMA)
    assert msgspec.json.decode(text, type=Compat) == ZOO


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: it["features"]["fs.truncate"]["support"]["6.6"].update(state="maybe"),
        lambda it: it["errata"]["4"].pop("support"),
        lambda it: it["kernels"]["6.6"].update(abi="3"),
        lambda it: it.update(schema=VERSION - 1),
        lambda it: it["bugs"]["cred-transfer"].update(impact="dreadful"),
        lambda it: it["features"]["fs.truncate"]["by_abi"]["2"].pop("by"),
    ],
)
def test_the_schema_refuses_anything_else(spoil: Callable[[object], object]) -> None:
    content = json.loads(render(compat_zoo(), "compat"))
    spoil(content)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)


def test_a_likeness_is_told_as_one_unless_the_release_has_the_fix() -> None:
    likely = build(run(kernel("el9", "5.14.0-1.el9", 8, change=looks_like_bug)))
    found = likely.features["restrict.tsync"].support["el9"]
    assert (found.bugs, found.alike, found.deviations) == ([], ["cred-transfer"], [])
    assert [label for label, _ in row(likely, "restrict.tsync").notes] == ["looks like"]
    other = build(run(kernel("7.0", "7.0.2", 8, change=contradicted_bug)))
    found = other.features["restrict.tsync"].support["7.0"]
    assert (found.bugs, found.alike) == ([], [])
    assert found.deviations == ["syscalls/restrict[tsync]"]


def about(verdict: Verdict, bug: str = "") -> CaseRecord:
    """The case that tells kernels with TCP Fast Open's bug from those with its fix."""
    return CaseRecord(
        id="history/tcp_fast_open[ipv4]",
        verdict=verdict,
        covers=["net.connect_tcp"],
        expected=Denied(errno="EACCES"),
        observed=Allowed() if bug else Denied(errno="EACCES"),
        about_bug="tcp-fast-open-bypass",
        bug=bug,
    )


TOLD = 'tcp-fast-open-bypass: "landlock: …" (33cb713db016), fixed in 7.2, 6.12.112'
LIKE = f"looks like {TOLD}"
UNLIKE = "looks like tcp-fast-open-bypass, which 6.12.117 carries the fix of: …"


@pytest.mark.parametrize(
    ("release", "record", "state", "by_release", "affected"),
    [
        ("6.12.80", about(Verdict.DEVIATES, TOLD), Bugged.SEEN, True, True),
        ("5.14.0-1.el9", about(Verdict.DEVIATES, LIKE), Bugged.ALIKE, None, True),
        ("6.12.117", about(Verdict.DEVIATES, UNLIKE), Bugged.ALIKE, False, True),
        ("6.12.117", about(Verdict.CONFORMS), Bugged.UNSEEN, False, False),
        ("5.14.0-1.el9", about(Verdict.CONFORMS), Bugged.UNSEEN, None, False),
        ("6.12.80", about(Verdict.CONFORMS), Bugged.UNSEEN, True, None),
        ("6.12.80", about(Verdict.SKIPPED), Bugged.UNKNOWN, True, True),
        ("6.13.4", about(Verdict.ABSENT), Bugged.UNKNOWN, True, True),
        ("6.6.10", about(Verdict.BROKEN), Bugged.UNKNOWN, False, False),
        ("5.14.0-1.el9", about(Verdict.LOST), Bugged.UNKNOWN, None, None),
    ],
)
def test_a_kernel_has_a_bug_by_what_was_seen_and_by_its_release(
    release: str, record: CaseRecord, state: Bugged, by_release: bool | None, affected: bool | None
) -> None:
    compat = build(run(more(kernel("vm:x", release, 6), record)))
    on = compat.bugs["tcp-fast-open-bypass"].support["x"]
    assert (on.state, on.by_release, on.affected) == (state, by_release, affected)
    assert on.cases == ([record.id] if state in (Bugged.SEEN, Bugged.ALIKE) else [])


def test_the_bug_of_an_erratum_is_seen_where_the_erratum_is_unfixed() -> None:
    on = ZOO.bugs["erratum 4"].support
    assert {name: it.state for name, it in on.items()} == {
        "5.10": Bugged.INAPPLICABLE,
        "6.6": Bugged.UNSEEN,
        "el9": Bugged.SEEN,
        "6.12u": Bugged.UNSEEN,
        "7.0": Bugged.UNSEEN,
        "7.1": Bugged.SEEN,
        "7.9": Bugged.UNKNOWN,
    }
    assert ZOO.errata["4"].bug == "erratum 4"
    assert ZOO.bugs["erratum 4"].erratum == 4
    (seen,) = (it for it in view.bugs(ZOO) if it.name == "erratum 4")
    assert (seen.affected, seen.unclear) == ("el9, 7.1", "")


def test_where_release_and_cases_contradict_each_other_it_is_told() -> None:
    compat = build(run(more(kernel("vm:6.12", "6.12.80", 6), about(Verdict.CONFORMS))))
    (seen,) = (it for it in view.bugs(compat) if it.name == "tcp-fast-open-bypass")
    assert (seen.affected, seen.unclear) == ("", "not seen, though its release has it: 6.12")


@pytest.mark.parametrize("has", [True, False])
def test_the_errata_interface_may_be_there_below_its_version(*, has: bool) -> None:
    record = claim("create.errata", 1, accepts=has)
    compat = build(run(more(kernel("vm:6.1", "6.1.176", 2, 0 if has else None), record)))
    on = compat.features["create.errata"].by_abi["2"]
    assert (on.state, on.errno, on.kernels) == (AbiState.VARIES, "EINVAL", ["6.1"])


def test_a_kernel_that_claims_and_does_not_provide_is_told_apart() -> None:
    assert states(ZOO, "scope.signal") == {
        "5.10": "absent",
        "6.6": "absent",
        "el9": "lacking",
        "6.12u": "provided",
        "7.0": "provided",
        "7.1": "provided",
        "7.9": "unknown",
    }
    assert ZOO.features["scope.signal"].support["el9"].answers == [EINVAL]
    assert row(ZOO, "scope.signal").provided == (
        "6.12u … 7.1",
        "claimed but not provided: el9 (create_ruleset: EINVAL)",
    )


def test_a_right_that_is_accepted_and_denies_nothing_is_lacking() -> None:
    idle = CaseRecord(
        id="claims/files[fs-truncate]",
        verdict=Verdict.DEVIATES,
        covers=["fs.truncate"],
        expected=Denied(errno="EACCES"),
        observed=Allowed(),
    )
    found = support(more(kernel("vm:6.6", "6.6.13", 3), idle), "fs.truncate")
    assert (found.state, found.answers) == (State.LACKING, [Allowed()])


def test_a_feature_that_is_accepted_without_a_claim() -> None:
    assert states(ZOO, "net.bind_udp")["6.12u"] == "unclaimed"
    assert "accepted without a claim: 6.12u" in row(ZOO, "net.bind_udp").provided


def test_a_feature_that_nobody_measured_is_unknown() -> None:
    def unheard(case: CaseRecord) -> CaseRecord:
        about = "fs.truncate" in case.covers
        return replace(case, verdict=Verdict.SKIPPED, observed=None) if about else case

    compat = build(run(kernel("vm:6.6", "6.6.13", 3, change=unheard)))
    assert states(compat, "fs.truncate") == {"6.6": "unknown"}
    assert row(compat, "fs.truncate").provided == ("not measured: 6.6",)
    assert states(compat, "fs.refer") == {"6.6": "provided"}


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.CONFORMS, State.PROVIDED),
        (Verdict.DEVIATES, State.LACKING),
        (Verdict.BROKEN, State.UNKNOWN),
        (Verdict.ABSENT, State.UNKNOWN),
    ],
)
def test_what_the_claims_leave_open_another_case_may_show(verdict: Verdict, state: State) -> None:
    skipped = replace(claim("fs.truncate", 3), id="claims/x", verdict=Verdict.SKIPPED)
    target = more(kernel("vm:6.6", "6.6.13", 3), skipped)
    cases = [replace(it, verdict=verdict) if "path" in it.id else it for it in target.cases]
    assert support(replace(target, cases=cases), "fs.truncate").state == state


def test_who_asks_below_is_told_the_answer_seen() -> None:
    assert row(ZOO, "fs.ioctl_dev").below == ("ABI 3 (6.6): create_ruleset: EINVAL",)
    assert "No Landlock: whatever it is asked for, 5.10 answers create_ruleset: EINVAL." in set(
        view.introduction(ZOO)
    )


def test_only_the_answer_to_the_feature_alone_counts() -> None:
    both = replace(claim("net.bind_tcp", 3), id="claims/both", covers=["net.bind_tcp", "fs.refer"])
    said = replace(claim("net.bind_tcp", 3), id="claims/said", observed=Seen("true: allowed"))
    other = replace(both, observed=Denied(errno="EPERM"))
    found = support(more(kernel("vm:6.6", "6.6.13", 3), other, said), "net.bind_tcp")
    assert (found.state, found.answers) == (State.ABSENT, [EINVAL])


def test_only_the_call_that_takes_a_feature_refuses_it() -> None:
    """The attribute may be refused before the flag is seen, and the caller before either."""

    def answered(label: str, *outcomes: Outcome) -> Support:
        target = kernel("vm:6.6", "6.6.13", 3)
        absent = replace(claim(label, 3), id="claims/x", verdict=Verdict.ABSENT)
        cases = [replace(absent, id=f"claims/{it}", observed=it) for it in outcomes]
        kept = [it for it in target.cases if label not in it.covers]
        return support(replace(target, cases=[*kept, *cases]), label)

    masks, flag = Rejected("create_ruleset", "E2BIG"), Rejected("add_rule", "EINVAL")
    found = answered("add_rule.quiet", masks, flag)
    assert (found.state, found.answers, found.otherwise) == (State.ABSENT, [flag], [masks])
    found = answered("add_rule.quiet", masks)
    assert (found.state, found.answers, found.otherwise) == (State.UNKNOWN, [], [masks])
    caller, flag = Rejected("restrict_self", "EPERM"), Rejected("restrict_self", "EINVAL")
    found = answered("restrict.no_new_privs", caller, flag)
    assert (found.state, found.answers, found.otherwise) == (State.ABSENT, [flag], [caller])


def test_the_other_answers_are_a_note() -> None:
    masks = replace(claim("add_rule.quiet", 3), id="claims/masks", observed=E2BIG)
    compat = build(run(more(kernel("vm:6.6", "6.6.13", 3), masks)))
    assert row(compat, "add_rule.quiet").below == ("ABI 3 (6.6): add_rule: EINVAL",)
    assert row(compat, "add_rule.quiet").notes == (
        (
            "also answered",
            "restrict_self: E2BIG on 6.6,"
            " where more was asked for with it, or the caller lacked a privilege",
        ),
    )


def test_the_errata_interface_is_backported() -> None:
    def claimed(errata: int | None) -> str:
        record = claim("create.errata", 1, accepts=errata is not None)
        return support(more(kernel("vm:6.1", "6.1.176", 2, errata), record), "create.errata").state

    assert ZOO.features["create.errata"].abi == 7
    assert (claimed(0), claimed(None)) == ("provided", "absent")


def test_notes_name_bugs_errata_and_deviations() -> None:
    labels = [label for label, _ in row(ZOO, "fs.make_reg").notes]
    assert labels == ["erratum 4", "deviates"]
    (note,) = row(ZOO, "restrict.tsync").notes
    assert note[0] == "known bug"
    assert note[1].startswith("cred-transfer on 7.0: keyctl(2) in a child takes")


def test_an_erratum_is_what_was_seen_whatever_is_claimed() -> None:
    found = ZOO.errata["4"].support
    assert {name: (on.state.value, on.claimed) for name, on in found.items()} == {
        "5.10": ("inapplicable", False),
        "6.6": ("fixed", False),  # no errata interface
        "el9": ("unfixed", False),
        "6.12u": ("fixed", False),  # fixed in place
        "7.0": ("fixed", True),
        "7.1": ("unfixed", True),
        "7.9": ("unknown", False),
    }
    assert ZOO.errata["4"].features == ["fs.make_char", "fs.make_reg"]
    (seen,) = (it for it in view.errata(ZOO) if it.number == "4")
    assert (seen.fixed, seen.unfixed) == ("6.6, 6.12u, 7.0", "el9, 7.1")
    assert seen.remarks == ("fixed without a claim: 6.6, 6.12u", "claimed but not fixed: 7.1")


def test_a_third_behaviour_neither_fixes_nor_does_not() -> None:
    def other(case: CaseRecord) -> CaseRecord:
        odd = Denied(errno="EIO")
        return replace(case, observed=odd) if "whiteouts" in case.id else case

    results = compat_zoo()
    liar = next(it for it in results.targets if it.name == "vm:7.1")
    liar.cases[:] = map(other, liar.cases)
    assert build(results).errata["4"].support["7.1"].state is Fixed.UNCLEAR


def test_limits_are_measured_by_the_cases_that_show_them() -> None:
    seen = {it.name: it.seen for it in view.limits(ZOO)}
    assert seen["layers"] == (
        "holds on 6.6, 7.0 (past it: restrict_self: E2BIG)",
        "another limit on el9 (allowed)",
        "not measured: 6.12u, 7.1",
    )
    assert seen["port"] == ("not measured: 6.6 … 7.1",)
    assert seen["rules"][0].startswith("not measured: A rule takes at least 40 bytes")


def test_below_a_limit_counts_what_the_limit_is_about() -> None:
    """A port may be refused with the ruleset that it is for, before the rule is seen."""
    ruleset = replace(seventeenth(EINVAL), id="x", answers=["sys-ar-port-range"])
    rule = Rejected("add_rule", "EINVAL")
    kind = replace(seventeenth(rule), id="y", answers=["sys-ar-type-net-lowabi"])
    compat = build(run(more(kernel("vm:6.1", "6.1.176", 2), ruleset, kind)))
    found = compat.limits["port"].support["6.1"]
    assert (found.state, found.answers) == (State.ABSENT, [rule])
    compat = build(run(more(kernel("vm:6.1", "6.1.176", 2), ruleset)))
    assert compat.limits["port"].support["6.1"].state is State.UNKNOWN


def test_a_limit_that_was_not_passed_may_be_higher() -> None:
    taken = replace(seventeenth(Allowed()), verdict=Verdict.CONFORMS)
    compat = build(run(more(kernel("vm:6.6", "6.6.13", 3), taken)))
    assert compat.limits["layers"].support["6.6"].state is State.UNKNOWN


def test_the_least_is_not_the_most() -> None:
    small = replace(seventeenth(EINVAL), id="x", answers=["sys-cr-size-small"])
    small = replace(small, verdict=Verdict.CONFORMS)
    compat = build(run(more(kernel("vm:6.6", "6.6.13", 3), small)))
    seen = {it.name: it.seen for it in view.limits(compat)}
    assert seen["attr_size"] == ("holds on 6.6 (below it: create_ruleset: EINVAL)",)


def test_an_erratum_that_no_kernel_was_asked_about_is_on_none() -> None:
    (seen,) = (it for it in view.errata(ZOO) if it.number == "3")
    assert (seen.fixed, seen.unfixed) == ("", "")
    assert seen.remarks == ("not measured: 6.6 … 7.1",)


def test_a_case_that_could_not_run_says_nothing_of_a_limit() -> None:
    absent = replace(seventeenth(EINVAL), id="x", verdict=Verdict.ABSENT)
    compat = build(run(more(kernel("vm:6.6", "6.6.13", 3), absent)))
    assert compat.limits["layers"].support["6.6"].state is State.UNKNOWN


def test_the_masks_are_what_each_version_brought_and_all_before() -> None:
    total = dict.fromkeys(("fs", "net", "scope", "create", "add_rule", "restrict"), 0)
    for number, abi in ZOO.abis.items():
        for label in abi.adds:
            total[label.partition(".")[0]] |= int(FEATURES[label])
        assert [*total.values()] == [
            abi.handled_access_fs,
            abi.handled_access_net,
            abi.scoped,
            abi.create_ruleset_flags,
            abi.add_rule_flags,
            abi.restrict_self_flags,
        ]
        assert (abi.release, abi.attr_size) == (
            ABIS[int(number)].release,
            ABIS[int(number)].attr_size,
        )
    assert sum(len(abi.adds) for abi in ZOO.abis.values()) == len(FEATURES)
    assert CREATE.ERRATA not in CREATE(ZOO.abis["6"].create_ruleset_flags)


def test_runs_on_one_build_are_taken_together_and_the_last_counts() -> None:
    first = kernel("vm:6.6", "6.6.13", 3)
    worse = claim("fs.truncate", 3, accepts=False)
    compat = build(run(first), run(replace(first, cases=[worse]), landproof="0.2.0"))
    assert states(compat, "fs.truncate") == {"6.6": "lacking"}
    assert states(compat, "fs.refer") == {"6.6": "provided"}
    assert compat.kernels["6.6"].provided == 2
    assert compat.landproof == ["0.1.0", "0.2.0"]


def test_two_builds_of_one_name_are_two_kernels() -> None:
    def on(release: str) -> Results:
        return run(kernel("vm:6.6", release, 3))

    names = list(build(on("6.6.13"), on("6.6.20")).kernels)
    assert names == [
        f"6.6 ({release} x86_64 #1 SMP PREEMPT_DYNAMIC)" for release in ("6.6.13", "6.6.20")
    ]
