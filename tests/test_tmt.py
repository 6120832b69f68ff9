# SPDX-License-Identifier: MIT
"""tmt's custom results: read as YAML, held against tmt's own schema, and read by tmt if it is here.

``data/tmt`` has the schemas of tmt 1.78.0, under the MIT licence beside them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT7
from ruamel.yaml import YAML

from reports.ending import FailOn, Terms, judged
from reports.render import render
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from tests.report_miniatures import LISTED, few, hostile, kernel, known, run, zoo

SCHEMAS = Path(__file__).parent / "data" / "tmt"
RUNS = {"zoo": zoo(), "few": few(), "known": known(), "hostile": hostile(), "nothing": run()}


def read(text: str) -> Any:  # noqa: ANN401 (what YAML holds)
    return YAML(typ="safe", pure=True).load(text)


def entries(results: Results) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in read(render(results, "tmt"))}


@pytest.mark.parametrize("results", RUNS.values(), ids=RUNS)
def test_it_is_what_tmts_schema_allows(results: Results) -> None:
    schema, common = (read((SCHEMAS / it).read_text()) for it in ("results.yaml", "common.yaml"))
    documents = [(it["$id"], DRAFT7.create_resource(it)) for it in (schema, common)]
    registry: Registry[Any] = Registry().with_resources(documents)
    validator = jsonschema.Draft7Validator(schema, registry=registry)
    found = read(render(results, "tmt"))
    assert [error.message for error in validator.iter_errors(found)] == []
    names = [entry["name"] for entry in found]
    assert len({*names}) == len(names)


def test_every_case_is_told() -> None:
    found = entries(few())
    assert found.keys() - {"/"} == {
        f"/{target.name}/{case.id}" for target in few().targets for case in target.cases
    }
    told = Counter(entry["result"] for entry in found.values())
    verdicts = Counter(case.verdict for target in few().targets for case in target.cases)
    assert told == {
        "pass": sum(verdicts[it] for it in Verdict if it.good),
        "fail": verdicts[Verdict.DEVIATES],
        "error": sum(verdicts[it] for it in Verdict if it.bad and not it.judged) + 1,  # the test
        "skip": verdicts[Verdict.SKIPPED],
    }


def test_the_first_says_what_each_kernel_provides() -> None:
    (first, *_) = read(render(run(kernel("vm:6.12", "6.12.43", 6, 0b11)), "tmt"))
    assert (first["name"], first["result"]) == ("/", "pass")
    assert first["note"] == ["vm:6.12: claims ABI 6 errata {1,2}; provides ABI 6"]


def test_a_known_bug_and_an_excuse_are_told() -> None:
    (bug,) = (it for it in entries(few()).values() if it["result"] == "fail")
    assert bug["note"][0] == ("known bug cred-transfer; expected EACCES (ABI 8+), observed allowed")
    listed = entries(known())["/vm:6.12/fs/truncate[path]"]
    assert (listed["result"], listed["original-result"]) == ("pass", "fail")
    assert listed["note"][0].startswith(f"known: {LISTED}; ")


def test_time() -> None:
    cases = [CaseRecord(id="fs/a[b]", verdict=Verdict.CONFORMS, seconds=3725.6)]
    target = TargetRecord(name="local", facts=zoo().targets[5].facts, cases=cases)
    assert entries(run(target))["/local/fs/a[b]"]["duration"] == "01:02:06"


PLAN = """\
provision:
    how: local
execute:
    how: tmt
discover:
    how: fmf
"""
TEST = """\
test: cp "$RESULTS" "$TMT_TEST_DATA/results.yaml"
framework: shell
result: custom
"""


@pytest.mark.skipif(shutil.which("tmt") is None, reason="needs tmt")
@pytest.mark.parametrize(
    ("results", "fail_on", "code"),
    [
        (known(), FailOn.REGRESSION, 1),
        (run(*known().targets[:1]), FailOn.REGRESSION, 0),
        (run(*known().targets[:1]), FailOn.DEVIATION, 2),
        (few(), FailOn.NONE, 2),
        (run(kernel("vm:6.12", "6.12.43", 6)), FailOn.DEVIATION, 0),
    ],
)
def test_tmt_ends_as_the_run(tmp_path: Path, results: Results, fail_on: FailOn, code: int) -> None:
    ending = judged(results, Terms(fail_on=fail_on))
    assert bool(ending.code) == bool(code)
    file = tmp_path / "given.yaml"
    file.write_text(render(ending.results, "tmt"))
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "plan.fmf").write_text(PLAN)
    (tree / "landlock.fmf").write_text(TEST)
    subprocess.run(["tmt", "init"], cwd=tree, check=True, capture_output=True)
    command = ["tmt", "--feeling-safe", "run", "--id", str(tmp_path / "run"), "-e"]
    done = subprocess.run(
        [*command, f"RESULTS={file}"], cwd=tree, check=False, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert "violation" not in done.stderr
    *_, total = done.stderr.splitlines()
    assert sum(map(int, re.findall(r"\d+", total))) == len(read(file.read_text()))
