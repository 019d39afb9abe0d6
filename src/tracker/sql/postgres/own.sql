-- Makes a worker the owner of those series that are its own already or free. A new owner gets a higher fence.
-- $1 now, $2 lease, $3 series as a JSON list, $4 worker
INSERT INTO owner (series, worker, fence, since, lease_until, place)
SELECT series, $4, 1, tracker_now($1), tracker_now($1) + $2,
    COALESCE((SELECT place FROM worker WHERE id = $4), '')
FROM jsonb_array_elements_text($3::jsonb) AS wanted(series)
ORDER BY series
ON CONFLICT (series) DO UPDATE SET
    fence = owner.fence + CASE WHEN owner.worker <> excluded.worker THEN 1 ELSE 0 END,
    since = CASE WHEN owner.worker <> excluded.worker THEN excluded.since ELSE owner.since END,
    worker = excluded.worker, lease_until = excluded.lease_until, place = excluded.place
WHERE owner.worker = excluded.worker OR owner.lease_until <= tracker_now($1)
RETURNING series, fence
