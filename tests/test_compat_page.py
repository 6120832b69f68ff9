# SPDX-License-Identifier: MIT
"""The page of compatibility data: it needs nothing else, and each feature has an address."""

from html.parser import HTMLParser

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


with at_abi_11():
    TEXT = render(compat_zoo(), "compat-html")
PAGE = _Page(TEXT)


def test_it_needs_nothing_else() -> None:
    assert not {"script", "link", "img", "iframe"} & PAGE.tags
    assert not PAGE.outside
    assert "@import" not in TEXT
    assert "url(" not in TEXT


def test_everything_has_an_address_and_every_link_leads_somewhere() -> None:
    assert len(PAGE.ids) == len(set(PAGE.ids))
    assert FEATURES.keys() <= set(PAGE.ids)
    assert {f"erratum.{int(number)}" for number in ERRATA} <= set(PAGE.ids)
    assert {f"limit.{name}" for name in LIMITS} <= set(PAGE.ids)
    assert {f"abi.{number}" for number in ABIS} <= set(PAGE.ids)
    assert {link.removeprefix("#") for link in PAGE.links} <= set(PAGE.ids)


def test_text_of_a_target_is_no_markup() -> None:
    results = compat_zoo()
    target = replace(results.targets[1], name="vm:<script>\x1b[1m\x07</script>")
    text = render(replace(results, targets=[target]), "compat-html")
    assert "&lt;script&gt;\\x07&lt;/script&gt;" in text
    assert "script" not in _Page(text).tags
