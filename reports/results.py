# SPDX-License-Identifier: MIT
"""Results files: read strictly, write whole or not at all."""

import errno
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from suite import files
from suite.errors import InfrastructureError, UsageError
from suite.judge import labels
from suite.judge.outcome import is_errno
from suite.judge.records import SCHEMA_VERSION, Results, TargetRecord

_OLDEST = 1
"""The oldest schema that can still be read."""
_OUTCOMES = "expected", "observed", "control"
"""Of a case's record."""

_THE_PATH = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EACCES,
    errno.EPERM,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}
"""Errnos that say that the user named the wrong file, not that the machine is at its limit."""


class _Header(msgspec.Struct, frozen=True):
    """What is read first, so that a file of another version is told from a malformed one."""

    schema: int


def load(path: Path) -> Results:
    """Read a results file.

    Raises:
        UsageError: The file can't be read or is malformed; one line says which and where.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Results:
    """Decode and check the bytes of a results file; ``name`` is what messages call it.

    Raises:
        UsageError: See ``load``.
    """
    if not data.strip():
        raise UsageError(f"{name} is empty: not a results file")
    version = _version(data, name)
    try:
        if version == SCHEMA_VERSION:
            results = msgspec.json.decode(data, type=Results)
        else:
            results = msgspec.convert(_renewed(msgspec.json.decode(data)), Results)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is malformed: {error}") from error
    _check_content(results, name)
    _call_paths_shortly(results.targets)
    return results


def save(path: Path, results: Results) -> None:
    """Write a results file, atomically: cases sorted by id, targets in the order of the run.

    Raises:
        InfrastructureError: No room; the old file, if any, is kept.
        UsageError: The path can't be a file.
    """
    write(path, encode(results))


def encode(results: Results) -> bytes:
    """The bytes of a results file: the same for the same results, whatever order they came in."""
    targets = [
        msgspec.structs.replace(target, cases=sorted(target.cases, key=lambda case: case.id))
        for target in results.targets
    ]
    data = msgspec.json.encode(msgspec.structs.replace(results, targets=targets))
    return msgspec.json.format(data, indent=2) + b"\n"


def write(path: Path, data: bytes) -> None:
    """Write a file as ``suite.files.write`` does.

    Raises:
        InfrastructureError: No room; the old file, if any, is kept.
        UsageError: The path can't be a file.
    """
    try:
        files.write(path, data)
    except OSError as error:
        kept = "; the old file is kept" if path.is_file() else ""
        message = f"cannot write {path}: {error.strerror}{kept}"
        kind = UsageError if error.errno in _THE_PATH else InfrastructureError
        raise kind(message) from error


def _version(data: bytes, name: str) -> int:
    try:
        header = msgspec.json.decode(data, type=_Header)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name} is not a results file: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}") from error
    if header.schema > SCHEMA_VERSION:
        raise UsageError(
            f"{name} was written by a newer landproof (schema {header.schema}, "
            f"this one reads {SCHEMA_VERSION}): update landproof"
        )
    if header.schema < _OLDEST:
        raise UsageError(
            f"{name} was written by an older landproof (schema {header.schema}, "
            f"this one reads {SCHEMA_VERSION}): run the cases again"
        )
    return header.schema


def _renewed(content: dict[str, Any]) -> dict[str, Any]:
    """A file of schema 1, decoded and of whatever shape, as one of today's.

    What was seen had no outcome of its own then: it was "allowed" with a sentence for a value, or
    "denied" with one for an errno.
    """
    for target in _members(content, "targets"):
        for case in _members(target, "cases"):
            if isinstance(case, dict):
                case.update({name: _seen(case[name]) for name in _OUTCOMES if name in case})
    return {**content, "schema": SCHEMA_VERSION}


def _members(holder: object, name: str) -> list[Any]:
    """What a list of an object holds; what is malformed holds nothing, and is told afterwards."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []


def _seen(outcome: object) -> object:
    match outcome:
        case {"outcome": "allowed", "value": str(what)}:
            return {"outcome": "seen", "what": what}
        case {"outcome": "denied", "errno": str(what)} if not is_errno(what):
            return {"outcome": "seen", "what": what}
        case _:
            return outcome


def _call_paths_shortly(targets: list[TargetRecord]) -> None:
    """Call kernels as a run of today calls them, where they were called by their paths.

    So reports show the short name, and results of before compare with those of today.
    """
    whole: dict[str, str] = {}
    for target in targets:
        if target.name.startswith(f"vm:{labels.PATH}"):
            path = target.name.removeprefix("vm:")
            # It was relative where the user wrote it so, and the source never is.
            source = target.kernel.source if target.kernel else path
            whole[target.name] = path if source in whole.values() else source
    taken = [it.name.removeprefix("vm:") for it in targets if it.name not in whole]
    short = labels.of_paths(whole.values(), taken)
    for target in targets:
        if target.name in whole:
            target.name = f"vm:{short[whole[target.name]]}"


def _check_content(results: Results, name: str) -> None:
    if not results.targets:
        raise UsageError(f"{name} holds no target: nothing ran")
    if twice := _repeated(target.name for target in results.targets):
        raise UsageError(f"{name} holds target {twice!r} twice")
    for target in results.targets:
        if target.facts and (target.facts.abi < 0 or (target.facts.errata or 0) < 0):
            raise UsageError(f"{name} is malformed: {target.name!r} claims less than nothing")
        if twice := _repeated(case.id for case in target.cases):
            raise UsageError(f"{name} holds case {twice!r} of target {target.name!r} twice")


def _repeated(names: Iterable[str]) -> str | None:
    return next((name for name, times in Counter(names).items() if times > 1), None)
