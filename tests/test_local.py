# SPDX-License-Identifier: MIT
"""Kernels that are on the machine: the running one and those named by a path."""

import os
from pathlib import Path

import pytest

from suite.errors import InfrastructureError, UsageError
from tests.fake_archive import image
from vm.local import host_kernel, path_kernel


def test_running_kernel_is_found_with_modules_and_configuration(tmp_path: Path) -> None:
    release = os.uname().release
    (tmp_path / "boot").mkdir()
    (tmp_path / f"boot/vmlinuz-{release}").write_bytes(image(release))
    (tmp_path / f"boot/config-{release}").write_text("")
    (tmp_path / f"lib/modules/{release}/kernel").mkdir(parents=True)
    kernel = host_kernel(tmp_path)
    assert (kernel.build.name, kernel.build.source, kernel.build.release) == (
        "host",
        "host",
        release,
    )
    assert kernel.modules == tmp_path / f"lib/modules/{release}"
    assert kernel.config == tmp_path / f"boot/config-{release}"


def test_running_kernel_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"^the running kernel's image .* is not on this"):
        host_kernel(tmp_path)


def test_build_tree_is_a_kernel_without_modules(tmp_path: Path) -> None:
    (tmp_path / "arch/x86/boot").mkdir(parents=True)
    (tmp_path / "arch/x86/boot/bzImage").write_bytes(image("7.3.0-rc1+"))
    (tmp_path / ".config").write_text("")
    kernel = path_kernel(f"path:{tmp_path}")
    assert kernel.build.release == "7.3.0-rc1+"
    assert kernel.build.version.startswith("(somebody@somewhere)")
    assert (kernel.modules, kernel.config) == (None, tmp_path / ".config")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ([], "holds no vmlinuz"),
        (["vmlinuz-1", "vmlinuz-2"], r"holds 2 kernels \(vmlinuz-1, vmlinuz-2\)"),
        (["vmlinuz"], "is not a kernel image for x86_64, "),
    ],
)
def test_folder_without_one_kernel_is_refused(tmp_path: Path, names: list[str], what: str) -> None:
    for name in names:
        (tmp_path / name).write_text("text")
    with pytest.raises(UsageError, match=what):
        path_kernel(f"path:{tmp_path}")


def test_path_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        path_kernel(f"path:{tmp_path}/none")
