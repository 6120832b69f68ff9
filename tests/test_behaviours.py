# SPDX-License-Identifier: MIT
"""The list of behaviours against the cases: each is shown, or says why not."""

from collections import defaultdict
from pathlib import Path

import pytest

import cases
from suite.errors import UsageError
from suite.judge.behaviours import behaviours
from suite.run.declared import Declared

CASES = Path(cases.__file__).parent


@pytest.fixture(scope="module")
def shown(declared: dict[str, Declared]) -> dict[str, list[str]]:
    """Cases by the behaviour that they show."""
    found = defaultdict(list)
    for case in declared.values():
        for name in case.answers:
            found[name].append(case.id)
    return found


def test_every_behaviour_is_shown_or_says_why_not(shown: dict[str, list[str]]) -> None:
    """And not both: a reason is out of date once there is a case."""
    listed = behaviours()
    assert listed
    assert [name for name, it in listed.items() if name not in shown and not it.reason] == []
    assert [name for name, it in listed.items() if name in shown and it.reason] == []


def test_every_case_shows_what_is_listed(shown: dict[str, list[str]]) -> None:
    """A behaviour that a case names has an entry; its area has a folder."""
    listed = behaviours()
    assert {name: found for name, found in shown.items() if name not in listed} == {}
    assert {it.area for it in listed.values()} <= {it.name for it in CASES.iterdir()}


def test_every_behaviour_has_a_sentence_and_a_source_of_its_own() -> None:
    listed = behaviours().values()
    assert [it for it in listed if not it.says.endswith(".") or not it.source] == []
    assert len({it.says for it in listed}) == len(listed)


@pytest.mark.parametrize("text", ["[a]\narea = 'fs'\n", "[a]\narea = 1\n", "a ="])
def test_a_malformed_list_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "behaviours.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=str(path)):
        behaviours(path)
