# SPDX-License-Identifier: MIT
"""Renames and links: a file must not gain rights by its new place.

Within a folder, rename(2) and link(2) are a removal and a creation. To another folder, they need
REFER on both, and no right may be allowed on the file there that was not allowed on it before:
else a restricted process could widen what it may do. If only that forbids it, the errno is EXDEV,
as between file systems, so that programs copy instead.

Source: security/landlock/fs.c, current_check_refer_path(), is_access_to_paths_allowed();
Documentation/userspace-api/landlock.rst, "Filesystem flags", LANDLOCK_ACCESS_FS_REFER.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Hashable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from suite.landlock.abi import FS, Erratum
from suite.model.landlock import (
    Domain,
    Missing,
    Model,
    Subject,
    all_rights,
    layers_with,
    missing_fs,
    tell_met,
)
from suite.model.paths import (
    FILE_RIGHTS,
    Place,
    check,
    grant,
    making,
    removing,
    rules_on,
    up,
)
from suite.model.verdicts import Cause, Denial, Request, youngest


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that is moved, linked or replaced."""

    inode: Hashable
    mode: int
    device: int = -1

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


@dataclass(frozen=True, slots=True)
class Move:
    """What a call asks for."""

    old: Entry
    old_folder: Place
    new_folder: Place
    new: Entry | None = None
    """What has the new name already, if anything."""
    removes: bool = False
    """Whether the old name goes: a rename, not a link."""
    exchanges: bool = False
    """RENAME_EXCHANGE."""
    leaves_whiteout: bool = False
    """RENAME_WHITEOUT."""
    same_folder: bool = False

    @property
    def exchanged(self) -> Entry | None:
        """What goes to the old folder, if anything."""
        return self.new if self.exchanges else None

    def needed(self, model: Model) -> tuple[int, int]:
        """The rights on the old folder, and on the new one, but REFER."""
        back = self.exchanged
        of_old = making(model, back.mode, back.device) if back else 0
        of_new = making(model, self.old.mode, self.old.device)
        if self.removes:
            of_old |= removing(is_dir=self.old.is_dir)
            if self.new is not None:
                of_new |= removing(is_dir=self.new.is_dir)
        if self.leaves_whiteout and model.fixed(Erratum.WHITEOUT_OBJECTS):
            of_old |= int(FS.MAKE_REG)
        return of_old, of_new


def move(model: Model, subject: Subject, asked: Move) -> Denial | None:
    """rename(2), link(2) and their like."""
    if not layers_with(subject.domain, lambda handled: handled.fs):
        return None
    of_old, of_new = asked.needed(model)
    if asked.same_folder:
        return check(model, subject, asked.new_folder, of_old | of_new)
    if not model.knows(FS.REFER):
        return Denial(errno.EXDEV)
    return _between(model, subject, asked, of_old | int(FS.REFER), of_new | int(FS.REFER))


@dataclass(slots=True)
class _Side:
    """The old folder, or the new one, on the way up."""

    missing: Missing
    """At first of all rights, later of what is needed."""
    needed: int
    told: int
    """The rights that a record tells of if they are missing."""
    child: Missing = ()
    """What the file that leaves this folder lacks, by the rules on itself alone."""
    child_is_dir: bool = False
    allowed: bool = False
    quiet: frozenset[int] = frozenset()

    def meet(self, model: Model, domain: Domain, inode: Hashable, asked: Missing) -> None:
        """Take the rules on a folder into account."""
        if self.allowed:
            return
        rules = rules_on(domain, inode)
        tell_met(model, domain, inode, rules, asked)
        self.missing = grant(model, self.missing, rules)
        self.quiet |= {number for number, rule in enumerate(rules) if rule and rule.quiet}
        self.allowed = not any(self.missing)

    def take(self, model: Model, domain: Domain, child: Entry) -> None:
        """Look at the file that leaves this folder."""
        everything = missing_fs(model, domain, all_rights(model, FS))
        rules = rules_on(domain, child.inode)
        tell_met(model, domain, child.inode, rules, everything)
        self.child, self.child_is_dir = grant(model, everything, rules), child.is_dir

    def narrow(self) -> None:
        """From here on, only what is needed counts."""
        self.told = self.needed
        self.missing = tuple(it & self.needed for it in self.missing)
        self.allowed = not any(self.missing)


def _between(
    model: Model, subject: Subject, asked: Move, of_old: int, of_new: int
) -> Denial | None:
    domain = subject.domain
    everything = missing_fs(model, domain, all_rights(model, FS))
    handled = reduce(or_, everything)
    old, new = _Side(everything, of_old, handled), _Side(everything, of_new, handled)
    for side, folder in (old, asked.old_folder), (new, asked.new_folder):
        for inode in folder.in_mount:  # up to the root of the mount that both are on
            side.meet(model, domain, inode, everything)
    if old.allowed and new.allowed:
        return None
    old.take(model, domain, asked.old)
    if asked.exchanged:
        new.take(model, domain, asked.exchanged)
    if _climb(model, domain, old, new, asked):
        return None
    return _denied(subject, old, new)


def _climb(model: Model, domain: Domain, old: _Side, new: _Side, asked: Move) -> bool:
    """Go on from the root of the mount, for both folders at once; whether all is allowed.

    As soon as the new place is known to be no less restricted than the old one, only the rights
    that the call needs have to be found; until then, all rights count.
    """
    folder = asked.new_folder
    top = Place((folder.root,), folder.root, folder.mounted_on, folder.is_internal)
    for inode in up(model, top):
        if _gains_nothing(old, new, exchanges=asked.exchanges):
            old.narrow()
            new.narrow()
        old.meet(model, domain, inode, (old.told,))
        new.meet(model, domain, inode, (new.told,))
        if old.allowed and new.allowed:
            return True
    return False


def _gains_nothing(old: _Side, new: _Side, *, exchanges: bool) -> bool:
    """Whether the file that is moved, and what comes in exchange, gain no right by it.

    Source: no_more_access().
    """
    if not _no_less(old, new):
        return False
    return not exchanges or _no_less(new, old)


def _no_less(source: _Side, destination: _Side) -> bool:
    """Whether what the file lacked is still lacking at its destination, layer by layer.

    Source: may_refer().
    """
    counted = ~0 if source.child_is_dir else FILE_RIGHTS
    return all(
        not parent & child & counted & ~there
        for parent, child, there in zip(
            source.missing, source.child, destination.missing, strict=True
        )
    )


def _denied(subject: Subject, old: _Side, new: _Side) -> Denial:
    """EACCES if a right but REFER is missing on either side, else EXDEV.

    What is told of a side depends on how far the walk came: all rights that the domain handles, if
    the file would have gained any.
    """
    is_access = any(it & side.needed & ~FS.REFER for side in (old, new) for it in side.missing)
    causes = []
    for of_new, side in ((False, old), (True, new)):
        if not side.allowed:
            layer, access = youngest(side.missing, side.told)
            quiet = layer in side.quiet
            causes.append(Cause(subject, Request.FS_ACCESS, layer, access, quiet, of_new))
    return Denial(errno.EACCES if is_access else errno.EXDEV, tuple(causes))
