# SPDX-License-Identifier: MIT
"""What a private apt state is made of: the mirror, the keyring, sources and configuration."""

import re
from pathlib import Path

from suite.errors import InfrastructureError, UsageError
from vm.debian import SUITES
from vm.tools import apt_tool, output

_KEYRINGS = tuple(
    Path("/usr/share/keyrings", name)
    for name in ("debian-archive-keyring.pgp", "debian-archive-keyring.gpg")
)
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
Dir::Etc::sourcelist "{folder}/debian.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::State "{folder}/state/";
Dir::State::status "/dev/null";
"""


def configuration(folder: Path, arch: str = "amd64") -> str:
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
    return _CONFIGURATION.format(folder=folder, arch=arch)


def sources(mirror: str | None = None, keyring: Path | None = None, arch: str = "amd64") -> str:
    """Return the sources of Debian's suites, in deb822 style.

    Raises:
        InfrastructureError: The keyring isn't on this machine, or apt isn't.
        UsageError: No mirror is known.
    """
    apt_tool()
    keyring = keyring or next((path for path in _KEYRINGS if path.exists()), _KEYRINGS[-1])
    if not keyring.exists():
        raise InfrastructureError(
            f"no keyring {keyring} to verify Debian's kernels with;"
            " run: apt-get install debian-archive-keyring"
        )
    main, security = _mirrors(mirror)
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {' '.join(names)}\nComponents: main\n"
        f"Architectures: {arch}\nTargets: Packages\nSigned-By: {keyring.resolve()}\n"
        for uri, names in (
            (main, [suite.name for suite in SUITES if not suite.security]),
            (security, [suite.name for suite in SUITES if suite.security]),
        )
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


def _mirrors(mirror: str | None) -> tuple[str, str]:
    """Return the URLs of the main and the security archive."""
    if mirror is not None:
        if ":" not in mirror or mirror.split() != [mirror]:
            raise UsageError(f"--mirror {mirror!r} is not a URL, such as file:/srv/debian")
        main = mirror.rstrip("/")
        return f"{main}/", f"{main}-security/"
    listed = output(
        [
            *(apt_tool(), "indextargets", "--no-release-info"),
            *("--format", "$(REPO_URI) $(RELEASE)", "Identifier: Packages"),
        ]
    )
    security_of = {suite.name: suite.security for suite in SUITES}
    security_of |= {"stable": False, "testing": False, "unstable": False, "stable-security": True}
    found: dict[bool, str] = {}
    for uri, suite in (line.split(" ", 1) for line in listed.decode().splitlines()):
        security = security_of.get(suite)
        if security is None and uri.endswith("/debian/"):
            security = False  # a suite that debian.toml doesn't have, in the right place
        if security is not None:
            found.setdefault(security, uri)
    if False not in found:
        raise UsageError("this machine's apt knows no Debian mirror; name one with --mirror URL")
    return found[False], found.get(True, f"{found[False].rstrip('/')}-security/")
