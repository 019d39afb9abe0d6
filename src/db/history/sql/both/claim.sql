-- Makes this process the one that writes the history of its worker on its data path.
-- $1 worker, $2 place, $3 run, $4 now
INSERT INTO history_writer (worker, place, run, written_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (worker, place) DO UPDATE SET run = excluded.run, written_at = excluded.written_at
RETURNING id
