CREATE TABLE ledger (
	entry VARCHAR NOT NULL,
	request_id VARCHAR NOT NULL,
	started_at FLOAT NOT NULL,
	user VARCHAR NOT NULL,
	task VARCHAR NOT NULL,
	engine VARCHAR NOT NULL,
	model VARCHAR,
	place VARCHAR NOT NULL,
	outcome VARCHAR NOT NULL,
	code VARCHAR,
	input_tokens INTEGER NOT NULL,
	output_tokens INTEGER NOT NULL,
	cached_tokens INTEGER NOT NULL,
	estimated BOOLEAN NOT NULL,
	cost_micros INTEGER,
	first_token_ms FLOAT,
	total_ms FLOAT NOT NULL,
	reason TEXT NOT NULL, "key" VARCHAR DEFAULT '' NOT NULL, team VARCHAR DEFAULT '' NOT NULL, requested VARCHAR, cache_write_tokens INTEGER DEFAULT '0' NOT NULL, reasoning_tokens INTEGER DEFAULT '0' NOT NULL, saved_micros INTEGER,
	PRIMARY KEY (entry)
)
--
CREATE INDEX ledger_by_request ON ledger (request_id)
--
CREATE INDEX ledger_for_sums ON ledger (started_at, place, engine, model, "key", user, team, task, outcome, input_tokens, output_tokens, cached_tokens, cost_micros, saved_micros)
--
CREATE TABLE api_keys (
	id VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	user VARCHAR NOT NULL,
	team VARCHAR NOT NULL,
	grant TEXT NOT NULL,
	created_at FLOAT NOT NULL,
	expires_at FLOAT,
	revoked_at FLOAT,
	PRIMARY KEY (id),
	UNIQUE (digest)
)
--
CREATE TABLE rollouts (
	name VARCHAR NOT NULL,
	state TEXT NOT NULL,
	changed_at FLOAT NOT NULL,
	PRIMARY KEY (name)
)
--
CREATE TABLE samples (
	id INTEGER NOT NULL,
	at FLOAT NOT NULL,
	kind VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	request_id VARCHAR NOT NULL,
	model VARCHAR NOT NULL,
	score FLOAT,
	facts TEXT NOT NULL,
	PRIMARY KEY (id)
)
--
CREATE INDEX samples_by_name ON samples (name, at)
