# SPDX-License-Identifier: MIT
"""Every cell of the compatibility data, held against plain calls on the same kernel.

The data are built from what cases saw; the calls know nothing of the cases, so that a case that
measures something else than its cell says is found out.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from reports.compat.document import Compat, Fixed, State
from suite.judge.outcome import Rejected
from tests.kernels import stored
from tests.plain_cells import Measured, empty, untrue

CHECKOUT = Path(__file__).parents[1]
EMULATED_S = 300
Spoil = Callable[[Compat], Compat]


def measure(target: str, folder: Path) -> Measured:
    """Cases and calls on one start of a target."""
    path = folder / "measured.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.plain_cells", target, str(path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(path.read_bytes(), type=Measured)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The running kernel."""
    return measure("local", tmp_path_factory.mktemp("local"))


def test_every_cell_is_true_of_this_kernel(local: Measured) -> None:
    assert list(untrue(local)) == []


@pytest.mark.vm
@pytest.mark.timeout(EMULATED_S)
@pytest.mark.parametrize("wish", ["6.1", "6.12", "7.3"])
def test_every_cell_is_true_of(wish: str, tmp_path: Path) -> None:
    """And a machine of ours can show them all."""
    stored(wish)
    measured = measure(f"vm:{wish}", tmp_path)
    assert list(untrue(measured)) == []
    assert empty(measured.compat) == []


def feature(label: str, state: State, *answers: str, otherwise: str = "") -> Spoil:
    """Another cell of a feature; answers are such as ``add_rule: EINVAL``."""

    def spoil(compat: Compat) -> Compat:
        row = compat.features[label]
        cells = {
            name: replace(
                cell,
                state=state,
                answers=[Rejected(*it.split(": ")) for it in answers],
                otherwise=[Rejected(*it.split(": ")) for it in otherwise.split(" or ") if it],
            )
            for name, cell in row.support.items()
        }
        return replace(compat, features={**compat.features, label: replace(row, support=cells)})

    return spoil


def limit(name: str, **change: object) -> Spoil:
    """Another row of a limit."""

    def spoil(compat: Compat) -> Compat:
        return replace(
            compat, limits={**compat.limits, name: replace(compat.limits[name], **change)}
        )

    return spoil


def erratum(number: str, **change: object) -> Spoil:
    """Another cell of an erratum."""

    def spoil(compat: Compat) -> Compat:
        row = compat.errata[number]
        cells = {name: replace(cell, **change) for name, cell in row.support.items()}
        return replace(compat, errata={**compat.errata, number: replace(row, support=cells)})

    return spoil


def kernel(**change: object) -> Spoil:
    """Another row of the kernel."""
    return lambda compat: replace(
        compat, kernels={name: replace(it, **change) for name, it in compat.kernels.items()}
    )


def masks(**change: object) -> Spoil:
    """Other masks, of every ABI version."""
    return lambda compat: replace(
        compat, abis={number: replace(it, **change) for number, it in compat.abis.items()}
    )


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (feature("fs.read_file", State.ABSENT, "create_ruleset: EINVAL"), "fs.read_file"),
        (feature("fs.read_file", State.LACKING), "fs.read_file"),
        (feature("add_rule.quiet", State.ABSENT, "create_ruleset: E2BIG"), "add_rule.quiet"),
        (
            feature("add_rule.quiet", State.UNKNOWN, otherwise="restrict_self: EPERM"),
            "add_rule.quiet",
        ),
        (
            feature(
                "restrict.no_new_privs",
                State.ABSENT,
                "restrict_self: EINVAL",
                "restrict_self: EPERM",
            ),
            "restrict.no_new_privs",
        ),
        (limit("layers", value=15), "limit layers"),
        (limit("attr_size", value=7), "limit attr_size"),
        (erratum("2", state=Fixed.UNFIXED), "erratum 2"),
        (erratum("4", state=Fixed.UNCLEAR), "erratum 4"),
        (kernel(abi=99), "kernels"),
        (kernel(errata=[63]), "kernels"),
        (masks(handled_access_fs=0x7), "ABI"),
        (masks(attr_size=12), "ABI"),
        (masks(restrict_self_flags=1 << 31), "ABI"),
    ],
)
def test_a_cell_that_is_not_true_is_found(local: Measured, spoil: Spoil, told: str) -> None:
    if not local.plain.abi:
        pytest.skip("this kernel has no Landlock")
    (found,) = untrue(Measured(compat=spoil(local.compat), plain=local.plain))
    assert found.partition(":")[0].startswith(told)


def test_a_cell_that_says_nothing_is_found(local: Measured) -> None:
    spoil = feature("fs.execute", State.UNKNOWN)
    assert set(empty(spoil(local.compat))) - set(empty(local.compat)) == {"fs.execute"}
