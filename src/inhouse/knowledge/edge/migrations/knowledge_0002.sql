CREATE TABLE documents (
	document_id VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	path VARCHAR NOT NULL,
	origin VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	sha256 VARCHAR NOT NULL,
	size_bytes INTEGER NOT NULL,
	mtime_ns INTEGER NOT NULL,
	modified_at FLOAT NOT NULL,
	media_type VARCHAR NOT NULL,
	readers TEXT NOT NULL,
	status VARCHAR NOT NULL,
	reason_code VARCHAR,
	reason TEXT,
	pages TEXT NOT NULL,
	chunk_count INTEGER NOT NULL,
	ingested_at FLOAT NOT NULL,
	parser_version INTEGER NOT NULL, readers_from TEXT DEFAULT '' NOT NULL, doubts TEXT DEFAULT '[]' NOT NULL, embedded VARCHAR DEFAULT '' NOT NULL, family VARCHAR DEFAULT '' NOT NULL, edition FLOAT DEFAULT '0' NOT NULL, outdated INTEGER DEFAULT '0' NOT NULL, kind VARCHAR DEFAULT 'markdown' NOT NULL, cut VARCHAR DEFAULT '' NOT NULL, trashed_at FLOAT, final_at FLOAT,
	PRIMARY KEY (document_id),
	UNIQUE (source, path)
)
--
CREATE INDEX documents_by_status ON documents (status)
--
CREATE INDEX documents_by_sha256 ON documents (sha256)
--
CREATE TABLE texts (
	document_id VARCHAR NOT NULL,
	text TEXT NOT NULL, layout TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (document_id),
	FOREIGN KEY(document_id) REFERENCES documents (document_id) ON DELETE CASCADE
)
--
CREATE TABLE chunks (
	document_id VARCHAR NOT NULL,
	ordinal INTEGER NOT NULL,
	start INTEGER NOT NULL,
	"end" INTEGER NOT NULL,
	page INTEGER,
	heading TEXT NOT NULL,
	context TEXT NOT NULL,
	PRIMARY KEY (document_id, ordinal),
	FOREIGN KEY(document_id) REFERENCES documents (document_id) ON DELETE CASCADE
)
--
CREATE TABLE ingest_runs (
	run_id VARCHAR NOT NULL,
	started_at FLOAT NOT NULL,
	ended_at FLOAT,
	summary TEXT NOT NULL,
	PRIMARY KEY (run_id)
)
--
CREATE TABLE chats (
	chat_id VARCHAR NOT NULL,
	user VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	created_at FLOAT NOT NULL,
	updated_at FLOAT NOT NULL,
	PRIMARY KEY (chat_id)
)
--
CREATE INDEX chats_by_user ON chats (user, updated_at)
--
CREATE TABLE messages (
	message_id VARCHAR NOT NULL,
	chat_id VARCHAR NOT NULL,
	ordinal INTEGER NOT NULL,
	role VARCHAR NOT NULL,
	status VARCHAR NOT NULL,
	text TEXT NOT NULL,
	answer TEXT,
	created_at FLOAT NOT NULL,
	PRIMARY KEY (message_id),
	UNIQUE (chat_id, ordinal),
	FOREIGN KEY(chat_id) REFERENCES chats (chat_id) ON DELETE CASCADE
)
--
CREATE TABLE revisions (
	subject VARCHAR NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (subject)
)
--
CREATE INDEX documents_by_family ON documents (family)
--
CREATE TABLE sources (
	name VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	address TEXT NOT NULL,
	owner VARCHAR NOT NULL,
	readers TEXT NOT NULL,
	rules TEXT NOT NULL,
	options TEXT NOT NULL,
	every_s INTEGER NOT NULL,
	paused INTEGER NOT NULL,
	created_at FLOAT NOT NULL,
	looked_at FLOAT,
	outcome TEXT NOT NULL,
	cursor TEXT NOT NULL,
	PRIMARY KEY (name)
)
--
CREATE TABLE users (
	user VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	level INTEGER NOT NULL,
	created_at FLOAT NOT NULL,
	left_at FLOAT,
	PRIMARY KEY (user)
)
--
CREATE TABLE groups (
	"group" VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	created_at FLOAT NOT NULL,
	PRIMARY KEY ("group")
)
--
CREATE TABLE memberships (
	user VARCHAR NOT NULL,
	"group" VARCHAR NOT NULL,
	PRIMARY KEY (user, "group"),
	FOREIGN KEY(user) REFERENCES users (user) ON DELETE CASCADE,
	FOREIGN KEY("group") REFERENCES groups ("group") ON DELETE CASCADE ON UPDATE CASCADE
)
--
CREATE TABLE cited (
	message_id VARCHAR NOT NULL,
	document_id VARCHAR NOT NULL,
	PRIMARY KEY (message_id, document_id),
	FOREIGN KEY(message_id) REFERENCES messages (message_id) ON DELETE CASCADE
)
--
CREATE INDEX cited_by_document ON cited (document_id)
--
CREATE TABLE erasures (
	erasure_id VARCHAR NOT NULL,
	erased_at FLOAT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (erasure_id)
)
--
CREATE TABLE glossary (
	term VARCHAR NOT NULL,
	meanings TEXT NOT NULL,
	created_at FLOAT NOT NULL,
	PRIMARY KEY (term)
)
--
CREATE TABLE abbreviations (
	document_id VARCHAR NOT NULL,
	short VARCHAR NOT NULL,
	"full" TEXT NOT NULL,
	short_stems VARCHAR NOT NULL,
	full_stems VARCHAR NOT NULL,
	PRIMARY KEY (document_id, short),
	FOREIGN KEY(document_id) REFERENCES documents (document_id) ON DELETE CASCADE
)
--
CREATE INDEX abbreviations_by_short ON abbreviations (short_stems)
--
CREATE INDEX abbreviations_by_full ON abbreviations (full_stems)
--
CREATE TABLE golden (
	golden_id VARCHAR NOT NULL,
	question TEXT NOT NULL,
	language VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	answer TEXT NOT NULL,
	evidence TEXT NOT NULL,
	origin VARCHAR NOT NULL,
	created_at FLOAT NOT NULL,
	PRIMARY KEY (golden_id)
)
--
CREATE TABLE eval_runs (
	run_id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	ran_at FLOAT NOT NULL,
	data VARCHAR NOT NULL,
	figures TEXT NOT NULL,
	PRIMARY KEY (run_id)
)
