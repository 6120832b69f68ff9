# SPDX-License-Identifier: MIT
"""Small histories, bisections and explanations, and the golden files of how they are written.

``python -m tests.page_miniatures`` rewrites the golden files in ``tests/data/pages``.
"""

from pathlib import Path

from msgspec.structs import replace

from reports import bisect, explain, history
from reports.page import Page
from reports.render import Style, formats, render_page
from suite.judge.behaviours import Behaviour
from suite.judge.outcome import Allowed, Denied, Outcome
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from suite.run.declared import Declared
from tests.abi_miniature import at_abi_11
from tests.report_miniatures import BUG, kernel, never_came_up, run
from vm.catalogue import version_key

DATA = Path(__file__).parent / "data" / "pages"

EACCES = Denied(errno="EACCES")
ERRATUM, SIBLING, BUGGY, CALM = (
    "history/whiteouts[mknod-no-make-reg]",
    "history/whiteouts[link-no-make-char]",
    "history/cred_transfer[keyctl]",
    "fs/truncate[path]",
)


def case(identity: str, verdict: Verdict, observed: Outcome | None, **more: str) -> CaseRecord:
    """What a case observed."""
    clauses = ["no Landlock", "ABI 1+, erratum 4 not fixed", "ABI 1+, erratum 4 fixed"]
    return replace(
        CaseRecord(id=identity, verdict=verdict, observed=observed, expected=EACCES),
        clauses=clauses if identity in (ERRATUM, SIBLING) else ["no Landlock", "ABI 3+"],
        **more,
    )


def build(
    version: str, *, fixed: bool = False, bug: bool = False, silent: bool = False, abi: int = 6
) -> TargetRecord:
    """A build of a kernel that fixed erratum 4, has a bug, or did not show the erratum."""
    verdict = Verdict.CONFORMS if fixed else Verdict.UNFIXED
    clause = f"ABI 1+, erratum 4 {'fixed' if fixed else 'not fixed'}"
    upstream = version.partition("-")[0]
    cases = [
        case(ERRATUM, verdict, EACCES if fixed else Allowed(), clause=clause),
        case(SIBLING, verdict, Allowed() if fixed else EACCES, clause=clause),
        case(BUGGY, Verdict.DEVIATES if bug else Verdict.CONFORMS, Allowed() if bug else EACCES),
        case(CALM, Verdict.CONFORMS, EACCES, clause="ABI 3+"),
    ]
    if bug:
        cases[2] = replace(cases[2], bug=BUG, calls=["[1] fork(2) = 7", "[2] keyctl(18) = 0"])
    if silent:
        skipped = {"verdict": Verdict.SKIPPED, "observed": None, "reason": "needs root"}
        cases[:2] = [replace(it, **skipped) for it in cases[:2]]
    base = kernel(f"vm:{upstream}", f"{upstream}-cloud-amd64", abi, 0b1011 if fixed else 0b11)
    assert base.kernel is not None
    return replace(base, kernel=replace(base.kernel, version=version), cases=cases)


def builds() -> list[TargetRecord]:
    """Builds of two series, in no order."""
    return [
        build("6.12.111-1", fixed=True, bug=True),
        build("6.12.43-1~bpo12+1", bug=True),
        build("6.12.101-1", bug=True, silent=True),
        build("6.12.113-1", fixed=True),
        build("6.12.9-1", bug=True),
        build("6.1.190-1", abi=2),
        never_came_up("vm:6.12.74"),
    ]


def runs() -> dict[str, Results]:
    """One results file a build."""
    return {f"{number}.json": run(target) for number, target in enumerate(builds())}


def bisected() -> bisect.Bisection:
    """A search among builds of which some give no answer."""
    known = [bisect.Build(f"6.12.{number}-1", f"6.12.{number}-amd64") for number in range(1, 18)]
    gone = "linux-image-6.12.9-amd64 is not in the archive (any more)"

    def ask(tried: bisect.Build) -> bisect.Answer:
        number = int(tried.version.split(".")[2].partition("-")[0])
        if number == 9:
            return bisect.Answer(None, reason=gone, booted=False)
        if number == 12:
            return bisect.Answer(None, reason="skipped: needs root")
        fixed = number >= 13
        verdict = Verdict.CONFORMS if fixed else Verdict.UNFIXED
        return bisect.Answer(verdict, EACCES if fixed else Allowed())

    return bisect.bisect(ERRATUM, known, ask)


DECLARED = Declared(
    id=BUGGY,
    summary="A child of keyctl(KEYCTL_SESSION_TO_PARENT) keeps its domain.",
    source='"landlock: Don\'t lose track of restrictions on cred_transfer" (39705a6c29f8)',
    covers=("fs.read_file", "fs.truncate"),
    answers=("cred-transfer",),
    needs=("needs root",),
    vm_only=True,
    filesystem=None,
    clauses=(("no Landlock", "create_ruleset: ENOSYS"), ("ABI 3+", "EACCES")),
    file="cases/history/test_cred_transfer.py",
    line=31,
    before="cases/history/test_cred_transfer.py::test_keyctl[",
    after="-keyctl]",
)


def explained() -> explain.Explanation:
    """A case with a bug, on some builds."""
    says = "A process keeps its domain when its keys change."
    behaviours = {"cred-transfer": Behaviour(area="inheritance", says=says, source="39705a6c29f8")}
    return explain.explain(DECLARED, behaviours, list(runs().values()))


def pages() -> dict[str, Page]:
    """A page of each kind."""
    return {
        "history": history.page(history.history(runs(), version_key)),
        "bisect": bisect.page(bisected()),
        "explain": explain.page(explained()),
    }


SUFFIXES = {"terminal": "-80.txt", "markdown": ".md"}
"""What golden files end with; others end with the name of their format."""


def golden_files() -> dict[str, tuple[str, str]]:
    """The page and the format of every golden file, by its name."""
    writers = [name for name, fmt in formats().items() if fmt.page]
    return {
        f"{name}{SUFFIXES.get(fmt, f'.{fmt}')}": (name, fmt) for name in pages() for fmt in writers
    }


@at_abi_11()
def goldens() -> dict[str, str]:
    """The text of every golden file by its name."""
    shown = pages()
    return {
        file: render_page(shown[name], fmt, Style(width=80))
        for file, (name, fmt) in golden_files().items()
    }


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    for file, text in goldens().items():
        (DATA / file).write_text(text, encoding="utf-8")
