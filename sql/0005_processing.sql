-- What becomes of an event after its commit: leases, retries, deliveries,
-- audit, retention.


-- Two more columns, before the long ones so that they are read without them.
-- request_id is NULL where it is the correlation id.

CREATE TABLE events_5 (
    seq             INTEGER PRIMARY KEY,
    id              BLOB NOT NULL,
    owner           INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    event_type      TEXT,
    source          TEXT,
    ordering_key    TEXT,
    correlation_id  TEXT,
    request_id      TEXT,
    source_ip       TEXT,
    user_agent      TEXT,
    api_version     TEXT,
    traceparent     TEXT,
    metadata        TEXT,
    payload         TEXT
);

INSERT INTO events_5 (seq, id, owner, created_at, priority, event_type, source,
                      correlation_id, source_ip, user_agent, api_version,
                      traceparent, metadata, payload)
SELECT seq, id, owner, created_at, priority, event_type, source,
       correlation_id, source_ip, user_agent, api_version, traceparent,
       metadata, payload
FROM events ORDER BY seq;

DROP TABLE events;
ALTER TABLE events_5 RENAME TO events;
CREATE UNIQUE INDEX events_id ON events (id);


-- The narrow tables are ordered by lane, which is the status and, for what is
-- not done, whether it can be leased, and how urgent it is:
--
--     0 acknowledged, 1 delivered, 2 failed,
--     3 retrying and held, 4 retrying low, 5 normal, 6 high,
--     7 pending and held, 8 pending low, 9 high, 10 normal.
--
-- Held is what is leased, delayed, behind another event of its ordering key,
-- in a step of ours, or to be pushed.  Most new events go to the right edge.

CREATE TABLE inbox_5 (
    lane            INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    owner           INTEGER NOT NULL,
    PRIMARY KEY (lane, seq)
) WITHOUT ROWID;

INSERT INTO inbox_5 (lane, seq, owner)
SELECT CASE i.status WHEN 4 THEN CASE e.priority WHEN 0 THEN 8 WHEN 2 THEN 9
                                                 ELSE 10 END
                     WHEN 3 THEN 4 + e.priority
                     ELSE i.status END,
       i.seq, i.owner
FROM inbox i JOIN events e ON e.seq = i.seq
WHERE i.status IN (0, 1, 2, 3, 4)
ORDER BY 1, 2;

DROP TABLE inbox;
ALTER TABLE inbox_5 RENAME TO inbox;

DROP TABLE owner_inbox;

CREATE TABLE owner_inbox (
    owner           INTEGER NOT NULL,
    lane            INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (owner, lane, seq)
) WITHOUT ROWID;

INSERT INTO owner_inbox (owner, lane, seq)
SELECT owner, lane, seq FROM inbox
WHERE seq <= (SELECT merged_through FROM store) ORDER BY owner, lane, seq;


-- hold says why an event that is not done cannot be leased now: 0 it can,
-- 1 leased, 2 delayed until due_at, 3 behind another of its ordering key, 4 in
-- a step of ours at due_at, 5 to be pushed.  attempts counts those that have
-- failed since the event came or was retried by hand.  lease is the number of
-- the lease it is in, done_at when it was acknowledged, delivered or failed.

ALTER TABLE event_state ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_state ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_state ADD COLUMN lease INTEGER;
ALTER TABLE event_state ADD COLUMN due_at INTEGER;
ALTER TABLE event_state ADD COLUMN done_at INTEGER;


-- Leases that are not over.  seqs are the events it was given for, eight
-- bytes each, big-endian; one is in it still if its state says so, which
-- holds for as many as remain.

CREATE TABLE leases (
    lease           INTEGER PRIMARY KEY,
    lease_id        BLOB NOT NULL,
    owner           INTEGER NOT NULL,
    until           INTEGER NOT NULL,
    max_attempts    INTEGER NOT NULL,
    remaining       INTEGER NOT NULL,
    seqs            BLOB NOT NULL
);

CREATE UNIQUE INDEX leases_id ON leases (lease_id);


-- What happens by itself, by time: kind 1 a lease (ref) runs out, kind 2 an
-- event (ref) is available again or takes its next step.  A row is stale
-- unless the lease's end or the event's due_at is its time.

CREATE TABLE due (
    at              INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    ref             INTEGER NOT NULL,
    PRIMARY KEY (at, kind, ref)
) WITHOUT ROWID;


-- Events with an ordering key that are not done, not pushed and in no step of
-- ours.  One of each key is active: it can be leased, is leased, or waits out
-- a delay.

CREATE TABLE ordering (
    owner           INTEGER NOT NULL,
    ordering_key    TEXT NOT NULL,
    seq             INTEGER NOT NULL,
    active          INTEGER NOT NULL,
    PRIMARY KEY (owner, ordering_key, seq)
) WITHOUT ROWID;


-- History: pushes, leases that were given back or ran out, steps that failed.
-- webhook is a number of table webhooks, outcome one of ngx_triggers_attempt_e.

CREATE TABLE attempts (
    attempt         INTEGER PRIMARY KEY,
    seq             INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    webhook         INTEGER,
    outcome         INTEGER NOT NULL,
    status_code     INTEGER,
    duration        INTEGER,
    error           TEXT
);

CREATE INDEX attempts_seq ON attempts (seq, attempt);

CREATE INDEX attempts_webhook ON attempts (webhook, attempt)
    WHERE webhook IS NOT NULL;


-- Endpoints that events are pushed to.  Numbers are never given again.  Those
-- of the configuration (configured) belong to nobody and get events of all.

CREATE TABLE webhooks (
    webhook         INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id      BLOB NOT NULL UNIQUE,
    user_id         TEXT NOT NULL,
    configured      INTEGER NOT NULL DEFAULT 0,
    url             TEXT NOT NULL,
    description     TEXT,
    event_types     TEXT,
    format          INTEGER NOT NULL DEFAULT 0,
    secret          TEXT,
    old_secret      TEXT,
    old_secret_until INTEGER,
    is_active       INTEGER NOT NULL DEFAULT 1,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    disabled_at     INTEGER,
    failures        INTEGER NOT NULL DEFAULT 0,
    open_until      INTEGER,
    last_success_at INTEGER,
    last_failure_at INTEGER,
    last_error      TEXT
);

CREATE INDEX webhooks_owner ON webhooks (user_id, webhook);


-- What each event still has to be, or was, delivered to: status 0 waits until
-- "at", 1 delivered, 2 failed.

CREATE TABLE deliveries (
    seq             INTEGER NOT NULL,
    webhook         INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (seq, webhook)
) WITHOUT ROWID;


-- Those that wait, by endpoint and time of the next attempt.

CREATE TABLE delivery_queue (
    webhook         INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (webhook, at, seq)
) WITHOUT ROWID;


-- Who did what, when; never changed.  "event.created" is derived from events
-- while they are there and is written when one goes.  n makes at unique.

CREATE TABLE audit (
    at              INTEGER NOT NULL,
    n               INTEGER NOT NULL,
    owner           INTEGER NOT NULL,
    action          INTEGER NOT NULL,
    event_id        BLOB,
    actor           TEXT,
    source_ip       TEXT,
    request_id      TEXT,
    details         TEXT,
    PRIMARY KEY (at, n)
) WITHOUT ROWID;

CREATE INDEX audit_owner ON audit (owner, at, n);

CREATE INDEX audit_event ON audit (event_id, at, n)
    WHERE event_id IS NOT NULL;

CREATE INDEX audit_other ON audit (at, n) WHERE event_id IS NULL;


-- Events that are acknowledged, delivered or failed, by the time of it.  A row
-- is stale unless the event's done_at is its time.

CREATE TABLE done (
    at              INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (at, seq)
) WITHOUT ROWID;

UPDATE event_state SET done_at = updated_at WHERE status IN (0, 1, 2);

INSERT INTO done (at, seq)
SELECT done_at, seq FROM event_state WHERE done_at IS NOT NULL ORDER BY 1, 2;


-- The file that expired events are being written to: the rows of "done" up to
-- (through_at, through_seq).  written says that it is whole and durable, so
-- that they can be removed.

CREATE TABLE archive (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    file            TEXT NOT NULL,
    through_at      INTEGER NOT NULL,
    through_seq     INTEGER NOT NULL,
    written         INTEGER NOT NULL
);


ALTER TABLE store ADD COLUMN next_audit INTEGER NOT NULL DEFAULT 1;

-- Counts the changes of webhooks, as keys_version those of keys.

ALTER TABLE store ADD COLUMN webhooks_version INTEGER NOT NULL DEFAULT 0;
