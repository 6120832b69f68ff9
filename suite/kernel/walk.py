# SPDX-License-Identifier: MIT
"""From a path to a file. Source: path_resolution(7), openat2(2), symlink(7); fs/namei.c."""

from __future__ import annotations

import errno
import stat
from enum import Enum, auto
from os import X_OK

from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno
from suite.kernel.inodes import Dentry, Path
from suite.kernel.kernel import Kernel
from suite.kernel.mounts import MS_NOSYMFOLLOW, is_reachable, top
from suite.kernel.nodes import Node
from suite.kernel.permissions import require_access
from suite.kernel.tasks import Task
from suite.process.uapi import (
    AT_FDCWD,
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)

MAX_LINKS = 40
"""How many symbolic links are followed on the way to one file."""
MAX_NAME = 255
_SCOPED = RESOLVE_BENEATH | RESOLVE_IN_ROOT


class Last(Enum):
    """What the last part of a path is."""

    NAME = auto()
    DOT = auto()
    DOTDOT = auto()
    ROOT = auto()
    """There is none: the path is empty, or has slashes only."""


_DOTS = {".": Last.DOT, "..": Last.DOTDOT}


class Walk:
    """On the way to a file (struct nameidata).

    Attributes:
        at: Where it has come to. After ``to_last``, the directory of the last name.
        last, kind: The last part of the path, which was not walked yet, and what it is.
        has_slashes: Whether slashes follow it.
        follow: Whether a symbolic link at the end is followed.
        directory: Whether the end must be a directory.
        folder_mode, folder_uid: Of the directory that has the last name, for protected_* sysctls.
    """

    def __init__(
        self,
        kernel: Kernel,
        task: Task,
        *,
        follow: bool = True,
        directory: bool = False,
        resolve: int = 0,
    ) -> None:
        self.kernel = kernel
        self.task = task
        self.follow = follow
        self.directory = directory
        self.last = ""
        self.kind = Last.ROOT
        self.has_slashes = False
        self.folder_mode = self.folder_uid = 0
        self.at: Path
        self._resolve = resolve
        self._root = task.fs.root
        self._root_counts = False
        """Whether the kernel has looked at the root: RESOLVE_NO_XDEV depends on that."""
        self._links = 0

    def start(self, at: int, name: str) -> None:
        """Stand where a path begins (path_init); ``at``: a descriptor, or AT_FDCWD.

        Raises:
            Errno: EBADF, ENOTDIR; EXDEV of an absolute path that should stay beneath.
        """
        if name.startswith("/") and not self._resolve & RESOLVE_IN_ROOT:
            if self._resolve & RESOLVE_BENEATH:
                raise Errno(errno.EXDEV)
            self.at = self._root
            self._root_counts = True
            return
        if at == AT_FDCWD:
            self.at = self.task.fs.cwd
        else:
            self.at = self.task.files.get(at, or_path=True).path
            if name and not self.at.inode.is_dir:
                raise Errno(errno.ENOTDIR)
        if self._resolve & _SCOPED:
            self._root = self.at
            self._root_counts = True

    def to_last(self, name: str) -> None:
        """Walk a path but its last part (link_path_walk).

        Raises:
            Errno: As open(2) says of the directories on the way.
        """
        rests: list[str] = []
        name = name.lstrip("/")
        self.kind = Last.ROOT
        self.folder_mode = 0
        if not name:
            return
        while True:
            require_access(self.kernel, self.task, self.at.inode, X_OK)
            self.last, slash, name = name.partition("/")
            self.has_slashes = bool(slash)
            self.kind = _DOTS.get(self.last, Last.NAME)
            name = name.lstrip("/")
            if not name:
                if not rests:
                    self.folder_mode, self.folder_uid = self.at.inode.mode, self.at.inode.uid
                    return
                name = rests.pop()
            content = self._step(is_last=False)
            if content is not None:
                rests.append(name)
                name = content
            elif not self.at.inode.is_dir:
                raise Errno(errno.ENOTDIR)

    def to_end(self, name: str) -> Path:
        """Walk all of a path (path_lookupat).

        Raises:
            Errno: As open(2) says; ENOENT.
        """
        content: str | None = name
        while content is not None:
            self.to_last(content)
            if self.kind is Last.NAME and self.has_slashes:
                self.follow = self.directory = True
            content = self._step(is_last=True)
        self.check_scope()
        if self.directory and not self.at.inode.is_dir:
            raise Errno(errno.ENOTDIR)
        return self.at

    def check_scope(self) -> None:
        """Be where RESOLVE_BENEATH and RESOLVE_IN_ROOT allow (complete_walk)."""
        if self._resolve & _SCOPED and not is_reachable(self.at, self._root):
            raise Errno(errno.EXDEV)

    def child(self) -> Dentry | None:
        """The file of the last name, whatever is mounted there; None if there is none."""
        return lookup(self.kernel, self.task, self.at.dentry, self.last)

    def _step(self, *, is_last: bool) -> str | None:
        """Walk the next part (walk_component).

        Returns:
            What a symbolic link points to that has to be walked now, without leading slashes.
        """
        if self.kind is not Last.NAME:
            self.step_dots()
            return None
        found = self.child()
        if found is None:
            raise Errno(errno.ENOENT)
        return self.step_into(found, is_last=is_last)

    def step_dots(self) -> None:
        """Walk "." or ".." (handle_dots, follow_dotdot)."""
        if self.kind is not Last.DOTDOT:
            return
        self._root_counts = True
        below = self._below_parent()
        if below is None:
            if self._resolve & RESOLVE_BENEATH:
                raise Errno(errno.EXDEV)
            self._enter(self.at)
            return
        if below.mount is not self.at.mount and self._resolve & RESOLVE_NO_XDEV:
            raise Errno(errno.EXDEV)
        parent, mount = below.dentry.parent, below.mount
        if mount.root is not mount.superblock.root and mount.root not in parent.up():
            raise Errno(errno.ENOENT)  # it was moved out of what is mounted
        self._enter(Path(mount, parent))

    def _below_parent(self) -> Path | None:
        """Where "..", beginning here, is the parent in the same mount; None at the root."""
        at = self.at
        while at != self._root:
            if at.dentry is not at.mount.root:
                return at
            if at.mount.parent is None or at.mount.point is None:
                return None
            at = Path(at.mount.parent, at.mount.point)
        return None

    def step_into(self, found: Dentry, *, is_last: bool) -> str | None:
        """Go on to a file in the directory: to what is mounted there, to where a link leads.

        Returns:
            As ``_step``.
        """
        was = self.at
        self._enter(Path(was.mount, found))
        if not stat.S_ISLNK(self.at.inode.mode) or (is_last and not self.follow):
            return None
        link, self.at = self.at, was
        return self._picked(link, is_last=is_last)

    def _enter(self, path: Path) -> None:
        """Go to what is mounted on a place (handle_mounts)."""
        self.at = top(path)
        if self.at.mount is not path.mount and self._resolve & RESOLVE_NO_XDEV:
            raise Errno(errno.EXDEV)

    def _picked(self, link: Path, *, is_last: bool) -> str | None:
        """Follow a symbolic link (pick_link)."""
        self._links += 1
        if self._links > MAX_LINKS:
            raise Errno(errno.ELOOP)
        if is_last:
            self._require_followable(link)
        if self._resolve & RESOLVE_NO_SYMLINKS or link.mount.flags & MS_NOSYMFOLLOW:
            raise Errno(errno.ELOOP)
        node = link.inode.node
        if isinstance(node, Node):
            jumped = node.follow(self.kernel, self.task)
            if jumped is not None:
                self._jump(jumped)
                return None
        content = link_text(self.kernel, self.task, link.dentry)
        if content.startswith("/"):
            self._jump_to_root()
        return content.lstrip("/") or None

    def _require_followable(self, link: Path) -> None:
        """The sysctl protected_symlinks (may_follow_link)."""
        uid, both = link.inode.uid, stat.S_ISVTX | stat.S_IWOTH
        if self.folder_mode & both == both and uid not in (
            self.task.credentials.fsuid,
            self.folder_uid,
        ):
            raise Errno(errno.EACCES)

    def _jump(self, path: Path) -> None:
        """Go where a magic link leads (nd_jump_link)."""
        if self._resolve & RESOLVE_NO_MAGICLINKS:
            raise Errno(errno.ELOOP)
        if self._resolve & _SCOPED:
            raise Errno(errno.EXDEV)
        if self._resolve & RESOLVE_NO_XDEV and path.mount is not self.at.mount:
            raise Errno(errno.EXDEV)
        self.at = path

    def _jump_to_root(self) -> None:
        """Go on from the root (nd_jump_root)."""
        if self._resolve & RESOLVE_BENEATH:
            raise Errno(errno.EXDEV)
        stays = self._root_counts and self.at.mount is self._root.mount
        if self._resolve & RESOLVE_NO_XDEV and not stays:
            raise Errno(errno.EXDEV)
        self.at = self._root
        self._root_counts = True


def resolve(
    kernel: Kernel,
    task: Task,
    name: str,
    *,
    at: int = AT_FDCWD,
    follow: bool = True,
    directory: bool = False,
    resolve: int = 0,
) -> Path:
    """The file of a path. An empty one is where it begins: ``path_of`` refuses that by itself.

    Args:
        kernel: The kernel.
        task: Whose root, working directory, credentials and descriptors count.
        name: The path.
        at: The descriptor at which a relative path begins.
        follow: Whether a symbolic link at its end is followed.
        directory: Whether it must be a directory (LOOKUP_DIRECTORY).
        resolve: RESOLVE_* flags of openat2(2).

    Raises:
        Errno: As open(2) says.
    """
    walk = Walk(kernel, task, follow=follow, directory=directory, resolve=resolve)
    walk.start(at, name)
    return walk.to_end(name)


def path_of(task: Task, address: int, *, may_be_empty: bool = False) -> str:
    """Copy a path from the process (getname_flags).

    Raises:
        Errno: EFAULT, ENAMETOOLONG; ENOENT if it is empty.
    """
    name = task.memory.string(address)
    if not name and not may_be_empty:
        raise Errno(errno.ENOENT)
    return name


def require_own(task: Task, at: int, name: str) -> None:
    """A path may begin at a descriptor with AT_EMPTY_PATH of linkat(2) (LOOKUP_LINKAT_EMPTY).

    Raises:
        Errno: ENOENT: somebody else opened it, who has less rights than CAP_DAC_READ_SEARCH gives.
    """
    if at == AT_FDCWD or name.startswith("/"):
        return
    opener = task.files.get(at, or_path=True).credentials
    if opener is not task.credentials and not capable(
        task.credentials, "DAC_READ_SEARCH", opener.user
    ):
        raise Errno(errno.ENOENT)


def lookup(kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
    """The file of a name in a directory; None if there is none.

    Raises:
        Errno: ENAMETOOLONG.
    """
    if len(name.encode("utf-8", "surrogateescape")) > MAX_NAME:
        raise Errno(errno.ENAMETOOLONG)
    node = folder.inode.node
    if isinstance(node, Node):
        return node.lookup(kernel, task, folder, name)
    return folder.children.get(name)


def link_text(kernel: Kernel, task: Task, link: Dentry) -> str:
    """What a symbolic link points to."""
    node = link.inode.node
    if isinstance(node, Node):
        return node.text(kernel, task)
    return link.inode.data.decode("utf-8", "surrogateescape")
