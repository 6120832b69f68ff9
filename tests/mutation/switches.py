# SPDX-License-Identifier: MIT
"""Known bugs as mutants: kernels that claim a fix which they do not have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial

from suite.landlock.abi import Erratum
from suite.landlock.bugs import BUGS
from suite.model.landlock import Model
from tests.mutation.mutants import Mutant

ASKED = frozenset({
    "attr-before-ruleset", "audit-without-socket", "cred-transfer", "flags-before-privileges",
    "log-subdomains-on", "many-layers", "refer-without-right", "rule-unions", "ruleset-link",
    "short-unspec", "sigio-bypass", "tcp-fast-open-bypass", "tsync-without-ruleset", "weird-files",
})  # fmt: skip
"""The bugs that ``Model.has`` is asked for; a test holds it against the source."""


def switches() -> Iterator[Mutant]:
    """A mutant for each erratum that is not fixed, and for each known bug that the model has."""
    for erratum in Erratum:
        yield _switch(Model.fixed, f"erratum-{int(erratum)}", partial(_unfix, erratum))
    for bug in sorted(ASKED & BUGS.keys()):
        yield _switch(Model.has, bug, partial(_infect, bug))


def _switch(asked: Callable[..., object], name: str, install: Callable[[], None]) -> Mutant:
    line = inspect.getsourcelines(asked)[1]
    source = f"def {asked.__name__}"
    return Mutant(f"switch:{name}", line, 0, source, "on", None, frozenset(), install, None)


def _unfix(erratum: Erratum) -> None:
    was = Model.fixed
    Model.fixed = lambda self, of: of is not erratum and was(self, of)  # type: ignore[method-assign]


def _infect(bug: str) -> None:
    was = Model.has
    Model.has = lambda self, of: of == bug or was(self, of)  # type: ignore[method-assign]
