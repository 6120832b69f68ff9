# SPDX-License-Identifier: MIT
"""axe-core (https://github.com/dequelabs/axe-core, MPL-2.0), in a page of ``tests.browser``.

Its script is taken from the PyPI package ``axe-playwright-python``, of which nothing else is used:
``pip install --no-deps axe-playwright-python``, as ``.ci/run`` does it. Without ``--no-deps``
it brings Playwright, a driver of tens of megabytes.
"""

import importlib.util
import json
from pathlib import Path

from tests.browser import Browser

PACKAGE = "axe-playwright-python"
MISSING = f"no axe-core here: pip install --no-deps {PACKAGE}"

_RUN = """axe.run(document, OPTIONS).then(({violations}) =>
  violations.flatMap(({id, help, nodes}) => nodes.map(({target, failureSummary}) =>
    `${id}: ${help}: ${target.join(" ")}: ${failureSummary.replace(/\\s+/g, " ")}`)))"""


def script() -> Path | None:
    """Where axe-core's script is, if it is installed."""
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    places = (found and found.submodule_search_locations) or []
    return next((path for it in places if (path := Path(it) / "axe.min.js").exists()), None)


def violations(browser: Browser, *, colours: bool = True) -> list[str]:
    """What axe finds wrong with the page as it is shown now: all of its rules, an element each.

    Args:
        browser: It has the page.
        colours: Whether to look at contrast, too: most of the time goes into that.
    """
    path = script()
    assert path is not None, MISSING
    if not browser.run("'axe' in window"):
        # Evaluated from outside, so that the page's policy does not forbid it.
        browser.run(f"{path.read_text(encoding='utf-8')};0")
    rules = {} if colours else {"color-contrast": {"enabled": False}}
    options = {"resultTypes": ["violations"], "rules": rules}
    found: list[str] = browser.run(_RUN.replace("OPTIONS", json.dumps(options)))
    return found
