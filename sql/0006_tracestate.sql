-- The "tracestate" of an event that came with one.  It stands behind the long
-- columns, so that what is stored stays as it is and the upgrade takes no time
-- whatever the number of events.

ALTER TABLE events ADD COLUMN tracestate TEXT;
