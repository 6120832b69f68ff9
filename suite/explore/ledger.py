# SPDX-License-Identifier: MIT
"""The ledger: a file with what every program gave on every target, so that nothing is done twice.

It is a database of SQLite, in which each chunk is kept whole or not at all. So whatever ends an
exploration, the next one goes on where it was.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from suite.errors import InfrastructureError
from suite.explore.given import Given
from suite.judge.records import Facts

_PROGRAMS = "CREATE TABLE IF NOT EXISTS programs (revision TEXT NOT NULL);"
_TABLES = """
CREATE TABLE IF NOT EXISTS targets (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, facts BLOB NOT NULL, build TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS given (
    target INTEGER NOT NULL, space TEXT NOT NULL, manner TEXT NOT NULL, number INTEGER NOT NULL,
    codes BLOB NOT NULL, fault TEXT NOT NULL, undecided INTEGER NOT NULL,
    PRIMARY KEY (target, space, manner, number)
) WITHOUT ROWID;
"""
_SOURCES = Path(__file__).parent
IN_MEMORY = Path(":memory:")
"""A ledger that is no file, and gone with who made it."""


class Kept(NamedTuple):
    """A target in the ledger."""

    id: int
    name: str
    facts: Facts


class Row(NamedTuple):
    """A program that two sides gave something else on."""

    number: int
    ours: Given
    theirs: Given


class Ledger:
    """The file, as a context manager.

    Args:
        path: Where it is; made if it is not there.
        patience_s: How long somebody else may have it.

    Raises:
        InfrastructureError: It can't be used, or is no ledger.
    """

    def __init__(self, path: Path, patience_s: float = 2) -> None:
        self.path = path
        self.begun_anew = ""
        """Why what the file held is of no use any more; empty if it is."""
        with self._plain_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, isolation_level=None, timeout=patience_s)
            # Of two explorations, one has the file.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.executescript(_PROGRAMS)
            self._check_revision()
            self._base.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    def _check_revision(self) -> None:
        found = self._base.execute("SELECT revision FROM programs").fetchone()
        if found and found[0] == revision():
            return
        if found:
            self.begun_anew = "its programs are of another landproof"
        self._base.execute("BEGIN")
        self._base.execute("DELETE FROM programs")
        for table in ("targets", "given"):  # which may have had other columns then
            self._base.execute(f"DROP TABLE IF EXISTS {table}")
        self._base.execute("INSERT INTO programs VALUES (?)", (revision(),))
        self._base.execute("COMMIT")

    def forget(self, name: str) -> None:
        """Forget all that a target gave."""
        with self._plain_errors():
            self._base.execute(
                "DELETE FROM given WHERE target IN (SELECT id FROM targets WHERE name = ?)", (name,)
            )
            self._base.execute("DELETE FROM targets WHERE name = ?", (name,))

    def target(self, name: str, facts: Facts, build: str) -> tuple[Kept, bool]:
        """A target that has come up; and whether it is another kernel than it was.

        What another kernel of the same name has given is forgotten.

        Args:
            name: As the run calls it.
            facts: What it says of itself.
            build: What it is made of: the checksum of a kernel, of the sources of a model.
        """
        encoded = msgspec.json.encode(facts)
        with self._plain_errors():
            found = self._base.execute(
                "SELECT id, facts, build FROM targets WHERE name = ?", (name,)
            ).fetchone()
            same = found and _identity(found[1]) == _identity(encoded) and found[2] == build
            if found and not same:
                self.forget(name)
            if not same:
                self._base.execute(
                    "INSERT INTO targets (name, facts, build) VALUES (?, ?, ?)",
                    (name, encoded, build),
                )
        return self.kept(name), bool(found and not same)

    def kept(self, name: str) -> Kept:
        """A target that was up.

        Raises:
            KeyError: It was not.
        """
        with self._plain_errors():
            found = self._base.execute(
                "SELECT id, facts FROM targets WHERE name = ?", (name,)
            ).fetchone()
        if found is None:
            raise KeyError(name)
        return Kept(found[0], name, msgspec.json.decode(found[1], type=Facts))

    def done(self, name: str, space: str, manner: str) -> set[int]:
        """The programs that a target has given something on."""
        with self._plain_errors():
            rows = self._base.execute(
                "SELECT number FROM given JOIN targets ON target = id "
                "WHERE name = ? AND space = ? AND manner = ?",
                (name, space, manner),
            )
            return {number for (number,) in rows}

    def keep(
        self, target: Kept, space: str, manner: str, given: Iterable[tuple[int, Given]]
    ) -> None:
        """Keep what programs gave, all of it or nothing."""
        with self._plain_errors():
            self._base.execute("BEGIN")
            self._base.executemany(
                "INSERT OR REPLACE INTO given VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (target.id, space, manner, number, it.codes, it.fault, it.undecided)
                    for number, it in given
                ),
            )
            self._base.execute("COMMIT")

    def count(self, target: Kept, space: str, *, plain: bool) -> tuple[int, int, int]:
        """How many programs there are of a target, as they are or in manners.

        And how many decisions, and how many that it could not show.
        """
        with self._plain_errors():
            row: tuple[int, int, int] = self._base.execute(
                "SELECT COUNT(*), COALESCE(SUM(LENGTH(codes) - undecided), 0), "
                "COALESCE(SUM(undecided), 0) FROM given "
                "WHERE target = ? AND space = ? AND (manner = '') = ?",
                (target.id, space, plain),
            ).fetchone()
        return row

    def faults(self, target: Kept, space: str) -> list[tuple[str, int, str]]:
        """The programs on which nothing was decided: manner, number, why."""
        with self._plain_errors():
            return self._base.execute(
                "SELECT manner, number, fault FROM given "
                "WHERE target = ? AND space = ? AND fault <> '' ORDER BY number",
                (target.id, space),
            ).fetchall()

    def given(self, target: Kept, space: str, number: int) -> Given | None:
        """What a target gave on a program; None if it has not played it."""
        with self._plain_errors():
            found = self._base.execute(
                "SELECT codes, fault FROM given "
                "WHERE target = ? AND space = ? AND manner = '' AND number = ?",
                (target.id, space, number),
            ).fetchone()
        return Given(*found) if found else None

    def differing(
        self, space: str, ours: tuple[Kept, str], theirs: tuple[Kept, str]
    ) -> Iterator[Row]:
        """The programs that both sides have, and gave something else on, the smallest first.

        Args:
            space: Of the programs.
            ours: A target and a manner.
            theirs: Another one.
        """
        with self._plain_errors():
            rows = self._base.execute(
                "SELECT a.number, a.codes, a.fault, b.codes, b.fault FROM given a "
                "JOIN given b ON b.target = ? AND b.space = ? AND b.manner = ? "
                "AND b.number = a.number WHERE a.target = ? AND a.space = ? AND a.manner = ? "
                "AND (a.codes <> b.codes OR a.fault <> b.fault) ORDER BY a.number",
                (theirs[0].id, space, theirs[1], ours[0].id, space, ours[1]),
            )
            for number, our_codes, our_fault, their_codes, their_fault in rows:
                yield Row(number, Given(our_codes, our_fault), Given(their_codes, their_fault))

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                why = "another exploration uses it; give one of them another file by --state"
            elif "not a database" in str(error):
                why = "it is no file of an exploration; choose another by --state"
            else:
                why = str(error)
            raise InfrastructureError(f"{self.path}: {why}") from error
        except OSError as error:
            raise InfrastructureError(f"{self.path}: {error.strerror}") from error


def _identity(facts: bytes) -> dict[str, object]:
    """What has to be the same for a kernel to be the same one."""
    told = msgspec.json.decode(facts)
    return {name: told.get(name) for name in ("release", "version", "machine", "abi", "errata")}


def digest(folders: Sequence[Path]) -> str:
    """Of the Python sources in these folders and beneath."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def revision() -> str:
    """Of the programs: what they are, as far as files tell."""
    return digest([_SOURCES])
