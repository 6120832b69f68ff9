# SPDX-License-Identifier: MIT
"""Cases by name, without a target."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import chain

import pytest

from suite.cli import run, safety
from suite.cli.near import few, near
from suite.errors import InfrastructureError, UsageError
from suite.run import choice
from suite.run.brief import wanted
from suite.run.declared import Collector, Declared, names_of
from suite.run.recorder import Recorder
from suite.run.selection import selector, words


def declared_cases() -> dict[str, Declared]:
    """Every case by its id.

    Raises:
        InfrastructureError: Cases can't be read.
    """
    collector = Collector()
    recorder = Recorder([])
    _read(collector, recorder)
    if recorder.uncollected:
        raise InfrastructureError("; ".join(recorder.uncollected))
    return collector.cases


def ids(text: str | None, *, brief: bool = False) -> list[str]:
    """The cases that an expression means, of those that can be read; 0.4 s, and less once more.

    Args:
        text: None for all cases.
        brief: Of them only as many as show each behaviour once.

    Raises:
        UsageError: It is no expression.
    """
    selector(text or "")
    lister = _Lister(text, brief=brief)
    _read(lister)
    return lister.ids


class _Lister:
    """A plugin of pytest that lists cases, and collects nothing."""

    def __init__(self, text: str | None, *, brief: bool) -> None:
        self._text, self._brief = text, brief
        self.ids: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Instead of pytest's own."""
        entries, _ = choice.declared(session)
        self.ids = [it.id for it in wanted(entries, self._text, short=self._brief)]
        return True


def _read(*plugins: object) -> None:
    """Have pytest read the cases, and run none."""
    safety.check_memory()
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
        plugins=plugins,
    )


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
        raise UsageError(f"{len(begun)} cases begin with {text!r}: {few(begun)}")
    # A user may know the row alone.
    raise UsageError(f"no case {text!r}; {_hint(near(text, cases))}")


def hint(select: str, cases: Mapping[str, Declared]) -> str:
    """What to try in place of an expression without a case; empty if each word has some."""
    everything = [names_of(case) for case in cases.values()]
    lost = [word for word in words(select) if not any(map(selector(word), everything))]
    found = (near(word, _alike(word, cases)) for word in lost)
    return _hint([*dict.fromkeys(chain.from_iterable(found))]) if lost else ""


def _alike(word: str, cases: Collection[str]) -> list[str]:
    """What there is of the kind that a word is: ids, files, or parts of them."""
    if "[" in word:
        return [*cases]
    files = dict.fromkeys(case.partition("[")[0] for case in cases)
    if "/" in word:
        return [*files]
    parts = re.split(r"[/\[\]]", "/".join(cases))
    return [*dict.fromkeys(filter(None, parts))]


def _hint(names: list[str]) -> str:
    return f"near are: {few(names)}" if names else "landproof report shows the ids of a run"
