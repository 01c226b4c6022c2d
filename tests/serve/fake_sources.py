"""Sources in memory, with the rules that a real desk has about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from inhouse.kernel.errors import BadRequest, Conflict, NotFound
from inhouse.knowledge.ports.sources import NewSource, SourceChange, SourceState, SourceView
from inhouse.knowledge.source import KINDS, Outcome, Source, options_in, read_kind

DONE = Outcome("done", 1.0, 2.0, found=3, added=3, words=("1 hidden file was passed over",))


@dataclass
class FakeSources:
    """`kept` by name; a look is over at once."""

    kept: dict[str, Source] = field(default_factory=dict)
    removed: list[tuple[str, bool]] = field(default_factory=list)

    def all(self) -> tuple[SourceView, ...]:
        return tuple(self._view(name) for name in sorted(self.kept))

    def get(self, name: str) -> SourceView:
        return self._view(name)

    def add(self, wanted: NewSource) -> SourceView:
        kind = read_kind(wanted.kind)
        if wanted.name in self.kept:
            raise Conflict(f"There is a source {wanted.name!r} already", hint="choose another name")
        if not wanted.readers and not wanted.rules:
            raise BadRequest(f"Nobody could read {wanted.name!r}", hint="name its groups")
        self.kept[wanted.name] = Source(
            name=wanted.name,
            kind=kind,
            address=wanted.address,
            owner=wanted.owner,
            readers=wanted.readers,
            rules=wanted.rules,
            options=options_in(kind, wanted.options, wanted.address),
            every_s=KINDS[kind].every_s if wanted.every_s is None else wanted.every_s,
            created_at=1.0,
        )
        return self._view(wanted.name)

    def change(self, name: str, change: SourceChange) -> SourceView:
        given = {key: getattr(change, key) for key in ("owner", "readers", "rules", "options", "every_s")}
        changed = {key: value for key, value in given.items() if value is not None}
        self.kept[name] = replace(self._view(name).source, **changed)
        return self._view(name)

    def pause(self, name: str, *, paused: bool) -> SourceView:
        self.kept[name] = replace(self._view(name).source, paused=paused)
        return self._view(name)

    def run(self, name: str) -> SourceView:
        self.kept[name] = replace(self._view(name).source, outcome=DONE, looked_at=2.0)
        return self._view(name)

    def remove(self, name: str, *, now: bool) -> int:
        self._view(name)
        del self.kept[name]
        self.removed.append((name, now))
        return 3

    def _view(self, name: str) -> SourceView:
        if name not in self.kept:
            raise NotFound(f"There is no source {name!r}", hint="see `inhouse sources ls`")
        source = self.kept[name]
        state: SourceState = "paused" if source.paused else "resting"
        return SourceView(source, state, 3)
