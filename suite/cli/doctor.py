# SPDX-License-Identifier: MIT
"""``landproof doctor``: what this machine can do, what each lack costs, and what mends it."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict

from reports.words import plural, printable
from suite.cli import kernels
from suite.cli.checkup import Finding, Job, Patient, examine
from suite.cli.outlet import screen
from suite.cli.report import emit
from suite.errors import Exit

_WIDTH = 100
_INDENT = " " * 20


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        description="Say what this machine can do, how many cases each lack costs, and the command "
        "that mends it. Nothing about the machine is changed.",
        epilog="Exits with 0 if the running kernel can be checked and kernels can be booted, with "
        "3 if one of both can't.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    parser.set_defaults(handler=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    console = screen()
    with console.status("looking") if console.is_terminal else nullcontext():
        patient = Patient(arguments.store, arguments.mirror, arguments.flavour, arguments.keyring)
        findings = [*examine(patient)]
    hindered = {job for finding in findings for job in finding.breaks}
    answer = _answer(patient, hindered)
    emit(_json(answer, findings) if arguments.json else _text(answer, findings), None)
    return Exit.INFRASTRUCTURE if hindered else Exit.CONFORMS


def _answer(patient: Patient, hindered: set[Job]) -> str:
    """What this machine can do and what it can't, in one line."""
    details = {Job.CHECK: patient.claims, Job.MATRIX: patient.accelerator}
    able = [
        f"{job} ({details[job]})" if details[job] else str(job)
        for job in Job
        if job not in hindered
    ]
    unable = [str(job) for job in Job if job in hindered]
    said = [f"can: {', '.join(able)}"] if able else []
    said += [f"can't: {', '.join(unable)}"] if unable else []
    return f"this machine {'; it '.join(said)}"


def _text(answer: str, findings: Sequence[Finding]) -> str:
    lines = [answer, "", *(line for it in findings for line in _lines(it)), "", answer]
    return printable("\n".join(lines)) + "\n"


def _lines(finding: Finding) -> Iterator[str]:
    head = f"{finding.what:<13} {'ok' if finding.ok else 'LACK':<6}"
    cost = f" (costs {plural(finding.cases, 'case')})" if finding.cases else ""
    yield from textwrap.wrap(
        f"{finding.says}{cost}", _WIDTH, initial_indent=head, subsequent_indent=_INDENT
    )
    if finding.mend:
        yield f"{_INDENT}-> {finding.mend}"  # on one line: a command is there to be copied


def _json(answer: str, findings: Sequence[Finding]) -> str:
    content = {
        "answer": answer,
        "can": {
            job.name.lower(): all(job not in finding.breaks for finding in findings) for job in Job
        },
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(content, indent=2) + "\n"
