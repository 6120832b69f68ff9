# SPDX-License-Identifier: MIT
"""The JSON Schemas of what landproof writes, generated from the types.

``python -m reports.schema`` rewrites them; a test fails when one is stale.
"""

import ast
import inspect
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from reports.clients import build as clients
from reports.compat import document
from reports.explored import document as explored
from suite.judge import costs, records


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that is checked in."""

    path: Path
    title: str
    root: type[msgspec.Struct]
    version: int
    """Of the format: what the field ``schema`` of a file holds."""


_FOLDER = Path(__file__).parent
RESULTS = Schema(
    _FOLDER / "schema.json", "landproof results", records.Results, records.SCHEMA_VERSION
)
COMPAT = Schema(
    _FOLDER / "compat.schema.json", "Landlock compatibility data", document.Compat, document.VERSION
)
CLIENTS = Schema(
    _FOLDER / "clients.schema.json", "Landlock clients", clients.Clients, clients.SCHEMA_VERSION
)
EXPLORED = Schema(
    _FOLDER / "explored.schema.json",
    "landproof exploration",
    explored.Explored,
    explored.SCHEMA_VERSION,
)
COSTS = Schema(_FOLDER / "costs.schema.json", "landproof costs", costs.Costs, costs.SCHEMA_VERSION)
SCHEMAS = (RESULTS, COMPAT, CLIENTS, EXPLORED, COSTS)


def generate(schema: Schema) -> str:
    """The text of a schema's file."""
    text: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": schema.title,
        **msgspec.json.schema(schema.root),
    }
    for definition in text["$defs"].values():
        if "description" in definition:
            # Releases of msgspec differ in what they make of the indentation.
            definition["description"] = inspect.cleandoc(definition["description"])
    for name, fields in _field_docs(schema.root).items():
        definition = text["$defs"].get(name, {})
        for field, doc in fields.items():
            if field in definition.get("properties", {}):
                definition["properties"][field]["description"] = doc
    # The type says "an int"; a file of this schema holds this very number.
    root = text["$defs"][schema.root.__name__]
    root["properties"]["schema"] = {"const": schema.version}
    root["required"].insert(0, "schema")
    return json.dumps(text, indent=2) + "\n"


def _field_docs(root: type[msgspec.Struct]) -> dict[str, dict[str, str]]:
    """The string under each field of each type beside ``root``: readers of the schema want it."""
    module = sys.modules[root.__module__]
    docs: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        encoded = _encoded(getattr(module, node.name))
        for field, doc in zip(node.body, node.body[1:], strict=False):
            match field, doc:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    docs.setdefault(node.name, {})[encoded.get(name, name)] = inspect.cleandoc(text)
    return docs


def _encoded(kind: type) -> dict[str, str]:
    """What the fields of a type are called in JSON."""
    if not issubclass(kind, msgspec.Struct):
        return {}
    return {field.name: field.encode_name for field in msgspec.structs.fields(kind)}


if __name__ == "__main__":
    for schema in SCHEMAS:
        schema.path.write_text(generate(schema), encoding="utf-8")
