# SPDX-License-Identifier: MIT
"""Runs under confinements: what is wrong with what they say.

``python -m tests.confined_runs [--full] [TARGET...]`` tries all confinements on each target, by
default on ``local``, and in containers.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from reports.ending import Terms, judged
from reports.results import load
from suite.errors import Exit
from suite.judge.records import Results, TargetRecord, Verdict
from suite.targets import schemes
from tests import containers
from tests.confinements import CONFINEMENTS, GUESTS_ONLY, HIDDEN
from tests.registered import install
from tests.runs import landproof

ROOT = Path(__file__).resolve().parent.parent
PLAIN = "plain"
CONTAINERS = {
    "container-root": (0, False),
    "container-root-no-new-privs": (0, True),
    "container-user": (1000, False),
    "container-user-no-new-privs": (1000, True),
}
"""The user, and whether no_new_privs is set."""
GVISOR = "gvisor"


def confined(target: str, names: Iterable[str], *options: str) -> Results:
    """Run the cases on a target under these confinements, and plain, with nothing left behind."""
    with tempfile.TemporaryDirectory(prefix="landproof-test-") as name:
        folder, temporary = Path(name), Path(name, "tmp")
        temporary.mkdir(mode=0o777)
        temporary.chmod(0o777)
        folder.chmod(0o755)
        install(
            folder / "registered",
            schemes.GROUP,
            {"confined": f"{__package__}.confined_target:Confined"},
        )
        chosen = [f"--target=confined:{it}/{target}" for it in dict.fromkeys([PLAIN, *names])]
        results = folder / "results.json"
        subprocess.run(
            [*landproof("check", *chosen, *options), f"--results={results}"],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env={
                **os.environ,
                "TMPDIR": str(temporary),
                "PYTHONPATH": os.pathsep.join([str(folder / "registered"), str(ROOT)]),
            },
        )
        left = sorted(path.name for path in temporary.iterdir())
        assert not left, f"left behind: {left}"
        return load(results)


def contained(name: str, *options: str) -> TargetRecord:
    """The running kernel as a container sees it; or what answers in its place in gVisor."""
    with tempfile.TemporaryDirectory(prefix="landproof-test-") as folder:
        Path(folder).chmod(0o777)
        results = Path(folder, "results.json")
        argv = [*landproof("check", *options), f"--results={results}"]
        if name == GVISOR:
            done = containers.run_in_gvisor(argv, cwd=str(ROOT))
        else:
            user, no_new_privs = CONTAINERS[name]
            done = containers.run(argv, cwd=str(ROOT), user=user, no_new_privs=no_new_privs)
        assert results.exists(), done.stderr
        (target,) = load(results).targets
        return target


def complaints(target: TargetRecord, plain: TargetRecord, *, hidden: bool = False) -> Iterator[str]:
    """What a confined run says that it should not, each in a line."""
    deviating = {case.id for case in plain.cases if case.verdict is Verdict.DEVIATES}
    if target.facts is None:
        yield f"{target.name} did not come up: {target.reason}"
    for case in target.cases:
        if case.verdict.bad and not (case.verdict is Verdict.DEVIATES and case.id in deviating):
            outcome = f"expected {case.expected}, observed {case.observed}, control {case.control}"
            yield f"{target.name} {case.id} {case.verdict}: {case.reason or outcome}"
    alone = Results(landproof="", started="", seconds=0, targets=[target])
    ended = judged(alone, Terms()).code
    if (ended is Exit.NO_LANDLOCK) != (hidden or any(f":{it}/" in target.name for it in HIDDEN)):
        yield f"{target.name} ends with {ended!r}"


def main() -> int:
    """Try everything; 1 if there is a complaint."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("targets", nargs="*", default=["local"])
    chosen = parser.parse_args()
    options = ["--full"] if chosen.full else []
    found: list[str] = []
    for target in chosen.targets:
        names = CONFINEMENTS if target == "local" else CONFINEMENTS | GUESTS_ONLY
        results = confined(target, names, *options)
        found += _all_complaints(results.targets)
        if target == "local":
            plain = results.targets[0]
            for name in CONTAINERS if containers.are_there() else ():
                found += complaints(contained(name, *options), plain)
            if containers.has_gvisor():
                found += complaints(contained(GVISOR, *options), plain, hidden=True)
    for line in found:
        print(line)
    return bool(found)


def _all_complaints(targets: Sequence[TargetRecord]) -> list[str]:
    plain, *others = targets
    return [line for target in (plain, *others) for line in complaints(target, plain)]


if __name__ == "__main__":
    sys.exit(main())
