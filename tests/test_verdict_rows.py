# SPDX-License-Identifier: MIT
"""The rows of the verdicts: what they say, and that nothing else lists verdicts."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from reports import words
from suite.judge.records import Fault, Verdict

ROOT = Path(__file__).resolve().parent.parent
FILES = [
    ROOT / "noxfile.py",
    *(path for name in ("suite", "reports", "vm", "cases") for path in (ROOT / name).rglob("*.py")),
]
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


def lists(source: str) -> Iterator[tuple[int, str]]:
    """Where a module lists verdicts, and what is wrong with it.

    A dict is the vocabulary of a format: it may name verdicts if it leaves out none.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Set() | ast.Tuple() | ast.List():
                if len(named := _members(node)) > 1:
                    yield node.lineno, f"lists {', '.join(named)}"
            case ast.Dict():
                if len(named := _named(node.keys)) > 1 and (left := set(Verdict) - set(named)):
                    yield node.lineno, f"leaves out {', '.join(sorted(left))}"


def _members(node: ast.expr | None) -> list[Verdict]:
    """The verdict that an expression is, or those that stand in a literal."""
    match node:
        case ast.Set(elts=inner) | ast.Tuple(elts=inner) | ast.List(elts=inner):
            return _named(inner)
        case ast.Starred(value=value):
            return _members(value)
        case ast.Attribute(value=ast.Name("Verdict") | ast.Attribute(attr="Verdict"), attr=name):
            return [Verdict[name]] if name in Verdict.__members__ else []
        case ast.Constant(value=str(word)) if word in set(Verdict):
            return [verdict for verdict in Verdict if verdict == word]
        case _:
            return []


def _named(nodes: list[ast.expr] | list[ast.expr | None]) -> list[Verdict]:
    return [verdict for node in nodes for verdict in _members(node)]


LISTING = [
    "BAD = {Verdict.LOST, Verdict.HUNG}",
    "BAD = frozenset((records.Verdict.LOST, records.Verdict.HUNG))",
    "bad = verdict in [Verdict.LOST, Verdict.HUNG]",
    "good = {*OTHERS, Verdict.ABSENT, Verdict.SKIPPED}",
    "ORDER = ((Verdict.LOST, 1), (Verdict.HUNG, 2))",
    "GOOD = {'conforms', 'absent'}",
    "WORDS = {Verdict.LOST: 'MISS', Verdict.HUNG: 'FAIL'}",
]
NOT_LISTING = [
    "return_ = Verdict.LOST, 'nothing was heard'",
    "same = verdict is Verdict.LOST or verdicts == {Verdict.SKIPPED}",
    "match pair:\n    case Verdict.UNFIXED, Verdict.CONFORMS:\n        pass",
    "STATES = (Fixed.UNFIXED, State.ABSENT)",
    f"WORDS = {{{', '.join(f'Verdict.{it}: 1' for it in Verdict.__members__)}}}",
]


@pytest.mark.parametrize("source", LISTING)
def test_a_list_of_verdicts_is_found(source: str) -> None:
    assert len(list(lists(source))) == 1


@pytest.mark.parametrize("source", NOT_LISTING)
def test_what_is_no_list_of_verdicts_is_not_found(source: str) -> None:
    assert list(lists(source)) == []


def test_no_module_has_a_list_of_verdicts_of_its_own() -> None:
    """Ask a verdict for a property instead: ``good``, ``bad``, ``fault``, ``heard`` and so on."""
    found = [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path in FILES
        for line, what in lists(path.read_text(encoding="utf-8"))
    ]
    assert found == []
