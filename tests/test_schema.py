# SPDX-License-Identifier: MIT
"""The JSON Schemas that are checked in are those of the types."""

import json

import pytest

from reports.schema import RESULTS, SCHEMAS, Schema, generate
from suite.judge.records import SCHEMA_VERSION, Verdict


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.path.name)
def test_the_checked_in_schema_is_the_generated_one(schema: Schema) -> None:
    stale = f"{schema.path} is stale: run python -m reports.schema"
    assert schema.path.read_text(encoding="utf-8") == generate(schema), stale


def test_the_schema_says_what_the_types_alone_do_not() -> None:
    definitions = json.loads(generate(RESULTS))["$defs"]
    results, case = definitions["Results"], definitions["CaseRecord"]
    assert results["properties"]["schema"] == {"const": SCHEMA_VERSION}
    assert "schema" in results["required"]
    assert case["properties"]["id"]["description"] == "``area/file[row]``; permanent."
    assert sorted(definitions["Verdict"]["enum"]) == sorted(Verdict)
