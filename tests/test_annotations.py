# SPDX-License-Identifier: MIT
"""GitHub's annotations: how many there are, what they say, and that nothing else can say them."""

import re

import pytest
from msgspec.structs import replace

from reports.diff import compare
from reports.render import render, render_diff
from suite.judge.records import Results, TargetRecord, Verdict
from tests.report_miniatures import (
    LISTED,
    behaviour,
    contradicted_bug,
    hostile,
    kernel,
    known,
    later,
    listed_and_new,
    looks_like_bug,
    run,
    zoo,
)

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\n]+)::([^\n]+)")


def annotations(text: str) -> list[tuple[str, str, str]]:
    """Level, title and message of each, as the runner decodes them."""
    found = []
    for line in text.splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        level, title, message = match.groups()
        title = title.replace("%3A", ":").replace("%2C", ",")
        found.append((level, unescaped(title), unescaped(message)))
    return found


def unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def deviating(number: int) -> Results:
    bad = replace(behaviour("fs/access[execute]", 7), verdict=Verdict.DEVIATES)
    return run(
        TargetRecord(name="vm:7", cases=[replace(bad, id=f"fs/x[{it}]") for it in range(number)])
    )


@pytest.mark.parametrize(("number", "last"), [(10, "deviates: "), (11, "and 2 more")])
def test_the_tenth_tells_how_many_more(number: int, last: str) -> None:
    found = annotations(render(deviating(number), "github"))
    assert len(found) == 10
    assert found[-1][1].startswith(last)


def test_a_bug_that_a_release_can_not_have_is_an_error() -> None:
    likely = annotations(render(run(kernel("k", "7.0", 8, change=looks_like_bug)), "github"))
    assert [(level, title) for level, title, _ in likely] == [
        ("warning", "looks like cred-transfer (escape) on k")
    ]
    other = annotations(render(run(kernel("k", "7.0.2", 8, change=contradicted_bug)), "github"))
    ((level, title, message),) = other
    assert (level, title) == ("error", "deviates: syscalls/restrict[tsync] on k")
    assert "looks like: cred-transfer, which 7.0.2 carries the fix of: " in message


def test_a_kernels_fault_is_an_error_and_silence_a_warning() -> None:
    found = annotations(render(zoo(), "github"))
    levels = {title.partition(":")[0]: level for level, title, _ in found}
    assert levels == {
        "crashed": "error",
        "deviates": "error",
        "lost": "warning",
        "broken": "warning",
        "known bug cred-transfer (escape) on vm": "warning",
    }


def test_what_is_listed_as_known_is_a_notice_for_each_reason() -> None:
    found = annotations(render(known(), "github"))
    assert [level for level, _, _ in found] == ["error", "notice", "notice"]
    assert found[1][1:] == (
        "known on vm:6.12, vm:6.18",
        f"why: {LISTED}\nseen in: fs/truncate[path]",
    )


def test_a_known_regression_is_a_notice() -> None:
    calm = kernel("vm:6.12", "6.12.43+deb12-amd64", 6, 0b11)
    worse = kernel("vm:6.12", "6.12.43+deb12-amd64", 6, 0b11, change=listed_and_new)
    found = annotations(render_diff(compare(run(calm), run(worse)), "github"))
    assert {(level, title.partition(":")[0]) for level, title, _ in found} == {
        ("notice", "known regression"),
        ("error", "regression"),
    }
    assert any(LISTED in message for level, _, message in found if level == "notice")


def test_a_target_without_a_case_is_told() -> None:
    found = annotations(render(run(TargetRecord(name="vm:6.1", reason="no room")), "github"))
    assert found == [("warning", "vm:6.1 never came up", "no room")]


def test_nothing_to_tell_is_no_command() -> None:
    calm = run(replace(kernel("vm:7.1", "7.1.2", 9), cases=[]))
    assert not render(calm, "github").startswith("::")


def test_regressions_are_errors() -> None:
    found = annotations(render_diff(compare(zoo(), later()), "github"))
    assert {level for level, _, _ in found} == {"error"}
    assert [title for _, title, _ in found][:3] == [
        "vm:6.6 is worse",
        "vm:6.12 is worse",
        "regression: claims/bits[scope-signal]",
    ]


def test_text_of_a_target_is_no_command_of_its_own() -> None:
    found = annotations(render(hostile(), "github"))
    assert any("\n% - |`" in message for _, _, message in found)
