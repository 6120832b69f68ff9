# SPDX-License-Identifier: MIT
"""The types of the compatibility data for TypeScript and for Python, from its JSON Schema."""

import json
import keyword
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

_Schema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Words:
    """How a language writes types."""

    simple: Mapping[str, str]
    """By JSON's names."""
    array: str
    """What stands before the type of its elements; ``end`` stands after it."""
    table: str
    """The same, of the values of an object with any keys."""
    end: str
    literals: Callable[[list[object]], str]


_TYPESCRIPT = _Words(
    {"integer": "number", "string": "string", "boolean": "boolean", "null": "null"},
    array="Array<",
    table="Record<string, ",
    end=">",
    literals=lambda several: " | ".join(json.dumps(it) for it in several),
)
_PYTHON = _Words(
    {"integer": "int", "string": "str", "boolean": "bool", "null": "None"},
    array="list[",
    table="dict[str, ",
    end="]",
    literals=lambda several: f"Literal[{', '.join(json.dumps(it) for it in several)}]",
)
_LICENSE = "SPDX-License-Identifier: CC0-1.0"


def typescript(schema: _Schema) -> str:
    """A module of declarations."""
    parts = [f"// {_LICENSE}"]
    for name, definition in schema["$defs"].items():
        if "enum" in definition:
            body = _type(definition, _TYPESCRIPT)
            parts.append(f"{_jsdoc(definition)}export type {name} = {body};")
            continue
        fields = "".join(_typescript_field(*it) for it in _fields(definition))
        parts.append(f"{_jsdoc(definition)}export interface {name} {{\n{fields}}}")
    return "\n\n".join(parts) + "\n"


def _typescript_field(name: str, value: _Schema, required: bool) -> str:
    key = name if name.isidentifier() else f'"{name}"'
    return f"{_jsdoc(value, '  ')}  {key}{'' if required else '?'}: {_type(value, _TYPESCRIPT)};\n"


def _jsdoc(value: _Schema, indent: str = "") -> str:
    text = value.get("description", "").replace("``", "`").replace("None", "null")
    return f"{indent}/** {' '.join(text.split())} */\n" if text else ""


def python(schema: _Schema) -> str:
    """A module of typed dictionaries."""
    parts = [
        f"# {_LICENSE}\n"
        '"""What is in the data."""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Literal, NotRequired, TypedDict"
    ]
    # Names of literals have a value when the module is read; those of dictionaries are annotations.
    ordered = sorted(schema["$defs"].items(), key=lambda it: "enum" not in it[1])
    for name, definition in ordered:
        if "enum" in definition:
            parts.append(f"{_comment(definition)}{name} = {_type(definition, _PYTHON)}")
            continue
        fields = "".join(_python_field(*it) for it in _fields(definition))
        parts.append(
            f'class {name}(TypedDict):\n    """{_flat(definition)}"""\n\n{fields.rstrip()}'
        )
    return "\n\n\n".join(parts).replace("TypedDict\n\n\n#", "TypedDict\n\n#", 1) + "\n"


def _python_field(name: str, value: _Schema, required: bool) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        return ""  # a class can't have it; it is in the dictionary all the same
    kind = _type(value, _PYTHON)
    annotation = kind if required else f"NotRequired[{kind}]"
    return f"{_comment(value, '    ')}    {name}: {annotation}\n"


def _comment(value: _Schema, indent: str = "") -> str:
    text = _flat(value)
    return f"{indent}# {text}\n" if text else ""


def _flat(value: _Schema) -> str:
    return " ".join(value.get("description", "").split())


def _type(value: _Schema, words: _Words) -> str:
    """The type of a value, as a language writes it."""
    match value:
        case {"$ref": ref}:
            text = str(ref).rpartition("/")[2]
        case {"const": constant}:
            text = words.literals([constant])
        case {"enum": constants}:
            text = words.literals(constants)
        case {"anyOf": several}:
            text = " | ".join(_type(it, words) for it in several)
        case {"type": "array", "items": items}:
            text = f"{words.array}{_type(items, words)}{words.end}"
        case {"type": "object", "additionalProperties": values}:
            text = f"{words.table}{_type(values, words)}{words.end}"
        case {"type": kind}:
            text = words.simple[str(kind)]
        case _:
            raise TypeError(value)
    return text


def _fields(definition: _Schema) -> Iterator[tuple[str, _Schema, bool]]:
    required = definition.get("required", ())
    for name, value in definition["properties"].items():
        yield name, value, name in required
