# SPDX-License-Identifier: MIT
"""What people call the rows of the compatibility data: by any usual spelling, of any language."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from reports.compat.document import (
    Compat,
    CompatBug,
    CompatCall,
    CompatErratum,
    CompatFeature,
    CompatLimit,
    CompatStruct,
    RuleKind,
)
from suite.landlock import abi as table

Row: TypeAlias = (
    CompatFeature | CompatLimit | CompatErratum | CompatBug | CompatCall | RuleKind | CompatStruct
)


@dataclass(frozen=True, slots=True)
class Named:
    """A row with its name in the data, as a sentence calls it."""

    name: str
    row: Row


def everything(compat: Compat) -> Iterator[Named]:
    """All rows that have names."""
    for rows in (compat.features, compat.limits, compat.calls, compat.rule_types, compat.structs):
        yield from (Named(name, row) for name, row in rows.items())
    yield from (Named(f"erratum {number}", row) for number, row in compat.errata.items())
    # The bugs of errata are told with them.
    yield from (Named(name, row) for name, row in compat.bugs.items() if row.erratum is None)


def find(compat: Compat, text: str) -> list[Named]:
    """What a text names: one row, none, or several if only their last words are alike."""
    whole: dict[str, list[Named]] = defaultdict(list)
    last: dict[str, list[Named]] = defaultdict(list)
    for it in everything(compat):
        for spelling in {_plain(one) for one in _spellings(it, compat)}:
            whole[spelling].append(it)
        last[_plain(it.name.rpartition(".")[2])].append(it)
    asked = _plain(text)
    return whole.get(asked) or last.get(asked, [])


def _spellings(it: Named, compat: Compat) -> Iterator[str]:
    yield it.name
    match it.row:
        case CompatFeature(constant=constant) | RuleKind(constant=constant):
            yield constant
        case CompatLimit(constant=constant) if constant:
            yield constant
        case CompatErratum(name=name, bug=bug):
            yield name
            yield it.name.replace("erratum", "errata")
            yield from _of_bug(compat.bugs[bug])
        case CompatBug():
            yield from _of_bug(it.row)
        case _:
            pass


def _of_bug(bug: CompatBug) -> Iterator[str]:
    yield from filter(None, (bug.cve, bug.commit, bug.subject))


def _plain(text: str) -> str:
    """Letters and digits without what all constants, or all access rights, begin with.

    ``LANDLOCK_ACCESS_FS_TRUNCATE``, ``AccessFs::Truncate`` and ``fs.truncate`` are the same. So are
    calls with and without their section of the manual, and structs with and without that word.
    """
    bare = re.sub(r"\(\d?\)$|^struct ", "", text.strip().lower())
    flat = re.sub(r"[^a-z0-9]", "", bare)
    return re.sub(r"^(landlock)?(access)?(?=.)", "", flat)


def left_out(text: str) -> str:
    """Why the data lack a feature that landproof knows by this name; empty if it knows none."""
    feature = table.FEATURES.get(text.lower())
    if feature is None:
        return ""
    return f"ABI {feature.since} brings it, which no release has yet, and the data are of releases"
