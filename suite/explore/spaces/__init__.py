# SPDX-License-Identifier: MIT
"""The spaces, a file each; a new one is a file and a row here."""

from suite.explore.space import Space
from suite.explore.spaces.paths import PATHS
from suite.explore.spaces.ports import PORTS_AND_CALLS
from suite.explore.spaces.programs import PROGRAMS
from suite.explore.spaces.refer import REFER
from suite.explore.spaces.relations import RELATIONS

SPACES: dict[str, Space] = {
    it.name: it for it in (PATHS, REFER, PORTS_AND_CALLS, RELATIONS, PROGRAMS)
}
"""By name, in the order in which they are explored."""
