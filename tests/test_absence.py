# SPDX-License-Identifier: MIT
"""Each way for Landlock to be off is told apart, and all reports agree on what it means."""

from __future__ import annotations

import json

import pytest
from junitparser import JUnitXml
from msgspec.structs import replace

from reports.ending import FailOn, Terms, judged
from reports.render import formats, render
from suite.errors import Exit
from suite.judge.absence import CREATE_RULESET, Way, unchecked, why_off
from suite.judge.records import Facts, Results, TargetRecord, Verdict
from suite.judge.standing import Standing
from tests.report_miniatures import kernel, known_bug, run

pytestmark = pytest.mark.usefixtures("abi_11")

GVISOR = "#1 SMP Sun Jan 10 15:06:54 PST 2016"
SAYS = f"answers {CREATE_RULESET}"


def off(release: str = "6.12.0", version: str = "#1 SMP", **said: object) -> Facts:
    """The facts of a kernel on which Landlock is off."""
    facts = Facts(release=release, version=version, machine="x86_64", abi=0, errata=None)
    return replace(facts, **said)


def behind(answer: str, container: str = "", call: str = CREATE_RULESET) -> Standing:
    """Behind a seccomp filter."""
    return Standing(seccomp=2, filtered={call: answer}, container=container)


DOCKER = Standing(seccomp=2, container="docker", namespaces=["pid"])
WAYS = {
    Way.OLD: (
        off("5.10.0-46", missing="ENOSYS", security_modules=False),
        "no Landlock (ENOSYS: not built: Landlock came with Linux 5.13)",
    ),
    Way.NOT_BUILT: (off(missing="ENOSYS"), "no Landlock (ENOSYS: not built)"),
    Way.NO_MODULES: (
        off(missing="ENOSYS", security_modules=False),
        "no Landlock (ENOSYS: not built: the kernel has no security modules)",
    ),
    Way.DISABLED: (off(missing="EOPNOTSUPP"), "no Landlock (EOPNOTSUPP: disabled at boot)"),
    Way.FILTER: (
        off(missing="EPERM", standing=behind("EPERM")),
        f"no Landlock (EPERM: a seccomp filter {SAYS})",
    ),
    Way.PROFILE: (
        off(missing="ENOSYS", standing=behind("ENOSYS", "docker")),
        f"no Landlock (ENOSYS: the container's seccomp filter {SAYS})",
    ),
    Way.GVISOR: (
        off("4.4.0", GVISOR, missing="ENOSYS", security_modules=False),
        "no Landlock (ENOSYS: gVisor, which has no Landlock)",
    ),
    Way.BLOCKED: (
        off(missing="EACCES"),
        "no Landlock (EACCES: blocked, and no filter was seen that does it)",
    ),
    Way.UNTOLD: (off(), "no Landlock (no reason given)"),
}
KERNELS = {Way.OLD, Way.NOT_BUILT, Way.NO_MODULES, Way.DISABLED, Way.UNTOLD}
"""The ways that are the kernel's own."""


def test_every_way_is_shown_here() -> None:
    assert {*WAYS} == {*Way}


@pytest.mark.parametrize("way", Way, ids=lambda way: way.name.lower())
def test_a_way_is_told_from_the_others(way: Way) -> None:
    facts, line = WAYS[way]
    why = why_off(facts)
    assert why is not None
    assert (why.way, why.line) == (way, line)
    assert "{" not in str(why)
    assert way.value.kernels == (way in KERNELS)


@pytest.mark.parametrize(
    ("facts", "way", "line"),
    [
        (
            off(missing="SIGSYS", standing=behind("SIGSYS")),
            Way.FILTER,
            f"no Landlock (SIGSYS: a seccomp filter kills who calls {CREATE_RULESET})",
        ),
        (
            off(missing="ENOSYS", lsm=["capability", "landlock"]),  # it can't be active, else
            Way.FILTER,
            f"no Landlock (ENOSYS: a seccomp filter {SAYS})",
        ),
        (
            replace(off(standing=behind("EPERM", call="landlock_restrict_self")), abi=7),
            Way.FILTER,
            "Landlock is out of reach (EPERM: a seccomp filter answers landlock_restrict_self)",
        ),
        (off("4.19.0-gvisor", missing="ENOSYS"), Way.GVISOR, WAYS[Way.GVISOR][1]),
        (off("4.4.0", GVISOR, missing="EPERM", standing=behind("EPERM")), Way.GVISOR, ""),
        (off("next", missing="ENOSYS"), Way.NOT_BUILT, "no Landlock (ENOSYS: not built)"),
        (off(missing="ENOSYS", standing=DOCKER), Way.NOT_BUILT, "no Landlock (ENOSYS: not built)"),
    ],
)
def test_what_is_alike_at_first_sight(facts: Facts, way: Way, line: str) -> None:
    why = why_off(facts)
    assert why is not None
    assert why.way is way
    assert line in ("", why.line)


def test_a_remedy_for_what_runs_us_names_the_place() -> None:
    boot = why_off(off(missing="EOPNOTSUPP", lsm=["capability", "yama", "bpf"], standing=DOCKER))
    assert boot is not None
    assert boot.remedy == (
        "boot with landlock in the list of the kernel parameter lsm=, such as "
        "lsm=landlock,yama,bpf (on the container's host)"
    )


def test_landlock_that_is_there_is_not_off() -> None:
    assert why_off(replace(off(), abi=1)) is None


def on(name: str, facts: Facts, verdict: Verdict = Verdict.ABSENT) -> TargetRecord:
    """A target of these facts, whose cases all have one verdict."""
    shown = kernel(name, facts.release, facts.abi, missing=facts.missing)
    cases = [replace(case, verdict=verdict) for case in shown.cases]
    return replace(shown, facts=facts, cases=cases)


NEW = kernel("vm:7.0", "7.0.2-amd64", 8)
BUGGY = kernel("vm:7.0", "7.0.2-amd64", 8, change=known_bug)
OLD = on("vm:5.10", WAYS[Way.OLD][0])
FILTERED = on("local", WAYS[Way.FILTER][0], Verdict.SKIPPED)
CODES = {
    "a kernel that has it": (run(NEW), Exit.CONFORMS, Exit.CONFORMS),
    "a kernel without it beside another": (run(OLD, NEW), Exit.CONFORMS, Exit.CONFORMS),
    "a kernel without it alone": (run(OLD), Exit.NO_LANDLOCK, Exit.CONFORMS),
    "two kernels without it": (run(OLD, on("b", off())), Exit.NO_LANDLOCK, Exit.CONFORMS),
    "a filter hides it": (run(FILTERED), Exit.NO_LANDLOCK, Exit.NO_LANDLOCK),
    "a filter hides it on one": (run(FILTERED, NEW), Exit.NO_LANDLOCK, Exit.NO_LANDLOCK),
    "a filter breaks cases": (
        run(on("local", WAYS[Way.FILTER][0], Verdict.BROKEN)),
        Exit.NO_LANDLOCK,
        Exit.NO_LANDLOCK,
    ),
    "another deviates": (run(FILTERED, BUGGY), Exit.DEVIATES, Exit.NO_LANDLOCK),
    "another never came up": (
        run(OLD, TargetRecord(name="x", reason="no QEMU")),
        Exit.INFRASTRUCTURE,
        Exit.INFRASTRUCTURE,
    ),
}


@pytest.mark.parametrize("what", CODES)
def test_the_exit_code(what: str) -> None:
    results, code, lenient = CODES[what]
    assert judged(results, Terms()).code is code
    assert judged(results, Terms(fail_on=FailOn.NONE)).code is lenient


FAULTY = {what: it for what, it in CODES.items() if Exit.NO_LANDLOCK in it}


@pytest.mark.parametrize("what", CODES)
def test_every_format_agrees_with_the_exit_code(what: str) -> None:
    results, *_ = CODES[what]
    names = {*unchecked(results.targets)}
    assert bool(names) == (what in FAULTY or what == "another never came up")
    suites = JUnitXml.fromstring(render(results, "junit"))
    assert {suite.name for suite in suites if suite.errors} == names | (
        {"x"} if what == "another never came up" else set()
    )
    assert flagged(results) == names
    tests = json.loads(render(results, "kcidb"))["tests"]
    found = [it for it in tests if it["path"] == "landlock.target.landlock"]
    assert {(it["environment"]["comment"], it["status"]) for it in found} == {
        (name, "ERROR") for name in names
    }
    assert render(results, "ktap").count("# Landlock can be checked.") == len(names)
    badge = json.loads(render(results, "badge-shields"))
    assert (badge["color"] == "lightgrey") <= bool(names)
    assert bool(names) <= (badge["color"] not in ("brightgreen", "yellow"))


def flagged(results: Results) -> set[str]:
    """The targets that annotations say could not be checked."""
    begins = "::error title=nothing could be checked on "
    lines = render(results, "github").splitlines()
    titles = [it.removeprefix(begins).partition("::")[0] for it in lines if it.startswith(begins)]
    return {title.replace("%3A", ":") for title in titles}


PEOPLES = ("terminal", "markdown", "html", "summary")


@pytest.mark.parametrize("fmt", PEOPLES)
def test_reports_for_people_say_it_first(fmt: str) -> None:
    assert fmt in formats()
    text = " ".join(render(run(FILTERED, NEW), fmt).replace("\\", "").split())
    said = "nothing could be checked on local: no Landlock (EPERM: a seccomp filter answers "
    assert said in text
    assert "SystemCallFilter=@sandbox" in text
    assert text.index(said) < text.index("7.0")
    assert "nothing could be checked" not in render(run(OLD, NEW), fmt)
