# SPDX-License-Identifier: MIT
"""The page of compatibility data: it needs nothing else, and each feature has an address."""

from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from reports.render import render
from tests.abi_miniature import ABIS, ERRATA, FEATURES, LIMITS, at_abi_11
from tests.report_miniatures import compat_zoo


class _Page(HTMLParser):
    """Collects identities, links and tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in {"src", "srcset", "style"} or name.startswith("on"):
                self.outside.append(name)


@pytest.fixture(scope="module")
def text() -> str:
    """The page of all that compatibility data can say."""
    with at_abi_11():
        return render(compat_zoo(), "compat-html")


def test_it_needs_nothing_else(text: str) -> None:
    page = _Page(text)
    assert not {"script", "link", "img", "iframe"} & page.tags
    assert not page.outside
    assert "@import" not in text
    assert "url(" not in text


def test_everything_has_an_address_and_every_link_leads_somewhere(text: str) -> None:
    page = _Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert FEATURES.keys() <= set(page.ids)
    assert {f"erratum.{int(number)}" for number in ERRATA} <= set(page.ids)
    assert {f"limit.{name}" for name in LIMITS} <= set(page.ids)
    assert {f"abi.{number}" for number in ABIS} <= set(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_text_of_a_target_is_no_markup() -> None:
    results = compat_zoo()
    target = replace(results.targets[1], name="vm:<script>\x1b[1m\x07</script>")
    text = render(replace(results, targets=[target]), "compat-html")
    assert "&lt;script&gt;\\x07&lt;/script&gt;" in text
    assert "script" not in _Page(text).tags
