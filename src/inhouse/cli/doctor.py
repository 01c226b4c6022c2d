"""`inhouse doctor`: looks at everything once and gives each problem its remedy."""

from __future__ import annotations

import asyncio

import click

from inhouse.cli.output import note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.ops.doctor import Finding, examine
from inhouse.serve.shapes import Shape

__all__ = ["doctor"]


class FindingShape(Shape):
    subject: str
    level: str
    message: str
    remedy: str


class Examination(Shape):
    """What `doctor --json` prints; `ok` is false when a finding is a problem."""

    ok: bool
    findings: tuple[FindingShape, ...]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Check Python, disk, home, ports, engines (with one test prompt), GPU, keys, tesseract and index.

    Ends with 1 when something is a problem; notes are only worth knowing.
    """
    setup = setup_of(context)
    loaded, home = setup.settings(), setup.home()
    setup.builder.start_logging(loaded, None, serving=False)
    findings = examine(asyncio.run(setup.builder.doctor_facts(loaded, home)))
    ok = all(finding.level != "problem" for finding in findings)
    if as_json:
        shapes = tuple(FindingShape.model_validate(finding) for finding in findings)
        show_json(Examination(ok=ok, findings=shapes))
    else:
        for finding in findings:
            _print(finding)
        note("all is well" if ok else "there are problems")
    if not ok:
        context.exit(1)


def _print(finding: Finding) -> None:
    mark = {"ok": ("ok  ", "green"), "note": ("note", "yellow"), "problem": ("BAD ", "red")}[finding.level]
    say(f"{click.style(mark[0], fg=mark[1])}  {finding.subject}: {finding.message}")
    if finding.remedy:
        say(f"      hint: {finding.remedy}")
