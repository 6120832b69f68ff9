# SPDX-License-Identifier: MIT
"""All cases on models: of every ABI version, with every set of fixed errata.

``python -m tests.model_sweep [NAME…]``; without names, all of them. A fault that no bug of the
model explains, or a case that is broken, ends it with 1.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from tabulate import tabulate

from reports.results import load
from suite.judge.records import CaseRecord, Verdict, is_not_modelled
from suite.landlock.abi import ABIS, ERRATA, ERRATA_PROMISED, Erratum

WORKERS = 2
RAN = (Verdict.CONFORMS, Verdict.ABSENT, Verdict.UNFIXED, Verdict.DEVIATES)
FINE = (Verdict.CONFORMS, Verdict.ABSENT, Verdict.UNFIXED, Verdict.SKIPPED)


def names() -> Iterator[str]:
    """Every model: without Landlock, and each ABI version with each set of the errata it can fix.

    One more an ABI version has no interface to ask for errata, which came to old kernels late.
    """
    yield "model:none"
    for abi in ABIS:
        errata = [it for it in Erratum if ERRATA[it].since <= abi]
        if abi < ERRATA_PROMISED:
            yield f"model:{abi}+errata=none"
        for count in range(len(errata) + 1):
            for some in combinations(errata, count):
                yield f"model:{abi}+errata={','.join(str(int(it)) for it in some)}"


@dataclass(slots=True)
class Swept:
    """What the cases came to on one model."""

    name: str
    seconds: float
    ran: Counter[str] = field(default_factory=Counter)
    """By area."""
    not_modelled: Counter[str] = field(default_factory=Counter)
    """By area of the model."""
    otherwise_skipped: int = 0
    faults: list[str] = field(default_factory=list)


def sweep(name: str) -> Swept:
    """Run every case on a model, in a process of its own."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = ["check", "--full", "--target", name, "--results", str(results)]
        ended = subprocess.run(
            [sys.executable, "-m", "suite.cli.main", *command], capture_output=True, check=False
        )
        if not results.exists():
            return Swept(name, 0, faults=[ended.stderr.decode(errors="replace")[-500:]])
        swept = Swept(name, time.monotonic() - begin)
        for record in load(results).targets[0].cases:
            _count(swept, record)
    return swept


def _count(swept: Swept, record: CaseRecord) -> None:
    if record.verdict in RAN:
        swept.ran[record.id.split("/")[0]] += 1
    elif is_not_modelled(record.verdict, record.reason):
        what = record.reason.partition(": ")[2]
        swept.not_modelled[what.partition(":")[0] if ":" in what else "calls"] += 1
    elif record.verdict is Verdict.SKIPPED:
        swept.otherwise_skipped += 1
    if record.verdict not in FINE and not record.bug:
        came_to = record.observed or record.reason.splitlines()[0]
        swept.faults.append(f"{record.id}: {record.verdict}: {came_to}, owed {record.expected}")


def report(all_swept: list[Swept]) -> str:
    """What came of it: the answer first, then a row a model, then the faults."""
    areas = sorted({area for it in all_swept for area in it.ran})
    missing = sorted({area for it in all_swept for area in it.not_modelled})
    head = ["model", "ran", *areas, "not modelled", *missing, "skipped", "faults", "s"]
    rows = [
        [
            it.name,
            it.ran.total(),
            *(it.ran[area] for area in areas),
            it.not_modelled.total(),
            *(it.not_modelled[area] for area in missing),
            it.otherwise_skipped,
            len(it.faults),
            round(it.seconds),
        ]
        for it in all_swept
    ]
    least = min(it.ran.total() for it in all_swept)
    faults = [f"{it.name}: {fault}" for it in all_swept for fault in it.faults]
    return "\n".join(
        [
            f"{len(all_swept)} models, at least {least} cases on each; {len(faults)} faults",
            tabulate(rows, head),
            *faults,
        ]
    )


def main() -> int:
    """Sweep, and say what came of it."""
    wanted = sys.argv[1:] or [*names()]
    with ThreadPoolExecutor(WORKERS) as pool:
        swept = []
        for it in pool.map(sweep, wanted):
            swept.append(it)
            print(f"{it.name}: {it.ran.total()} ran, {len(it.faults)} faults", file=sys.stderr)
    print(report(swept))
    return 1 if any(it.faults for it in swept) else 0


if __name__ == "__main__":
    sys.exit(main())
