# SPDX-License-Identifier: MIT
"""The agent's binary: other compilers, other architectures, and what is said without one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from suite.agent import build
from suite.agent.build import BuildError
from suite.agent.wire import (
    Address,
    Buffer,
    BufferFlag,
    Op,
    OpKind,
    Result,
    encode_program,
)
from tests.agents import ARCH, THREAD, Agent, fork, give_in, take_out

CC = shutil.which("cc")


def basics(agent: Agent, binary: Path) -> None:
    """One of each operation; six arguments, memory and a thread among them."""
    path = give_in(os.fsencode(binary) + b"\0")
    mmap = "mmap2" if "mmap2" in agent.numbers else "mmap"
    records = agent.run(
        fork(0, 1),
        agent.call(1, mmap, 0, 4096, 3, 0x22, -1, 0),
        Op(OpKind.POKE, 1, args=[Result(1)], buffers=[give_in(b"memory")]),
        fork(1, 2, THREAD),
        Op(OpKind.PEEK, 2, args=[Result(1)], buffers=[take_out(6)]),
        fork(2, 3),
        Op(OpKind.GIVE, 1, args=[0, 3]),
        Op(OpKind.EXEC, 1, args=[-100, Address(0), 0], buffers=[path]),
        agent.call(1, "getpid"),
        agent.call(3, "getcwd", Address(0), 99, buffers=[take_out(99)]),
        Op(OpKind.KILL, 3),
    )
    assert [n for n, record in records.items() if record.failed] == []
    assert records[4].data[:6] == b"memory"
    assert records[8].value == records[0].value
    assert records[9].data.rstrip(b"\0") == os.getcwd().encode()  # noqa: PTH109


@pytest.mark.skipif(CC is None, reason="no cc on this machine")
def test_with_the_system_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDPROOF_CC", "cc")
    try:
        binary = build.build(ARCH, tmp_path)
    except BuildError as error:
        if "cannot find -lc" in str(error):
            pytest.skip("the C library of this machine can't be linked statically")
        raise
    assert binary.parent == tmp_path
    with Agent([str(binary)]) as agent:
        basics(agent, binary)


@pytest.mark.skipif(ARCH != "x86_64", reason="only x86_64 kernels run i386 programs")
def test_i386_on_this_kernel() -> None:
    binary = build.agent("i386")
    try:
        subprocess.run([binary], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    except OSError:
        pytest.skip("this kernel does not run i386 programs")
    with Agent(arch="i386") as agent:
        assert agent.client.hello.pointer_bytes == 4
        basics(agent, binary)
    # Rounded up to 8 this size is 0 there.
    huge = Op(OpKind.CALL, 7, buffers=[Buffer(BufferFlag(0), 0xFFFFFFFF)])
    frame = bytearray(encode_program(1, [huge]))
    frame[-8] = BufferFlag.IN
    done = subprocess.run([binary], input=frame, stdout=subprocess.PIPE, check=False)
    assert (done.returncode, b"malformed frame" in done.stdout) == (2, True)


def test_one_binary_for_the_same_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = fake_compiler(tmp_path, 'while [ "$1" != -o ]; do shift; done; echo "$$" > "$2"')
    monkeypatch.setenv("LANDPROOF_CC", compiler)
    first = build.build(ARCH, tmp_path / "bin").read_text()
    assert build.build(ARCH, tmp_path / "bin").read_text() == first
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-g"))
    assert build.build(ARCH, tmp_path / "bin").read_text() != first
    assert {entry.name for entry in (tmp_path / "bin").iterdir()} == {
        f"landproof-agent-{ARCH}",
        f"landproof-agent-{ARCH}.sources",
    }


def test_a_failed_compilation_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = fake_compiler(tmp_path, "echo wrong moon phase >&2; exit 1")
    monkeypatch.setenv("LANDPROOF_CC", compiler)
    with pytest.raises(BuildError, match=r"wrong moon phase\n[^$]*pip install ziglang"):
        build.build(ARCH, tmp_path / "bin")
    assert list((tmp_path / "bin").iterdir()) == []


def test_a_compiler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDPROOF_CC", "/none/cc -O2")
    with pytest.raises(BuildError, match="cannot run /none/cc: No such file"):
        build.build(ARCH, tmp_path)


def test_the_override_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDPROOF_CC", "cc -O2")
    assert build.compiler(ARCH) == ["cc", "-O2"]
    other = next(arch for arch in build.ZIG_TARGETS if arch != ARCH)
    with pytest.raises(BuildError, match=f"builds for {ARCH} only, not {other}: unset it"):
        build.compiler(other)


def test_an_unknown_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDPROOF_CC", raising=False)
    with pytest.raises(BuildError, match="no agent for vax: landproof knows x86_64"):
        build.compiler("vax")
    assert build.compiler("aarch64")[0] == sys.executable


def test_every_source_and_header_counts() -> None:
    files = {file.name for file in build.HERE.iterdir() if file.suffix in {".c", ".h"}}
    assert files == {*build.SOURCES, *build.HEADERS}


def fake_compiler(folder: Path, script: str) -> str:
    """A compiler that does something else."""
    file = folder / "fake-cc"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)
