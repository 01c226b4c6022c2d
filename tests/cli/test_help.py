"""`inhouse --help`: what click would show, without the import of a command."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from inhouse.cli.main import COMMANDS, main


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_help_is_what_click_would_show(width: int) -> None:
    """Each line is the command's own first sentence, cut at the same place."""
    own, clicks = click.HelpFormatter(width=width), click.HelpFormatter(width=width)
    context = click.Context(main)
    main.format_commands(context, own)
    click.Group.format_commands(main, context, clicks)
    assert own.getvalue() == clicks.getvalue()
    assert all(f"  {name} " in own.getvalue() for name in COMMANDS)


@pytest.mark.parametrize(("words", "imported"), [("--help", False), ("ask --help", True)])
def test_the_help_imports_no_command(words: str, imported: bool) -> None:
    """The list of commands needs none of them; the help of one, the control, needs that one."""
    code = (
        "import sys\n"
        "from inhouse.cli.main import main\n"
        f"main({words.split()!r}, standalone_mode=False)\n"
        "print('loaded', 'inhouse.cli.ask' in sys.modules, 'inhouse.cli.serving' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == f"loaded {imported} False"
