# SPDX-License-Identifier: MIT
"""The compatibility data at a terminal: the answer to what was asked, then what it rests on."""

from collections.abc import Iterator

from reports.compat import told_kernel, told_rows, view
from reports.compat.asked import Asked
from reports.compat.bugs import had_by
from reports.compat.document import (
    AbiState,
    AbiSupport,
    By,
    Compat,
    CompatBug,
    CompatFeature,
    State,
    Support,
)
from reports.compat.names import Named
from reports.page import Entry, Page, Section, Table
from reports.words import plural
from suite.judge.outcome import Outcome, Rejected

NOTHING = "Nothing can be restricted there: tell the caller so, or refuse if the caller insists."


def page(compat: Compat, named: Named | None, asked: Asked | None) -> Page:
    """The answer, by what was asked: a row, kernels, a row on kernels, or everything."""
    match named:
        case None:
            return told_kernel.page(compat, asked) if asked else _everything(compat)
        case Named(name=name, row=CompatFeature() as feature):
            return _feature(compat, name, feature, asked)
        case _:
            return told_rows.page(compat, named, asked)


def _everything(compat: Compat) -> Page:
    newest, abi = list(compat.abis.items())[-1]
    return Page(
        title=f"Landlock has {len(compat.abis)} ABI versions; the newest is {newest} "
        f"(Linux {abi.release}), with {plural(len(compat.features), 'feature')} in all.",
        lines=tuple(view.introduction(compat)),
        sections=(
            Section("Features", (_features(compat),)),
            Section("ABI versions", (_abis(compat),)),
            Section("Known bugs", (told_kernel.bugs(compat, compat.bugs),)),
            Section("Limits", (_limits(compat),)),
            Section("More of one", commands=("landproof compat fs.truncate --abi 2",)),
        ),
        data=compat,
    )


def _features(compat: Compat) -> Table:
    rows = (
        (name, f"{it.value:#x}", str(it.abi), it.release, _refusals(it))
        for name, it in compat.features.items()
    )
    head = ("feature", "value", "ABI", "Linux", "before it")
    return Table(head, tuple(rows))


def _abis(compat: Compat) -> Table:
    rows = ((it.number, it.release, *it.masks, it.kernels) for it in view.abis(compat))
    # Whole words: a screen of 80 columns would cut longer ones.
    heads = ("size", "fs", "net", "scoped", "create", "add_rule", "restrict")
    return Table(("ABI", "Linux", *heads, "known by"), tuple(rows))


def _limits(compat: Compat) -> Table:
    rows = ((it.name, str(it.limit.value), it.limit.counts) for it in view.limits(compat))
    return Table(("limit", "value", "of what"), tuple(rows))


def _refusals(feature: CompatFeature) -> str:
    """What ABI versions without a feature answer."""
    alike = _alike(feature)
    answers = [f"{call.removeprefix('landlock_')}: {errno}" for call, errno in alike]
    if len(answers) < 2:
        return "".join(answers)
    return "; ".join(
        f"{answer} ({which})" for answer, which in zip(answers, alike.values(), strict=True)
    )


def _alike(feature: CompatFeature) -> dict[tuple[str, str], str]:
    """The ABI versions without a feature, by the call that refuses it and its errno."""
    alike: dict[tuple[str, str], list[str]] = {}
    for number, it in feature.by_abi.items():
        if it.state is not AbiState.PROVIDED:
            alike.setdefault((it.call, it.errno), []).append(number)
    return {
        answer: f"ABI {numbers[0]}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")
        for answer, numbers in alike.items()
    }


def _feature(compat: Compat, name: str, feature: CompatFeature, asked: Asked | None) -> Page:
    answer, lacks = _answer(name, feature, asked, compat)
    advice = feature.fallback if asked is None or asked.abi else NOTHING
    return Page(
        title=answer,
        lines=(f"Without it: {advice}" if asked is None else advice,) if lacks and advice else (),
        sections=(
            Section("What it is", (Entry(feature.constant, tuple(_facts(feature))),)),
            Section("By ABI version", () if asked else tuple(_by_abi(compat, feature))),
            Section("Known bugs", tuple(_bugs(compat, name, asked))),
        ),
        data={
            "answer": answer,
            "name": name,
            "lacks": lacks if asked else None,
            "asked": asked,
            "feature": feature,
        },
    )


def _answer(
    name: str, feature: CompatFeature, asked: Asked | None, compat: Compat
) -> tuple[str, bool]:
    """The answer in a sentence or two, and whether the kernels in question lack the feature."""
    first = f"ABI {feature.abi} (Linux {feature.release})"
    if asked is None:
        return f"{name}: from {first} on.{_before(feature)}", bool(feature.fallback)
    seen = feature.support.get(asked.measured)
    if seen and seen.state is not State.UNKNOWN:
        return f"{name}: {_seen(seen, first)} {asked.where}, {_detail(seen)}.", _is_without(seen)
    if not asked.abi:
        why = " or ".join(f"{errno} ({why})" for errno, why in compat.without.items())
        there = asked.where if asked.kernel else "Without Landlock"
        return f"{name}: not before {first}. {there}, all calls fail with {why}.", True
    on = feature.by_abi[str(asked.abi)]
    known = _known(on)
    match on.state:
        case AbiState.PROVIDED:
            return f"{name}: yes. {asked.where}, it is there: from {first} on ({known}).", False
        case AbiState.VARIES:
            having = [it for it in on.kernels if feature.support[it].state is State.PROVIDED]
            such = f" (seen on {', '.join(having)})" if having else ""
            return (
                f"{name}: ask the kernel. {asked.where}, some builds have it as a backport{such}; "
                f"in the others, {on.call}() refuses it with {on.errno}.",
                True,
            )
        case AbiState.REFUSED:
            return (
                f"{name}: not before {first}. {asked.where}, {on.call}() refuses it with "
                f"{on.errno} ({known}).",
                True,
            )


def _before(feature: CompatFeature) -> str:
    """What kernels older than a feature answer."""
    alike = _alike(feature)
    if not alike:
        return ""
    (call, _), *_ = alike
    errnos = " or ".join(f"{errno} ({which})" for (_, errno), which in alike.items())
    varies = any(it.state is AbiState.VARIES for it in feature.by_abi.values())
    backports = ", unless it has it as a backport" if varies else ""
    return f" Before, {call}() refuses it with {errnos}{backports}."


def _seen(seen: Support, first: str) -> str:
    match seen.state:
        case State.PROVIDED:
            return "yes."
        case State.UNCLAIMED:
            return f"yes, though it came with {first}."
        case State.LACKING:
            return "no, though the kernel claims it."
        case _:
            return f"not before {first}."


def _detail(seen: Support) -> str:
    match seen.state:
        case State.PROVIDED:
            return "it was seen to work"
        case State.UNCLAIMED:
            return "it was accepted without a claim"
        case _:
            return f"{' or '.join(map(_refused, seen.answers))} (measured)"


def _refused(answer: Outcome) -> str:
    match answer:
        case Rejected(syscall, errno):
            return f"landlock_{syscall}() refuses it with {errno}"
        case _:
            return f"who asks for it gets: {answer}"


def _is_without(seen: Support) -> bool:
    return seen.state in (State.LACKING, State.ABSENT)


def _known(on: AbiSupport) -> str:
    """By what a statement on an ABI version is known, in a few words."""
    match on.by:
        case By.MEASURED:
            return f"measured on {', '.join(on.kernels)}"
        case By.MODELLED:
            return f"seen on {', '.join(on.models)}, not measured on a kernel"
        case By.DOCUMENTED:
            return "documented, not measured"


def _facts(feature: CompatFeature) -> Iterator[tuple[str, str]]:
    if feature.description:
        yield "about", feature.description
    yield "kind", f"{feature.kind}, {feature.value:#x} in {feature.place}"
    yield "taken by", f"{feature.call}(2)"
    yield "since", f"ABI {feature.abi} (Linux {feature.release})"
    yield "source", feature.source


def _by_abi(compat: Compat, feature: CompatFeature) -> Iterator[Table]:
    rows = (
        (number, compat.abis[number].release, _does(on), _known(on))
        for number, on in feature.by_abi.items()
    )
    yield Table(("ABI", "Linux", "does", "known by"), tuple(rows))


def _does(on: AbiSupport) -> str:
    match on.state:
        case AbiState.PROVIDED:
            return "provides it"
        case AbiState.VARIES:
            return f"provides it as a backport, or {on.call}: {on.errno}"
        case AbiState.REFUSED:
            return f"{on.call}: {on.errno}"


def _bugs(compat: Compat, name: str, asked: Asked | None) -> Iterator[Table]:
    """Those that cases about a feature saw, on the kernel in question."""
    about = {
        it: bug
        for it, bug in compat.bugs.items()
        if name in bug.features and (not asked or _may_have(asked, bug))
    }
    if about and (asked is None or asked.abi):
        yield told_kernel.bugs(compat, about, asked if asked and asked.kernel else None)


def _may_have(asked: Asked, bug: CompatBug) -> bool:
    """Whether kernels in question may have a bug: no ABI version tells, but a release may."""
    if asked.measured:
        return bug.support[asked.measured].affected is not False
    return had_by(bug, asked.mainline) is not False
