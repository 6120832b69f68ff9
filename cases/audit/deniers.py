# SPDX-License-Identifier: MIT
"""Which of several layers deny, and which of them the log and the trace have to name."""

from collections.abc import Callable, Sequence

from cases.audit.denials import DENIALS, Denial, Scene
from suite.case import Case, Expectation, Feature, Process

NAMES = "outer", "inner", "youngest"
DENY, ALLOW, OTHER = "deny", "allow", "other"
PLACES: dict[str, tuple[tuple[str, ...], int]] = {
    "outer": ((DENY, ALLOW), 0),
    "inner": ((ALLOW, DENY), 1),
    "both": ((DENY, DENY), 1),
    "outer-beneath-other": ((DENY, ALLOW, OTHER), 0),
    "both-beneath-other": ((DENY, DENY, OTHER), 1),
}
"""Layers, outermost first, and the index of the one that is to be named: the innermost that denies.

``other`` is a layer about something else.
"""


class Deniers(Case, frozen=True, kw_only=True):
    """What is denied, and what each layer does about it."""

    denial: Denial
    layers: tuple[str, ...]

    def enter(self, scene: Scene) -> list[Process]:
        """A process a layer, each the parent of the next one."""
        denial, processes = self.denial, [scene.process]
        ruled = denial.rule(denial.allows, scene)
        layers = {DENY: denial.denies, ALLOW: ruled, OTHER: denial.other}
        for name in self.layers:
            processes.append(processes[-1].under(layers[name]))
        return processes[1:]


def rows(
    answers: str, owed: Callable[[Denial, Sequence[Sequence[Feature]], int], Expectation]
) -> dict[str, Deniers]:
    """A row a denial and a place; ``owed`` is given the layers' features, and which is named."""
    found = {}
    for name, denial in DENIALS.items():
        rulesets = {DENY: denial.denies, ALLOW: denial.allows, OTHER: denial.other}
        for place, (layers, named) in PLACES.items():
            innermost = denial.innermost or (denial.other_denies and OTHER in layers)
            features = [rulesets[layer].features for layer in layers]
            found[f"{name}-{place}"] = Deniers(
                denial=denial,
                layers=layers,
                covers=denial.denies.features,
                needs=denial.needs,
                own_memory=denial.innermost,  # ptrace(2)
                answers=(f"{answers}-{place}", f"{answers}-of-{name}"),
                expect=owed(denial, features, len(layers) - 1 if innermost else named),
            )
    return found
