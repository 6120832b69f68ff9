# SPDX-License-Identifier: MIT
"""The names of targets of the model."""

import re
from pathlib import Path

import pytest

import suite.model
from suite.cli.run import run
from suite.errors import UsageError
from suite.kernel.target import named
from suite.landlock.abi import ABIS, ERRATA, Erratum
from suite.model.landlock import MODELLED, Model


@pytest.mark.parametrize("abi", ABIS)
def test_a_plain_name_has_every_fix(abi: int) -> None:
    model = named(f"model:{abi}")
    assert model == Model(abi, frozenset(it for it in Erratum if ERRATA[it].since <= abi))


def test_a_name_says_which_errata_and_bugs() -> None:
    model = named("model:7+errata=1,3+bugs=sigio-bypass,short-unspec")
    assert model.errata == {Erratum(1), Erratum(3)}
    assert model.bugs == {"sigio-bypass", "short-unspec"}
    assert named("model:7+errata=") == Model(7)
    assert not named("model:6+errata=none").tells_errata
    assert named("model:none").abi == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("model:13", "there are model:1 to model:12, and model:none"),
        ("model:", "there are model:1 to model:12, and model:none"),
        ("model:3+errata=1", "errata=1: say errata=3,4"),
        ("model:7+errata=9", "errata=9: say errata=1,2,3,4"),
        ("model:7+bugs=typo", "bugs=typo: say"),
        ("model:7+colour=red", "colour=red: say"),
        ("model:none+errata=1", "errata=1: say errata=none"),
    ],
)
def test_a_wrong_name_is_told_what_would_do(name: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        named(name)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_modelled_bug_is_asked_for_by_a_rule() -> None:
    folder = Path(suite.model.__file__).parent
    asked = {
        name
        for path in folder.glob("*.py")
        for name in re.findall(r'\bhas\("([a-z-]+)"\)', path.read_text(encoding="utf-8"))
    }
    # Of the calls, and of records, which are beside the rules.
    of_kernel = {"attr-before-ruleset", "audit-without-socket", "ruleset-link"}
    assert asked | of_kernel == MODELLED


def test_a_long_name_has_its_cases() -> None:
    """Longer than what pytest makes an id of."""
    name = f"model:7+bugs={','.join(sorted(MODELLED - {'cred-transfer'}))}"
    [target] = run([name], select="claims/errata").results.targets
    assert [it.id for it in target.cases] == ["claims/errata[out-of-place]"]
