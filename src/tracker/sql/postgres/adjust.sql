-- Corrects a kept count.
-- $1 queue, $2 status, $3 difference
INSERT INTO task_delta (queue, status, n)
VALUES ($1, $2, $3)
