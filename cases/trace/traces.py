# SPDX-License-Identifier: MIT
"""What is owed of the trace, and what it says, with names for what only one run knows."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from suite.case import (
    FS, NET, Allowed, Call, Denied, Event, Feature, Observation, Outcome, Seen, Trace,
)  # fmt: skip

NOTHING = "nothing"
LIFE = "create_ruleset", "create_domain", "enforce_domain", "free_ruleset"
_DEVICE, _INODE = slice(8), slice(8, 16)
"""Of a struct stat."""


def told(events: Iterable[Event], names: Mapping[str, str] | None = None) -> str:
    """Events, one after the other; ``names`` are of values, such as ``{tree.path: "TREE"}``."""
    text = " + ".join(map(str, events)) or NOTHING
    for value, name in (names or {}).items():
        text = re.sub(rf"(?<![\w.\\]){re.escape(value)}(?![\w.])", name, text)
    return text


def traced(
    trace: Trace,
    events: Sequence[Event],
    observed: Observation,
    errno: str = "",
    names: Mapping[str, str] | None = None,
) -> Outcome:
    """These events, if what was observed came to this errno (or was allowed)."""
    outcome = observed.outcome
    lacking = f"no event {trace.lacking}" if trace.lacking else "not to be traced"
    text = told(events, names) if trace.on else lacking
    owed = Denied(errno) if errno else Allowed()
    return Seen(text) if outcome == owed else outcome


def identity(stat: Call) -> str:
    """The device and the inode of a file as events name them."""
    device, inode = (int.from_bytes(stat.data[part], "little") for part in (_DEVICE, _INODE))
    return f"dev={os.major(device)}:{os.minor(device)} ino={inode}"


def flags(features: Feature) -> str:
    """Access rights or scopes as events name them."""
    return "|".join(label.split(".")[1] for label in features.labels)


def absolute(rights: FS | NET, handled: FS | NET) -> str:
    """What a rule of a ruleset allows: these, and what it doesn't handle, but for REFER."""
    unhandled = ~handled
    if isinstance(unhandled, FS):
        unhandled &= ~FS.REFER
    return flags(type(handled)(rights | unhandled))


def check(path: str, request: FS, grants: str, domain: int = 1) -> str:
    """The event of a rule on a file: what was asked for, and what each layer's rule grants."""
    head = f"check_rule_inode domain=D{domain} access_request={flags(request)}"
    return f"{head} {path} grants={{{grants}}}"
