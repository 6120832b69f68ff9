# SPDX-License-Identifier: MIT
"""``mainline:v6.6``: virtme-ng's downloader against a server and a proxy on this machine."""

import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.agent import build
from suite.cli.main import main
from suite.errors import Exit, InfrastructureError, UsageError
from tests.fake_archive import image, module
from tests.fake_mainline import TOOLS, Authority, Server
from tests.kernel_packages import Files, files_of, layout, package
from tests.kernels import stored
from vm import accel
from vm.catalogue import Build
from vm.kernel import Kernel
from vm.machine import Machine
from vm.store import Progress, Store

pytestmark = pytest.mark.skipif(
    bool(lacking := [it for it in TOOLS if shutil.which(it) is None]),
    reason=f"no {', '.join(lacking)} to make a server of mainline builds with",
)
RELEASE = "6.6.0-060600-generic"
CONFIG = b"CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """Ubuntu's server, as far as virtme-ng can tell; the caches of nobody."""
    with Server(authority) as running:
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, running.proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
        monkeypatch.setenv("LANDPROOF_STORE", str(tmp_path / "store"))
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        yield running


def packages(
    into: Path, release: str, kernel: bytes | Path, config: bytes | Path, modules: Files
) -> list[Path]:
    """As Ubuntu's builds of plain kernels have them: of two flavours, with headers."""
    version = f"{release.removesuffix('-generic')}.202310300130"
    made = []
    for name, files in layout("deb", release, kernel, config, modules):
        path = package("deb", into, name, files)
        made.append(path.rename(into / f"{name}_{version}_amd64.deb"))
    # Nobody looks into these: one is skipped by its name, one is for others.
    others = (f"linux-headers-{release}", f"linux-image-unsigned-{release}-64k")
    for name, arch in zip(others, ("amd64", "arm64"), strict=True):
        path = into / f"{name}_{version}_{arch}.deb"
        path.write_bytes(b"!<arch>\n")
        made.append(path)
    return made


@pytest.fixture
def offered(server: Server, tmp_path: Path) -> Server:
    """The server with one version, of a made-up kernel."""
    (tmp_path / "debs").mkdir()
    modules = {"kernel/fs/a.ko": module(), "modules.builtin": b""}
    server.publish("v6.6", packages(tmp_path / "debs", RELEASE, image(RELEASE), CONFIG, modules))
    return server


def cache(tmp_path: Path) -> Path:
    """Where virtme-ng keeps that version."""
    return tmp_path / "home/.cache/virtme-ng/v6.6/amd64"


def test_a_version_is_downloaded_once_and_kept_twice(offered: Server, tmp_path: Path) -> None:
    store = Store()
    kernel = store.fetch("mainline:v6.6")
    assert (kernel.build.release, kernel.build.version) == (RELEASE, "6.6-mainline")
    assert kernel.build.source == "mainline:v6.6"
    assert kernel.vmlinuz.read_bytes() == image(RELEASE)
    assert kernel.modules is not None
    assert (kernel.modules / "kernel/fs/a.ko").read_bytes() == module()
    assert len(list(cache(tmp_path).glob("*.deb"))) == 2
    assert not [it for it in offered.requests if "headers" in it or "arm64" in it]
    asked = len(offered.requests)
    for name in ("mainline:v6.6", "mainline:6.6", f"mainline:{RELEASE}"):
        assert store.fetch(name).vmlinuz == kernel.vmlinuz
    with pytest.raises(InfrastructureError, match=r"^kernel mainline:6\.6\.1 is not in "):
        store.get("mainline:6.6.1")
    store.prune()
    assert store.fetch("mainline:6.6").build.sha256 == kernel.build.sha256
    assert len(offered.requests) == asked  # virtme-ng had it still
    assert not list(store.folder.glob("work/*"))


@pytest.mark.parametrize(
    ("name", "tag", "release"),
    [
        ("v6.6", "v6.6", "6.6.0-060600-generic"),
        ("6.6.0", "v6.6", "6.6.0-060600-generic"),
        ("4.19.300", "v4.19.300", "4.19.300-0419300-generic"),
        ("v6.12-rc3", "v6.12-rc3", "6.12.0-061200rc3-generic"),
        ("6.12.0-061200rc3-generic", "v6.12-rc3", "6.12.0-061200rc3-generic"),
    ],
)
def test_names_are_tags(name: str, tag: str, release: str) -> None:
    build = Store().look(f"mainline:{name}").found
    assert isinstance(build, Build)
    assert (build.suite, build.release) == (tag, release)


@pytest.mark.parametrize(
    "name", ["", "v6", "6.6-generic", "6.6.0-070700-generic", "../6.6", "v6.6+amd64", "٦.٦"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"is not a kernel name; .*mainline:v6\.6"):
        Store().check(f"mainline:{name}")


def test_builds_that_no_list_has_are_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^there is no list of .* --kernels mainline:v6\.6,"):
        Store(tmp_path).available(of=["mainline:v6.6", "mainline:v6.9"])


def test_a_candidate_is_not_its_release(offered: Server) -> None:
    Store().fetch("mainline:v6.6")
    for other in ("mainline:v6.6-rc1", "mainline:v6.6.6"):
        with pytest.raises(InfrastructureError, match="is not in "):
            Store().get(other)


@pytest.mark.usefixtures("offered")
def test_it_is_listed_by_a_name_that_means_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = Store().fetch("mainline:v6.6")
    shutil.rmtree(cache(tmp_path))
    assert main(["kernels", "list", f"--mirror=file:{tmp_path}/none"]) == Exit.CONFORMS
    row = capsys.readouterr().out.splitlines()[2].split()
    assert row[:4] == ["mainline:6.6", RELEASE, "6.6-mainline", "v6.6"]
    assert Store().get(row[0]).vmlinuz == kernel.vmlinuz
    assert Store().prune(Store().newest()) == []


# What goes wrong.


@pytest.mark.parametrize("cut", ["linux-image", "linux-modules"])
def test_a_download_that_was_cut_short_leaves_nothing(
    offered: Server, tmp_path: Path, cut: str
) -> None:
    offered.cut = cut
    with pytest.raises(InfrastructureError, match=r"^can't download v6\.6: the connection broke"):
        Store().fetch("mainline:v6.6")
    assert not cache(tmp_path).exists()
    offered.cut = ""
    assert Store().fetch("mainline:v6.6").build.release == RELEASE


def test_an_interrupt_leaves_nothing(offered: Server, tmp_path: Path) -> None:
    def interrupt(news: Progress) -> None:
        assert news.stage == "download"
        if offered.requests:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store().fetch("mainline:v6.6", progress=interrupt)
    assert not cache(tmp_path).exists()


@pytest.mark.parametrize("lacks", ["linux-image", "linux-modules"])
def test_what_an_earlier_one_left_is_fetched_anew(
    offered: Server, tmp_path: Path, lacks: str, caplog: pytest.LogCaptureFixture
) -> None:
    Store().fetch("mainline:v6.6")
    Store().prune()
    (left,) = cache(tmp_path).glob(f"{lacks}*.deb")
    left.write_bytes(left.read_bytes()[: left.stat().st_size // 2])
    with pytest.raises(InfrastructureError, match=r"may be downloading v6\.6 now; try again in a"):
        Store().fetch("mainline:v6.6")
    for path in (*cache(tmp_path).glob("*.deb"), cache(tmp_path)):
        os.utime(path, (1, 1))
    assert Store().fetch("mainline:v6.6").build.release == RELEASE
    assert "v6.6: an earlier download was cut short" in caplog.text
    assert len([it for it in offered.requests if lacks in it]) == 2


def test_a_version_that_is_another_is_refused(server: Server, tmp_path: Path) -> None:
    modules = {"kernel/fs/a.ko": module()}
    other = packages(tmp_path, "6.7.0-060700-generic", image("6.7.0-060700-generic"), CONFIG,
                     modules)  # fmt: skip
    server.publish("v6.6", other)
    with pytest.raises(
        InfrastructureError, match=r"packages are of 6\.7\.0-060700-generic, and not"
    ):
        Store().fetch("mainline:v6.6")


def fetched(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a fetch, and the last line of what it said."""
    code = main(["kernels", "fetch", name])
    return code, capsys.readouterr().err.splitlines()[-1]


def test_each_failure_is_one_line(
    offered: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = fetched("mainline:v6.99", capsys)
    assert code == Exit.USAGE
    assert said.startswith("landproof: can't download v6.99: there is no such version; https://")
    offered.publish("v6.7", [])
    code, said = fetched("mainline:v6.7", capsys)
    assert code == Exit.USAGE
    assert said.startswith("landproof: can't download v6.7: it was not built for amd64, as happens")
    offered.status = 503
    code, said = fetched("mainline:v6.6", capsys)
    assert code == Exit.INFRASTRUCTURE
    assert said.startswith("landproof: can't download v6.6: the server refuses; try later (")
    offered.tunnel = 403
    code, said = fetched("mainline:v6.6", capsys)
    assert code == Exit.INFRASTRUCTURE
    assert "the proxy does not let it through; check HTTPS_PROXY (" in said
    offered.tunnel = 200
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    code, said = fetched("mainline:v6.6", capsys)
    assert code == Exit.INFRASTRUCTURE
    assert "the server's certificate can't be verified; check the clock" in said
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    code, said = fetched("mainline:v6.6", capsys)
    assert code == Exit.INFRASTRUCTURE
    assert "the proxy does not let it through" in said


def test_without_dpkg_its_cache_is_left_alone(
    offered: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store().fetch("mainline:v6.6")
    Store().prune()
    monkeypatch.setattr("vm.tools.shutil.which", lambda *_, **__: None)
    with pytest.raises(InfrastructureError, match=r"^dpkg-deb is "):
        Store().fetch("mainline:v6.6")
    assert len(list(cache(tmp_path).glob("*.deb"))) == 2
    assert offered.requests


# A real kernel.


@pytest.fixture(scope="module")
def real() -> Kernel:
    """A kernel of whoever runs the tests, whose channel is made of modules."""
    return stored("6.1")


@pytest.mark.vm
def test_a_real_kernel_boots(
    real: Kernel, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert real.config is not None
    data = bytearray(real.vmlinuz.read_bytes())
    # It calls itself otherwise in its header, which is all that a host reads.
    (at,) = struct.unpack_from("<H", data, 0x20E)
    data[at + 0x200 : at + 0x200 + len(RELEASE) + 1] = f"{RELEASE} ".encode()
    modules = files_of(real, bytes, "")
    (tmp_path / "debs").mkdir()
    server.publish("v6.6", packages(tmp_path / "debs", RELEASE, bytes(data), real.config, modules))
    kernel = Store().fetch("mainline:v6.6")
    monkeypatch.undo()  # in a home of its own, nothing is known of the accelerator
    agent = build.agent()
    with Machine(kernel, agent=agent, accel=accel.choose(kernel, agent)) as machine:
        assert machine.boot_seconds > 0
