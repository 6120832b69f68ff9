# SPDX-License-Identifier: MIT
"""By what each statement on an ABI version is known: measured, modelled, or only documented."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from msgspec.structs import replace

from reports.compat import bugs
from reports.compat.document import (
    AbiState,
    AbiSupport,
    By,
    Compat,
    CompatFeature,
    Evidence,
    Kernel,
    State,
    Support,
)
from suite.judge.outcome import Rejected


@dataclass(frozen=True, slots=True)
class Modelling:
    """What a model of an ABI version was seen to do."""

    abi: int
    support: Mapping[str, Support]
    """By feature."""


Models: TypeAlias = Mapping[str, Modelling]
"""By name, such as ``model:3``."""
NO_MODELS: Models = {}


def evident(compat: Compat, models: Models = NO_MODELS) -> Compat:
    """The data with what their kernels, and models, show of each statement on an ABI version."""
    return replace(
        compat,
        abis={
            number: replace(abi, evidence=_evidence(number, compat.kernels, models))
            for number, abi in compat.abis.items()
        },
        features={
            label: replace(feature, by_abi=dict(_by_abi(label, feature, compat, models)))
            for label, feature in compat.features.items()
        },
        bugs=dict(bugs.by_release(compat.bugs, compat.kernels)),
    )


def _evidence(number: str, kernels: Mapping[str, Kernel], models: Models) -> Evidence:
    if claiming := [name for name, kernel in kernels.items() if str(kernel.abi) == number]:
        return Evidence(by=By.MEASURED, kernels=claiming)
    if run := [name for name, model in models.items() if str(model.abi) == number]:
        return Evidence(by=By.MODELLED, models=run)
    return Evidence(by=By.DOCUMENTED)


def _by_abi(
    label: str, feature: CompatFeature, compat: Compat, models: Models
) -> Iterator[tuple[str, AbiSupport]]:
    for number, row in feature.by_abi.items():
        on = {
            name: support
            for name, support in feature.support.items()
            if str(compat.kernels[name].abi) == number and support.state is not State.UNKNOWN
        }
        agree = [name for name, support in on.items() if _agrees(row, support)]
        others = [name for name in on if name not in agree]
        run = [] if on else [*_modelled(label, number, row, models)]
        by = By.MEASURED if agree else By.MODELLED if run else By.DOCUMENTED
        yield number, replace(row, by=by, kernels=agree, models=run, otherwise=others)


def _modelled(label: str, number: str, row: AbiSupport, models: Models) -> Iterator[str]:
    for name, model in models.items():
        seen = model.support.get(label)
        if str(model.abi) == number and seen is not None and _agrees(row, seen):
            yield name


def kept(new: Compat, old: Compat) -> Compat:
    """The data with what models showed before, where it says the same as then."""
    return replace(
        new,
        abis={
            number: replace(abi, evidence=_older(abi.evidence, old.abis[number].evidence))
            if number in old.abis
            else abi
            for number, abi in new.abis.items()
        },
        features={
            label: replace(feature, by_abi=_older_rows(feature, old.features[label]))
            if label in old.features
            else feature
            for label, feature in new.features.items()
        },
    )


def _older(new: Evidence, old: Evidence) -> Evidence:
    return old if (new.by, old.by) == (By.DOCUMENTED, By.MODELLED) else new


def _older_rows(new: CompatFeature, old: CompatFeature) -> dict[str, AbiSupport]:
    rows = {}
    for number, row in new.by_abi.items():
        was = old.by_abi.get(number, row)
        same = (row.state, row.call, row.errno) == (was.state, was.call, was.errno)
        is_kept = same and (row.by, was.by) == (By.DOCUMENTED, By.MODELLED)
        rows[number] = replace(row, by=was.by, models=was.models) if is_kept else row
    return rows


def _agrees(row: AbiSupport, support: Support) -> bool:
    """Whether a kernel was seen to do what is documented of its ABI version."""
    refused = support.state is State.ABSENT and all(
        isinstance(it, Rejected) and (f"landlock_{it.syscall}", it.errno) == (row.call, row.errno)
        for it in support.answers
    )
    match row.state:
        case AbiState.PROVIDED:
            return support.state is State.PROVIDED
        case AbiState.REFUSED:
            return refused
        case AbiState.VARIES:
            return refused or support.state is State.PROVIDED
