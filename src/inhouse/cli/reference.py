"""The pages of docs/reference that are made from code: settings, commands, errors, routes.

`python -m inhouse.cli.reference FOLDER` writes them; a test checks that they are current.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import inhouse
from inhouse.cli.main import main as command_tree
from inhouse.config.table import ALIASES, env_name
from inhouse.config.values import expected, keys, names, schema
from inhouse.kernel import errors

if TYPE_CHECKING:
    from inhouse.serve.parts import Parts

__all__ = ["pages", "write"]

MADE = "<!-- made by `make docs` from the code; edit that instead -->\n"

SETTINGS_PROSE = """\
Read in this order, the later one wins: the default, `inhouse.toml` in the home (`INHOUSE_HOME`),
the file `.env` in the folder where inhouse is started, the environment, options of the command.
An unknown name or a wrong value is an error that names it and ends with exit code 2. `inhouse
config show --origin` shows what is in force and why.
"""
SECRETS_PROSE = """
Secrets are references, never values: `env:NAME` (or `env:NAME,NAME`) or `file:PATH`. By default
`ANTHROPIC_API_KEY`, `GEMINI_API_KEY` (or `GOOGLE_API_KEY`) and `OPENAI_API_KEY` are looked for. A
key that is found is no consent: nothing leaves the house before `cloud.allowed` is true.
"""
COMMANDS_PROSE = """\
Data goes to stdout, everything else to stderr. `--json` prints one JSON document. Exit codes: 0
it worked, 1 it failed, 2 wrong use, 3 something needed is unavailable. Every command works while
a server has the same home open (it asks that server) and without one. `NO_COLOR` switches colours
off. The home is `INHOUSE_HOME`, else the place where programs of the system keep their data.
"""
ERRORS_PROSE = """\
Over HTTP every error is `{"error": {"code", "message", "hint"}}` with the status below (an upload
that does not fit on the disk is 507 `home_unusable`, a method that a route does not have 405
`bad_request`); in a stream it is the data of the last event. A command prints message and hint to
stderr and ends with the exit code.
"""
ROUTES_PROSE = """\
inhouse listens on this machine only, unless `server.expose` lets other machines reach the wire
surfaces (`/v1`, `/v1beta`, `/api`), each caller with an API key; the pages and `/app` stay for this
machine until people can sign in. Every reply carries `x-inhouse-request-id`; a caller may send its
own. Without a key `x-inhouse-user` names the user on whose behalf a request is made. The Host header
must be a loopback name or one of `server.allowed_hosts`; methods that change something must come
from the same origin, from no page at all, or, on the wire surfaces, from one of
`server.cors_origins`. A POST to a wire surface with an `Idempotency-Key` is answered once, however
often it comes. The whole description is at `/app/openapi.json`.
"""


def pages() -> Mapping[str, str]:
    """File name -> content."""
    made = {"settings.md": _settings(), "cli.md": _commands(), "errors.md": _errors(), "http.md": _routes()}
    return {name: "\n".join(lines).replace("\n\n\n", "\n\n") for name, lines in made.items()}


def write(folder: Path) -> None:
    """Write all pages into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (folder / name).write_text(content, "utf-8")


def _table(*head: str) -> str:
    return f"| {' | '.join(head)} |\n|{'---|' * len(head)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# ---- settings


BLOCK_PROSE = {
    "engine": (
        "One block for each engine that is not found by looking",
        'name = "gpu-1"\nkind = "openai"\nprofile = "vllm"\nurl = "http://10.0.0.5:8000/v1"',
    ),
    "task": (
        "One block for each task, best model first",
        'name = "summary"\nmodels = ["phi3*", "small"]',
    ),
    "alias": (
        "One block for each model name that means something of its own here",
        'name = "gpt-4o*"\nmodels = ["qwen2.5:32b", "large"]',
    ),
    "route": (
        "One block for each kind of request that has wishes of its own",
        'name = "payroll"\nteam = "payroll"\ndata = "local_only"',
    ),
    "price": (
        "One block for each price that wins over the price table, per million tokens",
        'model = "gpt-4o*"\nsince = 2026-11-01\ncurrency = "USD"\ninput = 2.5\noutput = 10\ncached = 1.25',
    ),
    "budget": (
        "One block for each limit on what may be spent outside the house",
        'scope = "team"\nname = "sales"\nperiod = "month"\nlimit = 50',
    ),
    "rate": (
        "One block for each change of what another currency is worth in the house currency",
        'currency = "USD"\nrate = 0.86\nsince = 2026-11-01',
    ),
    "hardware": (
        "One block for each machine that runs engines",
        (
            'name = "gpu-1"\nengines = ["ollama", "vllm-*"]\n'
            'preset = "rtx4090"\nidle_watts = 70\npeak_watts = 560'
        ),
    ),
}
"""Block -> what it is for, and one that works. Every block of the settings has a line (a test says so)."""


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield MADE
    yield SETTINGS_PROSE
    section = ""
    for name in names():
        if name.split(".")[0] != section:
            section = name.split(".")[0]
            yield f"\n## [{section}]\n"
            yield _table("setting", "takes", "default", "why", "environment")
        about = schema(name)
        variables = [f"`{each}`" for each in (env_name(name), ALIASES.get(name)) if each]
        takes = " ".join(word for word in (expected(name), about.get("unit", "")) if word)
        default = _default(about["default"])
        cells = (f"`{name}`", _cell(takes), default, _cell(about["description"]), ", ".join(variables))
        yield f"| {' | '.join(cells)} |"
    for block, (what, example) in BLOCK_PROSE.items():
        yield f"\n## [[{block}]]\n"
        yield f"{what}:\n"
        yield f"```toml\n[[{block}]]\n{example}\n```\n"
        yield _table("setting", "default", "why")
        for key in keys(block):
            about = schema(f"{block}.{key}")
            default = _default(about["default"]) if "default" in about else "(needed)"
            yield f"| `{block}.{key}` | {default} | {_cell(about['description'])} |"
    yield SECRETS_PROSE


def _default(value: object) -> str:
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if value is None or value in ("", [], ()):
        return "(none)"
    if isinstance(value, dict):
        return "`{}`"
    if isinstance(value, list | tuple):
        return " ".join(f"`{part}`" for part in value)
    return f"`{value}`"


# ---- commands


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield MADE
    yield COMMANDS_PROSE
    for words, command in _leaves(command_tree, ("inhouse",)):
        context = click.Context(
            command, info_name=" ".join(words), help_option_names=["-h", "--help"], terminal_width=80
        )
        yield f"\n## `{' '.join(words)}`\n"
        yield f"```text\n{context.get_help().strip()}\n```"
    yield ""


def _leaves(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _leaves(found, (*words, name))


# ---- errors


def _errors() -> Iterator[str]:
    yield "# Errors\n"
    yield MADE
    yield ERRORS_PROSE
    yield _table("code", "HTTP", "exit", "tried again on", "meaning")
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, errors.InhouseError):
            meaning = _cell((kind.__doc__ or "").strip().split("\n\n")[0])
            retry = {"no": "nothing", "same_engine": "the same engine", "next_engine": "the next engine"}[
                kind.retry
            ]
            yield f"| `{kind.code}` | {kind.status} | {kind.exit_code} | {retry} | {meaning} |"
    yield ""


# ---- routes


def _routes() -> Iterator[str]:
    yield "# HTTP\n"
    yield MADE
    yield ROUTES_PROSE
    yield _table("route", "gives")
    yield "| `GET /` | The page |"
    yield "| `GET /static/{name}` | The page's files |"
    yield "| `GET /health` | Every check; 503 only when a required one is down |"
    yield "| `GET /health/live` | 200 while the process answers |"
    yield "| `GET /health/ready` | 200 when requests can be served; 503 while starting to stop |"
    described = _openapi()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"| `{method.upper()} {path}` | {_cell(operation['description'])} |"
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield from _inputs(f"{method.upper()} {path}", operation, described)
    yield from _EVENTS
    yield ""


def _openapi() -> Mapping[str, Any]:  # Any: an OpenAPI document
    from inhouse.serve.app import build_api

    return build_api(_no_parts(), stopping=asyncio.Event()).openapi()


def _no_parts() -> Parts:
    """Parts for describing routes: none of them is asked."""
    from inhouse.serve.parts import Limits, Parts

    blank: dict[str, Any] = dict.fromkeys(Parts.__dataclass_fields__)  # Any: never looked at
    return Parts(
        **(blank | {"version": inhouse.__version__, "ingest": None, "limits": Limits(), "settings": ()})
    )


def _inputs(route: str, operation: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (one["name"], one["in"], one["required"], one["schema"].get("default"))
        for one in operation.get("parameters", ())
        if one["in"] == "query"
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in body:
        shape = described["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        needed = shape.get("required", ())
        rows += [(key, "body", key in needed, one.get("default")) for key, one in shape["properties"].items()]
    if rows:
        yield f"\n## {route}\n"
        yield _table("name", "in", "default")
        for name, place, required, default in rows:
            yield f"| `{name}` | {place} | {'(needed)' if required else _default(default)} |"


_EVENTS = (
    "\n## Events of POST /app/ask\n",
    "`text/event-stream`; in this order:\n",
    _table("event", "data"),
    "| `started` | `chat_id`, `message_id`; null with `keep: false` |",
    "| `passages` | `passages`: the sources, before the first word |",
    "| `delta` | `text`: the next words, any number of times |",
    "| `sentence` | `text`, `citations`, `supported`: the sentence that just ended, checked |",
    "| `receipt` | engine, model, place, tokens, money, times |",
    "| `done` | the whole answer, as `inhouse ask --json` prints it, with `chat_id` and `message_id` |",
    "| `error` | `code`, `message`, `hint`: ends the stream instead of `done` |",
    """
Closing the connection cancels the answer; what was written is kept as `cancelled`. A server that is being
stopped ends the stream with `error` `shutting_down` and keeps the text as `interrupted`.""",
)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
