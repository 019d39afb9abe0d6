-- The history of metrics. Keys are compared byte by byte, so that those of a prefix stand together.
CREATE TABLE history_metric (
    id   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key  TEXT COLLATE "C" NOT NULL UNIQUE,
    kind TEXT   NOT NULL,
    unit TEXT   NOT NULL
);

-- A worker on one data path; `run` is the process of it that writes.
CREATE TABLE history_writer (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker     TEXT   NOT NULL,
    place      TEXT   NOT NULL,
    run        TEXT   NOT NULL,
    written_at BIGINT NOT NULL,
    UNIQUE (worker, place)
);

-- What a worker observed in one bucket: its total, which each write replaces.
CREATE TABLE history_point (
    metric     BIGINT NOT NULL REFERENCES history_metric (id),
    resolution BIGINT NOT NULL,
    bucket     BIGINT NOT NULL,
    writer     BIGINT NOT NULL REFERENCES history_writer (id),
    count      BIGINT NOT NULL,
    sum        DOUBLE PRECISION NOT NULL,
    min        DOUBLE PRECISION NOT NULL,
    max        DOUBLE PRECISION NOT NULL,
    last       DOUBLE PRECISION NOT NULL,
    sampled_at BIGINT NOT NULL,
    sketch     BYTEA,
    PRIMARY KEY (metric, resolution, bucket, writer)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX history_point_age ON history_point (resolution, bucket);
