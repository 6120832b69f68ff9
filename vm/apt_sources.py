# SPDX-License-Identifier: MIT
"""What a private apt state is made of: the mirror, the keyring, sources and configuration."""

import re
from pathlib import Path

from suite.errors import InfrastructureError, UsageError
from vm.archives import DEBIAN, Part, Row
from vm.tools import apt_tool, output

_KEYRINGS = Path("/usr/share/keyrings")
_SUITES = re.compile(r"^Suites: (.*)$", re.MULTILINE)
_CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Default-Release "";
APT::Get::AllowUnauthenticated "false";
APT::Update::Error-Mode "any";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
Dir::Cache "{folder}/cache/";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "{sources}";
Dir::Etc::sourceparts "/dev/null";
Dir::State "{folder}/state/";
Dir::State::status "/dev/null";
"""

# Its dates are long past, and all else is verified as ever.
_LINES_OF_THE_PAST = "Check-Valid-Until: no\n"


def configuration(folder: Path, sources: Path, arch: str) -> str:
    """Return an apt.conf for ``apt-get -c``, which is read after the machine's own and wins.

    Hooks, pins and the installed packages of the machine are out of it; its proxy, certificates
    and credentials stay. Nothing unsigned passes, whatever the machine allows itself.

    Raises:
        UsageError: apt.conf(5) has no way to write the name of the folder.
    """
    if '"' in str(folder) or not str(folder).isprintable():
        raise UsageError(
            f"apt can't work in {str(folder)!r}, for the quotes or control characters in its name;"
            " choose another folder with --store"
        )
    return _CONFIGURATION.format(folder=folder, sources=sources, arch=arch)


def sources(mirror: str | None = None, keyring: Path | None = None, part: Part = DEBIAN) -> str:
    """Return the sources of an archive's suites, in deb822 style.

    Raises:
        InfrastructureError: A keyring isn't on this machine, or apt isn't.
        UsageError: No mirror is known.
    """
    apt_tool()
    row = part.archive.row
    lines = _LINES_OF_THE_PAST if part.is_past else ""
    keys = " ".join(str(it.resolve()) for it in _keyrings(row, keyring))
    main, beside = _addresses(part, mirror)
    there = [suite for suite in part.suites if _is_beside(row, suite)]
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {' '.join(names)}\nComponents: main\n"
        f"Architectures: {part.archive.arch.debian}\nTargets: Packages\nSigned-By: {keys}\n{lines}"
        for uri, names in ((main, [it for it in part.suites if it not in there]), (beside, there))
        if names
    )


def of_suite(text: str, suite: str) -> str:
    """Return of such sources those of one suite: apt reads the lists of all that it is told."""
    found = (
        _SUITES.sub(f"Suites: {suite}", it) for it in text.split("\n\n") if suite in _names(it)
    )
    return "\n\n".join(found)


def _names(part: str) -> list[str]:
    match = _SUITES.search(part)
    return match[1].split() if match else []


def _keyrings(row: Row, chosen: Path | None) -> list[Path]:
    """The files with the keys that an archive is signed with."""
    if chosen is not None:
        found = [chosen]
    else:
        named = [[_KEYRINGS / it for it in names] for names in row.keyrings]
        found = [next((it for it in paths if it.exists()), paths[-1]) for paths in named]
    hint = f" ({row.keyring_hint}; --keyring names another file)" if row.keyring_hint else ""
    for path in found:
        if not path.exists():
            raise InfrastructureError(
                f"no keyring {path} to verify the kernels of {row.called} with;"
                f" run: apt-get install {row.keyring_package}{hint}"
            )
    return found


def _addresses(part: Part, mirror: str | None) -> tuple[str, str]:
    """Return the URLs of an archive and of the one beside it."""
    row = part.archive.row
    main: str | None
    beside: str | None
    if mirror is not None:
        if ":" not in mirror or mirror.split() != [mirror]:
            raise UsageError(f"--mirror {mirror!r} is not a URL, such as file:/srv/debian")
        main, beside = mirror, None
    elif part.is_past:
        main, beside = row.address, None
    else:
        main, beside = _of_machine(part)
        main = main or row.address
    if main is None:
        raise UsageError(
            f"this machine's apt knows no mirror of {row.called}; name one with --mirror URL"
        )
    main = main.rstrip("/")
    beside = (beside or f"{main}{row.beside}").rstrip("/")
    within = f"/{part.key}/" if part.is_past else "/"
    return f"{main}{within}", f"{beside}{within}"


def _of_machine(part: Part) -> tuple[str | None, str | None]:
    """Return the URLs that this machine's apt has of an archive and of the one beside it."""
    row = part.archive.row
    listed = output(
        [
            *(apt_tool(), "indextargets", "--no-release-info"),
            *("--format", "$(REPO_URI) $(RELEASE)", "Identifier: Packages"),
        ]
    )
    pairs = [line.split(" ", 1) for line in listed.decode().splitlines()]
    proved = {uri for uri, suite in pairs if suite.endswith(row.mirrors_prove)}
    found: dict[bool, str] = {}
    for uri, suite in pairs:
        if uri not in proved:
            continue
        if suite in (*part.suites, *row.mirrors_have):
            found.setdefault(_is_beside(row, suite), uri)
        elif uri.endswith(row.mirrors_end):  # a suite that we don't know, in the right place
            found.setdefault(False, uri)
    return found.get(False), found.get(True)


def _is_beside(row: Row, suite: str) -> bool:
    """Whether a suite lives in the archive beside."""
    return bool(row.beside) and suite.endswith(row.beside)
