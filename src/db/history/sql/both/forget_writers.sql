-- Deletes writers that have written for so long nothing that no point of theirs is kept.
-- $1 written before
DELETE FROM history_writer WHERE written_at < $1
