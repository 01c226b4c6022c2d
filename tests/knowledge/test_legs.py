"""The vector leg over a real engine: what it finds, when it counts, and what its faults cost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
import numpy
import pytest
from sqlalchemy import select, update

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.documents import Scope
from inhouse.kernel.errors import InhouseError
from inhouse.knowledge.edge.embed_leg import EmbedSettings, VectorLeg
from inhouse.knowledge.edge.embed_store import Examined, VectorStore
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.retrieve import Retrieve
from inhouse.knowledge.edge.retrieve_states import LegWishes, vector_state
from inhouse.knowledge.edge.tables import documents, texts
from inhouse.knowledge.edge.vectors import fingerprint, stored_models
from inhouse.knowledge.gate import REFUSE_BELOW
from inhouse.knowledge.selfcheck import Checked, stranger_angle
from inhouse.store.database import Database
from tests.knowledge.legs_world import EN, RU, World, world
from tests.worlds.legs import FakeLegs, Fault

QUESTIONS = {
    f"ru/{at}.md": f"кто хранит порядок для {forms.split()[1]}" for at, forms in enumerate(RU.split(";"))
}
FAULTS = [fault for fault in get_args(Fault) if fault not in ("none", "lying", "hang")]


def checks(of: World) -> dict[str, Checked]:
    examined = of.store.book.notes().vectors
    assert examined is not None
    return {check.language: check for check in examined.checks}


def said(of: World) -> str:
    return vector_state(LegWishes("fake-embed"), of.store.book.notes(), of.leg.breaker).words


async def right(of: World, *, legs: bool = True) -> int:
    """How many of twenty Russian questions bring the right document first."""
    search = of.retrieve if legs else of.plain
    found = [await search.search(Caller(), question, k=1) for question in QUESTIONS.values()]
    return sum(one[0].document == path for one, path in zip(found, QUESTIONS, strict=True))


async def test_a_good_model_counts_in_both_languages(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """Passed in ru and en, not across; passages carry the angle, and every document is marked as known."""
    async with world(tmp_path, database, lexical, FakeLegs()) as house:
        assert "vectors are being made" in said(house) or "not examined" in said(house)
        await house.make()
        assert {name: check.passed for name, check in checks(house).items()} == {
            "ru": True,
            "en": True,
            "ru-en": False,
        }
        (best, *_) = await house.found("кому нужен паспорт")
        assert best.vector is not None
        assert best.vector > 0.3
        assert said(house).startswith("fake-embed: ru on (")
        with database.read() as connection:
            marks = set(connection.execute(select(documents.c.embedded)).scalars())
        (model,) = stored_models(tmp_path / "vectors")
        assert marks == {fingerprint(model)}


async def test_an_english_model_is_off_for_russian(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """Russian results are those of the words to the digit; let in by force, it pushes right ones down."""
    async with world(tmp_path, database, lexical, FakeLegs("english")) as house:
        await house.make()
        assert not checks(house)["ru"].passed
        assert checks(house)["en"].passed
        assert "ru off (" in said(house)
        for question in QUESTIONS.values():
            assert await house.found(question) == await house.plain.search(Caller(), question, k=5)
        (english, *_) = await house.found("who needs a forklift")
        assert english.vector is not None
        honest = await right(house)
        notes = house.store.book.notes().vectors
        assert notes is not None
        forced = (Checked("ru", 20, 20, 20, passed=True, weight=0.9),)
        house.store.book.note(vectors=Examined(model=notes.model, at=0.0, chunks=notes.chunks, checks=forced))
        assert await right(house) < honest == await right(house, legs=False)


async def test_a_model_that_knows_nothing_is_off(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """Vectors by chance pass in no language."""
    async with world(tmp_path, database, lexical, FakeLegs("random")) as house:
        await house.make()
        assert not any(check.passed for check in checks(house).values())
        assert all(p.vector is None for p in await house.found("кому нужен паспорт"))


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_engine_costs_only_its_leg(
    tmp_path: Path, database: Database, lexical: Lexical, fault: Fault
) -> None:
    """Work stops with a reason, nothing is marked, searches are those of the words; then it goes on."""
    fake = FakeLegs(fault=fault)
    async with world(tmp_path, database, lexical, fake) as house:
        work = house.work()
        with pytest.raises((InhouseError, ValueError)):
            while await work.step():
                pass
        assert fake.fired > 0
        question = QUESTIONS["ru/3.md"]
        assert await house.found(question) == await house.plain.search(Caller(), question, k=5)
        fake.fault = "none"
        await house.make()
        assert checks(house)["ru"].passed


@pytest.mark.parametrize("fault", [*FAULTS, "hang"])
async def test_an_engine_that_fails_later_costs_nobody_a_passage(
    tmp_path: Path, database: Database, lexical: Lexical, fault: Fault
) -> None:
    """Each question falls back to the words; after three faults nobody asks until half a minute is over."""
    fake = FakeLegs()
    async with world(tmp_path, database, lexical, fake) as house:
        await house.make()
        fake.fault = fault
        for question in list(QUESTIONS.values())[:5]:
            assert await house.found(question) == await house.plain.search(Caller(), question, k=5)
        assert fake.fired == 3
        assert "words alone decide" in said(house)
        fake.fault = "none"
        house.clock.now += 31
        assert (await house.found(QUESTIONS["ru/7.md"]))[0].vector is not None


async def test_a_damaged_shelf_costs_nobody_a_passage(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """Vectors that cannot be trusted are left out of the search; the words answer."""
    async with world(tmp_path, database, lexical, FakeLegs()) as house:
        await house.make()
        question = QUESTIONS["ru/3.md"]
        plain = await house.plain.search(Caller(), question, k=5)
        assert await house.found(question) != plain
        house.store = VectorStore(tmp_path / "vectors")
        for path in (tmp_path / "vectors").rglob("*"):
            if path.is_file() and path.name not in ("legs.json", "model.json", "readers.json"):
                path.write_bytes(b"broken" * 100)
        fresh = VectorLeg(
            house.store, house.leg._engine, house.leg._bridge, EmbedSettings("m"), clock=house.clock
        )
        again = Retrieve(database, lexical, vectors=fresh)
        assert await again.search(Caller(), question, k=5) == plain
        assert fresh.breaker.said


async def test_a_new_model_takes_over_when_it_knows_everything(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """While it is being made ready the old vectors answer; then the old files are gone."""
    fake = FakeLegs()
    async with world(tmp_path, database, lexical, fake) as house:
        await house.make()
        (old,) = stored_models(tmp_path / "vectors")
        work = house.work("other")
        assert await work.step()
        assert len(stored_models(tmp_path / "vectors")) == 2
        assert house.store.book.notes().active == old
        assert (await house.found(QUESTIONS["ru/3.md"]))[0].vector is not None
        while await work.step():
            pass
        (new,) = stored_models(tmp_path / "vectors")
        assert new.name == "other"
        assert house.store.book.notes().active == new
        assert (await house.found(QUESTIONS["ru/3.md"]))[0].vector is not None


async def test_unchanged_texts_are_not_embedded_again(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """A document that comes back with the same text costs no request; an erasure forgets for good."""
    fake = FakeLegs()
    async with world(tmp_path, database, lexical, fake) as house:
        await house.make()
        asked = len(fake.seen)
        for forget in (False, True):
            house.store.remove(["ru/3.md"])
            if forget:
                house.store.compact()
            with database.write() as connection:
                chosen = update(documents).where(documents.c.document_id == "ru/3.md")
                connection.execute(chosen.values(embedded=""))
            await house.make()
            assert "ru/3.md" in house.store.of(stored_models(tmp_path / "vectors")[0]).documents()
            # One to learn the dimension, and one for the text itself after the erasure.
            assert len(fake.seen) - asked == (3 if forget else 1)


async def test_a_document_removed_meanwhile_gets_no_vectors(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """It went to the trash while the engine was at work: its vectors are not written after that."""
    fake = FakeLegs()

    def trash(given: object) -> None:
        if any("паспорт" in text for text in given):  # type: ignore[attr-defined]
            with database.write() as connection:
                chosen = update(documents).where(documents.c.document_id == "ru/15.md")
                connection.execute(chosen.values(status="trashed"))

    fake.before = trash
    async with world(tmp_path, database, lexical, fake) as house:
        await house.make()
        known = house.store.of(stored_models(tmp_path / "vectors")[0]).documents()
        assert "ru/14.md" in known
        assert "ru/15.md" not in known


async def test_forbidden_vectors_are_not_there(tmp_path: Path, database: Database, lexical: Lexical) -> None:
    """Whoever may not read a document gets the results and scores of a house without it."""
    secret = {
        "secret/merger.md": "Кому нужен паспорт сделки, тот молчит. Начальник паспорта сделки знает всё."
    }
    fake = FakeLegs()
    async with world(
        tmp_path, database, lexical, fake, more=secret, readers={"secret/merger.md": frozenset({"board"})}
    ) as house:
        await house.make()
        board = Caller("eva", frozenset({EVERYONE, "board"}))
        assert "secret/merger.md" in {p.document for p in await house.found("паспорт сделки", board)}
        before = await house.found("паспорт сделки")
        assert "secret/merger.md" not in {p.document for p in before}
        house.store.remove(["secret/merger.md"])
        assert await house.found("паспорт сделки") == before


def strength_of(of: World, question: str) -> float:
    return of.retrieve.find(Caller(), question, k=5, scope=Scope()).strength


MEANS = {
    "пропуск": "badge",
    "каск": "helmet",
    "погрузчик": "forklift",
    "стоянк": "parking",
    "парол": "password",
}


async def test_a_bilingual_model_joins_the_languages(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """A Russian question finds the English document, which words cannot; only where the model can do it."""
    question = "погрузчик"
    right_one = f"en/{EN.split().index('forklift')}.md"
    async with world(tmp_path, database, lexical, FakeLegs("bilingual", means=MEANS)) as house:
        assert right_one not in {p.document for p in await house.plain.search(Caller(), question, k=5)}
        await house.make()
        assert checks(house)["ru-en"].passed
        assert (await house.found(question))[0].document == right_one
        # Sentences against sentences, as here, come nearer by chance than a word to a passage does.
        assert strength_of(house, question) < REFUSE_BELOW
        notes = house.store.book.notes().vectors
        assert notes is not None
        near = tuple(replace(check, stranger=min(check.stranger, 0.2)) for check in notes.checks)
        house.store.book.note(vectors=msgspec.structs.replace(notes, checks=near))
        assert strength_of(house, question) >= REFUSE_BELOW, "hedged: other words for the same thing"
        for stranger in ("who sings in the opera of Sydney", "как вырастить дыни на балконе"):
            assert strength_of(house, stranger) < REFUSE_BELOW


def test_a_strangers_angle_is_that_of_wrong_passages() -> None:
    """All but a twentieth of the probes have no wrong passage that near; too few probes say nothing."""
    rows = numpy.eye(20, dtype=numpy.float32)
    assert stranger_angle(rows, rows) == 0.0
    close = rows * 0.8 + 0.1
    assert stranger_angle(rows, close) == pytest.approx(0.1)
    assert stranger_angle(rows[:5], rows[:5]) == 1.0


async def test_a_model_of_two_separate_languages_joins_nothing(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """The control: letter groups know both languages, and no English passage comes to a Russian question."""
    async with world(tmp_path, database, lexical, FakeLegs()) as house:
        await house.make()
        found = await house.found("погрузчик")
        assert all(p.document.startswith("ru/") for p in found)


async def test_work_goes_on_where_a_dead_process_stopped(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """A second process embeds only what the first one did not."""
    fake = FakeLegs()
    async with world(tmp_path, database, lexical, fake) as house:
        assert await house.work().step()
        done = set(fake.seen)
        house.store = VectorStore(tmp_path / "vectors")
        while await house.work().step():
            pass
        with database.read() as connection:
            whole = list(connection.execute(select(texts.c.text)).scalars())
        again = [text for text in whole if sum(text in each for each in fake.seen) > 1]
        assert len(again) == 0
        assert len(done) == 9


async def test_the_background_task_waits_longer_and_longer(
    tmp_path: Path, database: Database, lexical: Lexical
) -> None:
    """Faults are noted and shown; pauses grow; it ends at once when it is stopped."""
    fake = FakeLegs(fault="500")
    async with world(tmp_path, database, lexical, fake) as house:
        pauses: list[float] = []
        enough = asyncio.Event()

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 4:
                enough.set()
                await asyncio.Event().wait()

        work = house.work()
        work._sleep = sleep
        work.start()
        await enough.wait()
        await work.stop()
        assert pauses == [1, 2, 4, 8]
        assert "out of memory" in said(house) or "500" in said(house)
