# SPDX-License-Identifier: MIT
"""Where this landproof came from, as far as others can install it from there, too."""

import json
import shlex
from importlib import metadata
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

_NAME = "landproof"


def install_command() -> tuple[str, str]:
    """A command that installs this landproof elsewhere, and what has to be done for it first.

    An address that it was installed from is used again (PEP 610), else the project's own; else a
    wheel has to lie where the command runs.
    """
    found = metadata.distribution(_NAME)
    direct = json.loads(found.read_text("direct_url.json") or "{}")
    url, vcs = str(direct.get("url", "")), direct.get("vcs_info") or {}
    address = urlsplit(url)
    if vcs and address.scheme != "file":
        return _pip(f"{_NAME} @ {vcs['vcs']}+{url}@{vcs['commit_id']}"), ""
    if "archive_info" in direct and address.scheme in ("http", "https"):
        return _pip(url), ""
    for entry in found.metadata.get_all("Project-URL") or ():
        label, _, source = entry.partition(", ")
        if label == "Source":
            return _pip(f"{_NAME} @ git+{source}@v{found.version}"), ""
    name = PurePosixPath(unquote(address.path)).name
    wheel = name if name.endswith(".whl") else f"{_NAME}-{found.version}-py3-none-any.whl"
    return _pip(f"./{wheel}"), (
        f"landproof is published nowhere yet: put {wheel} (nox -s wheel makes it) where the jobs"
        " find it, or say --install COMMAND"
    )


def _pip(what: str) -> str:
    return shlex.join(["pip", "install", what])
