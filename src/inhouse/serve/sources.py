"""`/app/admin/sources`: where documents come from, who may read them, and how the last look went."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from inhouse.kernel.caller import Readers
from inhouse.kernel.errors import Unavailable
from inhouse.knowledge.acl_files import read_mapping
from inhouse.knowledge.acl_groups import read_groups
from inhouse.knowledge.acl_rules import Rule
from inhouse.knowledge.ports.sources import NewSource, SourceChange, Sources, SourceView
from inhouse.knowledge.source_schedule import pause_in_words, read_pause
from inhouse.serve.bodies import Body
from inhouse.serve.callers import AdminOf
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router
from inhouse.serve.shapes import Shape

__all__ = [
    "NewSourceBody",
    "RemovedSourceShape",
    "RulesBody",
    "SourceBody",
    "SourceLookShape",
    "SourceRuleShape",
    "SourceShape",
    "SourcesShape",
    "source_routes",
]

Name = Annotated[str, Field(min_length=1, max_length=200)]
Group = Annotated[str, Field(min_length=1, max_length=200)]
Options = dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=2_000)]]


class SourceRuleShape(Shape):
    """`where` is a folder, a document or a pattern below the source; no groups means nobody."""

    where: str
    groups: tuple[str, ...]
    origin: str


class SourceLookShape(Shape):
    """How the last look went. `words` are notes, and why files were refused."""

    state: str
    started_at: float
    ended_at: float
    found: int
    added: int
    updated: int
    unchanged: int
    removed: int
    trashed: int
    restored: int
    moved: int
    refiled: int
    empty: int
    refused: int
    failures: int
    words: tuple[str, ...]


class SourceShape(Shape):
    """A source; `state` is `resting`, `waiting`, `looking`, `taking_in` or `paused`.

    Secrets are references here as everywhere.
    """

    name: str
    kind: str
    address: str
    owner: str
    groups: tuple[str, ...]
    rules: tuple[SourceRuleShape, ...]
    options: dict[str, str]
    every: str
    every_s: int
    state: str
    documents: int
    created_at: float
    looked_at: float | None
    due_at: float | None
    job_id: str
    last: SourceLookShape | None


class SourcesShape(Shape):
    """What `sources ls --json` prints."""

    sources: tuple[SourceShape, ...]


class RemovedSourceShape(Shape):
    """How many documents went with a source; `final` when they cannot come back."""

    documents: int
    final: bool


class RulesBody(Body):
    """A mapping file: its text, and its name, whose ending says how it is written."""

    name: str = Field(min_length=1, max_length=200)
    text: str = Field(max_length=3_000_000)


class SourceBody(Body):
    """What is to be different; what is left out stays. An option of "" goes back to its default."""

    owner: str | None = Field(default=None, max_length=128)
    groups: tuple[Group, ...] | None = None
    rules: RulesBody | None = None
    drop_rules: bool = False
    options: Options | None = None
    every: str | None = Field(default=None, max_length=20)


class NewSourceBody(Body):
    """What a source is to be. `every` is `15m`, `1h`, `never`; left out it is what is usual for the kind."""

    name: Name
    kind: str = Field(max_length=20)
    address: str = Field(default="", max_length=8_000)
    owner: str = Field(default="", max_length=128)
    groups: tuple[Group, ...] = ()
    rules: RulesBody | None = None
    options: Options = Field(default_factory=dict)
    every: str | None = Field(default=None, max_length=20)


def source_routes(parts: Parts) -> APIRouter:
    """List, add, change, look now, pause, remove; all of it for administrators."""
    routes = open_router()
    _add_list(routes, parts)
    _add_one(routes, parts)
    _add_deeds(routes, parts)
    return routes


def _add_list(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/admin/sources")
    def sources(caller: AdminOf) -> SourcesShape:
        """Every source by name, with how its last look went."""
        return SourcesShape(sources=tuple(_shape(view) for view in _sources(parts).all()))

    @routes.post("/app/admin/sources", status_code=201)
    def add_source(caller: AdminOf, wanted: NewSourceBody) -> SourceShape:
        """Add a source; nobody may read its documents but the groups that are named."""
        view = _sources(parts).add(
            NewSource(
                name=wanted.name,
                kind=wanted.kind,
                address=wanted.address,
                owner=wanted.owner or caller.user,
                readers=_readers(wanted.groups),
                rules=_rules(wanted.rules),
                options=wanted.options,
                every_s=None if wanted.every is None else read_pause(wanted.every),
            )
        )
        return _shape(view)


def _add_one(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/admin/sources/{name}")
    def source(caller: AdminOf, name: str) -> SourceShape:
        """One source."""
        return _shape(_sources(parts).get(name))

    @routes.patch("/app/admin/sources/{name}")
    def change_source(caller: AdminOf, name: str, wanted: SourceBody) -> SourceShape:
        """Change a source; new groups and rules hold for its documents at once."""
        rules = () if wanted.drop_rules else None
        change = SourceChange(
            owner=wanted.owner,
            readers=None if wanted.groups is None else _readers(wanted.groups),
            rules=rules if wanted.rules is None else _rules(wanted.rules),
            options=wanted.options,
            every_s=None if wanted.every is None else read_pause(wanted.every),
        )
        return _shape(_sources(parts).change(name, change))

    @routes.delete("/app/admin/sources/{name}")
    def remove_source(caller: AdminOf, name: str, now: bool = Query(False)) -> RemovedSourceShape:
        """Forget a source; its documents go to the trash, or with `now` at once and for good."""
        return RemovedSourceShape(documents=_sources(parts).remove(name, now=now), final=now)


def _add_deeds(routes: APIRouter, parts: Parts) -> None:
    @routes.post("/app/admin/sources/{name}/run", status_code=202)
    def run_source(caller: AdminOf, name: str) -> SourceShape:
        """Look at a source as soon as it has its turn; its `state` tells how far that is."""
        return _shape(_sources(parts).run(name))

    @routes.post("/app/admin/sources/{name}/pause")
    def pause_source(caller: AdminOf, name: str) -> SourceShape:
        """Look at a source no more until it is resumed; what was taken in stays."""
        return _shape(_sources(parts).pause(name, paused=True))

    @routes.post("/app/admin/sources/{name}/resume")
    def resume_source(caller: AdminOf, name: str) -> SourceShape:
        """Go on looking at a source."""
        return _shape(_sources(parts).pause(name, paused=False))


def _sources(parts: Parts) -> Sources:
    if parts.sources is None:
        raise Unavailable("This server keeps no sources", hint="use the one that holds the home")
    return parts.sources


def _readers(groups: tuple[str, ...]) -> Readers:
    return read_groups(groups) if groups else frozenset()


def _rules(given: RulesBody | None) -> tuple[Rule, ...]:
    return read_mapping(given.text, name=given.name) if given else ()


def _shape(view: SourceView) -> SourceShape:
    source = view.source
    return SourceShape(
        name=source.name,
        kind=source.kind,
        address=source.address,
        owner=source.owner,
        groups=tuple(sorted(source.readers)),
        rules=tuple(
            SourceRuleShape(where=rule.where, groups=tuple(sorted(rule.readers)), origin=rule.origin)
            for rule in source.rules
        ),
        options=dict(source.options),
        every=pause_in_words(source.every_s),
        every_s=source.every_s,
        state=view.state,
        documents=view.documents,
        created_at=source.created_at,
        looked_at=source.looked_at,
        due_at=view.due_at,
        job_id=view.job_id,
        last=SourceLookShape.model_validate(source.outcome) if source.outcome else None,
    )
