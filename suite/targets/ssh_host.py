# SPDX-License-Identifier: MIT
"""Another machine, as a user names it to ssh: who that is, and what ssh's words of it mean."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass

from suite.distribution import lacking
from suite.errors import InfrastructureError, UsageError

SSH = "ssh:"
USAGE = f"{SSH}[USER@]HOST[:PORT][?sudo]"
BROKEN = 255
"""The exit status of ssh when it was not the command's. Source: ssh(1), "EXIT STATUS"."""
CONNECT_S = 10
"""Seconds that a connection may take."""
_SUDO = "sudo"
_NAME = re.compile(
    r"""
    (?P<user> [^@\s]+@ )?
    (?: \[ (?P<bracketed> [0-9A-Fa-f:.]+ (?:%\w+)? ) \]
      | (?P<six> [0-9A-Fa-f.]* : [0-9A-Fa-f.]* : [0-9A-Fa-f:.]* (?:%\w+)? )
      | (?P<host> [^@:\s\[\]/]+ ) )
    (?: : (?P<port> \d{1,5} ) )?
    """,
    re.VERBOSE,
)
# A user's own configuration stays in force, but for what would ask, keep a process, or put another
# command in the place of ours. A shared connection that is open already is used.
_OPTIONS = (
    "BatchMode=yes", f"ConnectTimeout={CONNECT_S}", "ServerAliveInterval=15",
    "ServerAliveCountMax=3", "ControlMaster=no", "ControlPersist=no", "RemoteCommand=none",
    "PermitLocalCommand=no", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no",
    "EscapeChar=none", "LogLevel=INFO",
)  # fmt: skip
_NOISE = re.compile(r"Warning: Permanently added|^debug\d|^Authorized uses only")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that ssh knows the way to."""

    name: str
    """The target's: ``ssh:HOST``."""
    login: str
    """What ssh is given: an alias, ``user@host``."""
    port: str = ""
    sudo: bool = False

    @classmethod
    def of(cls, name: str) -> Host:
        """Read the name of a target.

        Raises:
            UsageError: It makes no sense.
        """
        whole, *options = name.removeprefix(SSH).split("?")
        found = _NAME.fullmatch(whole)
        if found is None or whole.startswith("-") or not whole.isprintable():
            raise UsageError(
                f"{name}: such targets are named {USAGE}; HOST is an address or a name of"
                " ~/.ssh/config; an IPv6 address with a port stands in brackets"
            )
        if unknown := [it for it in options if it != _SUDO]:
            raise UsageError(f"{name}: there is no option {unknown[0]!r}, only ?{_SUDO}")
        host = found["bracketed"] or found["six"] or found["host"]
        return cls(name, f"{found['user'] or ''}{host}", found["port"] or "", bool(options))

    def command(self, *words: str) -> list[str]:
        """The argv that runs words of a shell there.

        Raises:
            InfrastructureError: ssh is not installed.
        """
        ssh = shutil.which("ssh")
        if ssh is None:
            raise InfrastructureError(lacking("ssh"))
        options = [word for option in _OPTIONS for word in ("-o", option)]
        port = ["-p", self.port] if self.port else []
        return [ssh, "-T", *options, *port, "--", self.login, *words]

    def script(self, text: str) -> list[str]:
        """The argv that runs a script there, with the rights that were asked for.

        Whatever shell the user has there hands it on: it has no single quote and is one line.
        """
        rights = "sudo -n -- " if self.sudo else ""
        return self.command(f"exec env LC_ALL=C {rights}sh -c '{text}'")

    @property
    def by_hand(self) -> str:
        """How a user reaches it."""
        return shlex.join(["ssh", *(("-p", self.port) if self.port else ()), self.login])

    def fault(self, said: str) -> str:
        """Why it can't be used, in a line, from what ssh and the programs there have printed."""
        for pattern, words in _FAULTS:
            if re.search(pattern, said):
                return words.format(by_hand=self.by_hand, login=self.login)
        last = last_words(said)
        return f"{last or 'ssh ended without a word'}; try: {self.by_hand} true"


def last_words(said: str) -> str:
    """The last line of ssh's that says something."""
    lines = [line.strip() for line in said.splitlines() if not _NOISE.search(line)]
    return next((line for line in reversed(lines) if line), "")


_FAULTS = (
    (
        "Could not resolve hostname",
        "there is no host of that name: see how it is written, or add it to ~/.ssh/config",
    ),
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is not the one that is known here; if that is right, forget the old one"
        " (ssh-keygen -R), then answer for the new one: {by_hand}",
    ),
    (
        r"Host key verification failed|No \S+ host key is known",
        "its host key is not known here: run this once and look at the key before you answer yes:"
        " {by_hand}",
    ),
    (
        r"Permission denied \(|Too many authentication failures",
        "it takes none of your keys, and a password can't be typed here: ssh-copy-id {login}, or"
        " load the key with ssh-add",
    ),
    (
        "Connection refused",
        "the connection is refused: does sshd run there, and on that port?",
    ),
    (
        "timed out|No route to host|Network is unreachable|Host is down",
        "it does not answer: is it on, and is this its address?",
    ),
    (
        r"sudo: .*(password|terminal|askpass)",
        "sudo asks for a password there: let it ask for none (NOPASSWD), or leave ?sudo out",
    ),
    (
        r"sudo: (command )?not found|sudo.?: No such file",
        "there is no sudo there: log in as root, or leave ?sudo out",
    ),
    (
        "not in the sudoers file|is not allowed to|may not run sudo",
        "sudo does not let you run a shell there: see sudoers(5), or leave ?sudo out",
    ),
    (
        "No space left on device|Disk quota exceeded",
        "there is no room for the agent there; make room in /tmp",
    ),
    (
        "Exec format error",
        "the agent can't be run there: the machine says that it is of another architecture",
    ),
)
"""Patterns of what is printed, and what is said of it."""
