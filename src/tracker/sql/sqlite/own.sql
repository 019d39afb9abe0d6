-- Makes a worker the owner of those series that are its own already or free. A new owner gets a higher fence.
-- $1 now, $2 lease, $3 series as a JSON list, $4 worker
INSERT INTO owner (series, worker, fence, since, lease_until, place)
SELECT value, $4, 1, $1, $1 + $2, COALESCE((SELECT place FROM worker WHERE id = $4), '')
FROM json_each($3)
WHERE true
ON CONFLICT (series) DO UPDATE SET
    fence = owner.fence + (owner.worker <> excluded.worker),
    since = CASE WHEN owner.worker <> excluded.worker THEN excluded.since ELSE owner.since END,
    worker = excluded.worker, lease_until = excluded.lease_until, place = excluded.place
WHERE owner.worker = excluded.worker OR owner.lease_until <= $1
RETURNING series, fence
