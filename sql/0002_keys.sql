-- Keys made through the API, by their SHA-256.  The row of a revoked key
-- stays, so that its digest never comes back.

CREATE TABLE keys (
    key_id          BLOB PRIMARY KEY,
    digest          BLOB NOT NULL,
    user_id         TEXT NOT NULL,
    name            TEXT NOT NULL,
    prefix          TEXT NOT NULL,
    scopes          INTEGER NOT NULL,
    rate_limit      INTEGER NOT NULL,
    is_active       INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    last_used_at    INTEGER,
    revoked_at      INTEGER,
    rotated_from    BLOB,
    allowed_ips     TEXT,
    networks        BLOB
) WITHOUT ROWID;

CREATE UNIQUE INDEX keys_digest ON keys (digest);

CREATE UNIQUE INDEX keys_owner ON keys (user_id, key_id);


-- Counts the transactions that have changed a key in what it may do.

ALTER TABLE store ADD COLUMN keys_version INTEGER NOT NULL DEFAULT 0;
