# SPDX-License-Identifier: MIT
"""The published compatibility data: what the tables say today, with evidence for what it says."""

import json
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from reports.compat import publish
from reports.compat.document import SCHEMA_FILE, VERSION, By
from reports.compat.publish import FILE, made_of, main, published, renewed, text_of
from reports.results import save
from reports.schema import COMPAT
from suite.cli.main import main as landproof
from suite.errors import Exit, InfrastructureError, UsageError
from suite.judge.enforced import ClientFacts
from suite.landlock import abi as table
from suite.process.layouts import LAYOUTS
from suite.process.syscalls import SYSCALLS
from tests.abi_miniature import at_abi_11
from tests.report_miniatures import compat_zoo, kernel, run

STALE = "run python -m reports.compat.publish, and raise PUBLISHED there as docs/compat.md says"


def test_the_published_data_are_what_the_tables_say() -> None:
    assert text_of(renewed(published())) == FILE.read_text(encoding="utf-8"), STALE


def test_data_that_lack_a_bug_or_a_feature_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    data = renewed(published())
    bugs = {name: bug for name, bug in table.ALL_BUGS.items() if name != "sigio-bypass"}
    monkeypatch.setattr(table, "ALL_BUGS", bugs)
    assert renewed(data).bugs.keys() == data.bugs.keys() - {"sigio-bypass"}
    features = {label: it for label, it in table.FEATURES.items() if label != "fs.truncate"}
    monkeypatch.setattr(table, "FEATURES", features)
    assert renewed(data).features.keys() == data.features.keys() - {"fs.truncate"}


def test_what_no_release_has_is_not_published() -> None:
    data = published()
    assert [int(it) for it in data.abis] == [*range(1, table.RELEASED + 1)]
    assert "namespace.use" in table.FEATURES
    assert "namespace.use" not in data.features
    assert "namespace" not in data.rule_types


def test_who_asks_for_what_no_release_has_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert landproof(["compat", "namespace.use"]) == Exit.USAGE
    said = "no feature 'namespace.use': ABI 12 brings it, which no release has yet"
    assert said in capsys.readouterr().err


def test_what_was_measured_is_kept_when_the_tables_change() -> None:
    with at_abi_11():
        older = renewed(published())
    assert renewed(older).features["fs.truncate"].support["6.1"].answers
    assert renewed(older).bugs["erratum 4"].features


def test_the_published_data_are_what_their_schema_says() -> None:
    data = json.loads(FILE.read_bytes())
    jsonschema.validate(data, json.loads(COMPAT.path.read_bytes()))
    assert data["$schema"] == SCHEMA_FILE
    assert data["version"].partition(".")[0] == str(data["schema"]) == str(VERSION)
    assert data["license"] == "CC0-1.0"


def test_each_statement_has_the_evidence_that_it_names() -> None:
    data = published()
    measured = {str(kernel.abi) for kernel in data.kernels.values() if kernel.abi}
    assert {it for it, abi in data.abis.items() if abi.evidence.by is By.MEASURED} == measured
    for label, feature in data.features.items():
        assert feature.by_abi.keys() == data.abis.keys(), label
        for number, on in feature.by_abi.items():
            assert bool(on.kernels) == (on.by is By.MEASURED), (label, number)
            assert all(str(data.kernels[it].abi) == number for it in on.kernels)
            assert on.otherwise == [], f"{label}: {on.otherwise} contradict the tables"


def test_structs_and_calls_are_those_that_cases_use() -> None:
    data = published()
    for name, call in data.calls.items():
        assert {*SYSCALLS[name].numbers.values()} == {call.number}
    layouts = {it.tag.removeprefix("struct "): it for it in LAYOUTS.values()}
    for name, struct in data.structs.items():
        fields = [(it.name, it.width) for it in layouts[name].fields]
        if name == "landlock_ruleset_attr":  # cases use the upcoming field as well
            fields = fields[: max(abi.attr_size for abi in data.abis.values()) // 8]
        assert [(it.name, it.size) for it in struct.fields] == fields, name
        assert struct.size == sum(it.size for it in struct.fields)
        assert [it.offset for it in struct.fields] == [
            sum(it.size for it in struct.fields[:at]) for at in range(len(struct.fields))
        ]
    for abi in data.abis.values():
        ends = [it.offset + it.size for it in data.structs["landlock_ruleset_attr"].fields]
        assert abi.attr_size in ends


def test_data_are_made_of_results_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "data.json"
    monkeypatch.setattr(publish, "FILE", made)
    results = tmp_path / "results.json"
    save(results, run(kernel("vm:6.12", "6.12.90", 6)))
    main([str(results)])
    assert published().kernels["6.12"].mainline == "6.12.90"
    assert "measured on 6.12" in capsys.readouterr().out
    made.write_text("{}", encoding="utf-8")
    with pytest.raises(InfrastructureError, match="make the file of results"):
        main([])


def test_a_kernel_that_never_came_up_is_not_published() -> None:
    with pytest.raises(UsageError, match=r"7\.9 never came up.*: run it again, or leave it out"):
        made_of(compat_zoo())
    with pytest.raises(UsageError, match="of no kernel"):
        made_of(run())


def test_what_a_client_enforced_is_not_published_as_a_kernels() -> None:
    target = kernel("vm:6.12", "6.12.90", 6)
    assert target.facts
    target.facts = replace(target.facts, client=ClientFacts(name="setpriv"))
    with pytest.raises(UsageError, match=r"vm:6\.12: its domains are a client's"):
        made_of(run(target))
