# SPDX-License-Identifier: MIT
"""What apt-get's complaints mean: an error in one line, or a warning."""

import re
from collections.abc import Collection, Sequence

from suite.errors import InfrastructureError
from vm.archives import Row
from vm.source import LOG
from vm.tools import FullError, GoneError, UnreachableError

_CAUSES: tuple[tuple[str, type[InfrastructureError], str], ...] = (
    (
        r"No space left|enough free space",
        FullError,
        "no room left; free some, or set LANDPROOF_STORE to a folder on a larger disk",
    ),
    (
        r"Hash Sum mismatch|unexpected size|Hashes of (?:expected|received)",
        InfrastructureError,
        "its checksum is not what the signed index says; try --refresh or another --mirror",
    ),
    (
        r"  (?:40[137]|429|5\d\d)  ",
        UnreachableError,
        "it is refused, by the archive or by a proxy before it; look at the proxy, or name a mirror"
        " with --mirror URL",
    ),
    (
        r"Release file for \S+ is (?:expired|not valid yet)",
        InfrastructureError,
        "by its own dates it is not valid today; look at this machine's clock, or name another"
        " --mirror",
    ),
    (
        r"weak security information",
        InfrastructureError,
        "it is signed by digests that are too weak to be trusted; choose a later date, or another"
        " --mirror",
    ),
    (
        r"EXPKEYSIG",
        InfrastructureError,
        "the key that signed it has expired; a newer {package} may know better, or choose a later"
        " date or another --mirror",
    ),
    (
        r"NO_PUBKEY|not signed|signatures? (?:couldn't|were)|BADSIG",
        InfrastructureError,
        "its signature can't be verified; run: apt-get install {package}",
    ),
    (
        r"resolv|[Cc]onnect|timed out|Network is unreachable",
        UnreachableError,
        "no network; check it and the proxy, or name a mirror with --mirror URL, or a kernel"
        " of your own with path:FOLDER",
    ),
    (
        r"\b404\b|was not found|Unable to locate|File not found|No such file",
        GoneError,
        "it is not in the archive (any more); try --refresh or another --mirror",
    ),
)


_NO_RELEASE = re.compile(r"^E: The repository '\S+ (\S+) Release' (?:does not|no longer) ")


def failure(lines: Sequence[str], doing: str, row: Row) -> InfrastructureError:
    """Return what went wrong as one line, from apt-get's lines; the first known cause wins."""
    said = [line for line in lines if not line.startswith(("dlstatus:", "Get:", "Ign:"))]
    for pattern, error, advice in _CAUSES:
        for line in said:
            if re.search(pattern, line):
                what = advice.format(package=row.keyring_package)
                return error(f"{doing}: {what} ({_plain(line)})")
    last = said[-1] if said else "apt-get said nothing"
    return InfrastructureError(f"{doing}: {_plain(last)}")


def missing(lines: Sequence[str]) -> set[str]:
    """Return the suites of which apt-get says that the archive doesn't have them."""
    found = (_NO_RELEASE.search(line) for line in lines)
    return {it[1] for it in found if it}


def warn(
    lines: Sequence[str], suites: Sequence[str], present: Collection[str], *, is_past: bool = False
) -> None:
    """Say in one line which suites are missing, and in one which are not today's.

    Args:
        lines: What apt-get said.
        suites: All that it was asked for.
        present: Those of which it has lists.
        is_past: Whether what the archive doesn't have isn't worth a word.
    """
    text = "\n".join(lines)
    expected = missing(lines) if is_past else set()
    failed = [
        suite
        for suite in suites
        if suite not in expected
        and re.search(rf"(?:/dists/{suite}/\S* |^Err:\d+ \S+ {suite} )", text, re.M)
    ]
    why = _plain(next((line for line in lines if line.startswith("E:")), lines[-1]))
    for what, names in (
        ("suites that this mirror lacks are skipped", [f for f in failed if f not in present]),
        ("suites could not be refreshed", [f for f in failed if f in present]),
    ):
        if names:
            LOG.warning("%s: %s (%s)", what, ", ".join(names), why)


def _plain(line: str) -> str:
    return re.sub(r"^(?:E:|W:|Err:\d+)\s*", "", line.strip())
