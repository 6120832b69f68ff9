# SPDX-License-Identifier: MIT
"""What changed between two runs, by target and case.

Verdicts are good (conforms, absent, unfixed), bad (deviates, broken, crashed, hung, lost) or
neither (skipped). A case in both runs is, by the first rule that holds:

1. ``expectation``: the target's claim is the same, the kernel answered the same, but landproof
   expects something else than it did; whatever became of the verdict.
2. ``regression``: good became bad; or deviates became crashed or hung.
3. ``fixed``: bad became good.
4. ``changed``: the verdict, the observed outcome or the known bug differs.
5. ``expectation``: only the expected outcome differs (the kernel's claim changed).

A case in one run only is ``new`` or ``gone``. Reasons and times are not compared.

A kernel is ``worse`` when it no longer came up, claims a lower ABI version or none, provides a
lower one, or no longer claims an erratum that it claimed: a kernel that switched Landlock off
would otherwise turn every case into a harmless ``absent``. It is a regression too.

A regression that is listed as known is shown, but does not make the second run a worse one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.kernel_line import KernelLine, summarize
from suite.errors import UsageError
from suite.judge.records import NOT_RUN, CaseRecord, Results, TargetRecord, Verdict


class Kind(StrEnum):
    """What became of a case; the module says which rule gives which."""

    REGRESSION = "regression"
    FIXED = "fixed"
    CHANGED = "changed"
    EXPECTATION = "expectation"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """One case that is not as it was, and the targets where it changed in this way."""

    kind: Kind
    case: str
    targets: tuple[str, ...]
    before: CaseRecord | None
    """The record on the first of the targets; None when the case is new."""
    after: CaseRecord | None
    """None when the case is gone."""


@dataclass(frozen=True, slots=True)
class KernelChange:
    """A target whose kernel, claim or provided version is not what it was."""

    target: str
    before: KernelLine
    after: KernelLine
    worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What changed from one run to another."""

    before: str
    after: str
    """Names of the two files."""
    landproof: tuple[str, str]
    """The versions of landproof that observed."""
    renamed: tuple[str, str] | None
    """The two targets, when they were matched although their names differ."""
    compared: int
    """How many cases are in both runs."""
    targets_new: tuple[str, ...]
    targets_gone: tuple[str, ...]
    kernels: tuple[KernelChange, ...]
    changes: tuple[Change, ...]
    complaints: tuple[str, ...] = ()
    """What is wrong with the list of known deviations, in lines."""

    @property
    def regressed(self) -> bool:
        """Whether a case regressed that is not known to, or a kernel is worse."""
        unknown = (it for it in self.of(Kind.REGRESSION) if not (it.after and it.after.known))
        return any(unknown) or any(kernel.worse for kernel in self.kernels)

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.kind is kind)


def compare(a: Results, b: Results, *, before: str = "A", after: str = "B") -> Diff:
    """What changed from ``a`` to ``b``.

    Targets are matched by name; two runs of one target each are matched whatever the names.

    Raises:
        UsageError: The runs have no target in common.
    """
    pairs, renamed = _pairs(a.targets, b.targets)
    if not pairs:
        raise UsageError(
            f"no target in common: {before} holds {_names(a)}; {after} holds {_names(b)}"
        )
    old, new = {old.name for old, _ in pairs}, {new.name for _, new in pairs}
    kernels = (_kernel_change(*pair) for pair in pairs)
    return Diff(
        before=before,
        after=after,
        landproof=(a.landproof, b.landproof),
        renamed=renamed,
        compared=sum(len(_by_id(old).keys() & _by_id(new).keys()) for old, new in pairs),
        targets_new=tuple(target.name for target in b.targets if target.name not in new),
        targets_gone=tuple(target.name for target in a.targets if target.name not in old),
        kernels=tuple(change for change in kernels if change is not None),
        changes=_together(change for pair in pairs for change in _changes(*pair)),
    )


def baselines(baseline: Results, targets: Sequence[TargetRecord]) -> dict[str, TargetRecord]:
    """For each of these targets, by its name, the one of a baseline that it is held against.

    Raises:
        UsageError: The baseline has none of them.
    """
    pairs, _ = _pairs(baseline.targets, targets)
    if not pairs:
        raise UsageError(f"no target in common: the baseline holds {_names(baseline)}")
    return {new.name: old for old, new in pairs}


def is_worse(old: TargetRecord, new: TargetRecord) -> bool:
    """Whether a kernel is worse than it was, as the module says."""
    change = _kernel_change(old, new)
    return change is not None and change.worse


def _pairs(
    a: Sequence[TargetRecord], b: Sequence[TargetRecord]
) -> tuple[list[tuple[TargetRecord, TargetRecord]], tuple[str, str] | None]:
    match a, b:
        case [old], [new]:
            return [(old, new)], (old.name, new.name) if old.name != new.name else None
        case _:
            named = {target.name: target for target in b}
            both = [(old, named[old.name]) for old in a if old.name in named]
            return both, None


def _changes(old: TargetRecord, new: TargetRecord) -> Iterator[Change]:
    same_claim = _claim(old) == _claim(new)
    before, after = _by_id(old), _by_id(new)
    for case in sorted(before.keys() | after.keys()):
        was, now = before.get(case), after.get(case)
        if was is None:
            yield Change(Kind.NEW, case, (new.name,), None, now)
        elif now is None:
            yield Change(Kind.GONE, case, (new.name,), was, None)
        elif kind := _kind(was, now, same_claim=same_claim):
            yield Change(kind, case, (new.name,), was, now)


def _kind(was: CaseRecord, now: CaseRecord, *, same_claim: bool) -> Kind | None:
    expects_other = was.expected != now.expected
    answered_same = was.observed is not None and was.observed == now.observed
    if expects_other and answered_same and same_claim:
        return Kind.EXPECTATION
    if now.verdict.bad and was.verdict.good:
        return Kind.REGRESSION
    if now.verdict.dead and was.verdict is Verdict.DEVIATES:
        return Kind.REGRESSION
    if now.verdict.good and was.verdict.bad:
        return Kind.FIXED
    if (was.verdict, was.observed, was.known_bug) != (
        now.verdict,
        now.observed,
        now.known_bug,
    ):
        return Kind.CHANGED
    return Kind.EXPECTATION if expects_other else None


def _together(changes: Iterable[Change]) -> tuple[Change, ...]:
    """One entry for each change, however many targets show it; by kind, then by case."""
    alike: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        key = (change.kind, change.case, _says(change.before), _says(change.after))
        alike.setdefault(key, []).append(change)
    order = list(Kind)
    return tuple(
        Change(
            first.kind,
            first.case,
            tuple(change.targets[0] for change in same),
            first.before,
            first.after,
        )
        for same in sorted(
            alike.values(), key=lambda same: (order.index(same[0].kind), same[0].case)
        )
        for first in same[:1]
    )


def _says(case: CaseRecord | None) -> tuple[object, ...] | None:
    return (
        (case.verdict, case.expected, case.observed, case.known_bug, case.known) if case else None
    )


def _kernel_change(old: TargetRecord, new: TargetRecord) -> KernelChange | None:
    if NOT_RUN in (old.reason, new.reason):
        return None
    was, now = summarize(old), summarize(new)
    if (was.kernel, was.claims, was.provides) == (now.kernel, now.claims, now.provides):
        return None
    worse = was.claimed is not None and (
        now.claimed is None
        or now.claimed < was.claimed
        or not set(was.errata) <= set(now.errata)
        or (was.provided is not None and now.provided is not None and now.provided < was.provided)
    )
    return KernelChange(new.name, was, now, worse)


def _claim(target: TargetRecord) -> tuple[object, ...]:
    facts = target.facts
    return (facts.abi, facts.errata, facts.missing) if facts else ()


def _by_id(target: TargetRecord) -> dict[str, CaseRecord]:
    return {case.id: case for case in target.cases}


def _names(results: Results) -> str:
    return ", ".join(target.name for target in results.targets) or "none"
