-- Lets one planner at a time work on a series, until its transaction ends.
-- $1 name
SELECT $1
