# SPDX-License-Identifier: MIT
"""What the compatibility data say of errata, bugs, limits, calls, kinds of rules and structs."""

from collections.abc import Iterator

from reports.compat import told_kernel, view
from reports.compat.asked import Asked
from reports.compat.document import (
    Compat,
    CompatBug,
    CompatCall,
    CompatErratum,
    CompatLimit,
    CompatStruct,
    RuleKind,
)
from reports.compat.names import Named, Row
from reports.page import Entry, Page, Section, Table
from suite.landlock.bugs import COMMITS, CVES, ISSUES


def page(compat: Compat, named: Named, asked: Asked | None) -> Page:
    """The answer of one row, and what it rests on."""
    answer = f"{named.name}: {_answer(compat, named.row, asked)}"
    return Page(
        title=answer,
        lines=(),
        sections=tuple(_sections(compat, named, asked)),
        data={"answer": answer, "name": named.name, "asked": asked, "row": named.row},
    )


def _answer(compat: Compat, row: Row, asked: Asked | None) -> str:
    match row:
        case CompatErratum():
            bug = compat.bugs[row.bug]
            return (
                f"{bug.does}. {_on(bug, asked)}A kernel with the fix has bit {row.value:#x} in "
                "what LANDLOCK_CREATE_RULESET_ERRATA gives, if it has that flag: no ABI version "
                "tells."
            )
        case CompatBug():
            return f"{row.does}. {_on(row, asked)}No ABI version and no erratum tells."
        case CompatLimit():
            return f"{row.value} ({row.counts}), {_from(compat, row.abi, asked)}."
        case CompatCall():
            return f"system call {row.number}, {_from(compat, row.abi, asked)}."
        case RuleKind():
            return f"{row.constant} = {row.value}, {_from(compat, row.abi, asked)}."
        case CompatStruct():
            return f"{row.size} bytes{_size(compat, row, asked)}, taken by {row.call}(2)."
        case _:
            raise TypeError(row)


def _on(bug: CompatBug, asked: Asked | None) -> str:
    """Whether a kernel has a bug, and where it is fixed."""
    fixed = f"fixed in {', '.join(bug.fixed_in.values())}"
    if asked is None or not asked.kernel:
        return f"From {bug.since} on, {fixed}. "
    known = told_kernel.how(bug, asked)
    has = f"{asked.kernel} has it ({known})" if known else f"{asked.kernel} does not have it"
    return f"{has}: it is of {bug.since} and later, {fixed}. "


def _from(compat: Compat, abi: int, asked: Asked | None) -> str:
    first = f"from ABI {abi} (Linux {compat.abis[str(abi)].release}) on"
    if asked is None:
        return first
    there = "there" if asked.abi >= abi else "not there"
    return f"{first}: {there} o{asked.where.removeprefix('O')}"


def _size(compat: Compat, row: CompatStruct, asked: Asked | None) -> str:
    """How much of the struct an ABI version knows."""
    known = [it for it in row.fields if asked is None or it.abi <= asked.abi]
    if len(known) == len(row.fields) or asked is None:
        return ""
    size = sum(it.size for it in known)
    return f", of which ABI {asked.abi} knows {size}"


def _sections(compat: Compat, named: Named, asked: Asked | None) -> Iterator[Section]:
    match named.row:
        case CompatErratum():
            row, bug = named.row, compat.bugs[named.row.bug]
            applies = ("applies", f"from ABI {row.abi} on")
            yield Section("The fix", (Entry(bug.subject, (applies, *_of_bug(bug))),))
            yield Section("Measured", (_kernels(compat, bug),))
        case CompatBug():
            yield Section("The fix", (Entry(named.row.subject, tuple(_of_bug(named.row))),))
            yield Section("Measured", (_kernels(compat, named.row),))
        case CompatLimit():
            (seen,) = (it for it in view.limits(compat) if it.name == named.name)
            lines = (("source", named.row.source), *(("measured", it) for it in seen.seen))
            yield Section("What it is", (Entry(named.row.constant or named.name, lines),))
        case CompatCall():
            arguments = tuple(("argument", it) for it in named.row.arguments)
            yield Section("What it is", (Entry(f"{named.name}(2)", arguments),))
        case RuleKind():
            rule = compat.structs[named.row.struct]
            yield Section(f"struct {named.row.struct}", (_fields(rule),))
        case CompatStruct():
            yield Section(f"struct {named.name}", (_fields(named.row),))
        case _:
            raise TypeError(named.row)


def _of_bug(bug: CompatBug) -> Iterator[tuple[str, str]]:
    yield "impact", bug.impact.value
    if bug.workaround:
        yield "until then", bug.workaround
    if bug.features:
        yield "about", ", ".join(bug.features)
    if bug.brought_by:
        yield "brought by", f"{COMMITS}{bug.brought_by}"
    if bug.commit:
        yield "commit", f"{COMMITS}{bug.commit}"
    if bug.cve:
        yield "CVE", f"{CVES}{bug.cve}"
    if bug.issue:
        yield "issue", f"{ISSUES}{bug.issue}"


def _kernels(compat: Compat, bug: CompatBug) -> Table:
    words = {True: "has it", False: "has it not", None: "not established"}
    tells = {True: "has it", False: "has it not", None: "does not tell"}
    rows = (
        (
            name,
            compat.kernels[name].release,
            words[on.affected],
            on.state.value,
            tells[on.by_release],
        )
        for name, on in bug.support.items()
    )
    return Table(("kernel", "release", "", "cases", "its release"), tuple(rows))


def _fields(struct: CompatStruct) -> Table:
    rows = ((it.name, it.type, str(it.offset), str(it.size), str(it.abi)) for it in struct.fields)
    return Table(("field", "type", "offset", "size", "ABI"), tuple(rows))
