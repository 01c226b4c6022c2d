"""A whole house with a vendor beside it: priced, budgeted, refused when the budget is empty, in the books."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inhouse import compose
from inhouse.cli.client import HouseClient
from inhouse.cli.transport import InProcess
from inhouse.config import load, open_home
from inhouse.kernel.errors import InhouseError
from inhouse.kernel.messages import ChatMessage, ChatRequest
from inhouse.serve.app import build_app
from tests.worlds.engines import FakeEngine

pytestmark = pytest.mark.slow

SETTINGS = """
[cloud]
allowed = true

[engines]
probe_local_ports = false
embedded = "off"

[money]
currency = "EUR"

[[rate]]
currency = "USD"
rate = 0.5
since = 2026-01-01

[[engine]]
name = "vendor"
kind = "ollama"
url = "{url}"
where = "cloud"

[[price]]
model = "m"
currency = "USD"
input = 1000
output = 2000

[[budget]]
scope = "user"
period = "day"
limit = 0.6
"""
ASKED = ChatRequest((ChatMessage("user", "hello"),), model="m", data="any", max_tokens=50)


async def test_a_budget_from_the_file_to_the_ledger(tmp_path: Path) -> None:
    """Dollars become euros, requests are charged until the budget refuses the next, a restart remembers."""
    home = open_home(tmp_path / "home")
    async with FakeEngine("ollama").running() as engine:
        (home.root / "inhouse.toml").write_text(SETTINGS.replace("{url}", engine.url), "utf-8")
        loaded = load(home.root, environment={}, folder=tmp_path)
        compose.start_logging(loaded, None, serving=False)
        served = 0
        for _start in range(2):
            async with compose.open_house(loaded, home, command="test", writer=True) as opened:
                await opened.parts.fleet.refresh()
                chat = opened.parts.chat
                assert chat is not None
                with pytest.raises(InhouseError) as caught:
                    for number in range(100):
                        answer = await chat.open(ASKED, request_id=f"r{number}", user="anna")
                        async for _event in answer:
                            pass
                        served += 1
                assert "budget" in caught.value.message
                house = HouseClient(InProcess(build_app(opened.parts, stopping=asyncio.Event())), user="")
                usage = await house.usage(by="user")
                rows = (await house.request("r0")).rows
        assert served == len(engine.chats) > 1
        (anna,) = usage.sums
        paid = [row for row in usage.rows if row.where == "cloud" and row.outcome == "ok"]
        assert [row.cost_micros for row in paid] == [
            (row.input_tokens * 1000 + row.output_tokens * 2000) // 2 for row in paid
        ]
        assert anna.cost_micros == sum(row.cost_micros or 0 for row in paid) <= 600_000
        assert anna.cost_micros > 450_000
        assert usage.money is not None
        assert usage.money.currency == "EUR"
        assert {row.outcome for row in rows} == {"ok", "refused"}


LOCAL = """
[engines]
probe_local_ports = false
embedded = "off"
ollama_url = "{url}"

[money]
electricity_kwh = 1000000

[[hardware]]
name = "gpu"
idle_watts = 0
peak_watts = 100
capex = 0
"""


async def test_the_receipt_of_an_answer_is_what_the_books_say(tmp_path: Path) -> None:
    """Cost and saving of an answer from documents are those of its ledger row, and known."""
    home = open_home(tmp_path / "home")
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "leave.md").write_text("# Leave\n\nAnnual leave is 28 calendar days.\n", "utf-8")
    async with FakeEngine("ollama", words=("Annual leave is 28 calendar days [S1.1].",)).running() as engine:
        (home.root / "inhouse.toml").write_text(LOCAL.replace("{url}", engine.url), "utf-8")
        loaded = load(home.root, environment={}, folder=tmp_path)
        async with compose.open_house(loaded, home, command="test", writer=True) as opened:
            assert opened.parts.ingest is not None
            await asyncio.to_thread(opened.parts.ingest.run, [papers])
            await opened.parts.fleet.refresh()
            house = HouseClient(InProcess(build_app(opened.parts, stopping=asyncio.Event())), user="")
            events = [event async for event in house.ask("How long is annual leave?", keep=False)]
            (row,) = (await house.usage(limit=1)).rows
            savings = await house.savings(by="model")
    receipt = events[-1][1]["receipt"]
    assert isinstance(receipt, dict)
    assert (receipt["engine"], receipt["where"]) == ("ollama", "local")
    assert row.cost_micros is not None
    assert row.saved_micros is not None
    assert (receipt["cost_micros"], receipt["saved_micros"]) == (row.cost_micros, row.saved_micros)
    assert savings.total.reference_micros == row.cost_micros + row.saved_micros
    assert savings.net_micros is not None
