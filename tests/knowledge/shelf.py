"""A small house of documents, put straight into the tables and the index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import insert

from inhouse.kernel.caller import EVERYONE
from inhouse.knowledge.chunk import chunk
from inhouse.knowledge.edge import migrations
from inhouse.knowledge.edge.lexical import Entry, Lexical
from inhouse.knowledge.edge.tables import chunks, documents, texts
from inhouse.store.database import Database, Migrations

DOCUMENTS = {
    "hr/otpusk.md": (
        "# Положение об отпусках\n\n## Продолжительность\n\n"
        "Ежегодный отпуск длится 28 календарных дней. Право на него возникает после шести месяцев.\n\n"
        "## Заявление\n\nЗаявление на отпуск подают за 14 дней до его начала."
    ),
    "it/vpn.md": "# VPN access\n\nThe VPN password expires after 90 days. Ask the IT desk for a new token.",
    "price.csv": "Название;Цена\nШкаф Север;45 900 руб.\nСтол Клён;12 300 руб.",
}


def open_database(home: Path) -> Database:
    room = Migrations(migrations.FOLDER, migrations.HEAD)
    return Database.open(home / "inhouse.db", [room], backups=home / "backups")


def fill(
    database: Database,
    lexical: Lexical,
    content: Mapping[str, str] = DOCUMENTS,
    *,
    readers: Mapping[str, frozenset[str]] | None = None,
) -> None:
    """Document id and path are the same here; everybody may read what `readers` does not name."""
    replaced = []
    with database.write() as connection:
        for path, text in content.items():
            kind = "table" if path.endswith(".csv") else "markdown"
            found = chunk(text, kind=kind)  # type: ignore[arg-type]
            groups = (readers or {}).get(path, frozenset({EVERYONE}))
            title = path.rsplit("/", 1)[-1]
            row = {
                "document_id": path,
                "source": path.split("/")[0],
                "path": path,
                "origin": "",
                "title": title,
            }
            row |= {"sha256": "0" * 64, "media_type": "text/plain", "readers": json.dumps(sorted(groups))}
            numbers = {"size_bytes": len(text), "mtime_ns": 0, "modified_at": 1.0, "ingested_at": 2.0}
            numbers |= {"chunk_count": len(found), "parser_version": 1}
            connection.execute(insert(documents).values(**row, **numbers, status="indexed", pages="[]"))
            connection.execute(insert(texts).values(document_id=path, text=text))
            connection.execute(
                insert(chunks),
                [
                    {
                        "document_id": path,
                        "ordinal": ordinal,
                        "start": one.start,
                        "end": one.end,
                        "page": one.page,
                        "heading": json.dumps(one.heading),
                        "context": one.context,
                    }
                    for ordinal, one in enumerate(found)
                ],
            )
            entries = [
                Entry(path, ordinal, title, one.context, text[one.start : one.end])
                for ordinal, one in enumerate(found)
            ]
            replaced.append((path, groups, entries))
    lexical.replace(replaced)
