# SPDX-License-Identifier: MIT
"""How long the page of a large run takes to render, and how large it is.

``python -m reports.html.page_time [--kernels 15] [--cases 2000] [--output FILE]``
"""

import argparse
import time
from pathlib import Path

from reports.render import render
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected
from suite.judge.records import CaseRecord, Facts, Results, TargetRecord, Verdict
from suite.landlock import abi as table

_AREAS = ("claims", "audit", "fs", "history", "net", "ptrace", "scope", "syscalls")
_CONSOLE = "\n".join(f"[{line:5}.000000] a line of what the kernel said last" for line in range(60))


def synthetic(kernels: int, cases: int) -> Results:
    """A run with more faults than any run should have: one in twenty, with consoles and calls."""
    targets = []
    for number in range(kernels):
        abi = number % (len(table.ABIS) + 1)
        records = [_case(place, number, abi) for place in range(cases)]
        facts = Facts(release=f"6.{number}", version="#1", machine="x86_64", abi=abi, errata=3)
        targets.append(TargetRecord(name=f"vm:6.{number}", facts=facts, cases=records))
    started = "2026-11-21T10:00:00Z"
    return Results(landproof="0", started=started, seconds=600.0, targets=targets)


def _case(place: int, kernel: int, abi: int) -> CaseRecord:
    label, feature = list(table.FEATURES.items())[place % len(table.FEATURES)]
    owed: Outcome = Denied(errno="EACCES")
    if feature.since > abi:
        owed = Rejected(syscall="create_ruleset", errno="EINVAL")
    verdict, observed, reason, calls = Verdict.CONFORMS, owed, "", list[str]()
    if (place * 7 + kernel) % 20 == 0:
        verdict, observed = Verdict.DEVIATES, Allowed()
        calls = [f"openat({fd}, {place}) = {kernel}" for fd in range(8)]
    elif (place + kernel) % 200 == 0:
        verdict, reason = Verdict.CRASHED, f"the kernel panicked in case {place}\n{_CONSOLE}"
    return CaseRecord(
        id=f"{_AREAS[place % len(_AREAS)]}/behaviour_{place // 25}[with-some-row-number-{place}]",
        verdict=verdict,
        summary=f"A sentence about behaviour {place // 25}, as long as most sentences are.",
        source=f"security/landlock/fs.c, function_{place // 25}().",
        covers=[label] if place % 4 else [],
        expected=owed,
        observed=observed,
        control=Allowed(),
        clause=f"ABI {feature.since}+" if feature.since <= abi else f"below ABI {feature.since}",
        clauses=["no Landlock", f"below ABI {feature.since}", f"ABI {feature.since}+"],
        reason=reason,
        calls=calls,
        seconds=0.01 * place,
    )


def main() -> None:
    """Render it and print the figures."""
    parser = argparse.ArgumentParser(description="Measure the page of a large run.")
    parser.add_argument("--kernels", type=int, default=15)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--output", type=Path, help="keep the page in this file")
    arguments = parser.parse_args()
    results = synthetic(arguments.kernels, arguments.cases)
    start = time.perf_counter()
    text = render(results, "html")
    seconds = time.perf_counter() - start
    print(f"{arguments.kernels} kernels, {arguments.cases} cases (most 3 s, 5 MB)")
    print(f"  {seconds:.2f} s, {len(text.encode()) / 1e6:.2f} MB")
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
