# SPDX-License-Identifier: MIT
"""What ``nox -s wheel`` makes, and what an installation asks pip for."""

import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from reports.results import load
from suite.agent import build
from suite.errors import Exit
from suite.judge.records import Verdict
from tests.agents import ARCH, Agent, fork

ROOT = Path(__file__).resolve().parent.parent
BIN = "suite/agent/bin/landproof-agent-"
MACHINES = {"i386": 3, "x86_64": 62, "aarch64": 183}
"""``e_machine`` of each architecture: elf(5), EM_386, EM_X86_64, EM_AARCH64."""
EMULATOR = shutil.which("qemu-aarch64")
INTERPRETER = 3
"""PT_INTERP of elf(5): what a dynamic program is loaded by."""
COLD_S = 600
"""With no cache of the compiler, it compiles musl three times: minutes on a busy machine."""

pytestmark = pytest.mark.timeout(COLD_S)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the two files of a release."""
    folder = tmp_path_factory.mktemp("dist")
    made = subprocess.run(
        [sys.executable, "-m", "nox", "-s", "wheel", "--", "--outdir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(release: Path) -> Path:
    """The wheel of the release."""
    (file,) = release.glob("*.whl")
    return file


def test_one_wheel_for_every_architecture(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        agents = {it for it in archive.namelist() if it.startswith(BIN) and "." not in it}
        assert agents == {f"{BIN}{arch}" for arch in build.ZIG_TARGETS}
        for arch, machine in MACHINES.items():
            name = f"{BIN}{arch}"
            assert of_elf(archive.read(name)) == (machine, False), f"{arch}: machine, dynamic"
            assert stat.S_IMODE(archive.getinfo(name).external_attr >> 16) == 0o755
            assert archive.read(f"{name}.sources").decode() == build.sources_digest()
        for source in (*build.SOURCES, *build.HEADERS):
            assert archive.read(f"suite/agent/{source}") == (build.HERE / source).read_bytes()


def of_elf(data: bytes) -> tuple[int, bool]:
    """For which machine a program is, and whether it needs a loader; elf(5)."""
    assert data[:4] == b"\x7fELF"
    wide = data[4] == 2
    machine = struct.unpack_from("<H", data, 18)[0]
    (at,) = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    kinds = [struct.unpack_from("<I", data, at + size * number)[0] for number in range(count)]
    return machine, INTERPRETER in kinds


def test_the_wheel_has_the_manual_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (page,) = (it for it in archive.namelist() if it.endswith("/share/man/man1/landproof.1"))
        assert archive.read(page) == (ROOT / "docs" / "landproof.1").read_bytes()


def test_an_agent_is_the_same_wherever_it_is_compiled(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANDPROOF_CC", raising=False)
    here = build.build(ARCH, tmp_path)  # the wheel's was compiled in a folder of the build's own
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{BIN}{ARCH}") == here.read_bytes()


def test_the_sources_have_all_and_no_program(release: Path) -> None:
    (file,) = release.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    kept = {f"suite/agent/{name}" for name in (*build.SOURCES, *build.HEADERS, "hatch_build.py")}
    assert kept | {"pyproject.toml", "LICENSE", "tests/test_release.py"} <= names
    assert not [name for name in names if "/bin/" in name]


def test_the_wheel_runs_without_a_compiler(wheel: Path, tmp_path: Path) -> None:
    place, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    install = ["install", "-q", "--no-deps", "--no-index", "--target", str(place), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    results = tmp_path / "results.json"
    program = f"import suite; assert suite.__file__.startswith({str(place)!r}), suite.__file__\n"
    program += "from suite.cli.main import main; raise SystemExit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", program, "-k", "claims", "--results", str(results)],
        cwd=empty,
        env=os.environ | {"PYTHONPATH": str(place), "LANDPROOF_CC": "/none/cc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (Exit.CONFORMS, Exit.DEVIATES), ran.stdout + ran.stderr
    (target,) = load(results).targets
    assert Verdict.CONFORMS in {case.verdict for case in target.cases}
    assert list(empty.iterdir()) == []


@pytest.mark.skipif(EMULATOR is None, reason="no qemu-aarch64 on this machine")
def test_the_agent_of_aarch64_speaks(wheel: Path, tmp_path: Path) -> None:
    """It says hello and answers a program; qemu-user itself makes no process with a pidfd."""
    assert EMULATOR
    with zipfile.ZipFile(wheel) as archive:
        binary = Path(archive.extract(f"{BIN}aarch64", tmp_path))
    binary.chmod(0o755)
    with Agent([EMULATOR, str(binary)], arch="aarch64") as agent:
        assert agent.client.hello.pointer_bytes == 8
        records = agent.run(fork(0, 1), agent.call(1, "getpid"))
    assert len(records) == 2


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a wheel is built from, with nothing compiled."""
    monkeypatch.delenv("LANDPROOF_ARCHES", raising=False)
    monkeypatch.delenv("LANDPROOF_CC", raising=False)
    ignored = shutil.ignore_patterns("__pycache__", "bin")
    for part in ("suite", "cases", "vm", "reports"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def put_agent(checkout: Path, arch: str, digest: str) -> None:
    """A file in the place of an agent that was compiled."""
    binary = checkout / f"{BIN}{arch}"
    binary.parent.mkdir(exist_ok=True)
    binary.write_text("not compiled here")
    binary.with_name(f"{binary.name}.sources").write_text(digest)


def asked_for(checkout: Path) -> list[str]:
    """What pip is asked to install before it builds the wheel, besides hatchling."""
    needed: list[str] = WheelBuilder(str(checkout)).config.dependencies
    return needed


def own_arches() -> list[str]:
    return [ARCH, "i386"] if ARCH == "x86_64" else [ARCH]


def test_a_compiler_is_fetched_only_to_compile(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_for(checkout) == ["ziglang>=0.15"]
    for arch in own_arches():
        put_agent(checkout, arch, build.sources_digest())
    assert asked_for(checkout) == []
    monkeypatch.setenv("LANDPROOF_ARCHES", "all")
    assert asked_for(checkout) == ["ziglang>=0.15"]
    monkeypatch.delenv("LANDPROOF_ARCHES")
    put_agent(checkout, ARCH, "of older sources")
    assert asked_for(checkout) == ["ziglang>=0.15"]
    monkeypatch.setenv("LANDPROOF_CC", "cc")
    assert asked_for(checkout) == []


@pytest.mark.parametrize(
    ("wished", "tag", "agents"),
    [
        ("", f"linux_{ARCH}", own_arches()),
        ("aarch64", "linux_aarch64", ["aarch64"]),
        ("i386", "linux_i686", ["i386"]),
        ("all", "any", list(build.ZIG_TARGETS)),
    ],
)
def test_a_wheel_is_for_whom_it_has_agents(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, wished: str, tag: str, agents: list[str]
) -> None:
    monkeypatch.setenv("LANDPROOF_ARCHES", wished)
    for arch in build.ZIG_TARGETS:
        put_agent(checkout, arch, build.sources_digest() if arch in agents else "older")
    (file,) = WheelBuilder(str(checkout)).build(directory=str(checkout / "dist"))
    assert Path(file).name.endswith(f"-py3-none-{tag}.whl")
    with zipfile.ZipFile(file) as archive:
        found = {name.removeprefix(BIN) for name in archive.namelist() if name.startswith(BIN)}
    assert found == {name for arch in agents for name in (arch, f"{arch}.sources")}
