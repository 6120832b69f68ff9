# SPDX-License-Identifier: MIT
"""Real containers: runc on this machine's own root, confined as container engines confine.

``python -m tests.containers COMMAND...`` runs a command in one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.confinements import CONTAINERS

PROFILE = Path("/usr/share/containers/seccomp.json")
"""The default filter of Podman, Buildah and CRI-O: Debian's golang-github-containers-common."""
_ARCHITECTURE = "SCMP_ARCH_X86_64"
_FIELDS = ("names", "action", "args", "errnoRet")


def are_there() -> bool:
    """Whether containers can be started here."""
    return os.geteuid() == 0 and shutil.which("runc") is not None and PROFILE.exists()


def seccomp(capabilities: Sequence[str] = CONTAINERS) -> dict[str, Any]:
    """The default filter for a container with these capabilities, as the OCI runtime takes it.

    Source: github.com/containers/common/pkg/seccomp, setupSeccomp(): rules that include
    capabilities or architectures which the container lacks are left out, and so are those that
    exclude what it has.
    """
    profile = json.loads(PROFILE.read_text(encoding="utf-8"))
    held = {f"CAP_{name}" for name in capabilities}
    rules = []
    for rule in profile["syscalls"]:
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        if not _applies(includes, held, wanted=True) or not _applies(excludes, held, wanted=False):
            continue
        kept = {field: rule[field] for field in _FIELDS if rule.get(field) not in (None, [])}
        rules.append(kept)
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
        "architectures": [_ARCHITECTURE, "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": rules,
    }


def _applies(conditions: dict[str, Any], held: set[str], *, wanted: bool) -> bool:
    matches = []
    if "caps" in conditions:
        matches.append(held.issuperset(conditions["caps"]))
    if "arches" in conditions:
        matches.append("amd64" in conditions["arches"])
    return all(matches) if wanted else not (matches and any(matches))


@contextmanager
def bundle(
    argv: Sequence[str], *, user: int = 0, no_new_privs: bool = False, cwd: str = "/"
) -> Iterator[Path]:
    """A folder that ``runc run`` takes; its root is this machine's own, mounted by ``run``."""
    with tempfile.TemporaryDirectory(prefix="landproof-test-") as name:
        folder = Path(name)
        (folder / "rootfs").mkdir()
        capabilities = [f"CAP_{it}" for it in CONTAINERS] if user == 0 else []
        limited = [f"CAP_{it}" for it in CONTAINERS]
        config = {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False,
                "user": {"uid": user, "gid": user},
                "args": [*argv],
                "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp"],
                "cwd": cwd,
                "noNewPrivileges": no_new_privs,
                "capabilities": {
                    "bounding": limited,
                    "effective": capabilities,
                    "permitted": capabilities,
                },
            },
            "root": {"path": "rootfs", "readonly": False},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {
                    "destination": "/dev",
                    "type": "tmpfs",
                    "source": "tmpfs",
                    "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
                },
                {
                    "destination": "/sys",
                    "type": "sysfs",
                    "source": "sysfs",
                    "options": ["nosuid", "noexec", "nodev", "ro"],
                },
            ],
            "linux": {
                "namespaces": [{"type": it} for it in ("pid", "ipc", "uts", "mount", "network")],
                "seccomp": seccomp(),
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"],
            },
        }
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        yield folder


def run(
    argv: Sequence[str], *, user: int = 0, no_new_privs: bool = False, cwd: str = "/"
) -> subprocess.CompletedProcess[str]:
    """Run a command in a container, with this machine's root as its own."""
    with bundle(argv, user=user, no_new_privs=no_new_privs, cwd=cwd) as folder:
        # In a mount namespace of its own, so that nothing stays mounted, however this ends.
        script = (
            'mount --make-rprivate / && mount --rbind / "$1/rootfs" && '
            'exec runc --root "$1/state" run --bundle "$1" "landproof-$$"'
        )
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", str(folder)],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )


def has_gvisor() -> bool:
    """Whether gVisor can be started here."""
    return os.geteuid() == 0 and shutil.which("runsc") is not None


def run_in_gvisor(argv: Sequence[str], *, cwd: str = "/") -> subprocess.CompletedProcess[str]:
    """Run a command on gVisor in place of Linux, with this machine's root as its own."""
    options = ["--platform=ptrace", "--network=none", "--ignore-cgroups"]
    return subprocess.run(
        ["runsc", *options, "do", "--force-overlay=false", f"--cwd={cwd}", *argv],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    done = run(sys.argv[1:], cwd=str(Path.cwd()))
    print(done.stdout, done.stderr, sep="\n")
    sys.exit(done.returncode)
