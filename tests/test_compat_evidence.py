# SPDX-License-Identifier: MIT
"""By what the compatibility data say that a statement on an ABI version is known."""

import pytest
from msgspec.structs import replace

from reports.compat.build import build
from reports.compat.document import AbiState, By
from reports.compat.evidence import kept
from suite.judge.records import MODEL
from tests.abi_miniature import at_abi_11
from tests.report_miniatures import compat_zoo, kernel, run

pytestmark = pytest.mark.usefixtures("abi_11")
with at_abi_11():
    ZOO = build(compat_zoo())


def test_each_statement_on_an_abi_version_says_by_what_it_is_known() -> None:
    on = ZOO.features["scope.signal"].by_abi
    assert (on["3"].state, on["3"].call, on["3"].errno) == (
        AbiState.REFUSED,
        "landlock_create_ruleset",
        "E2BIG",
    )
    # The miniature kernel of ABI 3 says EINVAL, which no real one does.
    assert (on["3"].by, on["3"].kernels, on["3"].otherwise) == (By.DOCUMENTED, [], ["6.6"])
    assert (on["6"].state, on["6"].by, on["6"].kernels, on["6"].otherwise) == (
        AbiState.PROVIDED,
        By.MEASURED,
        ["6.12u"],
        ["el9"],
    )
    assert (on["4"].errno, on["4"].by) == ("E2BIG", By.DOCUMENTED)
    assert ZOO.features["net.bind_udp"].by_abi["4"].errno == "EINVAL"
    assert (on["5"].by, on["5"].kernels) == (By.DOCUMENTED, [])
    device = ZOO.features["fs.ioctl_dev"].by_abi["3"]
    assert (device.by, device.kernels, device.otherwise) == (By.MEASURED, ["6.6"], [])
    found = {number: abi.evidence.by for number, abi in ZOO.abis.items()}
    measured = {"3", "6", "8", "9"}
    assert {number for number, by in found.items() if by is By.MEASURED} == measured
    assert ZOO.abis["6"].evidence.kernels == ["el9", "6.12u"]


def test_where_no_kernel_was_at_hand_a_model_may_show_it() -> None:
    """Of the miniature kernel of ABI 3, nothing is told twice; of ABI 4 and 5 there is none."""
    models = [
        replace(whole, kernel=replace(whole.kernel, source=MODEL))
        for abi in (3, 5)
        if (whole := kernel(f"model:{abi}", "6.9.0", abi)).kernel
    ]
    data = build(compat_zoo(), *(run(it) for it in models))
    assert "model:5" not in data.kernels
    assert (data.abis["5"].evidence.by, data.abis["5"].evidence.models) == (
        By.MODELLED,
        ["model:5"],
    )
    assert data.abis["3"].evidence.models == []
    right = data.features["fs.truncate"].by_abi["5"]
    assert (right.by, right.models, right.kernels) == (By.MODELLED, ["model:5"], [])
    # The miniature refuses with EINVAL what that ABI version refuses with E2BIG.
    assert data.features["scope.signal"].by_abi["5"].by is By.DOCUMENTED
    again = kept(build(compat_zoo()), data)
    assert again.abis["5"] == data.abis["5"]
    assert again.features["fs.truncate"].by_abi["5"] == right
