# SPDX-License-Identifier: MIT
"""The pages that tests open in a browser, and what they ask of them."""

from html.parser import HTMLParser
from pathlib import Path

from msgspec.structs import replace

from reports.render import render
from suite.judge.records import CaseRecord, Results
from tests.browser import Browser
from tests.report_miniatures import zoo

TSYNC = "#case=syscalls/restrict%5Btsync%5D&kernel=7.0"

# What is read before it can be: the drawer with its title, and the page of a kernel.
DRAWER = "document.querySelector('#detail[open]')?.innerText ?? ''"
VIEW = "document.querySelector('#view:not([hidden])')?.innerText ?? ''"
FOCUS = "document.activeElement.innerText"


class Markup(HTMLParser):
    """Collects identities, links, tags, and attributes that load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down what a tag has."""
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in {"src", "srcset", "style"} or name.startswith("on"):
                self.outside.append(name)


def told() -> Results:
    """The zoo with all that can be known of the case of ``TSYNC``."""

    def tell(case: CaseRecord) -> CaseRecord:
        if case.id != "syscalls/restrict[tsync]":
            return case
        clauses = ["no Landlock", "below ABI 8", "ABI 8+"]
        calls = [f"landlock_restrict_self(3, {flags}) = 0" for flags in (0, 8)]
        return replace(case, clauses=clauses, calls=calls, answers=["tsync-all-threads"])

    results = zoo()
    targets = [
        replace(target, cases=[*map(tell, target.cases)]) if target.name == "vm:7.0" else target
        for target in results.targets
    ]
    return replace(results, targets=targets)


def write(results: Results, path: Path, fmt: str = "html") -> str:
    """Write a run as a page, and return its address."""
    path.write_text(render(results, fmt), encoding="utf-8", errors="backslashreplace")
    return path.as_uri()


def fragment(browser: Browser) -> str:
    """What the address says of the page's state."""
    found: str = browser.run("location.hash")
    return found


def rows_of(browser: Browser) -> list[str]:
    """The visible heads of the matrix' rows."""
    found: list[str] = browser.run(
        "[...document.querySelectorAll('#matrix tbody th')]"
        ".map((it) => (it.querySelector('.label') ?? it).innerText)"
    )
    return found
