# SPDX-License-Identifier: MIT
"""The page of compatibility data: it needs nothing else, and each feature has an address."""

import pytest
from msgspec.structs import replace

from reports.render import render
from tests.abi_miniature import ABIS, ERRATA, FEATURES, LIMITS, at_abi_11
from tests.html_pages import Markup
from tests.report_miniatures import compat_zoo


@pytest.fixture(scope="module")
def text() -> str:
    """The page of all that compatibility data can say."""
    with at_abi_11():
        return render(compat_zoo(), "compat-html")


def test_it_needs_nothing_else(text: str) -> None:
    page = Markup(text)
    assert not {"script", "link", "img", "iframe"} & page.tags
    assert not page.outside
    assert "@import" not in text
    assert "url(" not in text


def test_everything_has_an_address_and_every_link_leads_somewhere(text: str) -> None:
    page = Markup(text)
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
    assert "script" not in Markup(text).tags
