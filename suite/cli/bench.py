# SPDX-License-Identifier: MIT
"""How fast landproof is, each figure next to what it is to be compared with, in one run.

``python -m suite.cli.bench [FIGURES ...] [--kernels 6.1,7.3] [--rounds 3] [--anyway]``

Seconds of different days and machines can't be compared; ratios of one run can. What is compared
is taken in turns, and told by medians. On a machine that is not steady nothing is told, and the
exit code is 3.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import median

from reports.results import load
from suite.agent import build
from suite.cli.collect import declared_cases
from suite.cli.run import CONFIG, QUIET
from suite.cli.speeds import agent_speeds, pytest_speed, round_trip
from suite.cli.steady import measured
from suite.cli.timing import CHECKED, LANDPROOF, Pair, paired, timed
from suite.errors import Exit, InfrastructureError, LandproofError
from suite.judge.records import Results, Verdict
from suite.targets.local import LocalTarget
from suite.targets.scratch import Scratch
from vm import accel
from vm.boot_time import boot_ratio
from vm.catalogue import DEFAULT_SET
from vm.command import Accelerator, find_vng
from vm.kernel import Kernel
from vm.saved import REAL_BOOT_EVERY, States
from vm.store import Store
from vm.target import GUEST_ARCH, VmTarget

_PLAIN = """\
import pytest
@pytest.mark.parametrize("number", range({count}))
def test(number):
    pass
"""
_VNG_ENDS = (0, 255)
"""255: the command ran, and the kernel has no port by which virtme-ng is told its exit code."""
_MATRICES: dict[str, tuple[str, ...]] = {
    "matrix -k 'claims or history'": ("-k", "claims or history"),
    "matrix": (),
}
"""By what they are called."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another suite about Landlock, in C."""

    name: str
    where: str
    cases: int
    seconds: float

    def line(self, what: str, rate: float) -> str:
        """Our cases a second over theirs."""
        theirs = self.cases / self.seconds
        compared = f"{rate:.0f} over {theirs:.0f} ({self.name}, {self.where})"
        return f"  {what:<34} {compared}: {rate / theirs:.1f}"


# Measured in November 2026 on the developers' machine (two processors, no KVM): tests that ran,
# skipped ones among them, and seconds of the whole run, as both suites are started by their users.
SELFTESTS = Peer("kernel selftests 7.3", "User-Mode Linux 7.3.4", 914, 50.5)
LTP = Peer("LTP landlock01 to 10", "on a host", 917, 16.0)


class Bench:
    """What figures are made of.

    Args:
        kernel: Of the virtual machine, such as ``7.3``.
        rounds: How often each side of a comparison is taken.
        kernels: Of the matrix, with commas between them.
    """

    def __init__(self, kernel: str, rounds: int, kernels: str = ",".join(DEFAULT_SET)) -> None:
        self.name = kernel
        self.rounds = rounds
        self.kernels = kernels

    @cached_property
    def kernel(self) -> Kernel:
        """The kernel, stored."""
        return Store().fetch(self.name)

    @cached_property
    def accelerator(self) -> Accelerator:
        """What QEMU runs on."""
        return accel.choose(self.kernel, build.agent(GUEST_ARCH))

    def start(self) -> list[str]:
        """The start of the command line."""
        bare = (sys.executable, "-c", "pass")
        pair = paired(lambda: timed((*LANDPROOF, "--help")), lambda: timed(bare), self.rounds)
        return [pair.line("landproof --help", "python alone")]

    def collection(self) -> list[str]:
        """Reading all cases."""
        count = len(declared_cases())
        folder = CONFIG.parent
        ours = (
            *(sys.executable, "-m", "pytest", str(folder), f"--rootdir={folder.parent}"),
            *(f"--config-file={CONFIG}", *QUIET, "--collect-only", "--target=local"),
        )
        with _plain(count) as plain:
            pair = paired(
                lambda: timed(ours), lambda: timed((*plain, "--collect-only")), self.rounds
            )
        return [pair.line(f"collection of {count} cases", f"pytest, {count} empty tests")]

    def local(self) -> list[str]:
        """The brief run on the running kernel."""
        ran = _Run()
        ran.take()
        with _plain(ran.cases) as plain:
            pair = paired(ran.take, lambda: timed(plain), self.rounds)
        return [
            pair.line(f"landproof: {ran.cases} cases, here", f"pytest, {ran.cases} empty tests"),
            LTP.line("cases a second, here", ran.cases / median(pair.ours)),
        ]

    def restore(self) -> list[str]:
        """From the start of a machine to the first answer of a guest that is prepared."""
        boots = boot_ratio(self.kernel, build.agent(GUEST_ARCH), self.accelerator, self.rounds)
        plain = Pair(boots.ours, boots.floor)
        lines = [plain.line("boot, to the agent's first byte", "qemu -kernel -initrd alone")]
        if self.accelerator is not Accelerator.TCG:
            return [*lines, f"  restored over booted: with {boots.accel}, none is restored"]
        with Scratch() as folder:
            states = States(folder)
            self._up(states, "booted")
            pair = paired(
                lambda: self._up(states, "restored"),
                lambda: self._up(None, "booted"),
                min(self.rounds, REAL_BOOT_EVERY - 2),  # after more, a boot is due
            )
        return [*lines, pair.line("restored, to the first answer", "booted")]

    def _up(self, states: States | None, wished: str) -> float:
        start = time.perf_counter()
        target = VmTarget(f"vm:{self.name}", self.kernel, self.accelerator, states=states)
        try:
            round_trip(target.start())
            took = time.perf_counter() - start
        finally:
            target.stop()
        if target.began != wished:
            raise InfrastructureError(f"the machine was {target.began}, not {wished}")
        return took

    def speed(self) -> list[str]:
        """Round trips, programs and small cases a second, here and in the machine."""
        name = f"vm:{self.name}"
        targets = LocalTarget(), VmTarget(name, self.kernel, self.accelerator)
        here, there = (agent_speeds(target) for target in targets)
        cases = pytest_speed("local", 1000), pytest_speed(name, 300)
        return [
            f"  a second, in {name} over here:",
            _rates("round trips of one call", there[0], here[0]),
            _rates("programs: fork, 7 calls, kill", there[1], here[1]),
            _rates("pytest cases", cases[1], cases[0]),
            "  a second, pytest cases over programs:",
            _rates("here", cases[0], here[1]),
            _rates(f"in {name}", cases[1], there[1]),
        ]

    def command(self) -> list[str]:
        """A command with this machine's files, to its end; virtme-ng needs busybox for that."""
        name = f"{self.name.partition('+')[0]}+amd64"  # which virtme-ng can give files, too
        kernel = Store().fetch(name)
        slow = ["--disable-kvm"] if self.accelerator is Accelerator.TCG else []
        vng = find_vng()
        path = f"PATH={Path(vng).parent}:{os.environ['PATH']}"  # it calls virtme-run
        theirs = (
            "env",
            path,
            vng,
            "--run",
            str(kernel.vmlinuz),
            "--force-9p",
            *slow,
            "--exec",
            "true",
        )
        ours = (*LANDPROOF, "run", "--kernels", name, "--", "true")
        pair = paired(lambda: timed(ours), lambda: timed(theirs, _VNG_ENDS), self.rounds)
        return [pair.line(f"landproof run on {name}", "vng --run --exec")]

    def matrix(self) -> list[str]:
        """The matrix with saved machines, and without."""
        command = ("matrix", "--kernels", self.kernels)
        _Run(*command, "-k", "claims").take()  # kernels are fetched and machines saved, if need be
        lines = []
        for what, words in _MATRICES.items():
            rounds = self.rounds if words else max(1, self.rounds // 3)
            saved, booted = _Run(*command, *words), _Run(*command, "--boot", *words)
            pair = paired(saved.take, booted.take, rounds)
            lines += [pair.line(what, "--boot"), f"    {saved.starts}, over {booted.starts}"]
        return [
            *lines,
            SELFTESTS.line("cases a second, in guests", saved.cases / median(pair.ours)),
        ]


FIGURES: dict[str, Callable[[Bench], list[str]]] = {
    "start": Bench.start,
    "collection": Bench.collection,
    "local": Bench.local,
    "restore": Bench.restore,
    "speed": Bench.speed,
    "command": Bench.command,
    "matrix": Bench.matrix,
}


class _Run:
    """A run of landproof, its results read afterwards."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._results: Results | None = None

    def take(self) -> float:
        """Seconds from the command to the answer."""
        with Scratch() as folder:
            file = folder / "results.json"
            took = timed((*LANDPROOF, *self._words, "--results", str(file)), CHECKED)
            self._results = load(file)
        return took

    @property
    def cases(self) -> int:
        """How many were judged, or could not be shown."""
        assert self._results  # noqa: S101 (it was taken)
        records = [case for target in self._results.targets for case in target.cases]
        return sum(record.verdict is not Verdict.LOST for record in records)

    @property
    def starts(self) -> str:
        """How its machines came up: ``2 booted, 10 restored``."""
        assert self._results  # noqa: S101 (it was taken)
        counts: dict[str, int] = {}
        for target in self._results.targets:
            for way, count in target.starts.items():
                counts[way] = counts.get(way, 0) + count
        return ", ".join(f"{counts[way]} {way}" for way in sorted(counts))


@contextmanager
def _plain(count: int) -> Iterator[tuple[str, ...]]:
    """The command that runs so many empty tests by pytest alone."""
    with Scratch() as folder:
        file = Path(folder) / "test_plain.py"
        file.write_text(_PLAIN.format(count=count), encoding="ascii")
        yield (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            f"--rootdir={folder}",
            "-c",
            "/dev/null",
            str(file),
        )


def _rates(what: str, ours: float, other: float) -> str:
    return f"    {what:<32} {ours:9.1f} over {other:9.1f}: {ours / other:.3f}"


def main() -> int:
    """Measure all, then print it."""
    parser = argparse.ArgumentParser(prog="python -m suite.cli.bench", description=main.__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURES", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--kernel", default="7.3", help="of the virtual machine (default: 7.3)")
    every = ",".join(DEFAULT_SET)
    parser.add_argument("--kernels", default=every, help="of the matrix (default: the default set)")
    parser.add_argument("--rounds", type=int, default=3, help="of each comparison (default: 3)")
    parser.add_argument("--anyway", action="store_true", help="however busy the machine is")
    arguments = parser.parse_args()
    if unknown := set(arguments.figures) - set(FIGURES):
        parser.error(
            f"no such figures: {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}"
        )
    bench = Bench(arguments.kernel, max(arguments.rounds, 1), arguments.kernels)
    lines = ["seconds are medians; the last number of a line is the ratio"]
    try:
        for name in arguments.figures or FIGURES:
            print(f"measuring: {name}", file=sys.stderr)
            measure = partial(FIGURES[name], bench)
            taken = measure() if arguments.anyway else measured(name, measure)
            lines += [name, *taken]
    except LandproofError as error:
        print(error, file=sys.stderr)
        return error.exit
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    if arguments.anyway:
        lines.insert(0, "nobody has looked whether this machine was busy (--anyway)")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
