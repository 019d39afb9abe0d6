-- Which data path a series was last written from, so that a job that is configured there no more is nobody's.
ALTER TABLE owner ADD COLUMN place TEXT NOT NULL DEFAULT '';
