# SPDX-License-Identifier: MIT
"""Have the cases find every change of the rules: ``python -m tests.mutation [MODULE...]``.

The exit code is 0 if every mutant is killed, or listed in ``tests/data/equivalent.toml`` with why
no case can kill it; an entry there that is killed, or is no mutant, is as red as a survivor. So is
a case that fails on the rules as they are.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path

import pytest

from suite.cli.outlet import put
from suite.cli.run import run
from suite.judge.records import Verdict
from suite.run import rows
from suite.run.plugin import _hub
from tests.mutation.cases import Cases, Seen
from tests.mutation.equivalent import EQUIVALENT, read
from tests.mutation.forks import forked
from tests.mutation.mutants import Mutant, Source, users
from tests.mutation.switches import SWITCH, switches

MODULES = (
    "landlock", "paths", "moves", "ports", "scopes", "permissions", "log", "calls", "verdicts",
)  # fmt: skip
"""Of ``suite.model``: those that hold rules."""
TARGETS: Mapping[str, tuple[str, ...]] = {
    "model:12": ("",),
    "model:1": ("audit/", "claims/", "fs/io_uring", "history/", "syscalls/"),
    "model:2": ("fs/exchange", "fs/re"),
    "model:5": ("net/",),
    "model:7+errata=2,4": ("audit/", "claims/", "history/", "net/", "scope/"),
    "model:9+errata=none+bugs=flags-before-privileges": ("inheritance/no_new", "syscalls/"),
    "model:11+errata=1,3+bugs=short-unspec,tcp-fast-open-bypass,tsync-without-ruleset": (
        "audit/network",
        "history/",
        "inheritance/tsync",
        "net/",
        "scope/",
    ),
    "model:11+bugs=attr-before-ruleset,audit-without-socket,cred-transfer,log-subdomains-on,"
    "many-layers,refer-without-right,rule-unions,ruleset-link,sigio-bypass": (
        "audit/",
        "history/",
        "inheritance/",
        "scope/sigio",
        "syscalls/",
    ),
}
"""In this order, with how the ids of cases begin that are run there; a mutant that survives one is
tried on the next. The first has all rights; the others do what only they do. Bugs are apart where
one would hide what another does."""
AT_ONCE = 2
MOST_CASES = 1000
"""A mutant that so many of the cases that could find it do not find survives."""


@dataclass
class Hunt:
    """A plugin of pytest: in place of running the cases, all mutants are tried on them.

    Attributes:
        cases: The collected cases.
        sources: The rules.
        mutants: Those that live, by name.
        killed: By which case on which target, and by what it came to, by name.
        seen: Mutants that some case could find, by name.
        faults: Cases that come to a fault on rules that nobody changed.
    """

    cases: Cases
    sources: Sequence[Source]
    mutants: dict[str, Mutant]
    killed: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    _kills: Counter[tuple[str, int]] = field(default_factory=Counter)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what is run: forks of a smaller process are cheaper."""
        items[:] = [it for it in items if rows.case_id(it).startswith(TARGETS[rows.target_of(it)])]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Hunt on each target."""
        self.cases.items = session.items
        began = time.monotonic()
        by_name = users(self.sources)
        for target in TARGETS:
            session.config.stash[_hub].ground(target)
            numbers = [at for at, it in enumerate(session.items) if rows.target_of(it) == target]
            wanted = [*self.mutants.values()]
            probed: list[Seen] = []
            halves = [numbers[at::AT_ONCE] for at in range(AT_ONCE)]
            probe = partial(self.cases.probe, sources=self.sources, wanted=wanted)
            for _, part in forked(halves, probe, AT_ONCE):
                probed += part or []
            if "bugs=" not in target:
                self.faults += [self.cases.id(it.case) for it in probed if it.came.verdict.bad]
            told = [it for it in probed if it.came.verdict.judged]
            deviating = sum(it.came.verdict is Verdict.DEVIATES for it in told)
            words = f"{len(told)} cases, {deviating} of them deviate, {len(wanted)} mutants live"
            sys.stderr.write(f"{target}: {words}, {time.monotonic() - began:.0f} s\n")
            self._try(wanted, told, by_name)
        return True

    def _try(
        self, wanted: Sequence[Mutant], told: Sequence[Seen], by_name: Mapping[str, frozenset[str]]
    ) -> None:
        finders: dict[str, list[Seen]] = defaultdict(list)
        callers: dict[str, list[Seen]] = defaultdict(list)
        for seen in told:
            for name in seen.differing:
                finders[name].append(seen)
            for name in seen.called:
                callers[name].append(seen)

        def tasks() -> Iterator[tuple[Mutant, list[Seen]]]:
            for mutant in wanted:
                if mutant.variant is not None:
                    could = finders[mutant.name]
                elif mutant.uses:
                    using = set().union(*(by_name.get(it, frozenset()) for it in mutant.uses))
                    could = list({it.case: it for name in using for it in callers[name]}.values())
                else:
                    could = list(told)
                if could:
                    self.seen.add(mutant.name)
                    yield mutant, self._chosen(mutant, could)

        for (mutant, _), found in forked(tasks(), lambda it: self.cases.try_mutant(*it), AT_ONCE):
            if found is None:
                by = "it never ends"
            elif found.case is None:
                continue
            else:
                by = f"{self.cases.id(found.case)}: {found.came}"
                self._kills[mutant.function, found.case] += 1
            self.killed[mutant.name] = by
            del self.mutants[mutant.name]

    def _chosen(self, mutant: Mutant, could: Sequence[Seen]) -> list[Seen]:
        """First the cases that killed its neighbours, then some of all kinds."""
        if mutant.name.startswith(SWITCH):
            return [*could]  # few ask for it, or many find it
        known = [it for it in could if self._kills[mutant.function, it.case]]
        known.sort(key=lambda it: -self._kills[mutant.function, it.case])
        others = [it for it in could if not self._kills[mutant.function, it.case]]
        return [*known[:50], *islice(self._mixed(others), MOST_CASES)]

    def _mixed(self, cases: Sequence[Seen]) -> Iterator[Seen]:
        """The first case of each test, then the second of each: neighbours find the same."""
        by_test: dict[str, list[Seen]] = defaultdict(list)
        for seen in cases:
            by_test[self.cases.id(seen.case).partition("[")[0]].append(seen)
        turns = zip_longest(*by_test.values())
        return (it for turn in turns for it in turn if it is not None)


def main(arguments: Sequence[str]) -> int:
    """Hunt; the exit code."""
    began = time.monotonic()
    sources = [Source(importlib.import_module(f"suite.model.{it}")) for it in arguments or MODULES]
    made = {it.name: it for source in sources for it in source.mutants()}
    if not arguments:
        made |= {it.name: it for it in switches()}
    cases = Cases()
    hunt = Hunt(cases, sources, dict(made))
    ended = run([*TARGETS], plugins=[hunt, cases])
    if ended.interrupted:
        return 4
    reasons = read(EQUIVALENT)
    survivors = [it for it in hunt.mutants.values() if it.name not in reasons]
    excused = [it for it in hunt.mutants.values() if it.name in reasons]
    files = {it.name for it in sources} | ({SWITCH} if not arguments else set())
    stale = [it for it in reasons if it.partition(":")[0] in files and it not in hunt.mutants]
    words = f"{len(made)} mutants, {len(hunt.killed)} killed, {len(survivors)} survive"
    equivalent = f", {len(excused)} equivalent" if excused else ""
    put(f"{words}{equivalent}, in {time.monotonic() - began:.0f} s")
    for mutant in survivors:
        why = (
            "" if mutant.name in hunt.seen else " (no case gives it anything that it would change)"
        )
        put(f"\n{mutant}{why}")
    for name in stale:
        what = f"is killed by {hunt.killed[name]}" if name in hunt.killed else "is no mutant"
        put(f"\n{name} {what}: take it out of {Path(EQUIVALENT).name}")
    for case in hunt.faults:
        put(f"\n{case} comes to a fault where nothing is changed: see nox -s model")
    return 1 if survivors or stale or hunt.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
