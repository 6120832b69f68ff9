# SPDX-License-Identifier: MIT
"""The published data, ``reports/compat/data.json``: made of results, and read from the package.

``python -m reports.compat.publish RESULTS...`` makes it of results files. Without any, it writes
what the tables say anew (a feature, a bug, a sentence) and keeps what was measured.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from reports.compat.build import build
from reports.compat.document import VERSION, Compat
from reports.compat.evidence import evident, kept
from reports.results import load, write
from suite.errors import InfrastructureError, LandproofError, UsageError
from suite.judge.records import Results

FILE = Path(__file__).with_name("data.json")
PUBLISHED = f"{VERSION}.1.0"
"""The version of the data. Its first number is that of the schema; the second grows with rows and
measurements, the third with corrections (docs/compat.md)."""
LICENSE = "CC0-1.0"


def published() -> Compat:
    """The data that came with landproof.

    Raises:
        InfrastructureError: They are not of this landproof.
    """
    try:
        return msgspec.json.decode(FILE.read_bytes(), type=Compat)
    except (OSError, msgspec.DecodeError) as error:
        raise InfrastructureError(
            f"{FILE}: {error}: install landproof again, or make the file of results"
        ) from error


def text_of(compat: Compat) -> str:
    """What a file of it holds."""
    return msgspec.json.format(msgspec.json.encode(compat), indent=2).decode() + "\n"


def stamped(compat: Compat) -> Compat:
    """As it is published: with version and licence."""
    return replace(compat, version=PUBLISHED, license=LICENSE)


def renewed(old: Compat) -> Compat:
    """What the tables say today, with what was measured for ``old``."""
    new = build()
    both = replace(
        new,
        landproof=old.landproof,
        kernels=old.kernels,
        features=_kept(new.features, old.features, "support"),
        limits=_kept(new.limits, old.limits, "support"),
        errata=_kept(new.errata, old.errata, "support", "features"),
        bugs=_kept(new.bugs, old.bugs, "support", "features"),
    )
    return stamped(kept(evident(both), old))


R = TypeVar("R", bound=msgspec.Struct)


def _kept(new: Mapping[str, R], old: Mapping[str, R], *fields: str) -> dict[str, R]:
    """Rows with these fields of the rows that were there before."""
    return {
        name: replace(row, **{it: getattr(old[name], it) for it in fields}) if name in old else row
        for name, row in new.items()
    }


def made_of(*runs: Results) -> Compat:
    """The data to publish, of results.

    Raises:
        UsageError: There are none, a kernel never came up, or it was not asked for itself.
    """
    for target in (target for run in runs for target in run.targets):
        if target.facts and target.facts.client:
            raise UsageError(f"{target.name}: its domains are a client's, which is no kernel")
    compat = stamped(build(*runs))
    if not compat.kernels:
        raise UsageError("these results are of no kernel")
    for name, kernel in compat.kernels.items():
        if kernel.abi is None:
            raise UsageError(f"{name} {kernel.line}: run it again, or leave it out")
    return compat


def main(arguments: Sequence[str]) -> None:
    """Write the file anew, of results files; without any, of what it holds.

    Raises:
        LandproofError: A file can't be read, or written, or holds no results of kernels.
    """
    compat = made_of(*(load(Path(it)) for it in arguments)) if arguments else renewed(published())
    write(FILE, text_of(compat).encode())
    kernels = ", ".join(compat.kernels)
    print(f"{FILE.name}: version {compat.version}, measured on {kernels}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except LandproofError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit)
