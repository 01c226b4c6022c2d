"""Documentation that cannot lie: every name a user can meet is there, every command shown exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import get_args

import click
import pytest

from inhouse.cli.main import main
from inhouse.cli.reference import BLOCK_PROSE
from inhouse.config.table import ALIASES, env_name
from inhouse.config.values import BLOCKS, keys, names
from inhouse.kernel import errors
from inhouse.knowledge.edge.parse.parsed import ReasonCode
from tests.house.tree import PACKAGE, ROOT, parse, tracked

REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted(path for path in tracked() if path.suffix == ".md" and path.is_relative_to(ROOT / "docs"))
PAGES += [path for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md") if (path := ROOT / name).is_file()]
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
ROUTE_VERBS = {"get", "post", "put", "patch", "delete"}


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def settings() -> list[str]:
    """`section.name` of every setting, and `block.name` of every field of a block such as `[[engine]]`."""
    return [*names(), *(f"{block}.{key}" for block in BLOCKS for key in keys(block))]


def test_every_block_has_prose_in_the_reference() -> None:
    """A block that the settings know has its own section, with an example."""
    assert sorted(BLOCK_PROSE) == sorted(BLOCKS)


def routes() -> list[str]:
    """`GET /app/chats` and so on, of every route decorator of the serve room."""
    found = []
    for path in sorted((PACKAGE / "serve").glob("*.py")):
        for node in ast.walk(parse(path)):
            match node:
                case ast.Call(func=ast.Attribute(attr=verb), args=[ast.Constant(value=str(address)), *_]):
                    if verb in ROUTE_VERBS and address.startswith("/app/"):
                        found.append(f"{verb.upper()} {address}")
    return found


def error_codes() -> list[str]:
    classes = (getattr(errors, name) for name in errors.__all__)
    return sorted(
        kind.code for kind in classes if isinstance(kind, type) and issubclass(kind, errors.InhouseError)
    )


@cache
def commands(group: click.Group, above: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command with the words that lead to it."""
    found: dict[tuple[str, ...], click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        found[*above, name] = command
        if isinstance(command, click.Group):
            found |= commands(command, (*above, name))
    return found


def test_every_setting_is_documented() -> None:
    """Each stands in settings.md under its name, with the variable that sets it."""
    text = page("settings.md")
    assert len(settings()) > 30
    missing = [
        name for name in settings() if f"`{name}`" not in text and f"`{name.split('.')[1]}`" not in text
    ]
    variables = [env_name(name) for name in settings() if name.split(".")[0] not in BLOCKS]
    missing += [name for name in (*variables, *ALIASES.values()) if name not in text]
    assert missing == []


def test_every_route_is_documented() -> None:
    """Each stands in http.md with its method, and so do the page and the health pages."""
    text = page("http.md")
    wanted = [*routes(), "GET /health", "GET /health/live", "GET /health/ready"]
    assert len(wanted) > 15
    assert [route for route in wanted if route not in text] == []


def test_every_error_code_is_documented() -> None:
    """Each stands in errors.md."""
    text = page("errors.md")
    assert [code for code in error_codes() if f"`{code}`" not in text] == []


def test_every_file_reason_is_documented() -> None:
    """Each stands in file-reasons.md."""
    text = page("file-reasons.md")
    assert [code for code in get_args(ReasonCode) if f"`{code}`" not in text] == []


def test_every_command_and_option_is_documented() -> None:
    """Each stands in cli.md, and has a help text."""
    text = page("cli.md")
    missing = []
    for words, command in commands(main).items():
        name = " ".join(("inhouse", *words))
        if name not in text:
            missing.append(name)
        if not command.help:
            missing.append(f"{name}: no help")
        options = [option for each in command.params for option in each.opts if option.startswith("--")]
        missing += [f"{name} {option}" for option in options if option not in text]
    assert missing == []


def shown_commands(text: str) -> list[list[str]]:
    """The words after `inhouse` and `make` in code, up to the first that is no plain word."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    blocks = [block for language, block in fence.findall(text) if language in {"", "sh", "bash", "console"}]
    code = "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", fence.sub("", text))])
    found = []
    for match in re.finditer(r"^(?:\$ )?(?:\.venv/bin/)?(inhouse|make) ([^#\n]*)", code, re.MULTILINE):
        words = [match[1]]
        for word in match[2].split():
            if not re.fullmatch(r"[a-z][a-z-]*|--[a-z-]+", word):
                break
            words.append(word)
        found.append(words)
    return found


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def unknown(words: list[str]) -> bool:
    """True when the command, or an option of it, does not exist."""
    if words[0] == "make":
        return len(words) > 1 and words[1] not in make_targets()
    known = commands(main)
    command: click.Command = main
    leading: tuple[str, ...] = ()
    for word in words[1:]:
        if word.startswith("--"):
            options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            if word not in options | {"--help", "--version"}:
                return True
        elif (*leading, word) in known:
            leading = (*leading, word)
            command = known[leading]
        elif isinstance(command, click.Group):
            return True
    return False


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_shown_exists(path: Path) -> None:
    """Commands in code exist with the options that are shown, here and in the Makefile."""
    assert [" ".join(words) for words in shown_commands(path.read_text("utf-8")) if unknown(words)] == []


def test_commands_that_do_not_exist_are_noticed() -> None:
    """The control: wrong commands, options and targets are reported, right ones are not."""
    text = (
        "```sh\ninhouse nonsense\ninhouse ask --nonsense\nmake nonsense\nmake run\n```\nUse `inhouse flyy x`."
    )
    assert [unknown(words) for words in shown_commands(text)] == [True, True, True, False, True]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Links and pictures of a page are files of this checkout."""
    broken = [
        link for link in LINK.findall(path.read_text("utf-8")) if not (path.parent / link).resolve().exists()
    ]
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_and_files_named_exist(path: Path) -> None:
    """What a page names below bench/, tools/, tests/, sample/ and src/ is there."""
    named = re.findall(r"`((?:bench|tools|tests|sample|src)/[\w./-]+)`", path.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_is_reachable() -> None:
    """Every guide, concept, reference and decision is linked from the README or from a page."""
    linked = {
        (path.parent / link).resolve() for path in PAGES for link in LINK.findall(path.read_text("utf-8"))
    }
    assert [str(path) for path in PAGES if ROOT / "docs" in path.parents and path not in linked] == []
