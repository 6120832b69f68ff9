# SPDX-License-Identifier: MIT
"""Another machine for tests: sshd in namespaces of its own, with users, keys and a /tmp of its own.

Only its kernel is ours. What is there can be looked at from outside, and all of it ends with the
block.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.runs import Process, family, processes, wait_until

SSHD = "/usr/sbin/sshd"
PORT = 2222
USER = 12345
NEEDED = ("ssh", "ssh-keygen", "unshare", "nsenter", "ip")
_SHELLS = {
    "root": (0, "/bin/sh"),
    "tester": (USER, "/bin/sh"),
    "noisy": (USER + 1, "/mnt/noisy"),
    "guest": (USER + 2, "/usr/sbin/nologin"),
    "asked": (USER + 3, "/bin/sh"),
    "armed": (USER + 4, "/mnt/armed"),
    "sshd": (999, "/usr/sbin/nologin"),  # it wants this one for itself
}
"""The users there: the number and the shell of each."""
_SUDOERS = "root ALL=(ALL) NOPASSWD: ALL\ntester ALL=(ALL) NOPASSWD: ALL\nasked ALL=(ALL) ALL\n"
_SSHD_CONFIG = f"""\
ListenAddress 127.0.0.1
Port {PORT}
HostKey /mnt/host
AuthorizedKeysFile /mnt/client.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
"""
_SSH_CONFIG = """\
Host {users} here
  IdentityFile {folder}/client
Host stranger
  User root
  IdentityFile {folder}/stranger
Host unknown
  UserKnownHostsFile {folder}/empty
Host changed
  UserKnownHostsFile {folder}/changed
Host refused
  Port 1
{named}
Host {users} here stranger unknown changed refused
  HostName 127.0.0.1
Host *
  Port {port}
  User root
  IdentitiesOnly yes
  HostKeyAlias machine
  GlobalKnownHostsFile {folder}/empty
  UserKnownHostsFile {folder}/known
"""
_BEGIN = """\
set -e
mount --bind "$1" /mnt
mount -t tmpfs none /run
mkdir /run/sshd
mount --bind /mnt/passwd /etc/passwd
mount --bind /mnt/shadow /etc/shadow
[ ! -e /etc/sudoers ] || mount --bind /mnt/sudoers /etc/sudoers
for place in /var/tmp /dev/shm; do mount -t tmpfs -o "mode=1777,$3" none "$place"; done
mount -t tmpfs -o "mode=1777,$2" none /tmp
ip link set lo up
exec "$4" -D -E /mnt/log -f /mnt/sshd_config
"""


@dataclass(frozen=True, slots=True)
class World:
    """The other machine."""

    folder: Path
    unshare: subprocess.Popen[bytes]

    @property
    def env(self) -> dict[str, str]:
        """An environment whose ssh gets there."""
        return {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    @property
    def sshd(self) -> Process:
        """Its first process."""
        return next(it for it in family(self.unshare.pid) if it.parent == self.unshare.pid)

    def left(self) -> list[str]:
        """What lies in its folders for temporary files."""
        root = Path(f"/proc/{self.sshd.pid}/root")
        places = (root / "tmp", root / "var/tmp", root / "dev/shm")
        return sorted(path.name for place in places for path in place.iterdir())

    def running(self, name: str = "") -> list[Process]:
        """Its processes whose names begin so, but for the first."""
        return [
            it
            for it in family(self.unshare.pid)
            if it.pid not in (self.unshare.pid, self.sshd.pid) and it.name.startswith(name)
        ]

    def break_connections(self) -> None:
        """Kill what serves the connections that are open."""
        for process in self.running("sshd"):
            os.kill(process.pid, signal.SIGKILL)

    def settles(self) -> None:
        """Wait until nothing of a connection is left."""
        wait_until(lambda: not self.running() and not self.left(), "nothing is left there")


@contextmanager
def world(folder: Path, tmp: str = "exec", others: str = "exec") -> Iterator[World]:
    """Start it.

    Args:
        folder: For its files.
        tmp: A mount option of its /tmp, such as ``noexec``.
        others: The same of its other folders for temporary files.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root to make another machine of namespaces")
    if missing := [it for it in (*NEEDED, SSHD) if shutil.which(it) is None]:
        pytest.skip(f"needs {', '.join(missing)}: apt-get install openssh-server iproute2")
    folder.chmod(0o755)
    _furnish(folder)
    options = ("--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
    with subprocess.Popen(
        ["unshare", *options, "sh", "-c", _BEGIN, "sh", str(folder), tmp, others, SSHD],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as unshare:
        try:
            log = folder / "log"
            wait_until(
                lambda: unshare.poll() is not None or "listening" in _read(log), "sshd listens"
            )
            assert unshare.poll() is None, _read(log)
            made = World(folder, unshare)
            _write_ssh(made)
            yield made
        finally:
            for process in family(unshare.pid):
                os.kill(process.pid, signal.SIGKILL)
            unshare.wait()
            wait_until(lambda: unshare.pid not in {it.pid for it in processes()}, "it is gone")


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _furnish(folder: Path) -> None:
    for key in ("host", "client", "stranger"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(argv, check=True)
    files = {
        "sshd_config": _SSHD_CONFIG,
        "empty": "",
        "known": f"machine {(folder / 'host.pub').read_text()}",
        "changed": f"machine {(folder / 'stranger.pub').read_text()}",
        "passwd": "".join(
            f"{name}:x:{uid}:{uid}::/:{shell}\n" for name, (uid, shell) in _SHELLS.items()
        ),
        "shadow": "".join(f"{name}:*:19000::::::\n" for name in _SHELLS),
        "sudoers": _SUDOERS,
        "noisy": '#!/bin/sh\necho "Welcome to the machine"\necho landproof-0 >&2\nexec sh "$@"\n',
        "armed": '#!/bin/sh\nPATH=/mnt/foreign:$PATH\nexport PATH\nexec sh "$@"\n',
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    for program in ("noisy", "armed"):
        (folder / program).chmod(0o755)
    (folder / "sudoers").chmod(0o440)
    (folder / "foreign").mkdir()
    uname = folder / "foreign" / "uname"
    uname.write_text("#!/bin/sh\necho vax\n")
    uname.chmod(0o755)


def _write_ssh(made: World) -> None:
    folder = made.folder
    named = "".join(f"Host {name}\n  User {name}\n" for name in _SHELLS)
    text = _SSH_CONFIG.format(users=" ".join(_SHELLS), folder=folder, named=named, port=PORT)
    (folder / "config").write_text(text)
    (folder / "bin").mkdir()
    wrapper = folder / "bin" / "ssh"
    network = f"/proc/{made.sshd.pid}/ns/net"
    wrapper.write_text(
        f'#!/bin/sh\nexec nsenter --net={network} {shutil.which("ssh")} -F {folder}/config "$@"\n'
    )
    wrapper.chmod(0o755)
