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
	parser_version INTEGER NOT NULL,
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
	text TEXT NOT NULL,
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
