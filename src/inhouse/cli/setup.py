"""What every command starts from: settings, the home, and a way into the house."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from inhouse.config import Home, Loaded, default_root, load, open_home, read_dotenv
from inhouse.kernel.errors import HomeBusy

if TYPE_CHECKING:
    from inhouse.cli.client import HouseClient
    from inhouse.ops.doctor import Facts
    from inhouse.serve.parts import Parts

__all__ = ["Builder", "Open", "Owner", "Setup", "setup_of"]


KEY = "INHOUSE_API_KEY"
"""The environment variable with an API key, as the Python client has it."""
NEED_LOCK = frozenset({"ingest", "documents rm", "acl check", "acl set", "groups rename", "groups rm"})
"""Commands that change documents: only whoever holds the home's lock may."""


class Owner(Protocol):
    """Who holds a home; `address` is empty while it serves no HTTP, `role` is `all` or `gateway`."""

    @property
    def pid(self) -> int: ...
    @property
    def command(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def role(self) -> str: ...


class Open(Protocol):
    """An open house."""

    @property
    def parts(self) -> Parts: ...

    def announce(self, address: str) -> None:
        """Tell other commands where this house serves."""
        ...


class Builder(Protocol):
    """What `compose` does for the commands."""

    def owner(self, home: Home) -> Owner | None: ...

    def open_house(
        self, loaded: Loaded, home: Home, *, command: str, writer: bool
    ) -> contextlib.AbstractAsyncContextManager[Open]: ...

    def start_logging(self, loaded: Loaded, home: Home | None, *, serving: bool) -> None: ...

    def port_holder(self, port: int) -> str | None: ...

    def take_in(self, home: Home, path: Path) -> str: ...

    async def doctor_facts(self, loaded: Loaded, home: Home) -> Facts: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """`builder` makes the real objects; tests hand in one that makes fakes."""

    environment: Mapping[str, str]
    folder: Path
    builder: Builder

    @property
    def root(self) -> Path:
        """Where the home is; `.env` may say it too."""
        if self.environment.get("INHOUSE_HOME"):
            return default_root(self.environment)
        return default_root({**self.environment, **read_dotenv(self.folder / ".env")})

    def settings(self, overrides: Mapping[str, tuple[object, str]] | None = None) -> Loaded:
        """The settings in force."""
        return load(self.root, environment=self.environment, folder=self.folder, overrides=overrides)

    def home(self) -> Home:
        """The home, made when it is not there."""
        return open_home(self.root)

    @contextlib.asynccontextmanager
    async def client(
        self, command: str, *, user: str = "", writing: bool = False
    ) -> AsyncIterator[HouseClient]:
        """The house: through the server that has it open, else opened here for the time of the block.

        A gateway alone has nothing to ask at `/app`, so the house is opened here, beside it: what is
        written then goes to the database, where the gateway looks for it every second. Only its documents
        cannot be changed, which needs the lock that the gateway holds.

        Raises:
            HomeBusy: if `writing`, and another command that is no server holds the home; or a gateway
                alone, where documents are to be changed.
        """
        from inhouse.cli.client import HouseClient
        from inhouse.cli.transport import InProcess, OverHttp

        loaded, home = self.settings(), self.home()
        owner = self.builder.owner(home)
        # Only the process that holds the home writes its log file.
        self.builder.start_logging(loaded, home if writing and not owner else None, serving=False)
        beside = owner is not None and owner.role == "gateway"
        if owner and owner.address and not beside:
            yield HouseClient(OverHttp(owner.address), user=user, key=self.environment.get(KEY, ""))
            return
        from inhouse.serve.app import build_app

        if owner and beside and command in NEED_LOCK:
            raise HomeBusy(
                f"`inhouse {owner.command} --role gateway` (process {owner.pid}) has the home open,"
                " and beside it documents cannot be changed",
                hint="stop it for that time, or run `inhouse serve`, which takes documents itself",
            )
        writer = writing and not beside
        async with self.builder.open_house(loaded, home, command=command, writer=writer) as house:
            app = build_app(house.parts, stopping=asyncio.Event())
            yield HouseClient(InProcess(app), user=user)

    @contextlib.asynccontextmanager
    async def house(self, command: str) -> AsyncIterator[Open]:
        """The house opened here for reading, beside a server or not."""
        loaded, home = self.settings(), self.home()
        self.builder.start_logging(loaded, None, serving=False)
        async with self.builder.open_house(loaded, home, command=command, writer=False) as house:
            yield house


def setup_of(context: click.Context) -> Setup:
    """What the group was given, else the real thing."""
    given = context.find_object(Setup)
    if given is not None:
        return given
    from inhouse import compose

    return Setup(environment=os.environ, folder=Path.cwd(), builder=compose)
