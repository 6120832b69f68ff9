# SPDX-License-Identifier: MIT
"""What Ubuntu's server of mainline builds says, behind a proxy on the loopback interface.

Whatever host is asked for by way of the proxy is this server, with a certificate for that name.
"""

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.loopback import Loopback

TOOLS = ("openssl", "dpkg-deb")


class Authority:
    """A throwaway certificate authority."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self.certificate = folder / "ca.pem"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", folder / "ca.key", "-out", self.certificate, "-subj", "/CN=nobody"),
            *("-days", "2", "-addext", "keyUsage=critical,keyCertSign"),
        )

    def context(self, host: str) -> ssl.SSLContext:
        """For a server of that name."""
        key, certificate = self._folder / f"{host}.key", self._folder / f"{host}.pem"
        with self._lock:
            if not certificate.exists():
                _openssl(
                    *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
                    *("-nodes", "-keyout", key, "-out", certificate, "-subj", f"/CN={host}"),
                    *("-days", "2", "-addext", f"subjectAltName=DNS:{host}"),
                    *("-addext", "basicConstraints=critical,CA:FALSE"),
                    *("-CA", self.certificate, "-CAkey", self._folder / "ca.key"),
                )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


class Server(Loopback):
    """Files by their paths, each a list of packages or one; and what goes wrong with them."""

    def __init__(self, authority: Authority) -> None:
        self.files: dict[str, bytes | Path] = {}
        self.requests: list[str] = []
        self.status = 200
        """Of every answer."""
        self.cut = ""
        """Part of the path of a file of which only a half is sent."""
        self.tunnel = 200
        """What the proxy says."""
        self._authority = authority
        super().__init__(self._handler())
        self.proxy = self.address

    def publish(self, tag: str, packages: list[Path]) -> None:
        """Offer packages as those of a version."""
        links = "\n".join(f'<a href="{it.name}">{it.name}</a>' for it in packages)
        self.files[f"/mainline/{tag}/amd64"] = f"<html>{links}</html>".encode()
        self.files |= {f"/mainline/{tag}/amd64/{it.name}": it for it in packages}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                self.send_response(server.tunnel)
                self.end_headers()
                if server.tunnel != 200:
                    self.close_connection = True
                    return
                self.wfile.flush()
                context = server._authority.context(self.path.partition(":")[0])
                try:
                    inside = context.wrap_socket(self.connection, server_side=True)
                except OSError:  # the client distrusts us
                    self.close_connection = True
                    return
                self.connection = inside
                self.rfile, self.wfile = inside.makefile("rb"), inside.makefile("wb")
                self.close_connection = False

            def do_GET(self) -> None:
                server.requests.append(self.path)
                found = server.files.get(self.path)
                if found is None or server.status != 200:
                    self.send_response(404 if server.status == 200 else server.status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data = found if isinstance(found, bytes) else found.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if server.cut and server.cut in self.path:
                    data = data[: len(data) // 2]
                    self.close_connection = True
                self.wfile.write(data)
                self.wfile.flush()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (as its base)
                pass

        return Handler


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
