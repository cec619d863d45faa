-- Idempotency keys.

-- A key's first use, in the order of commits: rows are appended here and
-- expire at the other end.  key_hash is the beginning of SHA-256 over owner
-- and key, request_hash that over what was sent.  The event may be gone.

CREATE TABLE idempotency (
    seq             INTEGER PRIMARY KEY,
    key_hash        BLOB NOT NULL,
    request_hash    BLOB NOT NULL,
    event_id        BLOB NOT NULL,
    created_at      INTEGER NOT NULL
);


-- Where a key was used: hash is the first eight bytes of key_hash.  Only for
-- seq <= store.indexed_through: hashes are random and each would dirty a page
-- of its own, so they are merged here sorted and in slices.  Rows of keys that
-- have expired are harmless and are removed when a slice passes by.

CREATE TABLE idempotency_index (
    hash            INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (hash, seq)
) WITHOUT ROWID;


ALTER TABLE store ADD COLUMN indexed_through INTEGER NOT NULL DEFAULT 0;
