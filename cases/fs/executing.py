# SPDX-License-Identifier: MIT
"""What files about LANDLOCK_ACCESS_FS_EXECUTE share."""

from collections.abc import Mapping

from suite.case import FS, Allowed, Case, Denied, since

X, R, XR = FS.EXECUTE, FS.READ_FILE, FS.EXECUTE | FS.READ_FILE
DENIED, ALLOWED = since(X, Denied("EACCES")), since(X, Allowed())


class Layer(Case, frozen=True, kw_only=True):
    """A layer: what it handles, and what it allows on which paths of the tree."""

    handled: FS = XR
    rules: Mapping[str, FS] = {}
