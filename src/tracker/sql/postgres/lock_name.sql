-- Lets one planner at a time work on a series, until its transaction ends.
-- $1 name
SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text
