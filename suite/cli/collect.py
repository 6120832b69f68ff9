# SPDX-License-Identifier: MIT
"""Cases by name, without a target."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import pytest

from suite.cli import run, safety
from suite.errors import InfrastructureError, UsageError
from suite.run.declared import Collector, Declared
from suite.run.recorder import Recorder

_NEAR = 4


def declared_cases() -> dict[str, Declared]:
    """Every case by its id.

    Raises:
        InfrastructureError: Cases can't be read.
    """
    safety.check_memory()
    collector = Collector("local")
    recorder = Recorder([])
    folder = run.CONFIG.parent
    pytest.main(
        [
            str(folder),
            f"--rootdir={folder.parent}",
            f"--config-file={run.CONFIG}",
            *run.QUIET,
            "--collect-only",
            "--target=local",
        ],
        plugins=[collector, recorder],
    )
    if recorder.uncollected:
        raise InfrastructureError("; ".join(recorder.uncollected))
    return collector.cases


def find(cases: Mapping[str, Declared], text: str) -> Declared:
    """The case of this id, or the only one whose id begins so.

    Raises:
        UsageError: There is none, or more than one; says which are near.
    """
    if text in cases:
        return cases[text]
    begun = [name for name in cases if name.startswith(text)]
    if len(begun) == 1:
        return cases[begun[0]]
    if begun:
        raise UsageError(f"{len(begun)} cases begin with {text!r}: {_few(begun)}")
    # A user may know the row alone.
    inside = [name for name in cases if text.lower() in name.lower()]
    near = inside or difflib.get_close_matches(text, cases, n=_NEAR, cutoff=0.5)
    hint = f"near are: {_few(near)}" if near else "landproof report shows the ids of a run"
    raise UsageError(f"no case {text!r}; {hint}")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _NEAR} more" if len(names) > _NEAR else ""
    return f"{', '.join(names[:_NEAR])}{more}"
