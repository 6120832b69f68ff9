# SPDX-License-Identifier: MIT
"""Files: what is asked for, and the walk from a file up to the root that looks for rules.

Source: security/landlock/fs.c; Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from suite.landlock.abi import FS, FS_FILE, Erratum
from suite.landlock.changes import OPENER_CREDENTIALS
from suite.model.landlock import (
    Domain,
    Missing,
    Model,
    Rule,
    Subject,
    layers_with,
    missing_fs,
    tell_met,
    without,
)
from suite.model.scopes import same_layers
from suite.model.verdicts import Cause, Denial, Request, youngest

FILE_RIGHTS = int(FS_FILE)
"""The rights that make sense for a file that is no directory."""
WHITEOUT_DEVICE = 0


# Where a file lies


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file was found: its names up to the root of its file system, and the mount."""

    names: tuple[Hashable, ...]
    """The inodes of the file, of its folder, and so on up to the root of the file system."""
    root: Hashable
    """The inode of the mount's root, which is one of them, unless the file was moved away."""
    mounted_on: Place | None = None
    """The mount point; None at the real root."""
    is_internal: bool = False
    """Whether the mount is the kernel's own (MNT_INTERNAL), as that of pipes, memory files and
    /proc/PID/ns/mnt is. So are all mounts of what the kernel exempts before it looks for rules, by
    SB_NOUSER and S_PRIVATE."""

    @property
    def in_mount(self) -> tuple[Hashable, ...]:
        """The names up to the mount's root; all of them if it is not among them."""
        if self.root not in self.names:
            return self.names
        return self.names[: self.names.index(self.root) + 1]

    @property
    def is_disconnected(self) -> bool:
        """Whether the file left the bind mount that it was opened in, by a rename elsewhere."""
        return self.root not in self.names


class InternalRootError(Exception):
    """The walk ended at the root of one of the kernel's own file systems: access is allowed."""


def up(model: Model, place: Place) -> Iterator[Hashable]:
    """The inodes on which rules are looked for: of a file, and of the folders that it is in.

    At the root of a mount, the walk goes on above the mount point; the folder that the mount hides
    does not count.

    Raises:
        InternalRootError: It ends at a root that no path leads to.
    """
    yield from place.in_mount
    if place.is_disconnected:
        if place.is_internal:
            raise InternalRootError
        if not model.fixed(Erratum.DISCONNECTED_DIRECTORIES):
            return
        yield place.root
    yield from _above(model, place)


def _above(model: Model, place: Place) -> Iterator[Hashable]:
    point = place.mounted_on
    if point is None:
        return
    if point.names[0] == point.root:  # mounted on the root of another mount
        yield from _above(model, point)
        return
    yield from up(model, Place(point.names[1:], point.root, point.mounted_on, point.is_internal))


def rules_on(domain: Domain, inode: Hashable) -> tuple[Rule | None, ...]:
    """The rule of each layer on a file."""
    return tuple(layer.ruleset.files.get(inode) for layer in domain)


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk came to."""

    missing: Missing
    quiet: frozenset[int] = frozenset()
    """The layers of which a quiet rule was met on the way."""

    @property
    def is_allowed(self) -> bool:
        """Whether every layer allows all."""
        return not any(self.missing)


def walk(model: Model, domain: Domain, place: Place, missing: Missing) -> Walked:
    """Look for rules from a file up, until nothing is missing."""
    if not any(missing):
        return Walked(missing)
    quiet: set[int] = set()
    asked = missing
    try:
        for inode in up(model, place):
            rules = rules_on(domain, inode)
            tell_met(model, domain, inode, rules, asked)
            missing = grant(model, missing, rules)
            quiet |= {number for number, rule in enumerate(rules) if rule and rule.quiet}
            if not any(missing):
                break
    except InternalRootError:
        missing = ()
    return Walked(missing, frozenset(quiet))


def grant(model: Model, missing: Missing, rules: tuple[Rule | None, ...]) -> Missing:
    """What is missing after the rules on one folder.

    With the bug, one rule has to allow all that is asked for.
    """
    if model.has("rule-unions"):
        return tuple(
            0 if rule and not it & ~rule.access else it
            for it, rule in zip(missing, rules, strict=True)
        )
    return without(missing, rules)


def check(model: Model, subject: Subject, place: Place, request: int) -> Denial | None:
    """Whether a domain allows rights on a file."""
    walked = walk(model, subject.domain, place, missing_fs(model, subject.domain, request))
    if walked.is_allowed:
        return None
    return Denial(errno.EACCES, (_cause(subject, walked, request),))


def _cause(subject: Subject, walked: Walked, request: int) -> Cause:
    layer, access = youngest(walked.missing, request)
    return Cause(subject, Request.FS_ACCESS, layer, access, layer in walked.quiet)


# What is asked for


def making(model: Model, mode: int, device: int) -> int:
    """The right to make a file of a type, on its folder: a regular one if there is no type.

    A whiteout is a character device of number 0, as overlayfs makes them.

    Source: get_mode_access(); "landlock: Require MAKE_REG for whiteout creation".
    """
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFCHR and device == WHITEOUT_DEVICE and model.fixed(Erratum.WHITEOUT_OBJECTS):
        return int(FS.MAKE_REG)
    rights = {
        stat.S_IFLNK: FS.MAKE_SYM,
        stat.S_IFDIR: FS.MAKE_DIR,
        stat.S_IFCHR: FS.MAKE_CHAR,
        stat.S_IFBLK: FS.MAKE_BLOCK,
        stat.S_IFIFO: FS.MAKE_FIFO,
        stat.S_IFSOCK: FS.MAKE_SOCK,
    }
    return int(rights.get(kind, FS.MAKE_REG))


def make(model: Model, subject: Subject, folder: Place, mode: int, device: int) -> Denial | None:
    """mknod(2), mkdir(2), symlink(2), open(2) with O_CREAT, bind(2) of a UNIX socket."""
    return check(model, subject, folder, making(model, mode, device))


def remove(model: Model, subject: Subject, folder: Place, *, is_dir: bool) -> Denial | None:
    """unlink(2) and rmdir(2)."""
    return check(model, subject, folder, removing(is_dir=is_dir))


def removing(*, is_dir: bool) -> int:
    """The right to remove a file, on its folder."""
    return int(FS.REMOVE_DIR if is_dir else FS.REMOVE_FILE)


def truncate(model: Model, subject: Subject, place: Place) -> Denial | None:
    """Truncation by path, which open(2) with O_TRUNC is, too."""
    return check(model, subject, place, int(FS.TRUNCATE))


def change_topology(subject: Subject) -> Denial | None:
    """Mounts, unmounts, remounts, moves of mounts, pivot_root(2).

    They would change what rules hold for, and so are denied to whoever is restricted in files.

    Source: Documentation/userspace-api/landlock.rst, "Current limitations".
    """
    restricting = layers_with(subject.domain, lambda handled: handled.fs)
    if not restricting:
        return None
    return Denial(errno.EPERM, (Cause(subject, Request.CHANGE_TOPOLOGY, restricting[-1]),))


# Open files


@dataclass(frozen=True, slots=True)
class Opened:
    """What is decided when a file is opened, for later calls on it, whoever makes them."""

    subject: Subject
    """Of who opened it: its domain denies later."""
    denied: Missing = ()
    """The optional rights (TRUNCATE, IOCTL_DEV) that it lacks, by layer."""
    quiet: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Opening:
    """How a file is opened."""

    is_dir: bool
    is_device: bool
    reads: bool
    writes: bool
    executes: bool

    @property
    def needed(self) -> int:
        """The rights without which it is not opened.

        Source: get_required_file_open_access().
        """
        if self.is_dir:
            return int(FS.READ_DIR)
        needed = FS.READ_FILE if self.reads else FS(0)
        if self.writes:
            needed |= FS.WRITE_FILE
        if self.executes:
            needed |= FS.EXECUTE
        return int(needed)


def opener(model: Model, current: Subject, of_file: Subject) -> Subject:
    """Whose domain decides about an open: that of the credentials that the file is opened with.

    Source: "landlock: Use f_cred in security_file_open() hook".
    """
    return of_file if model.abi >= OPENER_CREDENTIALS.since else current


def open_file(
    model: Model, subject: Subject, place: Place, opening: Opening
) -> tuple[Denial | None, Opened]:
    """open(2) and its like: whether it is allowed, and what is kept with the open file."""
    optional = FS.TRUNCATE
    if opening.is_device:
        optional |= FS.IOCTL_DEV
    needed = opening.needed
    missing = missing_fs(model, subject.domain, needed | optional)
    walked = walk(model, subject.domain, place, missing)
    if any(it & needed for it in walked.missing):
        return Denial(errno.EACCES, (_cause(subject, walked, needed),)), Opened(subject)
    return None, Opened(subject, walked.missing, walked.quiet)


def use_opened(opened: Opened, right: FS) -> Denial | None:
    """Whether an open file has an optional right: that was decided when it was opened."""
    if not any(it & right for it in opened.denied):
        return None
    layer, access = youngest(opened.denied, int(right))
    quiet = layer in opened.quiet
    return Denial(errno.EACCES, (Cause(opened.subject, Request.FS_ACCESS, layer, access, quiet),))


ALWAYS_ALLOWED = frozenset(
    {
        0x5451,  # FIOCLEX
        0x5450,  # FIONCLEX
        0x5421,  # FIONBIO
        0x5452,  # FIOASYNC
        0x5460,  # FIOQSIZE
        0xC0045877,  # FIFREEZE
        0xC0045878,  # FITHAW
        0xC020660B,  # FS_IOC_FIEMAP
        0x00000002,  # FIGETBSZ
        0x40049409,  # FICLONE
        0x4020940D,  # FICLONERANGE
        0xC0189436,  # FIDEDUPERANGE
        0x80111500,  # FS_IOC_GETFSUUID
        0x80811501,  # FS_IOC_GETFSSYSFSPATH
    }
)
"""ioctl(2) commands that the VFS serves, and that are harmless on devices or meaningless.

Source: is_masked_device_ioctl(); include/uapi/linux/fs.h, asm-generic/ioctls.h.
"""


def ioctl(opened: Opened, command: int) -> Denial | None:
    """A command on an open file; other files than devices lack no such right."""
    if command in ALWAYS_ALLOWED:
        return None
    return use_opened(opened, FS.IOCTL_DEV)


# UNIX sockets with a name in the file system


def resolve_unix(model: Model, subject: Subject, place: Place, server: Subject) -> Denial | None:
    """connect(2) or sendto(2) to a socket of that path, which ``server`` has opened.

    A layer allows it if the server is in that layer too, or if its rules do.

    Source: hook_unix_find(), unmask_scoped_access().
    """
    domain = subject.domain
    shared = same_layers(domain, server.domain)
    missing = missing_fs(model, domain, int(FS.RESOLVE_UNIX))
    missing = tuple(0 if number < shared else it for number, it in enumerate(missing))
    walked = walk(model, domain, place, missing)
    if walked.is_allowed:
        return None
    return Denial(errno.EACCES, (_cause(subject, walked, int(FS.RESOLVE_UNIX)),))
