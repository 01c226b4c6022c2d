"""Tables of the knowledge room. They change by migrations only (`migrations/`), never by edit alone.

Times are UNIX seconds (float). Offsets are code points. JSON columns hold small lists.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "abbreviations",
    "chats",
    "chunks",
    "cited",
    "documents",
    "erasures",
    "eval_runs",
    "glossary",
    "golden",
    "groups",
    "memberships",
    "messages",
    "metadata",
    "revisions",
    "runs",
    "sources",
    "texts",
    "users",
]

metadata = MetaData()

documents = Table(
    "documents",
    metadata,
    Column("document_id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("path", String, nullable=False),  # below the source, `/` between parts
    Column("origin", String, nullable=False),  # the folder or file it was read from; "" for an upload
    Column("title", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),  # as the file system said; decides "unchanged"
    Column("modified_at", Float, nullable=False),  # the date shown to people
    Column("media_type", String, nullable=False),
    Column("readers", Text, nullable=False),  # JSON list of group names, sorted
    Column("status", String, nullable=False),  # kernel DocumentStatus, `trashed` or `removing`
    Column("reason_code", String),
    Column("reason", Text),
    Column("pages", Text, nullable=False),  # JSON [[page, start, end], …]
    Column("chunk_count", Integer, nullable=False),
    Column("ingested_at", Float, nullable=False),
    Column("parser_version", Integer, nullable=False),
    Column("readers_from", Text, nullable=False, server_default=""),  # which rule chose the readers, in words
    Column("doubts", Text, nullable=False, server_default="[]"),  # JSON [[start, end], …], see Parsed
    Column("embedded", String, nullable=False, server_default=""),  # model whose vectors are in the index
    Column("family", String, nullable=False, server_default=""),  # editions of one document share it
    Column("edition", Float, nullable=False, server_default="0"),  # the newer edition has the larger one
    Column("outdated", Integer, nullable=False, server_default="0"),  # 1: a person said so
    Column("kind", String, nullable=False, server_default="markdown"),  # chunk.TextKind of its text
    Column("cut", String, nullable=False, server_default=""),  # how its chunks were cut, see chunk.Cut
    Column("trashed_at", Float),  # set while the status is `trashed`
    Column("final_at", Float),  # when a trashed document is removed for good
    UniqueConstraint("source", "path"),
    Index("documents_by_status", "status"),
    Index("documents_by_sha256", "sha256"),
    Index("documents_by_family", "family"),
)

texts = Table(
    "texts",
    metadata,
    Column(
        "document_id",
        String,
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("text", Text, nullable=False),
    Column("layout", Text, nullable=False, server_default=""),  # JSON of knowledge.layout
)

chunks = Table(
    "chunks",
    metadata,
    Column(
        "document_id",
        String,
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("ordinal", Integer, primary_key=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("heading", Text, nullable=False),  # JSON list, outermost first
    Column("context", Text, nullable=False),  # indexed with the chunk, never quoted
)

runs = Table(
    "ingest_runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("summary", Text, nullable=False),
)

chats = Table(
    "chats",
    metadata,
    Column("chat_id", String, primary_key=True),
    Column("user", String, nullable=False),
    Column("title", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("chats_by_user", "user", "updated_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("chat_id", String, ForeignKey("chats.chat_id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("role", String, nullable=False),  # user | assistant
    Column("status", String, nullable=False),  # done | running | cancelled | failed | interrupted
    Column("text", Text, nullable=False),
    Column("answer", Text),  # the whole answer document as JSON
    Column("created_at", Float, nullable=False),
    UniqueConstraint("chat_id", "ordinal"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("subject", String, primary_key=True),  # documents | chats
    Column("count", Integer, nullable=False),  # grows with every change, so that pages know to reload
)

sources = Table(
    "sources",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),  # folder | upload | web | imap | s3 | webdav | smb
    Column("address", Text, nullable=False),  # a path or URL, without any secret
    Column("owner", String, nullable=False),  # who answers for it
    Column("readers", Text, nullable=False),  # JSON list of group names; [] means nobody
    Column("rules", Text, nullable=False),  # JSON: paths below it that other groups read
    Column("options", Text, nullable=False),  # JSON; secrets are references
    Column("every_s", Integer, nullable=False),  # 0: only when asked
    Column("paused", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("looked_at", Float),  # when it was last gone through
    Column("outcome", Text, nullable=False),  # JSON of the last run: state, counts, words
    Column("cursor", Text, nullable=False),  # JSON; where the next look goes on
)

users = Table(
    "users",
    metadata,
    Column("user", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("level", Integer, nullable=False),  # clearance, 0 the lowest
    Column("created_at", Float, nullable=False),
    Column("left_at", Float),  # set when the person left: reads nothing any more
)

groups = Table(
    "groups",
    metadata,
    Column("group", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("created_at", Float, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("user", String, ForeignKey("users.user", ondelete="CASCADE"), primary_key=True),
    Column(
        "group",
        String,
        ForeignKey("groups.group", ondelete="CASCADE", onupdate="CASCADE"),
        primary_key=True,
    ),
)

cited = Table(
    "cited",
    metadata,
    Column("message_id", String, ForeignKey("messages.message_id", ondelete="CASCADE"), primary_key=True),
    Column("document_id", String, primary_key=True),  # no foreign key: it outlives the document
    Index("cited_by_document", "document_id"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", String, primary_key=True),
    Column("erased_at", Float, nullable=False),
    Column("body", Text, nullable=False),  # the certificate as JSON; holds no text of the document
)

glossary = Table(
    "glossary",
    metadata,
    Column("term", String, primary_key=True),  # as a person writes it: an abbreviation or a house word
    Column("meanings", Text, nullable=False),  # JSON list of words and phrases
    Column("created_at", Float, nullable=False),
)

abbreviations = Table(
    "abbreviations",
    metadata,
    Column(
        "document_id",
        String,
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("short", String, primary_key=True),  # as a document writes it: ФНС
    Column("full", Text, nullable=False),  # what it says that this means
    Column("short_stems", String, nullable=False),  # stems joined by spaces, to be found by a question's
    Column("full_stems", String, nullable=False),
    Index("abbreviations_by_short", "short_stems"),
    Index("abbreviations_by_full", "full_stems"),
)

golden = Table(
    "golden",
    metadata,
    Column("golden_id", String, primary_key=True),
    Column("question", Text, nullable=False),
    Column("language", String, nullable=False),
    Column("kind", String, nullable=False),  # single | multi_doc | unanswerable | conflict | …
    Column("answer", Text, nullable=False),  # JSON: what an answer must and must not contain
    Column("evidence", Text, nullable=False),  # JSON [{file, quote}, …]
    Column("origin", String, nullable=False),  # import | feedback
    Column("created_at", Float, nullable=False),
)

eval_runs = Table(
    "eval_runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("kind", String, nullable=False),  # retrieval | answers | tune
    Column("ran_at", Float, nullable=False),
    Column("data", String, nullable=False),  # SHA-256 of the questions: only runs over equal ones compare
    Column("figures", Text, nullable=False),  # JSON
)
