# SPDX-License-Identifier: MIT
"""The JSON Schema of a results file, generated from ``suite.records``.

``python -m reports.schema`` rewrites ``reports/schema.json``; a test fails when it is stale.
"""

import ast
import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from suite import records

PATH = Path(__file__).with_name("schema.json")


def generate() -> str:
    """The text of ``schema.json``."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "landproof results",
        **msgspec.json.schema(records.Results),
    }
    for name, fields in _field_docs().items():
        definition = schema["$defs"].get(name, {})
        for field, doc in fields.items():
            if field in definition.get("properties", {}):
                definition["properties"][field]["description"] = doc
    # The type says "an int"; a file of this schema holds this very number.
    results = schema["$defs"]["Results"]
    results["properties"]["schema"] = {"const": records.SCHEMA_VERSION}
    results["required"].insert(0, "schema")
    return json.dumps(schema, indent=2) + "\n"


def _field_docs() -> dict[str, dict[str, str]]:
    """The string under each field of each record: readers of the schema want it too."""
    docs: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(records)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, doc in zip(node.body, node.body[1:], strict=False):
            match field, doc:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    docs.setdefault(node.name, {})[name] = inspect.cleandoc(text)
    return docs


if __name__ == "__main__":
    PATH.write_text(generate(), encoding="utf-8")
