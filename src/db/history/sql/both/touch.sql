-- Notes a write; changes nothing if another process has become the writer.
-- $1 writer, $2 run, $3 now
UPDATE history_writer SET written_at = $3 WHERE id = $1 AND run = $2
