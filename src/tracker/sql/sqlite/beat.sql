-- The sign of life of a worker.
-- $1 now, $2 id, $3 place, $4 started_at, $5 slots, $6 held, $7 lag, $8 resident bytes, $9 version
INSERT INTO worker (id, place, started_at, last_seen, slots, held, lag_micros, rss_bytes, version)
VALUES ($2, $3, $4, $1, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen, slots = excluded.slots,
    held = excluded.held, lag_micros = excluded.lag_micros, rss_bytes = excluded.rss_bytes
