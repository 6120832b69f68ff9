# SPDX-License-Identifier: MIT
"""Two hundred reproducers, of every file of cases: each is built, run, and comes to the same."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from suite.cli import collect
from suite.cli.repro import reproducer
from suite.cli.run import run
from suite.judge.records import TargetRecord, Verdict
from suite.repro.errors import UnwritableError
from suite.repro.program import Shape
from suite.run.declared import Declared
from suite.run.tracing import Traced, Tracer

ALWAYS = (
    "fs/compat[truncate64]",
    "fs/open_files[fallocate-collapse-range]",
    "fs/kernel_filesystems[proc-list-no-rule]",
)
"""Of kinds that a file may lack: 32-bit calls, what is compared with outside, other mounts."""
MOST = 200
TRIED = 450
"""Cases that are run to have so many: some are skipped here, some can't be written yet."""
DEVIATE = ("history/tcp_fast_open[ipv4]", "net/fast_open[sendmsg]", "net/fast_open[io-uring]")
"""Cases that deviate on many kernels of 2025."""
CC = ["cc", "-O0", "-Wall", "-Wextra", "-Werror", "-static"]
HARNESS = Path(__file__).parent / "data" / "kselftest_harness.h"
KERNELS_OWN = "LANDPROOF_KSELFTEST_HARNESS"
"""The environment variable that names the kernel's own header, to try it in place of ours."""


def chosen(cases: Iterable[str]) -> list[str]:
    """Cases in an order that is always the same: first one of each file, then by their digests."""
    by_digest = sorted(cases, key=lambda it: hashlib.sha256(it.encode()).digest())
    first = {it.partition("[")[0]: it for it in reversed(by_digest)}
    return [*dict.fromkeys([*DEVIATE, *ALWAYS, *sorted(first.values()), *by_digest])]


@pytest.fixture(scope="module")
def written(declared: dict[str, Declared]) -> dict[str, tuple[Traced, str]]:
    """What was seen of each case here, and its file."""
    if shutil.which("cc") is None:
        pytest.skip("there is no cc")
    kept: dict[str, Traced] = {}
    wanted = chosen(declared)[:TRIED]
    nodes = [collect.find(declared, case).node("local") for case in wanted]
    run(["local"], nodes=nodes, plugins=[Tracer(lambda it: kept.update({it.record.id: it}))])
    heard = (kept[it] for it in wanted if it in kept and kept[it].judgement is not None)
    return {it.record.id: (it, text) for it, text in islice(_texts(heard), MOST)}


def _texts(heard: Iterable[Traced]) -> Iterator[tuple[Traced, str]]:
    for it in heard:
        try:
            yield it, reproducer(it, TargetRecord(name="local"))
        except UnwritableError:
            continue


def came_to(case: Traced, text: str, place: Path) -> str:
    """What is wrong with a reproducer; empty if nothing is."""
    program = place / re.sub(r"\W", "_", case.record.id)
    source = program.with_suffix(".c")
    source.write_text(text)
    built = subprocess.run(
        [*CC, "-o", program, source], capture_output=True, text=True, check=False
    )
    if built.returncode:
        return f"does not build: {built.stderr}"
    ran = subprocess.run(
        [program], capture_output=True, check=False, encoding="utf-8", errors="replace"
    )
    program.unlink()
    code = int(case.record.verdict is Verdict.DEVIATES)
    observed = f"observed: {case.record.observed}"
    if ran.returncode == code and observed in ran.stdout.splitlines():
        return ""
    return f"ended with {ran.returncode}, not with {code} and {observed!r}:\n{ran.stdout}"


def test_two_hundred_come_to_what_their_cases_came_to(
    written: dict[str, tuple[Traced, str]], tmp_path: Path
) -> None:
    if not written:
        pytest.skip("no case can be shown here")
    assert len(written) == MOST or os.geteuid() != 0
    with ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda it: came_to(it[0], it[1], tmp_path), written.values())
    wrong = [f"{case} {what}" for case, what in zip(written, said, strict=True) if what]
    assert wrong == []


def test_they_are_of_every_area_and_of_several_verdicts(
    written: dict[str, tuple[Traced, str]],
) -> None:
    if len(written) < MOST:
        pytest.skip("not all of them can be shown here")
    areas = {case.partition("/")[0] for case in written}
    assert areas >= {"claims", "fs", "history", "inheritance", "net", "ptrace", "scope", "syscalls"}
    assert len({case.partition("[")[0] for case in written}) > 100


def test_calls_have_no_bare_numbers_where_headers_have_names(
    written: dict[str, tuple[Traced, str]],
) -> None:
    """Of the kinds of arguments that have names; 0 is no flag at all."""
    for case, (_, text) in written.items():
        told = re.findall(r"\b(?:MUST|TRY|GATE|MAY)\((?:\w+, )?openat, ([^;]*);", text)
        for call in told:
            assert re.search(r"\bO_\w+", call), (case, call)
        assert not re.search(r"\.handled_access_\w+ = \d", text), case


@pytest.mark.parametrize("case", ["fs/truncate[truncate]", "fs/execute[program-without-execute]"])
def test_a_test_for_the_kernels_harness_passes_where_the_kernel_does_what_it_owes(
    case: str, declared: dict[str, Declared], tmp_path: Path
) -> None:
    assert harnessed(case, declared, tmp_path) == 0


def test_a_test_for_the_kernels_harness_fails_where_the_kernel_deviates(
    declared: dict[str, Declared], tmp_path: Path
) -> None:
    right = "EXPECT_EQ(EACCES,"
    assert harnessed("fs/truncate[truncate]", declared, tmp_path, right, "EXPECT_EQ(EIO,") == 1


def harnessed(
    case: str, declared: dict[str, Declared], folder: Path, old: str = "", new: str = ""
) -> int:
    """The exit code of a case's test, in a tree as the kernel's, with a change."""
    kept: list[Traced] = []
    run(["local"], nodes=[declared[case].node("local")], plugins=[Tracer(kept.append)])
    if not kept or kept[-1].judgement is None or shutil.which("cc") is None:
        pytest.skip(f"{case} can't be shown here")
    text = reproducer(kept[-1], TargetRecord(name="local"), Shape.KSELFTEST)
    assert old in text
    place = folder / "landlock"
    place.mkdir()
    header = Path(os.environ.get(KERNELS_OWN, HARNESS))
    for it in header.parent.glob("kselftest*.h"):
        shutil.copy(it, folder)
    (place / "one_test.c").write_text(text.replace(old, new) if old else text)
    strict = ["-Werror"] if header == HARNESS else []
    source, program = place / "one_test.c", place / "one_test"
    subprocess.run(["cc", "-Wall", *strict, "-o", program, source], check=True)
    return subprocess.run([program], capture_output=True, check=False).returncode
