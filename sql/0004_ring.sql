-- How far the ring of the last batch has been committed stands in the one row
-- that every batch writes anyway: a page less for each.  Table "rings" has the
-- others, and an older position of this one.

ALTER TABLE store ADD COLUMN ring_nonce INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN ring_position INTEGER NOT NULL DEFAULT 0;
