# SPDX-License-Identifier: MIT
"""Programs that were found, a file each: what a later fuzzing begins with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs

from suite import files
from suite.errors import InfrastructureError, UsageError
from suite.fuzz.finding import Finding
from suite.fuzz.program import Program, name_of, read, written
from suite.fuzz.scene import check

_ENDING = ".txt"


def default_folder() -> Path:
    """Where programs are kept if nobody says so."""
    return platformdirs.user_cache_path("landproof") / "fuzz"


def load(path: Path) -> Program:
    """The program of a file.

    Raises:
        UsageError: There is none, or it is no program.
    """
    try:
        program = read(path.read_text(encoding="utf-8"))
        check(program)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: it is no text, and so no program") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return program


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of programs."""

    path: Path

    def make(self) -> None:
        """Have it.

        Raises:
            InfrastructureError: It can't be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InfrastructureError(
                f"{self.path}: {error.strerror}; say by --database where programs are kept"
            ) from error

    def programs(self) -> tuple[dict[str, Program], list[str]]:
        """What is there, by names; and what is to be said of files that are no programs.

        Raises:
            InfrastructureError: The folder can't be read.
        """
        found, bad = {}, []
        try:
            paths = sorted(self.path.glob(f"*{_ENDING}"))
        except OSError as error:
            raise InfrastructureError(f"{self.path}: {error.strerror}") from error
        for path in paths:
            try:
                found[path.stem] = load(path)
            except UsageError as error:
                bad.append(str(error))
        return found, bad

    def file(self, program: Program) -> Path:
        """Where a program is, or would be."""
        return self.path / f"{name_of(program)}{_ENDING}"

    def file_of(self, name: str) -> Path | None:
        """The file of a program by its name, of eight digits, or by a path; None of others."""
        for path in (self.path / f"{name}{_ENDING}", Path(name)):
            if path.suffix == _ENDING and path.is_file():
                return path
        return None

    def keep(self, finding: Finding) -> Path:
        """Keep a program with what it shows.

        Raises:
            InfrastructureError: It can't be written.
        """
        path = self.file(finding.program)
        text = written(finding.program, notes_of(finding))
        try:
            files.write(path, text.encode())
        except OSError as error:
            raise InfrastructureError(f"{path}: {error.strerror}") from error
        return path


def notes_of(finding: Finding) -> list[str]:
    """What is written above a program."""
    sign = finding.sign
    if not sign.action:
        return [f"{finding.target}: {sign.theirs}"]
    return [
        f"Of the last step, {finding.target} gives {sign.theirs}, {finding.model} "
        f"{sign.ours or 'nothing'}."
    ]
