# SPDX-License-Identifier: MIT
"""A folder that nobody should trust: whatever in it is executed or obeyed leaves a mark."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.runs import Argv

ROOT = Path(__file__).resolve().parent.parent
_MODULES = (
    "_pytest", "cases", "conftest", "execnet", "filelock", "jinja2", "msgspec", "platformdirs",
    "pluggy", "pytest", "pytest_timeout", "reports", "rich", "setproctitle", "sitecustomize",
    "suite", "tabulate", "tomlkit", "trap", "usercustomize", "virtme", "vm", "xdist", "ziglang",
)  # fmt: skip
_SETTINGS = {
    "pytest.ini": "[pytest]\naddopts = -p trap\n",
    ".pytest.ini": "[pytest]\naddopts = -p trap\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p trap"\n',
    "tox.ini": "[pytest]\naddopts = -p trap\n",
    "setup.cfg": "[tool:pytest]\naddopts = -p trap\n",
    "apt.conf": 'APT::Update::Pre-Invoke { "touch MARK"; };\n',
    "trap.pth": "import trap\n",
    "trap-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: trap\nVersion: 1\n",
    "trap-1.dist-info/entry_points.txt": (
        "[landproof.targets]\ntrap = trap:Trap\n[landproof.kernels]\ntrap = trap:Trap\n"
        "[pytest11]\ntrap = trap\n"
    ),
}
_FIRMWARE = (
    "bios-256k.bin", "bios.bin", "linuxboot_dma.bin", "kvmvapic.bin", "pvh.bin", "multiboot.bin",
)  # fmt: skip
_PROGRAMS = (
    "vng", "virtme-run", "qemu-system-x86_64", "apt-get", "zstd", "depmod", ".git/hooks/pre-commit",
)  # fmt: skip
_START = """\
import sys
sys.path.insert(0, {root!r})
from suite.cli.main import main
if __name__ == "__main__":
    sys.exit(main())
"""


class Traps:
    """A folder full of them.

    Args:
        folder: Where it is laid.
        spared: Modules that are not laid.
    """

    def __init__(self, folder: Path, *, spared: tuple[str, ...] = ()) -> None:
        self.folder = folder / "checkout"
        self._marks = folder / "marks"
        self._marks.mkdir()
        for name in _MODULES:
            if name not in spared:
                self._lay(f"{name}.py", self._python(name))
        for name in ("", "cases/", "cases/fs/", "tests/"):
            self._lay(f"{name}conftest.py", self._python(f"{name}conftest"))
        self._lay("cases/fs/test_trap.py", self._python("a case"))
        for name, text in _SETTINGS.items():
            self._lay(name, text.replace("MARK", str(self._marks / name)))
        for name in _FIRMWARE:
            self._lay(name, "no firmware")
        for name in _PROGRAMS:
            self._lay(name, f"#!/bin/sh\ntouch '{self._marks / Path(name).name}'\n")
            (self.folder / name).chmod(0o755)

    @property
    def sprung(self) -> list[str]:
        """Those that something has stepped into."""
        return sorted(path.name for path in self._marks.iterdir())

    def _lay(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _python(self, name: str) -> str:
        mark = self._marks / name.replace("/", "-")
        return f"open({str(mark)!r}, 'w').close()\nraise SystemExit(9)\n"


def console_script(folder: Path) -> Argv:
    """The command as an installer writes it, for this checkout."""
    script = folder / "landproof"
    script.write_text(_START.format(root=str(ROOT)))
    return [sys.executable, str(script)]
