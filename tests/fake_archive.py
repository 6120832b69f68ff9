# SPDX-License-Identifier: MIT
"""Small signed archives with fake kernels, served on the loopback interface.

They are laid out as Debian's, as its snapshot archive, or as Ubuntu's.
"""

import hashlib
import os
import shutil
import struct
import subprocess
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.loopback import Loopback

NEW, OLD = "6.12.43+deb12-cloud-amd64", "6.12.9+deb12-cloud-amd64"
NEEDED = ("apt-get", "dpkg-deb", "gpg", "gpgconf", "gpgv")


def missing_tools() -> list[str]:
    """Return the tools that the fake archive needs and this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


def image(release: str, filler: bytes = b"") -> bytes:
    """Return what passes for a bzImage of a release."""
    head = bytearray(0x400)
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x20E, 0x100)
    text = f"{release} (somebody@somewhere) #1 SMP".encode() + b"\0"
    head[0x300 : 0x300 + len(text)] = text
    return bytes(head) + filler


def module(exports: str = "", needs: str = "") -> bytes:
    """Return an ELF object that depmod takes for a module exporting or needing one symbol."""
    names = b"\0" + needs.encode() + b"\0"
    symbols = bytes(24) + (struct.pack("<IBBHQQ", 1, 0x10, 0, 0, 0, 0) if needs else b"")
    sections = [
        (".modinfo", 1, b"license=GPL\0", 0, 0),
        ("__ksymtab_strings", 1, exports.encode() + b"\0" if exports else b"", 0, 0),
        (".symtab", 2, symbols, 4, 24),
        (".strtab", 3, names, 0, 0),
    ]
    titles = b"\0" + b"".join(title.encode() + b"\0" for title, *_ in sections) + b".shstrtab\0"
    sections.append((".shstrtab", 3, titles, 0, 0))
    body, table = b"", bytes(64)
    for title, kind, data, link, size in sections:
        at = titles.index(title.encode() + b"\0")
        table += struct.pack(
            "<IIQQQQIIQQ", at, kind, 0, 0, 64 + len(body), len(data), link, 1, 1, size
        )
        body += data
    count = len(sections) + 1
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, count, count - 1
    )
    return head + body + table


def files(release: str, modules: Mapping[str, bytes], prefix: str = "") -> dict[str, bytes]:
    """Return the files of the modules part of a package."""
    return {f"{prefix}lib/modules/{release}/kernel/{k}": v for k, v in modules.items()}


def stanza(name: str, version: str, depends: str = "kmod") -> str:
    """What an index says of a package that there is not."""
    return f"Package: {name}\nVersion: {version}\nDepends: {depends}\nSize: 10\nSHA256: {name}"


def direct(folder: Path) -> dict[str, str]:
    """Return the environment in which apt asks the loopback interface, whatever proxy there is."""
    configuration = folder / "direct.conf"
    configuration.write_text('Acquire::http::Proxy::127.0.0.1 "DIRECT";\nAcquire::Retries "0";\n')
    return {"APT_CONFIG": str(configuration), "no_proxy": "127.0.0.1"}


class Key:
    """A throwaway signing key."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "gpg"
        self._home.mkdir(mode=0o700)
        self.keyring = folder / "keyring.gpg"
        self._gpg("--passphrase", "", "--quick-gen-key", "nobody@example.invalid", "ed25519")
        self._gpg("--output", str(self.keyring), "--export")
        self.keyring.chmod(0o644)

    def sign(self, path: Path, into: Path) -> None:
        """Write a signed copy of a text."""
        self._gpg("--yes", "--output", str(into), "--clearsign", str(path))

    def close(self) -> None:
        """End the agent that gpg started."""
        subprocess.run(["gpgconf", "--homedir", self._home, "--kill", "all"], check=True)

    def _gpg(self, *arguments: str) -> None:
        command = ["gpg", "--homedir", str(self._home), "--batch", "--quiet", *arguments]
        subprocess.run(command, check=True, capture_output=True)


class Archive(Loopback):
    """Packages by suite, published under ``url`` while the archive is open.

    Args:
        folder: Where it lies.
        key: What signs it.
        name: The last part of its address; beside ``debian`` there is ``debian-security``.
    """

    def __init__(self, folder: Path, key: Key, name: str = "debian") -> None:
        self.folder = folder
        self.name = name
        self.moment = ""
        """Below the address, as the snapshot archive has moments."""
        self.more = ""
        """Lines of all Release files."""
        self.digest = "SHA256"
        """Of the indices, in Release files."""
        self.requests: list[str] = []
        self.stall = ""
        """Part of the path of a file of which only the beginning is sent."""
        self.stalled = threading.Event()
        self._go_on = threading.Event()
        self._key = key
        self._stanzas: dict[str, list[str]] = defaultdict(list)
        (folder / name / "pool").mkdir(parents=True)
        super().__init__(self._handler())
        self.url = f"{self.address}/{name}"

    def close(self) -> None:
        """Leave the network."""
        self._go_on.set()
        super().close()

    def add(
        self, suite: str, name: str, version: str, content: Mapping[str, bytes], depends: str = ""
    ) -> Path:
        """Build a package into a suite; `publish` makes it known."""
        root = self.folder / "build" / name
        for path, data in {**content, f"usr/share/doc/{name}/copyright": b"none"}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"
        control += f"Maintainer: nobody <nobody@example.invalid>\nDescription: {name}\n"
        control += f"Depends: {depends}\n" if depends else ""
        (root / "DEBIAN").mkdir(exist_ok=True)
        (root / "DEBIAN/control").write_text(control)
        deb = self.folder / self.name / "pool" / f"{name}_{version}_amd64.deb"
        subprocess.run(
            ["dpkg-deb", "-Zgzip", "--root-owner-group", "--build", root, deb],
            check=True,
            capture_output=True,
        )
        shutil.rmtree(root)
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        self._stanzas[suite].append(
            f"{control}Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
        )
        return deb

    def add_image(
        self, suite: str, release: str, version: str, modules: Mapping[str, bytes] | None = None,
        *, filler: bytes = b"", suffix: str = "",
    ) -> Path:  # fmt: skip
        """Add a kernel in the packaging up to 6.18."""
        content = {
            f"boot/vmlinuz-{release}": image(release, filler),
            f"boot/config-{release}": b"CONFIG_SECURITY_LANDLOCK=y\n",
            **files(release, modules or {"fs/a.ko": module()}),
        }
        return self.add(suite, f"linux-image-{release}{suffix}", version, content, "kmod")

    def add_split(
        self, suite: str, release: str, version: str, *, parts: Sequence[str] = ("modules", "base")
    ) -> None:
        """Add a kernel in the packaging from 6.19 on, maybe with parts that left the archive."""
        folder = f"usr/lib/modules/{release}"
        contents = {
            "binary": {f"{folder}/vmlinuz": image(release)},
            "modules": files(release, {"fs/a.ko": module()}, "usr/"),
            "base": {f"{folder}/config": b"CONFIG_SECURITY_LANDLOCK=y\n"},
        }
        needs = [f"linux-{part}-{release} (= {version})" for part in contents]
        self.add(suite, f"linux-image-{release}", version, {}, ", ".join(["kmod", *needs]))
        for part in ("binary", *parts):
            self.add(suite, f"linux-{part}-{release}", version, contents[part])

    def add_ubuntu(
        self, suite: str, release: str, version: str, *, signed: bool = True, extra: bool = False
    ) -> None:
        """Add a kernel in Ubuntu's packaging, and its unsigned twin."""
        modules = f"linux-modules-{release}"
        content = {f"boot/vmlinuz-{release}": image(release)}
        for it in ("linux-image-", "linux-image-unsigned-")[0 if signed else 1 :]:
            self.add(suite, f"{it}{release}", version, content, f"kmod, {modules}")
        config = {f"boot/config-{release}": b"CONFIG_SECURITY_LANDLOCK=y\n"}
        self.add(suite, modules, version, {**config, **files(release, {"fs/a.ko": module()})})
        if extra:
            more = files(release, {"fs/b.ko": module()})
            self.add(suite, f"linux-modules-extra-{release}", version, more)

    def fill(self) -> None:
        """Publish a few kernels of both packagings, among them a candidate."""
        self.add_image("bookworm", OLD, "6.12.9-1")
        self.add_image("bookworm", NEW, "6.12.43-1~bpo12+1")
        self.add_image("bookworm-security", "6.1.0-56-cloud-amd64", "6.1.192-2")
        self.add_split("trixie-backports", "7.3.4+deb13-cloud-amd64", "7.3.4-1~bpo13+1")
        self.add_split("experimental", "7.4-cloud-amd64", "7.4~rc1-1~exp1")
        self.publish()

    def forget(self, suite: str) -> None:
        """Empty a suite."""
        self._stanzas[suite].clear()

    def publish(self, key: Key | None = None) -> None:
        """Write and sign the indices of all suites."""
        for suite, stanzas in self._stanzas.items():
            beside = self.name == "debian" and suite.endswith("-security")
            base = self.folder / f"{self.name}{'-security' if beside else ''}" / self.moment
            if not (base / "pool").exists():
                base.mkdir(parents=True, exist_ok=True)
                (base / "pool").symlink_to(self.folder / self.name / "pool")
            dist = base / "dists" / suite
            packages = dist / "main/binary-amd64/Packages"
            packages.parent.mkdir(parents=True, exist_ok=True)
            packages.write_text("\n".join(stanzas))
            data = packages.read_bytes()
            release = dist / "Release"
            release.write_text(
                f"Origin: Debian\nSuite: {suite}\nCodename: {suite}\nComponents: main\n"
                f"Architectures: amd64\nDate: Sat, 01 Aug 2026 00:00:00 UTC\n{self.more}"
                f"{self.digest}:\n {hashlib.new(self.digest, data).hexdigest()} {len(data)}"
                " main/binary-amd64/Packages\n"
            )
            (key or self._key).sign(release, dist / "InRelease")
            release.unlink()

    def _handler(self) -> type[SimpleHTTPRequestHandler]:
        archive = self

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - as its base takes them
                super().__init__(*arguments, directory=os.fspath(archive.folder))

            def do_GET(self) -> None:
                archive.requests.append(self.path)
                # Times of files are whole seconds here; tests are faster.
                del self.headers["If-Modified-Since"]
                if archive.stall and archive.stall in self.path:
                    data = Path(self.translate_path(self.path)).read_bytes()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data[:8])
                    self.wfile.flush()
                    archive.stalled.set()
                    archive._go_on.wait(300)
                    self.close_connection = True
                else:
                    super().do_GET()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        return Handler
