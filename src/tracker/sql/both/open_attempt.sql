-- Opens one attempt.
-- $1 task, $2 fence, $3 number, $4 worker, $5 now
INSERT INTO attempt (task_id, fence, number, worker, started_at)
VALUES ($1, $2, $3, $4, $5)
