"""API keys in memory, as the store keeps them in the database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from inhouse.kernel.caller import ApiKey
from inhouse.kernel.errors import Conflict, NotFound


@dataclass
class FakeKeys:
    """Implements `serve.parts.KeyBook` and `serve.plane.gate.KeyRing`."""

    kept: dict[str, ApiKey] = field(default_factory=dict)

    def find(self, key_id: str) -> ApiKey | None:
        """By its id."""
        return self.kept.get(key_id)

    def all(self) -> tuple[ApiKey, ...]:
        """In the order they came."""
        return tuple(self.kept.values())

    def named(self, name: str) -> ApiKey:
        """By id or name."""
        for key in self.kept.values():
            if name in (key.grant.key, key.name) and key.revoked_at is None:
                return key
        raise NotFound(f"There is no key {name!r} in use")

    def add(self, key: ApiKey) -> None:
        """Once per name."""
        if any(one.name == key.name and one.revoked_at is None for one in self.kept.values()):
            raise Conflict(f"There is a key named {key.name!r} already")
        self.kept[key.grant.key] = key

    def rotate(self, old: ApiKey, new: ApiKey, now: float) -> None:
        """Both at once."""
        self.kept[old.grant.key] = replace(old, revoked_at=now)
        self.kept[new.grant.key] = new

    def revoke(self, name: str, now: float) -> ApiKey:
        """Stays in the list."""
        gone = replace(self.named(name), revoked_at=now)
        self.kept[gone.grant.key] = gone
        return gone
