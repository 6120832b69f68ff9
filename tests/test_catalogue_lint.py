# SPDX-License-Identifier: MIT
"""The catalogue of cases as a whole: ids, rows, sentences, sources, and nothing left out."""

import dataclasses
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from suite.landlock import bugs
from suite.landlock.abi import FEATURES, Erratum, Feature
from suite.landlock.bugs import Bug
from suite.run import rows

CASES = Path(__file__).parents[1] / "cases"
AREAS = {
    "audit",
    "claims",
    "faults",
    "fs",
    "history",
    "inheritance",
    "net",
    "permissions",
    "ptrace",
    "scope",
    "syscalls",
    "trace",
    "visibility",
}
ID = re.compile(r"[a-z]+/[a-z][a-z0-9_]*\[[a-z0-9]+(-[a-z0-9]+)*\]")
FILES = sorted(CASES.rglob("*.py"))


class Catalogue:
    """Takes what pytest collects."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        self.described: list[dict[str, Any]] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep them."""
        self.items = items
        self.described = [rows.describe(item) for item in items]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """Every case, collected for one target."""
    taken = Catalogue()
    options = ["--collect-only", "-q", "-p", "suite.run.plugin", "-p", "no:cacheprovider"]
    status = pytest.main([*options, "--rootdir", str(CASES.parent), str(CASES)], plugins=[taken])
    assert status == pytest.ExitCode.OK
    return taken


def test_ids_are_unique_and_well_formed(catalogue: Catalogue) -> None:
    """``area/file[row]``, rows in lower case with hyphens: they stay the same for years."""
    ids = Counter(described["id"] for described in catalogue.described)
    assert [identity for identity, count in ids.items() if count > 1] == []
    assert [identity for identity in ids if not ID.fullmatch(identity)] == []
    assert {identity.partition("/")[0] for identity in ids} <= AREAS


def test_rows_have_no_defaults_of_dataclasses(catalogue: Catalogue) -> None:
    """A row is no dataclass, and would have the field itself for its default."""
    assert catalogue.items
    kinds = [rows.Row]
    for kind in kinds:
        kinds += kind.__subclasses__()
        wrong = [it for it in kind.__struct_defaults__ if isinstance(it, dataclasses.Field)]
        assert not wrong, kind
    assert len(kinds) > 300


def test_every_case_runs_on_a_target(catalogue: Catalogue) -> None:
    assert [item.nodeid for item in catalogue.items if rows.target_of(item) != "local"] == []


def test_every_case_says_its_behaviour_as_a_sentence(catalogue: Catalogue) -> None:
    bad = {d["id"] for d in catalogue.described if not re.fullmatch(r"\S.{15,}\.", d["summary"])}
    assert sorted(bad) == []


def test_every_case_names_its_source(catalogue: Catalogue) -> None:
    """In its own docstring or in that of its file."""
    assert sorted({d["id"] for d in catalogue.described if not d["source"]}) == []


def test_every_feature_is_covered(catalogue: Catalogue) -> None:
    """Outside of ``claims``, and by a case whose file names it.

    Rows that are made from the table of features, there and elsewhere, have whatever is added to
    it, and say nothing of what that is for.
    """
    covered = {
        label
        for item, described in zip(catalogue.items, catalogue.described, strict=True)
        if item.path.parent.name != "claims"
        for label in described["covers"]
        if spelt(FEATURES[label]) in names_in(item.path)
    }
    assert sorted(set(FEATURES) - covered) == [], "no case is about these"


def spelt(feature: Feature) -> str:
    """As cases write it."""
    return f"{type(feature).__name__}.{feature.name}"


@cache
def names_in(file: Path) -> frozenset[str]:
    """All that looks like a feature in a file, and in those of cases that it imports."""
    text = file.read_text(encoding="utf-8")
    modules = re.findall(r"^from (cases\.\w+\.\w+) import", text, re.MULTILINE)
    imported = (CASES.parent / f"{module.replace('.', '/')}.py" for module in modules)
    names = frozenset(re.findall(r"\b[A-Z_]+\.[A-Z_0-9]+", text))
    return names.union(*map(names_in, imported))


def test_every_area_has_cases(catalogue: Catalogue) -> None:
    assert {item.path.parent.name for item in catalogue.items} == AREAS


@pytest.mark.parametrize("name", [n for n, bug in vars(bugs).items() if isinstance(bug, Bug)])
def test_every_known_bug_has_a_case(name: str) -> None:
    assert any(re.search(rf"\b{name}\b", file.read_text()) for file in FILES)


@pytest.mark.parametrize("erratum", Erratum, ids=lambda erratum: erratum.name.lower())
def test_every_erratum_has_a_case(erratum: Erratum) -> None:
    assert any(f"Erratum.{erratum.name}" in file.read_text() for file in FILES)


def test_every_file_names_its_licence() -> None:
    first = "# SPDX-License-Identifier: MIT\n"
    assert [file.name for file in FILES if not file.read_text().startswith(first)] == []


def test_files_fit_a_screen_or_a_few() -> None:
    lines = {file.name: len(file.read_text().splitlines()) for file in FILES}
    assert {name: count for name, count in lines.items() if count > 300} == {}
