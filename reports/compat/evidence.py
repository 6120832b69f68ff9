# SPDX-License-Identifier: MIT
"""By what each statement on an ABI version is known: measured, reported, or only documented."""

from collections.abc import Iterator, Mapping

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

REPORTED: Mapping[int, str] = {
    1: "Ubuntu 22.04's 5.15.0-204 claims it, with erratum 4; of the brief set of cases one known "
    "bug deviated and nothing else (docs/kernels.md); its answers were not kept",
    4: "Ubuntu 24.04's 6.8.0-151 claims it, with errata 1, 3 and 4; of the brief set of cases "
    "nothing deviated (docs/kernels.md); its answers were not kept",
}
"""ABI versions of which no kernel is among those that results are made of, and what is told of one
elsewhere."""


def evident(compat: Compat) -> Compat:
    """The data with what their kernels show of each statement on an ABI version."""
    return replace(
        compat,
        abis={
            number: replace(abi, evidence=_evidence(number, compat.kernels))
            for number, abi in compat.abis.items()
        },
        features={
            label: replace(feature, by_abi=dict(_by_abi(feature, compat)))
            for label, feature in compat.features.items()
        },
        bugs=dict(bugs.by_release(compat.bugs, compat.kernels)),
    )


def _evidence(number: str, kernels: Mapping[str, Kernel]) -> Evidence:
    if claiming := [name for name, kernel in kernels.items() if str(kernel.abi) == number]:
        return Evidence(by=By.MEASURED, kernels=claiming)
    if note := REPORTED.get(int(number)):
        return Evidence(by=By.REPORTED, note=note)
    return Evidence(by=By.DOCUMENTED)


def _by_abi(feature: CompatFeature, compat: Compat) -> Iterator[tuple[str, AbiSupport]]:
    for number, row in feature.by_abi.items():
        on = {
            name: support
            for name, support in feature.support.items()
            if str(compat.kernels[name].abi) == number and support.state is not State.UNKNOWN
        }
        agree = [name for name, support in on.items() if _agrees(row, support)]
        by = By.MEASURED if agree else By.REPORTED if int(number) in REPORTED else By.DOCUMENTED
        others = [name for name in on if name not in agree]
        yield number, replace(row, by=by, kernels=agree, otherwise=others)


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
