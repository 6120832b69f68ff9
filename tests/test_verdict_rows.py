# SPDX-License-Identifier: MIT
"""The rows of the verdicts: what they say."""

import pickle
import re
from pathlib import Path

import msgspec
import pytest

from reports import words
from suite.judge.records import Fault, Verdict

ROOT = Path(__file__).resolve().parent.parent
CSS = ROOT / "reports" / "html" / "page.css"

# What the docstrings of the properties and design.md, section 5, come to; said here once more, so
# that a changed row fails.
SORTED = {
    "good": "conforms absent unfixed",
    "bad": "deviates broken crashed hung lost",
    "judged": "conforms absent unfixed deviates",
    "dead": "crashed hung",
    "heard": "conforms absent unfixed deviates crashed hung",
}
FAULTS = {
    Fault.KERNELS: "deviates crashed hung",
    Fault.OURS: "broken lost",
    Fault.NOBODYS: "conforms absent unfixed skipped",
}
CALM_TO_WORST = "skipped absent conforms unfixed broken lost deviates hung crashed"


@pytest.mark.parametrize("name", SORTED)
def test_what_a_property_holds_of(name: str) -> None:
    assert " ".join(it for it in Verdict if getattr(it, name)) == SORTED[name]


def test_whose_fault_each_is() -> None:
    assert {f: " ".join(it for it in Verdict if it.fault is f) for f in Fault} == FAULTS


def test_no_fault_of_ours_speaks_of_a_kernel() -> None:
    assert not any(it.heard for it in Verdict if it.fault is Fault.OURS)


def test_ranks_are_places_from_calm_to_worst() -> None:
    """A fault outranks all else, and a kernel's outranks ours: it names the cell."""
    ranked = sorted(Verdict, key=lambda verdict: verdict.rank)
    assert [it.rank for it in ranked] == list(range(len(Verdict)))
    assert " ".join(ranked) == CALM_TO_WORST
    places = [(it.bad, it.fault is Fault.KERNELS) for it in ranked]
    assert places == sorted(places)


def test_marks_are_told_apart_without_colour() -> None:
    assert len({it.mark.lower() for it in Verdict}) == len(Verdict)
    assert [it for it in Verdict if it.mark.isupper() != it.bad] == []


def test_a_verdict_is_its_word() -> None:
    for verdict in Verdict:
        assert verdict == verdict.value == str(verdict) == verdict.name.lower()
        assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) is verdict
        assert pickle.loads(pickle.dumps(verdict)) is verdict  # noqa: S301 (our own)


def test_the_title_names_what_was_not_judged_worst_first() -> None:
    assert words.FAULTS_TITLE == "Crashed, hung, lost, broken"


def test_the_page_has_a_style_for_every_fault() -> None:
    styled = set(re.findall(r"^\.([\w, .]+) \{ color", CSS.read_text(encoding="utf-8"), re.M))
    assert {it for names in styled for it in names.split(", .")} >= {it for it in Verdict if it.bad}
