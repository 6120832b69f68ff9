# SPDX-License-Identifier: MIT
"""The ledger: a file with what every program gave on every target, so that nothing is done twice.

It is a database of SQLite, in which each chunk is kept whole or not at all. So whatever ends an
exploration, the next one goes on where it was.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from suite.errors import InfrastructureError, UsageError
from suite.explore.given import Given
from suite.judge.records import Facts

_TABLES = """
CREATE TABLE IF NOT EXISTS spaces (name TEXT PRIMARY KEY, revision TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS targets (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, facts BLOB NOT NULL, build TEXT NOT NULL,
    given_up TEXT NOT NULL DEFAULT '', exit INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS given (
    target INTEGER NOT NULL, space TEXT NOT NULL, manner TEXT NOT NULL, number INTEGER NOT NULL,
    codes BLOB NOT NULL, fault TEXT NOT NULL, undecided INTEGER NOT NULL,
    PRIMARY KEY (target, space, manner, number)
) WITHOUT ROWID;
"""
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
        revisions: Of the programs of each space; what was given on others is forgotten.
        patience_s: How long somebody else may have it.
        to_read: Whether it is only looked at: then nothing is forgotten, and it has to be there.

    Raises:
        InfrastructureError: It can't be used, or is no ledger.
        UsageError: It is to be read, and not there; or it is a folder or a device.
    """

    def __init__(
        self,
        path: Path,
        revisions: Mapping[str, str],
        patience_s: float = 2,
        *,
        to_read: bool = False,
    ) -> None:
        self.path = path
        self.others: list[str] = []
        """The spaces of which the file holds, or held, programs of another landproof."""
        if to_read and not path.exists():
            raise UsageError(f"{path}: nothing was explored yet, or say --state FILE")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: it is no file; choose another by --state")
        with self._plain_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, isolation_level=None, timeout=patience_s)
            # Of two explorations, one has the file.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._check_owner()
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._make_tables()
            self._check_programs(revisions, to_read=to_read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    def _tables(self) -> set[str]:
        return {name for (name,) in self._base.execute("SELECT name FROM sqlite_schema")}

    def _columns(self, table: str) -> set[str]:
        rows = self._base.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return {name for (name,) in rows}

    def _check_owner(self) -> None:
        """See that it is ours before anything is written to it."""
        tables = self._tables()
        if tables and not {"targets", "given"} <= tables:
            raise sqlite3.DatabaseError("file is not a database of ours")

    def _make_tables(self) -> None:
        self._base.execute("BEGIN")
        if self._tables() and "undecided" not in self._columns("given"):  # of our first days
            for table in ("targets", "given", "programs", "spaces"):
                self._base.execute(f"DROP TABLE IF EXISTS {table}")
        is_old = "programs" in self._tables()  # which had one revision for all spaces
        if is_old:
            self._base.execute("ALTER TABLE targets ADD given_up TEXT NOT NULL DEFAULT ''")
            self._base.execute("ALTER TABLE targets ADD exit INTEGER NOT NULL DEFAULT 0")
        for statement in _TABLES.split(";"):
            self._base.execute(statement)
        if is_old:
            self._base.execute("INSERT INTO spaces SELECT DISTINCT space, '' FROM given")
            self._base.execute("DROP TABLE programs")
        self._base.execute("COMMIT")

    def _check_programs(self, revisions: Mapping[str, str], *, to_read: bool) -> None:
        """Look for programs of another landproof, and forget what they gave."""
        kept = dict(self._base.execute("SELECT name, revision FROM spaces"))
        self.others += [it for it, now in revisions.items() if kept.get(it, now) != now]
        if to_read:
            return
        self._base.execute("BEGIN")
        self._base.executemany("DELETE FROM given WHERE space = ?", [(it,) for it in self.others])
        self._base.executemany("INSERT OR REPLACE INTO spaces VALUES (?, ?)", revisions.items())
        self._base.execute("COMMIT")

    def forget(self, name: str) -> None:
        """Forget all that a target gave."""
        with self._plain_errors():
            self._base.execute(
                "DELETE FROM given WHERE target IN (SELECT id FROM targets WHERE name = ?)", (name,)
            )
            self._base.execute("DELETE FROM targets WHERE name = ?", (name,))

    @property
    def targets(self) -> list[str]:
        """The targets that it knows, in the order in which they were first up."""
        with self._plain_errors():
            return [it for (it,) in self._base.execute("SELECT name FROM targets ORDER BY id")]

    @property
    def spaces(self) -> list[str]:
        """The spaces of which programs were played."""
        with self._plain_errors():
            return [it for (it,) in self._base.execute("SELECT DISTINCT space FROM given")]

    def give_up(self, name: str, why: str, code: int) -> None:
        """Keep that a target was given up, if it was up before.

        Args:
            name: Of the target.
            why: In words.
            code: The exit code that it comes to.
        """
        with self._plain_errors():
            self._base.execute(
                "UPDATE targets SET given_up = ?, exit = ? WHERE name = ?", (why, code, name)
            )

    def given_up(self, name: str) -> tuple[str, int]:
        """Why a target was given up, and the exit code; an empty reason if it was not."""
        with self._plain_errors():
            found: tuple[str, int] = self._base.execute(
                "SELECT given_up, exit FROM targets WHERE name = ?", (name,)
            ).fetchone()
        return found

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
            self.give_up(name, "", 0)
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
                why = "an exploration uses it; wait for its end, or choose another by --state"
            elif "not a database" in str(error):
                why = "it is no file of an exploration; choose another by --state"
            elif "disk" in str(error):  # is full, or can't be written or read
                why = f"{error}; make room, and go on: what was kept before is not lost"
            else:
                why = str(error)
            raise InfrastructureError(f"{self.path}: {why}") from error
        except OSError as error:
            raise InfrastructureError(f"{self.path}: {error.strerror}") from error


def _identity(facts: bytes) -> dict[str, object]:
    """What has to be the same for a kernel to be the same one."""
    told = msgspec.json.decode(facts)
    return {name: told.get(name) for name in ("release", "version", "machine", "abi", "errata")}


def digest(paths: Sequence[Path]) -> str:
    """Of Python sources: files, and folders with all that is beneath."""
    found = hashlib.sha256()
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()
