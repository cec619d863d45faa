-- Names of archive files were not always of one file alone.  One that is still
-- to be written gets a name of its own.

UPDATE archive SET file = substr(file, 1, length(file) - 10) || '-'
                          || lower(hex(randomblob(8))) || '.ndjson.gz'
WHERE written = 0;
