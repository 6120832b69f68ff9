# SPDX-License-Identifier: MIT
"""For a README: a badge as SVG, which needs nobody's server."""

from html import escape

from reports.ci.badge import COLORS, LABEL, badge
from reports.render import Format, Style
from suite.judge.records import Results

_NARROW, _WIDE = frozenset("fijlrtI1 .,:;()[]'|!-"), frozenset("mwMW%@")

# As shields.io draws its flat ones. White on these colours is hard to read without the shadow.
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" \
aria-label="{label}: {message}">
<title>{label}: {message}</title>
<clipPath id="r"><rect width="{whole}" height="20" rx="3" fill="#fff"/></clipPath>
<g clip-path="url(#r)">
<rect width="{left}" height="20" fill="#555"/>
<rect x="{left}" width="{right}" height="20" fill="{fill}"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="6" y="15" fill="#010101" fill-opacity=".4" textLength="{label_width}">{label}</text>
<text x="6" y="14" textLength="{label_width}">{label}</text>
<text x="{start}" y="15" fill="#010101" fill-opacity=".4" textLength="{width}">{message}</text>
<text x="{start}" y="14" textLength="{width}">{message}</text>
</g>
</svg>
"""


def results(results: Results, _style: Style) -> str:
    """A run."""
    said = badge(results)
    label_width, width = _width(LABEL), _width(said.message)
    left, right = label_width + 12, width + 12
    return _SVG.format(
        label=escape(LABEL, quote=False),
        message=escape(said.message, quote=False),
        fill=COLORS[said.color],
        label_width=label_width,
        width=width,
        left=left,
        right=right,
        whole=left + right,
        start=left + 6,
    )


def _width(text: str) -> int:
    """About how many pixels Verdana takes at this size; ``textLength`` makes it exact."""
    return round(sum(4 if c in _NARROW else 10 if c in _WIDE else 6.6 for c in text))


FORMAT = Format(name="badge", results=results)
