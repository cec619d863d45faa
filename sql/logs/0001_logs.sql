-- Logs: what was asked for and what was done in the background.  log_id is the
-- order in which they were stored and never given again.  "at" is when it was,
-- in ms, and may go back where clocks do; "latest", NULL where it is the same,
-- is the latest "at" of all up to this one and does not, so that it can be
-- searched.  correlation_id is also that of request_id where that is NULL.

CREATE TABLE logs (
    log_id          INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    latest          INTEGER,
    kind            INTEGER NOT NULL,
    level           INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    latency         INTEGER NOT NULL,
    user_id         TEXT,
    key_id          TEXT,
    request_id      TEXT,
    correlation_id  TEXT,
    event_id        BLOB,
    trace_id        BLOB,
    error           TEXT,
    message         TEXT
);

CREATE INDEX logs_owner ON logs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX logs_event ON logs (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX logs_correlation ON logs (correlation_id)
    WHERE correlation_id IS NOT NULL;

-- Warnings and errors, which are few.

CREATE INDEX logs_warn ON logs (log_id) WHERE level >= 2;


-- What happened in a minute, which is given as its beginning in ms: counts, how
-- it was at the end, and histograms of times (see ngx_triggers_history.h).  A
-- minute may have several rows: of two zones, or before and after a new leader;
-- a row of the same zone and number takes the place of that one.

CREATE TABLE minutes (
    n               INTEGER PRIMARY KEY,
    minute          INTEGER NOT NULL,
    zone            INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    requests        INTEGER NOT NULL,
    errors          INTEGER NOT NULL,
    accepted        INTEGER NOT NULL,
    acknowledged    INTEGER NOT NULL,
    delivered       INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    retried         INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    failed_attempts INTEGER NOT NULL,
    commits         INTEGER NOT NULL,
    pending         INTEGER NOT NULL,
    retrying        INTEGER NOT NULL,
    dead            INTEGER NOT NULL,
    queued          INTEGER NOT NULL,
    times           BLOB NOT NULL,
    UNIQUE (zone, number)
);

CREATE INDEX minutes_minute ON minutes (minute);


-- One row: the number that the next log gets where there are none.

CREATE TABLE state (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    next_log        INTEGER NOT NULL
);

INSERT INTO state (id, next_log) VALUES (1, 1);
