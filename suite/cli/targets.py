# SPDX-License-Identifier: MIT
"""The targets of a run, as the user names them and as reports call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from suite.targets.schemes import registered
from vm.names import called
from vm.store import Store
from vm.target import LABEL, VM


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a run is to run on."""

    kernels: Mapping[str, str]
    """Names of the kernels to boot, by what they are called."""
    others: tuple[str, ...]
    """Names of the targets that are no machines of ours."""

    @property
    def names(self) -> list[str]:
        """All targets, as reports call them."""
        return [*(f"{VM}{label}" for label in self.kernels), *self.others]

    @property
    def options(self) -> list[str]:
        """Our plugins' options that say which kernels are not called by their names."""
        return [f"{LABEL}={own}={name}" for own, name in self.kernels.items() if own != name]


def choose(
    targets: Sequence[str], kernels: Sequence[str] = (), store: Callable[[], Store] = Store
) -> Chosen:
    """The targets of a run, each once.

    Args:
        targets: What ``--target`` was given: ``local``, ``vm:7.3``, ``vm:mine=path:FOLDER``.
        kernels: What ``--kernels`` was given: the same without ``vm:``.
        store: Opened only if there are kernels.

    Raises:
        InfrastructureError: The store can't be used.
        UsageError: One is of no kind that there is, or a label makes no sense.
    """
    for name in targets:
        registered().of_target(name)
    asked_for = [*kernels, *(it.removeprefix(VM) for it in targets if it.startswith(VM))]
    others = dict.fromkeys(it for it in targets if not it.startswith(VM))
    return Chosen(called(asked_for, store()) if asked_for else {}, tuple(others))
