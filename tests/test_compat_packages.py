# SPDX-License-Identifier: MIT
"""The packages of the compatibility data, made and installed as their users would."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.compat.document import SCHEMA_FILE
from reports.compat.publish import FILE, PUBLISHED
from reports.schema import COMPAT

ROOT = Path(__file__).resolve().parent.parent
LEGAL_CODE = Path("/usr/share/common-licenses/CC0-1.0")
"""Debian's copy."""

USE = """\
import landlock_compat
from landlock_compat.types import AbiSupport, Compat

data: Compat = landlock_compat.data()
on: AbiSupport | None = landlock_compat.on_abi("fs.truncate", 2)
assert on is not None
masks = landlock_compat.masks(99)
assert masks is not None
assert masks == data["abis"][max(data["abis"], key=int)]
assert landlock_compat.masks(0) is None and landlock_compat.on_abi("fs.refer", -1) is None
errno: str = on.get("errno", "")
print(data["version"], errno, on["state"], data["features"]["fs.truncate"]["value"])
"""
WRONG = """\
import landlock_compat

number: int = landlock_compat.data()["features"]["fs.truncate"]["constant"]
state = landlock_compat.data()["features"]["fs.truncate"]["by_abi"]["2"]["state"]
state = "perhaps"
landlock_compat.data()["nonsense"]
"""
USE_NODE = """\
const { data, masks, onAbi } = require("landlock-compat");
const same = require("landlock-compat/data.json") === data;
let thrown = "";
try { onAbi("fs.nonsense", 2); } catch (error) { thrown = error.name; }
console.log(JSON.stringify({
  version: data.version, package: require("landlock-compat/package.json").version, same, thrown,
  errno: onAbi("fs.truncate", 2).errno, none: [masks(0), onAbi("fs.refer", -1)],
  newest: masks(99) === data.abis[String(Math.max(...Object.keys(data.abis).map(Number)))],
}));
"""
IMPORT_NODE = """\
import { data } from "landlock-compat";
console.log(data.features["fs.truncate"].constant);
"""
PAGE = (ROOT / "docs" / "compat.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    """The code of a language that the page has."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(code)


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def output(*command: str, cwd: Path) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages."""
    folder = tmp_path_factory.mktemp("made")
    output(sys.executable, "-m", "nox", "-s", "compat-packages", "--", str(folder), cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def python(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh Python that has the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("fresh")
    output(sys.executable, "-m", "venv", "--without-pip", str(folder), cwd=folder)
    found = folder / "bin" / "python"
    (wheel,) = made.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", str(found), "install", "--no-index")
    output(*pip, str(wheel), cwd=folder)
    return found


def test_python_reads_what_is_published(python: Path, tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    told = output(str(python), "use.py", cwd=tmp_path)
    assert told.split() == [PUBLISHED, "EINVAL", "refused", str(1 << 14)]
    lines = output(str(python), "-c", shown("python"), cwd=tmp_path).splitlines()
    assert "LANDLOCK_ACCESS_FS_TRUNCATE = 0x4000  # fs.truncate, from ABI 3 on" in lines
    assert lines[-1] == "0xffff"
    installed = next(python.parents[1].glob("lib/python*/site-packages/landlock_compat"))
    assert (installed / "data.json").read_bytes() == FILE.read_bytes()
    assert (installed / SCHEMA_FILE).read_bytes() == COMPAT.path.read_bytes()
    metadata = (next(installed.parent.glob("landlock_compat-*.dist-info")) / "METADATA").read_text()
    assert f"\nVersion: {PUBLISHED}\n" in metadata
    assert "\nLicense-Expression: CC0-1.0\n" in metadata


def test_mypy_knows_its_types(python: Path, tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python))
    done = run(*mypy, "use.py", "wrong.py", cwd=tmp_path)
    said = [line.split(":")[:2] for line in done.stdout.splitlines() if " error: " in line]
    assert said == [["wrong.py", "3"], ["wrong.py", "5"], ["wrong.py", "6"]], done.stdout
    output(*mypy, "-p", "landlock_compat", cwd=tmp_path)


@pytest.mark.skipif(not shutil.which("npm") or not shutil.which("node"), reason="no npm or node")
def test_node_reads_what_is_published(made: Path, tmp_path: Path) -> None:
    (package,) = made.glob("*.tgz")
    quietly = ("--offline", "--no-audit", "--no-fund", "--silent")
    output("npm", "install", *quietly, str(package), cwd=tmp_path)
    installed = tmp_path / "node_modules" / "landlock-compat"
    assert (installed / "data.json").read_bytes() == FILE.read_bytes()
    assert (installed / SCHEMA_FILE).read_bytes() == COMPAT.path.read_bytes()
    (tmp_path / "use.js").write_text(USE_NODE, encoding="utf-8")
    assert json.loads(output("node", "use.js", cwd=tmp_path)) == {
        "version": PUBLISHED,
        "package": PUBLISHED,
        "same": True,
        "thrown": "RangeError",
        "errno": "EINVAL",
        "none": [None, None],
        "newest": True,
    }
    assert output("node", "-e", shown("js"), cwd=tmp_path) == "EINVAL 24 CVE-2026-72183\n"
    (tmp_path / "use.mjs").write_text(IMPORT_NODE, encoding="utf-8")
    assert output("node", "use.mjs", cwd=tmp_path) == "LANDLOCK_ACCESS_FS_TRUNCATE\n"


def test_all_that_they_hold_is_there(made: Path) -> None:
    """With the licence, in both of Python's and in npm's."""
    (sdist,) = made.glob("*.tar.gz")
    names = output("tar", "tzf", str(sdist), cwd=made)
    for name in ("LICENSE", "data.json", SCHEMA_FILE, "types.py", "py.typed", "README.md"):
        assert f"/{name}\n" in names
    if packed := next(made.glob("*.tgz"), None):
        names = output("tar", "tzf", str(packed), cwd=made)
        for name in ("LICENSE", "data.json", SCHEMA_FILE, "index.d.ts", "types.d.ts", "README.md"):
            assert f"package/{name}\n" in names


@pytest.mark.skipif(not LEGAL_CODE.exists(), reason="no Debian's copy of the licence here")
def test_the_licence_is_the_legal_code() -> None:
    assert (ROOT / "LICENSES" / "CC0-1.0.txt").read_bytes() == LEGAL_CODE.read_bytes()
