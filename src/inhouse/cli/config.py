"""`inhouse config`: settings in force."""

from __future__ import annotations

import click

from inhouse.cli.output import columns, note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.config import show

__all__ = ["config"]


@click.group()
def config() -> None:
    """Show settings."""


@config.command("show")
@click.option("--origin", is_flag=True, help="Say where each value comes from")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def show_settings(context: click.Context, *, origin: bool, as_json: bool) -> None:
    """Show every setting as a command started here and now would have it; a secret is only named."""
    from inhouse.serve.house_shapes import SettingShape, SettingsShape

    setup = setup_of(context)
    rows = show(setup.settings())
    if as_json:
        show_json(SettingsShape(settings=tuple(SettingShape.model_validate(row) for row in rows)))
        return
    head = ("SETTING", "VALUE", "ORIGIN")
    cells = [head, *((row.name, f"{row.value} {row.unit}".strip(), row.origin) for row in rows)]
    for line in columns([row if origin else row[:2] for row in cells]):
        say(line)
    note(f"settings file: {setup.root / 'inhouse.toml'}")
