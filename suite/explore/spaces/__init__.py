# SPDX-License-Identifier: MIT
"""The spaces, a file each; a new one is a file and a row here."""

from suite.explore.space import Space
from suite.explore.spaces.paths import PATHS

SPACES: dict[str, Space] = {it.name: it for it in (PATHS,)}
"""By name, in the order in which they are explored."""
