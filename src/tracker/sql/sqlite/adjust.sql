-- Corrects a kept count.
-- $1 queue, $2 status, $3 difference
INSERT INTO task_count (queue, status, n)
VALUES ($1, $2, $3)
ON CONFLICT (queue, status) DO UPDATE SET n = n + excluded.n
