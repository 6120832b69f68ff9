# SPDX-License-Identifier: MIT
"""The spaces, a file each; a new one is a file and a row here."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

from suite.explore import explorer, given, manner, space, trial
from suite.explore.ledger import digest
from suite.explore.space import Space
from suite.explore.spaces.flags import FLAGS
from suite.explore.spaces.logs import LOGS
from suite.explore.spaces.paths import PATHS
from suite.explore.spaces.ports import PORTS_AND_CALLS
from suite.explore.spaces.programs import PROGRAMS
from suite.explore.spaces.refer import REFER
from suite.explore.spaces.relations import RELATIONS

SPACES: dict[str, Space] = {
    it.name: it for it in (PATHS, REFER, PORTS_AND_CALLS, RELATIONS, PROGRAMS, FLAGS, LOGS)
}
"""By name, in the order in which they are explored."""


def revisions(spaces: Iterable[Space] = SPACES.values()) -> dict[str, str]:
    """What the programs of spaces are, as far as files tell, by the spaces' names.

    Of no use once it is another one: what a program of this number and manner gave before.
    """
    common = [Path(inspect.getfile(it)) for it in (explorer, given, manner, space, trial)]
    return {it.name: digest([Path(inspect.getfile(it.scene)), *common]) for it in spaces}
