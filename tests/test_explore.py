# SPDX-License-Identifier: MIT
"""Explorations: what is planted is found, nothing is lost, and nothing is done twice."""

import errno
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from suite.agent import wire
from suite.errors import InfrastructureError
from suite.explore.alone import alone
from suite.explore.compare import Kinds, differences, in_manners
from suite.explore.exploration import Part
from suite.explore.given import ALLOWED, NOT_MODELLED, Given
from suite.explore.ledger import Kept, Ledger, Row
from suite.explore.manner import MANNERS, Relation
from suite.explore.spaces import SPACES
from suite.judge.records import Facts
from suite.landlock.abi import FS
from suite.process.session import Session
from suite.targets.local import LocalTarget
from tests.explorations import Altered, explored, numbered

PATHS, REFER = SPACES["paths"], SPACES["refer"]
FEW = Part(most=12, every=0)
FACTS = Facts(release="6.1", version="", machine="x86_64", abi=7, errata=0)


@pytest.fixture(scope="module", autouse=True)
def needs_landlock() -> None:
    target = LocalTarget()
    try:
        if not target.start().facts.abi:
            pytest.skip("the running kernel has no Landlock")
    finally:
        target.stop()


def _allowing(name: str) -> Altered:
    """A kernel that lets a system call pass that Landlock denies."""

    def alters(op: wire.Op, record: wire.Record) -> wire.Record:
        denied = op.nr == numbered(name) and record.value == -errno.EACCES
        return wire.Record(record.status, 0) if denied else record

    return Altered(f"allows-{name}", alters)


def test_equal_targets_do_not_differ(tmp_path: Path) -> None:
    found, _ = explored(
        tmp_path / "state", [Altered("one"), Altered("two")], [*SPACES.values()], FEW
    )
    assert not found.kinds
    assert not found.faults
    assert found.decisions == 2 * sum(it.decisions for it in found.tallies) / 2 > 2 * 12 * 64


def test_a_wrong_answer_of_a_kernel_is_found_with_the_smallest_program(tmp_path: Path) -> None:
    targets = [Altered("right"), _allowing("truncate")]
    found, _ = explored(tmp_path / "state", targets, [PATHS], Part(most=30, every=0))
    assert found.unexplained
    assert {it.first[0].label.split()[0] for it in found.unexplained} == {"truncate"}
    said = {(it.first[0].theirs, it.first[0].ours) for it in found.unexplained}
    assert said == {("EACCES", "allowed")} or said == {("allowed", "EACCES")}
    numbers = [it.number for kind in found.unexplained for it in kind.first]
    assert numbers == sorted(numbers)


def test_what_a_newer_version_knows_is_predicted(tmp_path: Path) -> None:
    """A decision hangs on a feature that one of both lacks; any other difference is told."""
    with Ledger(tmp_path / "state") as ledger:
        found = _compared(ledger, {2: b"\0" * 64, 7: _but({"truncate": errno.EACCES})})
    assert [it.expected for it in found] == [True]
    assert "fs.truncate (ABI 3)" in found[0].why
    with Ledger(tmp_path / "other") as ledger:
        found = _compared(ledger, {2: b"\0" * 64, 7: _but({"read_file": errno.EACCES})})
    assert [it.expected for it in found] == [False]


def _but(codes: dict[str, int]) -> bytes:
    """What ``paths`` gives if all is allowed but these decisions, in the folder on top."""
    from suite.explore.script import labels  # noqa: PLC0415 (used here alone)

    return bytes(codes.get(it.split()[0], 0) if it.endswith(" 0") else 0 for it in labels(PATHS, 0))


def _compared(ledger: Ledger, codes: dict[int, bytes]) -> list:  # type: ignore[type-arg]
    from suite.explore.compare import between_kernels  # noqa: PLC0415

    kinds, kept = Kinds(), []
    for abi, given in codes.items():
        target, _ = ledger.target(f"abi-{abi}", replace_abi(abi), "")
        ledger.keep(target, "paths", "", [(0, Given(given))])
        kept.append(target)
    between_kernels(ledger, PATHS, kept, None, kinds)
    return kinds.all()


def replace_abi(abi: int) -> Facts:
    return Facts(release="6.1", version="", machine="x86_64", abi=abi, errata=0)
