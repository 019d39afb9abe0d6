-- Unfinished windows that meet or touch a window of a series.
-- $1 series, $2 kind, $3 from, $4 until
SELECT id, status, window_from, window_until, finished_at
FROM task
WHERE series = $1
    AND kind = $2
    AND status <> 40
    AND window_from IS NOT NULL
    AND window_from <= $4
    AND window_until >= $3
ORDER BY window_from, id
