# SPDX-License-Identifier: MIT
"""What is owed of the log, and what it says, with names for what only one run knows."""

import re
from collections.abc import Iterable, Mapping, Sequence

from cases.processes import end
from suite.case import (
    LANDLOCK_ACCESS, LANDLOCK_DOMAIN, Allowed, AuditLog, AuditRecord, Denied, Expectation, Feature,
    Observation, Outcome, Process, Seen, since_layers,
)  # fmt: skip
from suite.judge.expectation import Then
from suite.landlock.changes import LOGGING

NO_RECORD = "no record"
LOGGED, SILENT = "logged", "silent"
UNLOGGED = Seen(NO_RECORD)
_PATH = re.compile(r'path="([^"]+)" .* ino=(\d+)')
_INODE = slice(8, 16)
"""Of a struct stat."""


def logged(features: Iterable[Feature], then: Then, unlogged: Then = UNLOGGED) -> Expectation:
    """What a row owes whose ruleset needs these features, and that is about the log.

    ``unlogged`` is owed by the kernels that log nothing yet.
    """
    return logged_layers([tuple(features)], then, unlogged)


def logged_layers(
    layers: Sequence[Sequence[Feature]], then: Then, unlogged: Then = UNLOGGED
) -> Expectation:
    """``logged`` for rulesets that are made one after the other: the first refusal counts."""
    newest = max(feature.since for needed in layers for feature in needed if feature)
    if newest >= LOGGING.since:
        return since_layers(layers, then)
    return since_layers(layers, unlogged, (LOGGING, then))


def creators(records: Sequence[AuditRecord]) -> list[tuple[str, str]]:
    """For each denied access: the process id of who made the domain, and what lacked."""
    made = {
        r.fields["domain"]: r.fields["pid"]
        for r in records
        if r.type == LANDLOCK_DOMAIN and r.fields["status"] == "allocated"
    }
    denied = (r.fields for r in records if r.type == LANDLOCK_ACCESS)
    return [(made[it["domain"]], it["blockers"]) for it in denied]


def says(*accesses: str) -> Seen:
    """Records of denied accesses, as ``told`` gives them."""
    return Seen(" + ".join(accesses))


def told(
    accesses: Iterable[AuditRecord],
    names: Mapping[str, str] | None = None,
    stats: Mapping[str, Observation] | None = None,
) -> str:
    """The records of denied accesses, one after the other, without their domain.

    ``names`` are of values, such as ``{tree.path: "TREE"}``. ``INODE`` stands for the number of
    the inode that the path leads to, by the ``stats`` of files.
    """
    return " + ".join(_told(access, names or {}, stats or {}) for access in accesses) or NO_RECORD


def _told(access: AuditRecord, names: Mapping[str, str], stats: Mapping[str, Observation]) -> str:
    text = access.text.removeprefix(f"domain={access.fields['domain']} ")
    named = _PATH.search(text)
    if named and named[1] in stats and inode(stats[named[1]]) == int(named[2]):
        text = text.replace(f"ino={named[2]}", "ino=INODE")
    for value, name in names.items():
        text = re.sub(rf"(?<![\w.]){re.escape(value)}(?![\w.])", name, text)
    return text


def stats(process: Process, *paths: str) -> dict[str, Observation]:
    """What stat(2) tells of files, some of which may be none."""
    return {path: process.observe(Process.stat, path) for path in paths}


def inode(stat: Observation) -> int:
    """The number of an inode; 0 where there was none."""
    return int.from_bytes(stat.calls[0].data[_INODE], "little") if stat.outcome == Allowed() else 0


def logs(
    accesses: Sequence[AuditRecord],
    denied: Observation,
    errno: str = "EACCES",
    names: Mapping[str, str] | None = None,
    stats: Mapping[str, Observation] | None = None,
) -> Outcome:
    """What was logged of a denial; what it came to, if that was no such denial."""
    outcome = denied.outcome
    return Seen(told(accesses, names, stats)) if outcome == Denied(errno) else outcome


def sequence(*denied: tuple[Observation, Sequence[AuditRecord]], errno: str = "EACCES") -> Outcome:
    """Whether each of these denials is logged; what one came to, if that was no such denial."""
    seen = []
    for observation, accesses in denied:
        outcome = observation.outcome
        if outcome != Denied(errno):
            return outcome
        seen.append(LOGGED if accesses else SILENT)
    return Seen(", ".join(seen))


def denials(
    log: AuditLog, process: Process, sandboxed: Process, accesses: Sequence[AuditRecord]
) -> str:
    """End the domain of these records with its last process; how many denials the log counts."""
    end(process, sandboxed)
    if not accesses:
        return NO_RECORD
    domain = accesses[0].fields["domain"]
    ended = [r.fields for r in log.until_freed(domain) if r.fields.get("domain") == domain]
    return f"denials={ended[-1]['denials']}"
