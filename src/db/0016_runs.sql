-- The last runs over all tasks, without a look at all of them.
CREATE INDEX attempt_started ON attempt (started_at);
