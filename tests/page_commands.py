# SPDX-License-Identifier: MIT
"""The commands that pages show, as a shell understands them.

bash runs each block in a scratch folder, so that loops, quotes and what git bisect starts mean what
they mean to a reader; but every program is a stand-in that notes its words, and does little.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.pages import Block

_BASH = shutil.which("bash") or "bash"
_NOTES = "LANDPROOF_TEST_NOTES"
_SHARD = "LANDPROOF_SHARD"
"""What pages set for landproof."""
_NOTE = f"""\
#!/bin/sh
printf '%s\\037' "${_SHARD}" {{name}} "$@" >> "${_NOTES}"
printf '\\036' >> "${_NOTES}"
{{does}}
"""
REAL = ("cat", "id", "ln", "mkdir", "nproc", "sh")
"""Programs that do no harm in a scratch folder."""


@dataclass(frozen=True, slots=True)
class Other:
    """A program of others that pages name, and that no test of pages runs."""

    why: str
    """Why not."""
    does: str = ""
    """What its stand-in does, in sh, so that the commands after it find what they need."""


_ENVIRONMENT = 'mkdir -p "$3" && ln -sfn "$BIN" "$3/bin"'
OTHERS = {
    "apt-get": Other("installs on this machine; CI does it at its beginning"),
    "git": Other(
        "the commits are another project's; tests/test_check_tree.py bisects a repository",
        """\
case "$1 $2" in
"bisect run") shift 2; exec "$@" ;;
clone*) mkdir -p "$3" ;;
esac""",
    ),
    "make": Other("builds a kernel, which takes minutes"),
    "merge_config.sh": Other("a script of the kernel's own"),
    "nox": Other("CI is what it runs"),
    "pip": Other("installs; tests/test_release.py does, where it can"),
    "pipx": Other("installs into the user's home"),
    "python": Other(
        "tools of landproof itself: they need a kernel built for it, or change the checkout"
    ),
    "python3": Other("makes an environment", _ENVIRONMENT),
    "tar": Other(
        "unpacks the sources of a kernel",
        "mkdir -p linux-source-7.3/scripts linux-source-7.3/security/landlock"
        " && ln -s $BIN linux-source-7.3/scripts/kconfig",
    ),
    "uvx": Other("fetches packages"),
}
for _version in ("3.11", "3.12", "3.13"):
    OTHERS[f"python{_version}"] = OTHERS["python3"]


_SUDO = '#!/bin/sh\nexec "$@"\n'


@dataclass(frozen=True, slots=True)
class Command:
    """A command of landproof that a page shows."""

    page: str
    words: tuple[str, ...]
    """Without ``landproof``."""
    shard: str
    """The value of LANDPROOF_SHARD; empty if it is not set."""

    def __str__(self) -> str:
        return f"{self.page}: landproof {' '.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Noted:
    """What a block of a page started."""

    commands: tuple[Command, ...]
    programs: frozenset[str]
    complaints: str
    """What bash, or a program that is none of ours, said on standard error."""


class Shell:
    """Runs blocks of pages with stand-ins for programs.

    Args:
        folder: A new one, for its files.
    """

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._notes = folder / "notes"
        for name in REAL:
            (self._bin / name).symlink_to(shutil.which(name) or name)
        self._write("sudo", _SUDO)
        self._write("landproof", _NOTE.format(name="landproof", does=""))
        for name, row in OTHERS.items():
            self._write(name, _NOTE.format(name=name, does=row.does))

    def _write(self, name: str, script: str) -> None:
        (self._bin / name).write_text(script)
        (self._bin / name).chmod(0o755)

    def run(self, block: Block, folder: Path) -> Noted:
        """Run a block in a folder; what it started."""
        self._notes.write_text("")
        environment = {"PATH": str(self._bin), "BIN": str(self._bin), "HOME": str(folder)}
        done = subprocess.run(
            [_BASH, "--norc", "-c", block.text],
            cwd=folder,
            env={**environment, _NOTES: str(self._notes)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        records = self._notes.read_text().split("\036")[:-1]
        noted = [record.split("\037")[:-1] for record in records]
        return Noted(
            tuple(
                Command(block.page, tuple(words), shard)
                for shard, name, *words in noted
                if name == "landproof"
            ),
            frozenset(name for _, name, *_ in noted) - {"landproof"},
            done.stderr,
        )

    def lay_out(self, folder: Path) -> None:
        """What pages take for granted in the folder in which their commands are typed."""
        for name in ("linux", "../um", ".github/workflows"):
            (folder / name).mkdir(parents=True)
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(self._bin)
