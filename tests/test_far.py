# SPDX-License-Identifier: MIT
"""Modules that QEMU would run wrong are told from others, and left out where it would."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from vm import far
from vm.architecture import ARCHITECTURES, DEFAULT

S390X = ARCHITECTURES["s390x"]
NEAR = "static long own; long count(void) { return ++own; }"
PER_CPU = '__attribute__((section(".data..percpu"))) long counter;'
FAR = "long *address(void) { return &counter; }"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Objects for s390x, as modules are: without and with such a variable, and with its address."""
    if find_spec("ziglang") is None:
        pytest.skip("no compiler for s390x: pip install ziglang")
    folder = tmp_path_factory.mktemp("far")
    made = {}
    for name, code in (("near", NEAR), ("variable", NEAR + PER_CPU), ("far", PER_CPU + FAR)):
        source, image = folder / f"{name}.c", folder / f"{name}.o"
        source.write_text(code)
        compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "s390x-linux-musl"]
        subprocess.run([*compiler, "-c", "-O2", "-ffreestanding", source, "-o", image], check=True)
        made[name] = image.read_bytes()
    return made


def test_by_its_relocations(images: dict[str, bytes]) -> None:
    told = {name: far.reaches_far(image) for name, image in images.items()}
    assert told == {"near": False, "variable": False, "far": True}


def emulator(folder: Path, says: str) -> Path:
    path = folder / "qemu-system-s390x"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("says", "runs"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", False),
        ("QEMU emulator version 8.0.5", False),
        ("something else", False),
        ("QEMU emulator version 8.1.0", True),
        ("QEMU emulator version 10.0.2 (Debian)", True),
    ],
)
def test_left_out_where_it_would_run_wrong(
    images: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    says: str,
    runs: bool,
) -> None:
    """With all that needs it, or that it needs."""
    emulator(tmp_path, says)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    both = [images["near"], images["far"]]
    told = f"{says} is not loaded, for QEMU before 8.1 would run it wrong"
    for _ in range(2):
        assert list(far.sound(says, both, S390X)) == (both if runs else [])
    assert caplog.messages == ([] if runs else [told])
    assert list(far.sound("near", [images["variable"]], S390X)) == [images["variable"]]


def test_other_architectures_are_not_looked_at() -> None:
    assert list(far.sound("x", [b"no ELF"], DEFAULT)) == [b"no ELF"]
