"""A house of forty documents with legs over a real loopback server; time stands still unless it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inhouse.gateway.edge.providers.http import HttpClient, HttpLimits
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.edge.rerank import HttpReranker
from inhouse.gateway.profiles import PROFILES
from inhouse.kernel.caller import Caller, Grant
from inhouse.kernel.documents import Passage
from inhouse.kernel.messages import EmbedRequest
from inhouse.kernel.ports import Embedded, EngineUsed
from inhouse.knowledge.edge.embed import EmbedWork
from inhouse.knowledge.edge.embed_bridge import Bridge
from inhouse.knowledge.edge.embed_examine import Examiner
from inhouse.knowledge.edge.embed_leg import EmbedSettings, Engine, VectorLeg
from inhouse.knowledge.edge.embed_store import VectorStore
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.rerank import RerankLeg, RerankSettings
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.store.database import Database
from tests.knowledge.shelf import fill
from tests.worlds.legs import FakeLegs

RU = (
    "отпуск отпуска;пропуск пропуска;договор договора;ноутбук ноутбука;оклад оклада;график графика;"
    "аванс аванса;телефон телефона;автомобиль автомобиля;кабинет кабинета;склад склада;"
    "принтер принтера;архив архива;обед обеда;больничный больничного;паспорт паспорта;"
    "отчёт отчёта;журнал журнала;ремонт ремонта;инструктаж инструктажа"
)
EN = (
    "badge laptop invoice warehouse printer salary vehicle holiday mentor contract helmet forklift cabinet"
    " canteen scanner password visitor training overtime parking"
)


def corpus() -> dict[str, str]:
    """Twenty Russian and twenty English documents, each about its own thing."""
    found = {}
    for at, forms in enumerate(RU.split(";")):
        name, of = forms.split()
        found[f"ru/{at}.md"] = (
            f"Кому нужен {name}, тот подаёт заявку через портал компании. Начальник отдела смотрит, нет ли"
            f" второго {of} у сотрудника. Если {name} больше не требуется, об этом пишут в канцелярию."
            f" Порядок выдачи {of} утверждает директор, и хранит его бухгалтерия вместе с другими бумагами."
        )
    for at, name in enumerate(EN.split()):
        found[f"en/{at}.md"] = (
            f"Whoever needs a {name} sends a request through the company portal. The head of department"
            f" checks that nobody has a second {name} already. When the {name} is not needed any more, the"
            f" office is told. The director signs the rules for every {name}, and accounting keeps them."
        )
    return found


class Direct:
    """The engine alone, as the gateway would ask it."""

    def __init__(self, provider: OpenAIProvider) -> None:
        self._provider = provider

    async def embed(
        self, request: EmbedRequest, *, request_id: str, user: str, grant: Grant | None = None
    ) -> Embedded:
        assert request.data == "local_only"
        made = await self._provider.embed(request, request.model or "")
        return Embedded(EngineUsed("fake", request.model, "local", ""), made)


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """`work` is stepped by the test; `plain` searches by words alone."""

    fake: FakeLegs
    database: Database
    store: VectorStore
    retrieve: Retrieve
    plain: Retrieve
    leg: VectorLeg
    http: HttpClient
    clock: Clock = field(default_factory=Clock)
    judge: HttpReranker | None = None

    def work(self, model: str = "fake-embed", *, batch: int = 16) -> EmbedWork:
        """Work for a model, as another process would begin it."""
        engine = Engine(Direct(self.provider()), data="local_only", new_id=lambda: "r")
        examiner = Examiner(self.database, self.store.book, analyzer(), now=self.clock)
        settings = EmbedSettings(model, batch=batch)
        return EmbedWork(self.database, self.store, engine, settings, examiner, judge=self.judge)

    def provider(self) -> OpenAIProvider:
        return OpenAIProvider("fake", self.fake.url, PROFILES["openai"], self.http, official=False)

    async def make(self, model: str = "fake-embed") -> EmbedWork:
        """Everything embedded and examined."""
        work = self.work(model)
        while await work.step():
            pass
        return work

    async def found(self, query: str, caller: Caller = Caller()) -> tuple[Passage, ...]:  # noqa: B008  frozen
        return await self.retrieve.search(caller, query, k=5)


@asynccontextmanager
async def world(
    tmp_path: Path,
    database: Database,
    lexical: Lexical,
    fake: FakeLegs,
    *,
    more: dict[str, str] | None = None,
    readers: dict[str, frozenset[str]] | None = None,
    form: str = "",
) -> AsyncIterator[World]:
    """The house for the length of the block; `form` adds a reranker that speaks it."""
    fill(database, lexical, corpus() | (more or {}), readers=readers)
    store = VectorStore(tmp_path / "vectors")
    http = HttpClient(HttpLimits(connect_timeout_s=2, whole_timeout_s=5))
    bridge = Bridge(asyncio.get_running_loop())
    clock = Clock()
    async with fake.running():
        try:
            direct = Direct(OpenAIProvider("fake", fake.url, PROFILES["openai"], http, official=False))
            engine = Engine(direct, data="local_only", new_id=lambda: "r")
            leg = VectorLeg(store, engine, bridge, EmbedSettings("fake-embed", timeout_s=0.3), clock=clock)
            judge = None
            if form:
                judge = HttpReranker(http, fake.url, model="m", form=form, key="", timeout_s=5)  # type: ignore[arg-type]
            reranker = (
                RerankLeg(judge, store.book, bridge, RerankSettings(10, 0.3), clock=clock) if judge else None
            )
            retrieve = Retrieve(database, lexical, vectors=leg, reranker=reranker)
            plain = Retrieve(database, lexical)
            yield World(fake, database, store, retrieve, plain, leg, http, clock, judge)
        finally:
            await http.close()
