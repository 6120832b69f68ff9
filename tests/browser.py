# SPDX-License-Identifier: MIT
"""Chromium without a window, spoken to by its DevTools protocol over a pipe.

Not by a library: Playwright and Selenium each bring a driver of tens of megabytes that has to
match the browser, and the protocol (https://chromedevtools.github.io/devtools-protocol/) is JSON
between NUL bytes.

``python -m tests.browser PAGE [--width 390] [--dark] [--png FILE]`` says how long a page takes to
open, and shows what it looks like.
"""

import argparse
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_KEYS = {"Enter": "\r", " ": " "}
_DEADLINE_S = 60


class BrowserError(Exception):
    """The browser went away, or a script failed in it."""


class Browser:
    """One browser with one page; it ends with the context."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_child, self._out = os.pipe()
        self._in, from_child = os.pipe()
        # Chromium wants its pipe as descriptors 3 and 4, which only a shell places there.
        script = f'exec "$0" "$@" 3<&{to_child} 4>&{from_child}'
        flags = (*_FLAGS, f"--user-data-dir={self._folder.name}")
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, str(CHROMIUM), *flags, "about:blank"],
            pass_fds=(to_child, from_child),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_child)
        os.close(from_child)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """Errors and warnings of the console, exceptions, and addresses asked for."""

    def __enter__(self) -> Self:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
        self._folder.cleanup()

    def send(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method and wait for its result.

        Raises:
            BrowserError: It failed.
        """
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        for answer in self._messages():
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)
        raise BrowserError(f"{method}: the browser went away")

    def open(self, url: str) -> None:
        """Load a page and wait until it is drawn."""
        # An address that differs in its fragment alone would not load anything.
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=url)
        self._loaded()

    def reload(self) -> None:
        """Load the page again, with the address that it has."""
        self.send("Page.reload")
        self._loaded()

    def _loaded(self) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while self.run("document.readyState === 'complete' && location.href") in {
            False,
            "about:blank",
        }:
            if time.monotonic() > deadline:
                raise BrowserError("the page did not load")
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script: str) -> Any:  # noqa: ANN401 (whatever the script gives)
        """The value of an expression, awaited.

        Raises:
            BrowserError: It threw.
        """
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys as a hand would, such as ``Tab`` or ``ArrowDown``."""
        for key in keys:
            known: dict[str, object] = {"key": key, "code": key}
            if key in _KEYS:
                known["text"] = _KEYS[key]
            codes = {"Tab": 9, "Enter": 13, "Escape": 27}
            known["windowsVirtualKeyCode"] = codes.get(key, 0)
            self.send("Input.dispatchKeyEvent", type="keyDown", **known)
            self.send("Input.dispatchKeyEvent", type="keyUp", **known)
        self.settle()

    def type(self, text: str) -> None:
        """Insert text where the focus is."""
        self.send("Input.insertText", text=text)
        self.settle()

    def screen(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the window, and what the reader prefers."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as a PNG."""
        self.settle()
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def pdf(self, path: Path) -> None:
        """Write what would be printed."""
        answer = self.send("Page.printToPDF", preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _messages(self) -> Iterator[dict[str, Any]]:
        while True:
            while b"\0" not in self._buffer:
                chunk = os.read(self._in, 1 << 20)
                if not chunk:
                    return
                self._buffer += chunk
            message, _, self._buffer = self._buffer.partition(b"\0")
            yield json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        match event:
            case {"method": "Runtime.exceptionThrown", "params": params}:
                self.complaints.append(str(params["exceptionDetails"]))
            case {"method": "Runtime.consoleAPICalled", "params": params}:
                self.complaints.append(str(params["args"]))
            case {"method": "Log.entryAdded", "params": params}:
                self.complaints.append(str(params["entry"]))
            case {"method": "Network.requestWillBeSent", "params": {"request": request}}:
                if not request["url"].startswith(("file:", "about:", "data:")):
                    self.complaints.append(f"asked for {request['url']}")


def main() -> None:
    """Open a page, say how long it took, and show it."""
    parser = argparse.ArgumentParser(description="Open a page in Chromium.")
    parser.add_argument("page", help="a file, with a fragment if wanted")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--run", default="0", help="a script to run in the page, before the PNG")
    parser.add_argument("--png", type=Path)
    parser.add_argument("--pdf", type=Path)
    arguments = parser.parse_args()
    path, _, fragment = arguments.page.partition("#")
    with Browser() as browser:
        browser.screen(arguments.width, arguments.height, dark=arguments.dark)
        browser.open(f"{Path(path).resolve().as_uri()}#{fragment}")
        loaded = browser.run("performance.getEntriesByType('navigation')[0].loadEventEnd")
        print(f"loaded, its scripts run and its rows made, after {loaded:.0f} ms")
        browser.run(arguments.run)
        if arguments.png:
            browser.screenshot(arguments.png)
        if arguments.pdf:
            browser.pdf(arguments.pdf)
        for complaint in browser.complaints:
            print(complaint)


if __name__ == "__main__":
    main()
