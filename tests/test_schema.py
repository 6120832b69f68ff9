# SPDX-License-Identifier: MIT
"""The JSON Schema that is checked in is that of the types."""

import json

from reports.schema import PATH, generate
from suite.records import SCHEMA_VERSION, Verdict


def test_the_checked_in_schema_is_the_generated_one() -> None:
    stale = "reports/schema.json is stale: run python -m reports.schema"
    assert PATH.read_text(encoding="utf-8") == generate(), stale


def test_the_schema_says_what_the_types_alone_do_not() -> None:
    definitions = json.loads(generate())["$defs"]
    results, case = definitions["Results"], definitions["CaseRecord"]
    assert results["properties"]["schema"] == {"const": SCHEMA_VERSION}
    assert "schema" in results["required"]
    assert case["properties"]["id"]["description"] == "``area/file[row]``; permanent."
    assert sorted(definitions["Verdict"]["enum"]) == sorted(Verdict)
