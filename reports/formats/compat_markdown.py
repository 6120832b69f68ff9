# SPDX-License-Identifier: MIT
"""Compatibility data for wikis and documentation: GitHub's Markdown."""

from collections.abc import Iterator

from reports.compat import view
from reports.compat.build import build
from reports.compat.document import Compat
from reports.formats.markdown import page
from reports.page import Entry, Page, Section, Table
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, style: Style) -> str:
    """Which ABI version for what, what happens below it, and what to know of each feature."""
    compat = build(results)
    sections = (
        Section("Which ABI version do I need?", (_features(compat),)),
        Section("What may I ask for?", (_abis(compat),)),
        Section("Errata", (_errata(compat),)),
        Section("Known bugs", (_bugs(compat),)),
        Section("Limits", (_limits(compat),)),
        Section("Notes", tuple(_notes(compat))),
        Section("Kernels", (_kernels(compat),)),
    )
    introduction = tuple(view.introduction(compat))
    return page(Page("Landlock compatibility", introduction, sections, compat), style)


def _features(compat: Compat) -> Table:
    return Table(
        (
            "feature",
            "constant",
            "ABI",
            "first release",
            "provided by (measured)",
            "below it (measured)",
        ),
        tuple(
            (
                it.name,
                f"{it.feature.constant} = {it.value}",
                str(it.feature.abi),
                it.feature.release,
                "; ".join(it.provided),
                "; ".join(it.below),
            )
            for it in view.features(compat)
        ),
    )


def _abis(compat: Compat) -> Table:
    return Table(
        ("ABI", "first release", *view.MASKS, "known by"),
        tuple((it.number, it.release, *it.masks, it.kernels) for it in view.abis(compat)),
    )


def _errata(compat: Compat) -> Table:
    return Table(
        ("erratum", "from ABI", "fixed in", "fixed on", "unfixed on", "remarks", "about", "source"),
        tuple(
            (
                f"{it.number}: {it.erratum.name}",
                str(it.erratum.abi),
                it.erratum.release,
                it.fixed,
                it.unfixed,
                "; ".join(it.remarks),
                ", ".join(it.erratum.features),
                it.erratum.source,
            )
            for it in view.errata(compat)
        ),
    )


def _bugs(compat: Compat) -> Table:
    return Table(
        ("bug", "impact", "what it does", "CVE", "since", "fixed in", "has it", "remarks"),
        tuple(
            (
                it.name,
                it.impact,
                it.bug.does,
                it.bug.cve,
                it.bug.since,
                it.fixed,
                it.affected,
                it.unclear,
            )
            for it in view.bugs(compat)
        ),
    )


def _limits(compat: Compat) -> Table:
    return Table(
        ("limit", "value", "ABI", "measured", "source"),
        tuple(
            (
                f"{it.name}: {it.limit.counts}",
                str(it.limit.value),
                str(it.limit.abi),
                "; ".join(it.seen),
                it.limit.source,
            )
            for it in view.limits(compat)
        ),
    )


def _notes(compat: Compat) -> Iterator[Entry]:
    for it in view.features(compat):
        if it.notes:
            yield Entry(it.name, it.notes)


def _kernels(compat: Compat) -> Table:
    return Table(
        ("kernel", "release", "package", "claims and provides", "measured"),
        tuple(
            (name, it.release, it.version, it.line, it.measured)
            for name, it in compat.kernels.items()
        ),
    )


FORMAT = Format(name="compat-markdown", results=results)
