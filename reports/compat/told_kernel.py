# SPDX-License-Identifier: MIT
"""What the compatibility data say of kernels of one ABI version, or of one kernel."""

from collections.abc import Iterator, Mapping

from reports.compat import view
from reports.compat.asked import Asked
from reports.compat.bugs import had_by
from reports.compat.document import (
    AbiState,
    AbiVersion,
    Bugged,
    Compat,
    CompatBug,
    CompatFeature,
    State,
)
from reports.page import Entry, Page, Section, Table
from reports.risk import GRAVE
from reports.words import plural

_LACKS = ("feature", "ABI", "answer", "instead")
BACKPORTS = (
    "A release tells only what mainline and its stable series have: distributions backport, and "
    "landproof check asks a kernel itself."
)


def page(compat: Compat, asked: Asked) -> Page:
    """What such kernels have, what they lack, and the known bugs of one kernel."""
    number = str(asked.abi)
    abi = compat.abis.get(number)
    has = affected(compat, asked)
    lacking = tuple(_lacking(compat, asked))
    return Page(
        title=_answer(compat, asked, has),
        lines=() if asked.measured or not asked.kernel else (BACKPORTS,),
        sections=(
            Section("What to ask for", tuple(_masks(compat, asked, abi))),
            Section("Known bugs", (bugs(compat, has, asked),) if has else ()),
            Section("What it lacks", (Table(_LACKS, lacking),) if lacking else ()),
        ),
        data={
            "asked": asked,
            "abi": abi,
            "lacks": [row[0] for row in lacking],
            "bugs": has,
        },
    )


def _answer(compat: Compat, asked: Asked, has: Mapping[str, CompatBug]) -> str:
    where = asked.where.removeprefix("On ")
    if not asked.abi:
        why = " or ".join(f"{errno} ({why})" for errno, why in compat.without.items())
        there = where if asked.kernel else "ABI 0 is no Landlock"
        return f"{there}: all calls fail with {why}."
    if not asked.kernel:
        abi = compat.abis[str(asked.abi)]
        brought = ", ".join(abi.adds)
        return f"{where}: from Linux {abi.release} on; it brought {brought}."
    grave = sum(bug.impact in GRAVE for bug in has.values())
    worst = f", {grave} of which let a sandbox escape or use freed memory" if grave else ""
    return f"{where}: {plural(len(has), 'known bug') if has else 'no known bug'}{worst}."


def affected(compat: Compat, asked: Asked) -> dict[str, CompatBug]:
    """The known bugs that a kernel has, or may have; none of a whole ABI version."""
    if not asked.abi or not asked.kernel:
        return {}
    return {name: bug for name, bug in compat.bugs.items() if how(bug, asked)}


def how(bug: CompatBug, asked: Asked) -> str:
    """How it is known that a kernel has a bug; empty if it has not."""
    if not asked.measured:
        return "by its release" if had_by(bug, asked.mainline) else ""
    on = bug.support[asked.measured]
    match on.state:
        case Bugged.SEEN:
            return "seen"
        case Bugged.ALIKE:
            return "looks like it"
        case Bugged.UNSEEN if on.by_release:
            return "by its release; not seen"
        case _:
            return "by its release" if on.affected else ""


def bugs(compat: Compat, chosen: Mapping[str, CompatBug], asked: Asked | None = None) -> Table:
    """A table of bugs: what each does, where it is fixed, and how a kernel is known to have it."""
    rows = (
        (
            name,
            f"{bug.impact.value}: {bug.does}{f'; {bug.cve}' if bug.cve else ''}",
            ", ".join(bug.fixed_in.values()),
            how(bug, asked) if asked else view.spanned(compat, bug),
        )
        for name, bug in chosen.items()
    )
    last = "known" if asked else "has it"
    return Table(("bug", "what it does", "fixed in", last), tuple(rows))


def _masks(compat: Compat, asked: Asked, abi: AbiVersion | None) -> Iterator[Entry]:
    if abi is None:
        return
    yield Entry(
        f"ABI {asked.abi}",
        (
            ("size", f"{abi.attr_size} bytes of struct landlock_ruleset_attr"),
            ("handled_access_fs", f"{abi.handled_access_fs:#x}"),
            ("handled_access_net", f"{abi.handled_access_net:#x}"),
            ("scoped", f"{abi.scoped:#x}"),
            ("add_rule flags", f"{abi.add_rule_flags:#x}"),
            ("restrict_self flags", f"{abi.restrict_self_flags:#x}"),
            ("known by", view.known_by(abi.evidence, compat)),
        ),
    )


def _lacking(compat: Compat, asked: Asked) -> Iterator[tuple[str, str, str, str]]:
    for name, feature in compat.features.items():
        if answer := _lacks(feature, asked):
            yield name, str(feature.abi), answer, feature.fallback


def _lacks(feature: CompatFeature, asked: Asked) -> str:
    """What such kernels answer who asks for a feature; empty if they have it, or lack all."""
    seen = feature.support.get(asked.measured)
    if seen and seen.state is not State.UNKNOWN:
        return " or ".join(map(str, seen.answers)) if asked.abi else ""
    on = feature.by_abi.get(str(asked.abi))
    if on is None or on.state is AbiState.PROVIDED:
        return ""
    backports = ", but for backports" if on.state is AbiState.VARIES else ""
    return f"{on.call.removeprefix('landlock_')}: {on.errno}{backports}"
