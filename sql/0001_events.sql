-- Events and their states.  The order of events is seq, the order of commits.


-- What was sent: append-only, a row never changes.  created_at never goes
-- back as seq grows, so a range of time is a range of seq and needs no index.

CREATE TABLE events (
    seq             INTEGER PRIMARY KEY,
    id              BLOB NOT NULL,
    owner           INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    event_type      TEXT,
    source          TEXT,
    correlation_id  TEXT,
    source_ip       TEXT,
    user_agent      TEXT,
    api_version     TEXT,
    traceparent     TEXT,
    metadata        TEXT,
    payload         TEXT
);

CREATE UNIQUE INDEX events_id ON events (id);


CREATE TABLE owners (
    owner           INTEGER PRIMARY KEY,
    user_id         TEXT NOT NULL UNIQUE
);


-- Only for events that have left their first state; an event without a row
-- here is pending and was never handed out.

CREATE TABLE event_state (
    seq             INTEGER PRIMARY KEY,
    status          INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    retry_count     INTEGER NOT NULL DEFAULT 0,
    manual_retries  INTEGER NOT NULL DEFAULT 0,
    last_retry_at   INTEGER,
    delivered_at    INTEGER,
    acknowledged_at INTEGER,
    leased_until    INTEGER,
    error_message   TEXT
);


-- Every event, by status: 0 acknowledged, 1 delivered, 2 failed, 3 retrying,
-- 4 pending.  New events go to the right edge.

CREATE TABLE inbox (
    status          INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    owner           INTEGER NOT NULL,
    PRIMARY KEY (status, seq)
) WITHOUT ROWID;


-- The same by owner, but only for seq <= store.merged_through: inserting
-- here dirties a page per owner, so it is done later and sorted.

CREATE TABLE owner_inbox (
    owner           INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (owner, status, seq)
) WITHOUT ROWID;


-- Events that exist, by owner and status; owner 0 is the sum of all.

CREATE TABLE counts (
    owner           INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    n               INTEGER NOT NULL,
    PRIMARY KEY (owner, status)
) WITHOUT ROWID;


-- Up to which position the records of a ring have been committed; nonce and
-- position are unsigned 64-bit numbers kept as signed ones.

CREATE TABLE rings (
    nonce           INTEGER PRIMARY KEY,
    position        INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);


-- One row.  next_seq never goes back, so the number of a deleted event is
-- never given again.  epoch counts leaders.

CREATE TABLE store (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    next_seq        INTEGER NOT NULL,
    total_events    INTEGER NOT NULL,
    merged_through  INTEGER NOT NULL,
    last_created_at INTEGER NOT NULL,
    epoch           INTEGER NOT NULL
);

INSERT INTO store (id, next_seq, total_events, merged_through,
                   last_created_at, epoch)
VALUES (1, 1, 0, 0, 0, 0);
