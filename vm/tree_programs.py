# SPDX-License-Identifier: MIT
"""Programs that we build for trees: the kernel's own sample of Landlock, and two examples of ours.

Each is one static file, so that it runs in every tree. It is kept in the store and built again if
its recipe changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from suite.agent import build
from suite.errors import InfrastructureError, UsageError
from vm import package, tree_packages
from vm.source import LOG, Report
from vm.tools import tool
from vm.tree_packages import Packages, run

PLACE = "usr/local/bin"
"""Where they are in a tree."""
SOURCES = Path(__file__).with_name("programs")
"""What we build of our own, a folder each."""
_SAMPLE = "samples/landlock/sandboxer.c"
_HEADER = "include/uapi/linux/landlock.h"
_SAMPLE_SUITES = ("sid", "experimental")
_SUITE = "sid"
"""Where the libraries of the examples are; Debian's stable releases have none, or old ones."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What a program is built by."""

    packages: Packages
    work: Path
    """An empty folder; what is left in it goes."""
    report: Report


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How a program is built."""

    build: Callable[[_Order, Path], str]
    """Builds it, as the path that is given, and returns its version."""
    inputs: Sequence[str]
    """What the result depends on, besides our sources."""
    sources: str = ""
    """The folder of these."""


class _Record(msgspec.Struct, frozen=True):
    version: str


def check(names: Sequence[str]) -> None:
    """Refuse a name that no recipe has.

    Raises:
        UsageError: One has none.
    """
    for name in names:
        if name not in _RECIPES:
            raise UsageError(f"no program {name!r} is built; there are {', '.join(_RECIPES)}")


def digest(name: str) -> str:
    """Return 16 digits for all that a program is made from, but the versions of packages."""
    recipe = _RECIPES[name]
    made_from = hashlib.sha256("\n".join(recipe.inputs).encode())
    for path in sorted((SOURCES / recipe.sources).rglob("*")) if recipe.sources else ():
        if path.is_file():
            made_from.update(b"\0%b\0%b" % (path.name.encode(), path.read_bytes()))
    return made_from.hexdigest()[:16]


def program(
    name: str, store: Path, packages: Packages, work: Path, report: Report
) -> tuple[Path, str]:
    """Return a program and its version; built unless it is in the store.

    Args:
        name: Of a recipe.
        store: The store's folder.
        packages: Debian's.
        work: A folder that goes.
        report: Told how far downloads are.

    Raises:
        InfrastructureError: No network, no room, no compiler, or it does not compile.
    """
    recipe = _RECIPES[name]
    kept = store / "programs" / f"{name}.{digest(name)}"
    record = kept / "program.json"
    if not record.exists():
        LOG.info("building %s", name)
        packages.ready(report=report)
        made = work / f"{name}-made"
        (work / name).mkdir(parents=True)
        made.mkdir()
        version = recipe.build(_Order(packages, work / name, report), made / name)
        (made / record.name).write_bytes(msgspec.json.encode(_Record(version)))
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(exist_ok=True)
        made.rename(kept)
        shutil.rmtree(work / name)
    return kept / name, msgspec.json.decode(record.read_bytes(), type=_Record).version


def _sandboxer(order: _Order, made: Path) -> str:
    """The sample of the newest kernel whose source Debian has; compiled with its own header."""
    suites, work = _SAMPLE_SUITES, order.work
    name, suite = order.packages.newest(suites, "linux-source-", work / "newest")
    source = order.packages.alone(suite, name, work / "resolve")
    (deb,) = order.packages.download(suite, [source], work / "debs", order.report)
    archive = work / "source.tar.xz"
    with package.opened(deb) as members:
        for path, _, content in members:
            if path.name == f"{name}.tar.xz":
                with archive.open("wb") as file:
                    shutil.copyfileobj(content, file)
    wanted = {f"{name}/{it}" for it in (_SAMPLE, _HEADER)}
    # Of 90,000 files we want two: no program written in Python finds them as fast.
    run([tool("tar"), "-xf", str(archive), *sorted(wanted)], f"can't unpack {deb.name}", work)
    (work / "include").mkdir()
    shutil.copytree(work / name / "include/uapi/linux", work / "include/linux")
    try:
        compiler = build.compiler(build.host_arch())
    except build.BuildError as error:
        raise InfrastructureError(f"can't build sandboxer: {error}") from error
    flags = ("-static", "-Os", "-s", "-I", str(work / "include"))
    run(
        [*compiler, *flags, "-o", str(made), str(work / name / _SAMPLE)],
        "can't build sandboxer (pip install ziglang brings a compiler)",
    )
    return source.version


_GO = ("golang-go", "golang-github-landlock-lsm-go-landlock-dev")
_RUST = ("cargo", "gcc", "libc6-dev", "librust-landlock-dev", "rustc")


_GO_COMMAND = (
    "GO111MODULE=off GOPATH=/usr/share/gocode CGO_ENABLED=0"
    ' exec go build -trimpath -ldflags=-s -o "$1" .'
)
# With a target that is named, flags are not for the macros, which the compiler itself loads.
_RUST_COMMAND = (
    "ln -s gcc /usr/bin/cc;"
    ' RUSTFLAGS="-C target-feature=+crt-static -C strip=symbols" cargo --config debian.toml'
    ' build --quiet --offline --release --target "$(rustc --print host-tuple)"'
    ' && cp target/*/release/rust-client "$1"'
)


def _go(order: _Order, made: Path) -> str:
    return _within(order, made, _GO, "go-client", _GO_COMMAND)


def _rust(order: _Order, made: Path) -> str:
    return _within(order, made, _RUST, "rust-client", _RUST_COMMAND)


def _within(order: _Order, made: Path, packages: Sequence[str], sources: str, command: str) -> str:
    """Build an example of ours in a tree that has its compiler; return its library's version."""
    work = order.work
    wanted = [*tree_packages.BASE, *packages]
    found = order.packages.resolve(_SUITE, wanted, work / "resolve")
    debs = order.packages.download(_SUITE, found, work / "debs", order.report)
    root = work / "root"
    root.mkdir()
    tree_packages.unpack(debs, root, order.report)
    tree_packages.settle(root)
    shutil.rmtree(work / "debs")
    shutil.copytree(SOURCES / sources, root / "build")
    inside = f"export HOME=/tmp PATH=/usr/bin; cd /build; {command.replace('$1', '/made')}"
    # The tree's own root, /proc and /dev, seen by this command alone; no network.
    mounts = (
        'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"'
        ' && exec chroot "$1" /bin/sh -ec "$2"'
    )
    user = () if os.geteuid() == 0 else ("--map-root-user",)
    run(
        [
            *(tool("unshare"), *user, "--mount", "--pid", "--net", "--fork"),
            *("/bin/sh", "-ec", mounts, "sh", str(root), inside),
        ],
        f"can't build {sources} in a tree of {_SUITE} (as root it needs CAP_SYS_ADMIN, else user"
        " namespaces)",
    )
    shutil.copyfile(root / "made", made)
    made.chmod(0o755)
    library = packages[-1] if "landlock" in packages[-1] else packages[-2]
    return next(it.version for it in found if it.name == library)


_RECIPES = {
    "sandboxer": _Recipe(_sandboxer, (_SAMPLE,)),
    "go-client": _Recipe(_go, (*_GO, _GO_COMMAND), "go-client"),
    "rust-client": _Recipe(_rust, (*_RUST, _RUST_COMMAND), "rust-client"),
}
