# SPDX-License-Identifier: MIT
"""Where among the layers of a domain is the one that decides."""

from suite.case import MAX_LAYERS, Ruleset

PLACES: dict[str, int | None] = {"first": 0, "middle": 7, "last": MAX_LAYERS - 1, "none": None}
"""The index of the layer, outermost first; None: no layer denies."""


def deciding(place: int | None, denies: Ruleset, others: Ruleset) -> list[Ruleset]:
    """As many layers as there can be, one of which denies, or none."""
    layers = [others] * MAX_LAYERS
    if place is not None:
        layers[place] = denies
    return layers
