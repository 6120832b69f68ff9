# SPDX-License-Identifier: MIT
"""Badges: what they say of a run, in words and in colour."""

import json
from collections.abc import Callable

import pytest
import xmlschema

from reports.ci.badge import Badge, badge
from reports.render import render
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from tests.report_miniatures import (
    contradicted_bug,
    kernel,
    known,
    known_bug,
    lacks_signal,
    listed,
    never_came_up,
    panics,
    run,
    silent_claims,
    zoo,
)


def one(change: Callable[[CaseRecord], CaseRecord] = lambda case: case, abi: int = 8) -> Results:
    return run(kernel("vm:7.0", "7.0.2-amd64", abi, change=change))


CALM = kernel("vm:7.1", "7.1.2-amd64", 9)
SKIPPED = TargetRecord(
    name="x", facts=CALM.facts, cases=[CaseRecord(id="fs/x", verdict=Verdict.SKIPPED)]
)
OLD = kernel("vm:5.10", "5.10.0-46-amd64", 0, missing="ENOSYS")
HIDDEN = kernel("local", "6.12.0", 0, missing="SIGSYS", change=silent_claims)
BADGES = {
    "ABI 8, conforms": ("brightgreen", one()),
    "no Landlock": ("lightgrey", one(abi=0)),
    "2 kernels, no Landlock": ("lightgrey", run(*one(abi=0).targets, OLD)),
    "2 kernels, 1 without Landlock": ("lightgrey", run(HIDDEN, CALM)),
    "2 kernels, 1 without Landlock, 1 known bug": (
        "lightgrey",
        run(HIDDEN, *one(known_bug).targets),
    ),
    "2 kernels, 1 without Landlock, 2 deviations": (
        "red",
        run(HIDDEN, *one(lacks_signal, abi=6).targets),
    ),
    "2 kernels, all conform": ("brightgreen", run(CALM, *one().targets)),
    "ABI 8, 1 known bug": ("yellow", one(known_bug)),
    "ABI 8, 1 deviation": ("red", one(contradicted_bug)),
    "ABI 8, 2 known deviations": ("yellow", one(listed)),
    "2 kernels, 1 deviation, 4 known deviations": ("red", known()),
    "ABI 4, 5 broken": ("orange", one(silent_claims, abi=4)),
    "never came up, 12 lost": ("orange", run(never_came_up("vm:7.9"))),
    "never came up, 1 silent": ("orange", run(TargetRecord(name="vm:7.9"))),
    "ABI 9, 1 silent": ("orange", run(SKIPPED)),
    "ABI 5, 2 deviations": ("red", one(lacks_signal, abi=6)),
    "ABI 7, 1 crashed, 6 lost": ("red", one(panics, abi=7)),
    "nothing ran": ("lightgrey", run()),
}


@pytest.mark.parametrize("message", BADGES)
def test_what_it_says(message: str) -> None:
    color, results = BADGES[message]
    assert json.loads(render(results, "badge-shields")) == {
        "schemaVersion": 1,
        "label": "Landlock",
        "message": message,
        "color": color,
    }


def test_a_kernel_without_landlock_beside_one_that_has_it_is_calm() -> None:
    assert badge(run(OLD, CALM)) == Badge("2 kernels, all conform", "brightgreen")


@pytest.mark.parametrize("message", BADGES)
def test_the_picture_says_the_same_to_eyes_and_screen_readers(message: str) -> None:
    picture = xmlschema.XMLResource(render(BADGES[message][1], "badge"))
    assert picture.root.get("aria-label") == f"Landlock: {message}"
    texts = [node.text for node in picture.root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["Landlock", "Landlock", message, message]


def test_a_picture_is_wide_enough() -> None:
    root = xmlschema.XMLResource(render(zoo(), "badge")).root
    *_, last = root.iter("{http://www.w3.org/2000/svg}text")
    assert float(last.get("x", 0)) + float(last.get("textLength", 0)) < float(root.get("width", 0))
