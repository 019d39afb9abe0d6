-- The workers that have written history.
SELECT DISTINCT worker FROM history_writer ORDER BY worker
