# SPDX-License-Identifier: MIT
"""The probes of docs/detect.md: compiled, run, and held against kernels of many kinds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from suite.agent import build
from suite.landlock.abi import ABIS, FS, NET, NEWEST, RESTRICT, SCOPE, known_bits
from tests.filtered import LANDLOCK, filtered
from tests.pages import ROOT, blocks
from tests.runs import run

PAGE = ROOT / "docs" / "detect.md"
HEADER = ROOT / "tests" / "data" / "stand_in.h"
LANGUAGES = ["c", "python"]
# What the header does, for a program that asks by ctypes.
STAND_IN = """
import ctypes, errno, os, sys
abi, errata, *takes = (int(it, 0) for it in os.environ["KERNEL"].split())
takes += [0, 0, 0]
class Kernel:
    def syscall(self, number, attr, size, flags):
        assert number == 444
        asked = (attr is None, size.value, flags.value)
        if asked == (True, 0, 1):
            return abi
        if asked == (True, 0, 2) and errata >= 0:
            return errata
        if asked == (False, 48, 0) and not any(a & ~b for a, b in zip(attr, takes, strict=True)):
            return os.dup(0)
        ctypes.set_errno(errno.EINVAL)
        return -1
ctypes.CDLL = lambda name, use_errno: Kernel()
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], list[str]]:
    """The command of each probe, by language and whether it asks a stand-in."""
    folder = tmp_path_factory.mktemp("probes")
    (c,) = blocks(PAGE, "c")
    (python,) = blocks(PAGE, "python")
    source = folder / "probe.c"
    source.write_text(c.text)
    (folder / "probe.py").write_text(python.text)
    (folder / "stand_in.py").write_text(STAND_IN + python.text)
    cc = [*build.compiler(build.host_arch()), "-static", "-Wall", "-Wextra", "-Werror"]
    for name, before in {"probe": [], "stand_in": ["-include", str(HEADER)]}.items():
        command = [*cc, *before, str(source), "-o", str(folder / name)]
        # The first time, for minutes: musl is compiled, too.
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    return {
        ("c", False): [str(folder / "probe")],
        ("c", True): [str(folder / "stand_in")],
        ("python", False): [sys.executable, str(folder / "probe.py")],
        ("python", True): [sys.executable, str(folder / "stand_in.py")],
    }


def told(abi: int, errata: str, *masks: int) -> str:
    """The line that a probe prints of an honest kernel, or its beginning."""
    fs, net, scoped = masks
    return f"Landlock ABI {abi}, errata {errata}: fs {fs:#x}, net {net:#x}, scoped {scoped:#x}"


def masks_of(abi: int) -> tuple[int, int, int]:
    known = min(abi, NEWEST)
    return (
        int(known_bits(FS, known)), int(known_bits(NET, known)), int(known_bits(SCOPE, known)),
    )  # fmt: skip


def asked(command: Sequence[str], kernel: Sequence[int]) -> str:
    """What a probe says of a stand-in, whose masks are the last three numbers."""
    env = {**os.environ, "KERNEL": " ".join(map(hex, kernel))}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.removesuffix("\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_version_is_told(language: str, programs: dict[tuple[str, bool], list[str]]) -> None:
    for abi in (*ABIS, NEWEST + 5):
        line = asked(programs[language, True], (abi, 0b1101, *masks_of(abi)))
        assert line == told(abi, "1,3,4", *masks_of(abi))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kernel_that_claims_more_than_it_takes(
    language: str, programs: dict[tuple[str, bool], list[str]]
) -> None:
    # As RHEL 9.7: no ioctl_dev, no scope.
    line = asked(programs[language, True], (6, -1, 0x7FFF, 0x3, 0))
    refused = "refused though claimed: fs 0x8000, net 0x0, scoped 0x3"
    assert line == f"{told(6, 'none', 0x7FFF, 0x3, 0)}; {refused}"


ANSWERS = {
    "ENOSYS": "no Landlock: not built, or older than Linux 5.13\n",
    "EOPNOTSUPP": "no Landlock: disabled at boot (lsm=)\n",
    "EPERM": "no Landlock: kept away by a filter\n",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_why_there_is_none(
    answer: str, language: str, programs: dict[tuple[str, bool], list[str]]
) -> None:
    done = run(filtered(answer, LANDLOCK, programs[language, False]))
    assert (done.returncode, done.stdout, done.stderr) == (1, ANSWERS[answer], "")


def test_the_running_kernel(programs: dict[tuple[str, bool], list[str]]) -> None:
    lines = {run(programs[language, False]).stdout for language in LANGUAGES}
    (line,) = lines  # both say the same
    if line.startswith("no Landlock"):
        pytest.skip(line)
    abi = int(line.removeprefix("Landlock ABI ").partition(",")[0])
    fs, net, scoped = masks_of(abi)
    assert line.endswith(f": fs {fs:#x}, net {net:#x}, scoped {scoped:#x}\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kernel_that_knows_no_errata(
    language: str, programs: dict[tuple[str, bool], list[str]]
) -> None:
    if run(programs[language, False]).returncode:
        pytest.skip("the running kernel has no Landlock")
    without = ["landlock_create_ruleset:2=2"]
    done = run(filtered("EINVAL", without, programs[language, False]))
    assert ", errata none: fs " in done.stdout


BUILDS = {"rust": ("rustc", ["rustc", "-Dwarnings", "-o"]), "go": ("go", ["go", "build", "-o"])}
"""By language: the program that is needed, and the command before its output and its source."""


@pytest.mark.parametrize("language", BUILDS)
def test_the_first_question_in_other_languages(
    language: str, programs: dict[tuple[str, bool], list[str]], tmp_path: Path
) -> None:
    needed, command = BUILDS[language]
    if not shutil.which(needed):
        pytest.skip(f"{needed} is not installed")
    (block,) = blocks(PAGE, language)
    source = tmp_path / f"probe.{'rs' if language == 'rust' else 'go'}"
    source.write_text(block.text)
    program = str(tmp_path / "probe")
    subprocess.run([*command, program, str(source)], check=True)
    whole = run(programs["python", False]).stdout.rstrip("\n")
    assert run([program]).stdout == f"{whole.partition(',')[0]}\n"
    for answer, said in ANSWERS.items():
        done = run(filtered(answer, LANDLOCK, [program]))
        assert (done.returncode, done.stdout) == (1, said)


FLAGS = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
for bit in range(32):
    assert libc.syscall(446, -2, ctypes.c_uint(1 << bit)) == -1
    print(errno.errorcode[ctypes.get_errno()])
"""


def test_flags_are_tried_without_a_ruleset(programs: dict[tuple[str, bool], list[str]]) -> None:
    line = run(programs["python", False]).stdout
    if line.startswith("no Landlock"):
        pytest.skip(line)
    abi = int(line.removeprefix("Landlock ABI ").partition(",")[0])
    known = int(known_bits(RESTRICT, abi))
    answers = run([sys.executable, "-c", FLAGS]).stdout.split()
    assert answers == ["EBADF" if known >> bit & 1 else "EINVAL" for bit in range(32)]


def test_the_page_shows_a_line_that_is_true_of_its_version() -> None:
    shown = next(line for line in PAGE.read_text().splitlines() if line.startswith("Landlock ABI"))
    assert shown == told(7, "1,2,3", *masks_of(7))
