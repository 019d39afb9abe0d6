-- All workers.
-- $1 now
SELECT id, place, started_at, last_seen, slots, held, lag_micros, rss_bytes, version,
    tracker_now($1) AS as_of
FROM worker
ORDER BY id
