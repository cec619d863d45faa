-- Counts the changes of a webhook that make it another endpoint, or one that is
-- said to work again: what is told of a former one does not count.

ALTER TABLE webhooks ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
