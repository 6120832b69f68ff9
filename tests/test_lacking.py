# SPDX-License-Identifier: MIT
"""Kernels that were built without something: no case blames them, or breaks, for what they lack.

Each is the running kernel with a filter of seccomp that answers as a kernel without it would.
docs/findings.md tells of kernels that really are without ("Kernels of our own").
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports.results import load
from suite.judge.records import CaseRecord, Verdict
from suite.run.needs import Need
from tests.filtered import filtered
from tests.runs import landproof, run

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or os.geteuid() != 0,
    reason="the filters are for x86_64, and the cases need a network of their own",
)
WITHOUT = {
    "inet": ("EAFNOSUPPORT", ["socket:0=2", "socket:0=10", "landlock_add_rule:1=2"]),
    "ipv6": ("EAFNOSUPPORT", ["socket:0=10"]),
    "leases": ("EINVAL", ["fcntl:1=1024"]),
}
"""What a kernel without something answers, and to which calls."""
FAULTS = {Verdict.DEVIATES, Verdict.BROKEN, Verdict.CRASHED, Verdict.HUNG, Verdict.LOST}


def cases(lacking: str, selection: str, folder: Path) -> dict[str, CaseRecord]:
    """What came of the cases of a selection, by id."""
    results = folder / "results.json"
    ask = landproof("check", "--full", "-k", selection, "--results", str(results))
    done = run(filtered(*WITHOUT[lacking], ask))
    assert results.exists(), done.stderr
    return {case.id: case for case in load(results).targets[0].cases}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Which cases are run without something, and what is to come of them."""

    selection: str
    need: Need
    skipped: int
    """At least so many, for this need."""
    shown: str
    """A case that is shown all the same."""


LACKS = {
    # Rules on ports are left out: the filter can't see what else is wrong with them.
    "inet": Lack(
        selection="net and not (add_rule or pointers)",
        need=Need.INET,
        skipped=400,
        shown="net/other_sockets[unix-stream]",
    ),
    "ipv6": Lack(
        selection="malformed",
        need=Need.IPV6,
        skipped=20,
        shown="net/malformed_addresses[bind-1-byte]",
    ),
    "leases": Lack(
        selection="ruleset_file",
        need=Need.FILE_LEASES,
        skipped=1,
        shown="syscalls/ruleset_file[flock]",
    ),
}


@pytest.mark.parametrize("lacking", LACKS)
def test_no_case_blames_a_kernel_for_what_it_lacks(lacking: str, tmp_path: Path) -> None:
    lack = LACKS[lacking]
    found = cases(lacking, lack.selection, tmp_path)
    assert {name: case.reason for name, case in found.items() if case.verdict in FAULTS} == {}
    # A kernel has no filter to be excused by.
    assert {name for name, case in found.items() if "seccomp filter" in case.reason} == set()
    skipped = [case for case in found.values() if case.reason == lack.need.value]
    assert len(skipped) >= lack.skipped
    assert all(case.verdict is Verdict.SKIPPED for case in skipped)
    assert found[lack.shown].verdict is Verdict.CONFORMS


def test_a_filter_is_not_mistaken_for_a_kernel(tmp_path: Path) -> None:
    """A service manager may keep sockets from a service: the kernel has TCP/IP all the same."""
    found = cases("inet", "without-inet", tmp_path)
    assert len(found) == 4
    assert {case.reason for case in found.values()} == {Need.NO_INET.value}
