"""A builder of fake houses, and a way to run commands in it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result

from inhouse import compose
from inhouse.cli.main import main
from inhouse.cli.setup import Setup
from inhouse.config import Home, Loaded
from inhouse.kernel.errors import HomeBusy
from inhouse.ops.doctor import Facts
from inhouse.ops.edge.logs import LogChoices, start_logging
from inhouse.serve.parts import Parts
from tests.ops.facts import GOOD
from tests.serve.fakes import FakeHouse


@dataclass(frozen=True)
class FakeOwner:
    pid: int = 4711
    command: str = "serve"
    address: str = ""
    role: str = "all"


@dataclass
class OpenHouse:
    parts: Parts
    announced: list[str] = field(default_factory=list)

    def announce(self, address: str) -> None:
        self.announced.append(address)


@dataclass
class FakeBuilder:
    fakes: FakeHouse = field(default_factory=FakeHouse)
    holder: FakeOwner | None = None
    facts: Facts = GOOD
    opened: list[tuple[str, bool]] = field(default_factory=list)
    houses: list[OpenHouse] = field(default_factory=list)
    taken: list[Path] = field(default_factory=list)
    closed: int = 0

    def owner(self, home: Home) -> FakeOwner | None:
        return self.holder

    @contextlib.asynccontextmanager
    async def open_house(
        self, loaded: Loaded, home: Home, *, command: str, writer: bool
    ) -> AsyncIterator[OpenHouse]:
        if writer and self.holder:
            raise HomeBusy("The home is in use", hint="wait")
        self.opened.append((command, writer))
        self.fakes.writable = writer
        house = OpenHouse(self.fakes.parts)
        self.houses.append(house)
        try:
            yield house
        finally:
            self.closed += 1

    def start_logging(self, loaded: Loaded, home: Home | None, *, serving: bool) -> None:
        start_logging(LogChoices())

    def port_holder(self, port: int) -> str | None:
        return "fake-program (process 12)"

    def take_in(self, home: Home, path: Path) -> str:
        self.taken.append(path)
        return path.stem

    async def doctor_facts(self, loaded: Loaded, home: Home) -> Facts:
        return self.facts


def run(
    tmp_path: Path,
    *words: str,
    builder: FakeBuilder | None = None,
    typed: str | None = None,
    **environment: str,
) -> Result:
    """Run `inhouse words…` in a fresh home with fakes behind it."""
    given = {"INHOUSE_HOME": str(tmp_path / ".home"), **environment}
    setup = Setup(environment=given, folder=tmp_path, builder=builder or FakeBuilder())
    return CliRunner().invoke(main, words, obj=setup, input=typed)


def run_real(environment: Mapping[str, str], *words: str) -> Result:
    """Run `inhouse words…` on a real home in this process, which has loaded the libraries already.

    The folder of the command is HOME.
    """
    setup = Setup(environment=environment, folder=Path(environment["HOME"]), builder=compose)
    return CliRunner().invoke(main, words, obj=setup, catch_exceptions=False)
