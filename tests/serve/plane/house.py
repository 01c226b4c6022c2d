"""The wire surfaces over scripted engines, behind the real door, on a real loopback port.

Everything between the socket and the provider is the real thing: uvicorn, `Door`, `Front`, the surface,
`Dispatch` with its rules. The provider plays a script, and key, limits, catalogue and models are values.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.dispatch import Dispatch
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.edge.providers.scripted import Scene, ScriptedProvider
from inhouse.gateway.fleet import Engine, EngineState, Model
from inhouse.gateway.ports import InstalledModel, ModelCard, ModelStore, PullProgress
from inhouse.gateway.rules import Rules
from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import EngineRefused, InhouseError, NotFound, Unauthorized
from inhouse.kernel.messages import (
    ChatRequest,
    Embeddings,
    EmbedRequest,
    Finished,
    TextDelta,
    Usage,
    UsageSeen,
)
from inhouse.kernel.ports import ChatModel, Embedded, EngineUsed, Outcome
from inhouse.serve.connection import SlowRequests
from inhouse.serve.middleware import CLOSED, Door, Doors
from inhouse.serve.plane.front import Front, Surface
from inhouse.serve.plane.idempotency import Repeats
from inhouse.serve.plane.parts import Express, Offer, PlaneParts
from inhouse.serve.plane.refused import Refusals
from inhouse.serve.plane.watch import Patience
from inhouse.serve.server import address, bind, serve
from inhouse.serve.wire import Receive, Scope, Send

__all__ = [
    "HELLO",
    "NOW",
    "FakeCatalogue",
    "FakeEmbedder",
    "FakeGate",
    "FakeModels",
    "Plane",
    "Row",
    "Shelf",
    "open_plane",
]

NOW = 1_795_000_000.0
HELLO: tuple[Scene, ...] = (
    TextDelta("Leave is "),
    TextDelta("28 days."),
    UsageSeen(Usage(21, 3)),
    Finished(),
)


@dataclass
class Row:
    """One row of the ledger."""

    request_id: str
    user: str
    task: str
    key: str = ""
    team: str = ""
    requested: str | None = None
    outcome: Outcome | None = None
    used: EngineUsed | None = None
    usage: Usage | None = None
    code: str | None = None

    def close(
        self,
        outcome: Outcome,
        used: EngineUsed,
        usage: Usage,
        *,
        code: str | None = None,
        **_more: object,
    ) -> None:
        """The first end counts."""
        if self.outcome is None:
            self.outcome, self.used, self.usage, self.code = outcome, used, usage, code


@dataclass
class Shelf:
    """Accounts in memory."""

    rows: list[Row] = field(default_factory=list)

    def open(
        self,
        *,
        request_id: str,
        user: str,
        task: str,
        key: str = "",
        team: str = "",
        requested: str | None = None,
    ) -> Row:
        """A new row."""
        self.rows.append(Row(request_id, user, task, key, team, requested))
        return self.rows[-1]


@dataclass
class FakeAdmission:
    """Counts itself out."""

    gate: FakeGate
    open: bool = True

    def close(self, tokens: int = 0) -> None:
        """Once."""
        self.gate.under_way -= self.open
        self.open = False


@dataclass
class FakeGate:
    """Everybody gets `default`; a bearer of one of `keys` gets its grant, any other secret is wrong.

    `refuse` is raised instead of admitting. `under_way` counts admitted requests without an end.
    """

    default: Grant = field(default_factory=Grant)
    keys: dict[str, Grant] = field(default_factory=dict)
    refuse: InhouseError | None = None
    under_way: int = 0
    seen: list[str] = field(default_factory=list)

    def grant(self, secret: str, *, user: str, loopback: bool) -> Grant:
        """See `Gatekeeper.grant`."""
        self.seen.append(secret)
        if secret and self.keys and secret not in self.keys:
            raise Unauthorized("This API key is not known", hint="`inhouse keys ls` shows all")
        found = self.keys.get(secret, self.default)
        return replace(found, user=user) if user and loopback and not found.key else found

    def admit(self, grant: Grant) -> FakeAdmission:
        """See `Gatekeeper.admit`."""
        if self.refuse is not None:
            raise self.refuse
        self.under_way += 1
        return FakeAdmission(self)


@dataclass
class FakeCatalogue:
    """A list of offers; a grant with `models` sees those of exactly these names."""

    all: tuple[Offer, ...]
    means: dict[str, Offer] = field(default_factory=dict)
    refuses: dict[str, InhouseError] = field(default_factory=dict)

    def offers(self, grant: Grant) -> tuple[Offer, ...]:
        """See `Catalogue.offers`."""
        return tuple(each for each in self.all if not grant.models or each.name in grant.models)

    def stands_for(self, name: str, grant: Grant, data: str = "any") -> Offer | None:
        """See `Catalogue.stands_for`: what `means` says of names that are not listed."""
        return self.means.get(name)

    def why_not(self, name: str, grant: Grant, data: str = "any") -> InhouseError | None:
        """See `Catalogue.why_not`: what `refuses` says of a name."""
        return self.refuses.get(name)


@dataclass
class FakeEmbedder:
    """Makes a vector of any text: the text's length, then 0.5, then -2. Two tokens for each text."""

    seen: list[tuple[EmbedRequest, str, Grant | None]] = field(default_factory=list)
    error: InhouseError | None = None

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        """See `Embedder.embed`."""
        self.seen.append((request, user, grant))
        if self.error is not None:
            raise self.error
        size = request.dimensions or 3
        vectors = tuple((float(len(text)), 0.5, -2.0)[:size] for text in request.inputs)
        usage = Usage(2 * len(request.inputs), 0)
        return Embedded(EngineUsed("house", "m", "local", "scripted"), Embeddings(vectors, usage))


@dataclass
class FakeModels:
    """Pulls in three steps what is not `missing`, keeps uploaded bytes, and remembers what was asked."""

    pulled: list[tuple[str, str]] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)
    copied: list[tuple[str, str]] = field(default_factory=list)
    created: list[tuple[str, str]] = field(default_factory=list)
    sent_on: list[tuple[str, bytes]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    files: tuple[InstalledModel, ...] = ()
    cards: dict[str, ModelCard] = field(default_factory=dict)

    def installed(self) -> tuple[InstalledModel, ...]:
        """See `ModelStore.installed`."""
        return self.files

    async def card(self, engine: str, model: str) -> ModelCard:
        """See `ModelStore.card`."""
        return self.cards.get(f"{engine}/{model}", ModelCard())

    async def pull(self, engine: str, model: str) -> AsyncIterator[PullProgress]:
        """See `ModelStore.pull`."""
        if model == "missing":
            raise EngineRefused("pull model manifest: file does not exist", engine=engine)
        self.pulled.append((engine, model))
        yield PullProgress("pulling manifest")
        yield PullProgress("pulling 0123456789ab", 50, 100)
        yield PullProgress("success")

    async def remove(self, engine: str, model: str) -> None:
        """See `ModelStore.remove`."""
        _must_be_there(model)
        self.removed.append((engine, model))

    async def copy(self, source: str, destination: str) -> None:
        """See `ModelStore.copy`."""
        _must_be_there(source)
        self.copied.append((source, destination))

    async def create(self, model: str, digest: str) -> InstalledModel:
        """See `ModelStore.create`."""
        if digest not in self.blobs:
            raise NotFound(f"No file was uploaded under {digest}")
        self.created.append((model, digest))
        return InstalledModel(
            name=model,
            path=Path("/nowhere") / model,
            sha256=digest.removeprefix("sha256:"),
            size_bytes=len(self.blobs[digest]),
            origin="upload",
            architecture="llama",
            context_tokens=2048,
            parameters=None,
            quantization="",
            modified_at=NOW,
        )

    async def create_there(self, engine: str, body: bytes) -> AsyncIterator[PullProgress]:
        """See `ModelStore.create_there`."""
        self.sent_on.append((engine, body))
        yield PullProgress("success")

    async def has_blob(self, digest: str) -> bool:
        """See `ModelStore.has_blob`."""
        return digest in self.blobs

    async def put_blob(self, digest: str, pieces: AsyncIterator[bytes]) -> bool:
        """See `ModelStore.put_blob`."""
        known = digest in self.blobs
        self.blobs[digest] = b"".join([piece async for piece in pieces])
        return not known


def _must_be_there(model: str) -> None:
    if model == "missing":
        raise NotFound(f"There is no model `{model}`")


@dataclass
class Plane:
    """A running front and everything behind it."""

    url: str
    parts: PlaneParts
    door: Door
    provider: ScriptedProvider
    shelf: Shelf
    gate: FakeGate
    catalogue: FakeCatalogue
    embedder: FakeEmbedder
    models: FakeModels
    refusals: Refusals

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def seen(self) -> list[tuple[ChatRequest, str]]:
        """Every chat request that reached the engine, with the engine's name of the model."""
        return self.provider.seen

    @property
    def request(self) -> ChatRequest:
        """The only chat request that reached the engine."""
        ((request, _model),) = self.provider.seen
        return request

    @property
    def row(self) -> Row:
        """The only row of the ledger."""
        (row,) = self.shelf.rows
        return row


@asynccontextmanager
async def open_plane(
    *surfaces: Surface,
    scripts: Sequence[Sequence[Scene]] = (HELLO,),
    models: Sequence[str] = ("m",),
    offers: Sequence[Offer] | None = None,
    gate: FakeGate | None = None,
    rules: Rules | None = None,
    chat: ChatModel | None = None,
    provider: Provider | None = None,
    max_body_bytes: int = 1 << 20,
    shelves: ModelStore | None = None,
    patience: Patience | None = None,
    slow: SlowRequests | None = None,
    state: EngineState = "up",
    repeats: Repeats | None = None,
    doors: Doors = CLOSED,
    express: Express | None = None,
) -> AsyncIterator[Plane]:
    """Serve the surfaces for the length of the block.

    One local engine `house` with `models`, in `state`, plays one of `scripts` per request, unless `provider`
    answers for it. `chat` replaces the dispatch, `express` is its short way, `shelves` the store of models.
    """
    scripted = ScriptedProvider(*scripts, name="house")
    board = FleetBoard(lambda: NOW)
    board.show([Engine("house", "scripted", "local", "", state, tuple(Model(name) for name in models))])
    shelf, stopping, ids = Shelf(), asyncio.Event(), count(1)
    dispatch = Dispatch(
        board,
        lambda _engine: provider or scripted,
        shelf,
        lambda: rules or Rules(),
        clock=lambda: NOW,
        stopwatch=lambda: NOW,
    )
    shown = offers if offers is not None else [Offer(name, "house", "scripted", "local") for name in models]
    catalogue, embedder, store = FakeCatalogue(tuple(shown)), FakeEmbedder(), FakeModels()
    parts = PlaneParts(
        version="1.2.3",
        chat=chat or dispatch,
        embedder=embedder,
        accounts=shelf,
        catalogue=catalogue,
        gate=gate or FakeGate(),
        models=shelves or store,
        stopping=stopping,
        clock=lambda: NOW,
        new_id=lambda: f"{next(ids):024d}",
        express=express,
    )
    front = Front(parts, surfaces, repeats=repeats, patience=patience)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not await front(scope, receive, send):
            raise NotFound(f"There is nothing at {scope['path']}")

    door = Door(app, max_body_bytes=max_body_bytes, doors=doors, words=front.words)
    listener, ready = bind("127.0.0.1", 0), asyncio.Event()
    server = asyncio.ensure_future(
        serve(door, listener, stopping=stopping, on_ready=ready.set, slow=slow or SlowRequests())
    )
    started = asyncio.ensure_future(ready.wait())
    await asyncio.wait({server, started}, return_when=asyncio.FIRST_COMPLETED)
    assert isinstance(parts.gate, FakeGate)
    try:
        yield Plane(
            url=address(listener),
            parts=parts,
            door=door,
            provider=scripted,
            shelf=shelf,
            gate=parts.gate,
            catalogue=catalogue,
            embedder=embedder,
            models=store,
            refusals=front.refusals,
        )
    finally:
        stopping.set()
        await asyncio.wait_for(server, 15)
