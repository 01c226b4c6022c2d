"""Users, groups and readers, built from the rooms that know a part each."""

from __future__ import annotations

import time

from inhouse.compose.knowledge import Knowledge
from inhouse.gateway.edge.keys import StoredKeys
from inhouse.knowledge.edge.acl import AccessDesk
from inhouse.knowledge.edge.people import StoredPeople
from inhouse.store.database import Database

__all__ = ["open_access"]


def open_access(
    database: Database, keys: StoredKeys, knowledge: Knowledge
) -> tuple[StoredPeople, AccessDesk]:
    """Who there is and who may read what. API keys end in the same transaction as everything of a user."""
    people = StoredPeople(database, now=time.time, revoke_keys=keys.revoke_of, keys_changed=keys.refresh)
    desk = AccessDesk(database, knowledge.manifest, people, now=time.time, still=knowledge.sources.changing)
    return people, desk
