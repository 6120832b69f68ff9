# SPDX-License-Identifier: MIT
"""Known bugs as mutants: kernels that claim a fix which they do not have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from suite.landlock.abi import Erratum
from suite.model.landlock import MODELLED, Model
from tests.mutation.mutants import Mutant

SWITCH = "switch"
"""How the names of these mutants begin."""


def switches() -> Iterator[Mutant]:
    """A mutant for each erratum that is not fixed, and for each known bug that the model has."""
    for erratum in Erratum:
        yield _switch("fixed", f"erratum-{int(erratum)}", _unfixed(erratum))
    for bug in sorted(MODELLED):
        yield _switch("has", bug, _infected(bug))


def _switch(method: str, name: str, instead: Callable[[Model, Any], bool]) -> Mutant:
    line = inspect.getsourcelines(getattr(Model, method))[1]
    source = f"def {method}"
    install = partial(setattr, Model, method, instead)
    return Mutant(
        f"{SWITCH}:{name}", line, 0, source, "on", None, frozenset(), install,
        lambda: {f"landlock:Model.{method}": instead},
    )  # fmt: skip


def _unfixed(erratum: Erratum) -> Callable[[Model, Erratum], bool]:
    return lambda model, of: of is not erratum and of in model.errata


def _infected(bug: str) -> Callable[[Model, str], bool]:
    return lambda model, of: of == bug or of in model.bugs
