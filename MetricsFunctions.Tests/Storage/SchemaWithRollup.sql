CREATE DATABASE IF NOT EXISTS metrics;
-- Every sample as it was accepted.
CREATE TABLE IF NOT EXISTS metrics.samples
(
    metric_name  LowCardinality(String)                    COMMENT 'Name of the metric, 1 to 255 bytes',
    tags         Map(LowCardinality(String), String)       COMMENT 'Tags sorted by key; with the name they identify the series',
    timestamp    DateTime64(3, 'UTC') DEFAULT now64(3)     COMMENT 'Time of the sample, to the millisecond' CODEC(Delta, ZSTD),
    metric_value Float64                                   COMMENT 'The value, always finite'               CODEC(ZSTD),
    received_at  DateTime64(3, 'UTC') DEFAULT now64(3)     COMMENT 'When the service received the sample'   CODEC(Delta, ZSTD)
)
ENGINE = MergeTree
-- An INSERT may touch at most 100 partitions; with months, the accepted age keeps it under 14.
PARTITION BY toYYYYMM(timestamp)
-- A panel asks for one metric over a span of time: the hour in front of the tags lets the index cut both, and inside an hour
-- the rows of a series lie together, which is what the codecs need.
PRIMARY KEY (metric_name, toStartOfHour(timestamp))
ORDER BY (metric_name, toStartOfHour(timestamp), tags, timestamp)
-- Ingestion:MaxSampleAge must not exceed this.
TTL toDateTime(timestamp) + INTERVAL 365 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    -- Remembered INSERTs, by insert_deduplication_token: an hour of them at 277 a second. One takes about 250 bytes of memory and 64 of disk.
    non_replicated_deduplication_window = 1000000;
-- One row a minute and series, and one an hour and series, kept by the materialized view below: what panels over long spans read instead of
-- samples. The hours, because a series sampled every ten seconds has six rows a minute: the minutes alone would save a year's panel little.
CREATE TABLE IF NOT EXISTS metrics.samples_rollup
(
    resolution  UInt16                                                    COMMENT 'Seconds that a row spans: 60 or 3600',
    metric_name LowCardinality(String)                                    COMMENT 'As in samples',
    tags        Map(LowCardinality(String), String)                       COMMENT 'As in samples',
    start       DateTime('UTC')                                           COMMENT 'Start of the minute or hour' CODEC(Delta, ZSTD),
    min         SimpleAggregateFunction(min, Float64)                     COMMENT 'Smallest value',
    max         SimpleAggregateFunction(max, Float64)                     COMMENT 'Largest value',
    sum         SimpleAggregateFunction(sum, Float64)                     COMMENT 'Sum of the values; average = sum(sum) / sum(count)',
    count       SimpleAggregateFunction(sum, UInt64)                      COMMENT 'Number of samples',
    last        AggregateFunction(argMax, Float64, DateTime64(3, 'UTC'))  COMMENT 'Value of the latest sample: argMaxMerge(last)',
    quantiles   AggregateFunction(quantilesTDigest(0.5, 0.9, 0.99), Float64)
                COMMENT 'Median, 90th and 99th percentile: quantilesTDigestMerge(0.5, 0.9, 0.99)(quantiles)'
)
ENGINE = AggregatingMergeTree
-- Years: a month of hours is so few rows that an index could not tell its metrics apart.
PARTITION BY toYear(start)
PRIMARY KEY (resolution, metric_name, toStartOfDay(start))
ORDER BY (resolution, metric_name, toStartOfDay(start), tags, start)
TTL start + INTERVAL 5 YEAR
SETTINGS
    ttl_only_drop_parts = 1,
    -- As in samples, so that a retry after a crash between the two completes this table and doubles nothing.
    non_replicated_deduplication_window = 1000000;
-- Fills the rollup from each INSERT into samples. One view for both resolutions, because what a view costs an INSERT it costs at every
-- one: the samples are grouped by minute, each minute is written twice, and what falls into one hour comes together in the table.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics.samples_rollup_view TO metrics.samples_rollup
-- Whoever may INSERT samples needs no right to the rest.
DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    arrayJoin([60, 3600]::Array(UInt16))                  AS resolution,
    metric_name,
    tags,
    if(resolution = 60, toStartOfMinute(timestamp), toStartOfHour(toStartOfMinute(timestamp))) AS start,
    min(metric_value)                                     AS min,
    max(metric_value)                                     AS max,
    sum(metric_value)                                     AS sum,
    count()                                               AS count,
    argMaxState(metric_value, timestamp)                  AS last,
    quantilesTDigestState(0.5, 0.9, 0.99)(metric_value)   AS quantiles
FROM metrics.samples
GROUP BY metric_name, tags, toStartOfMinute(timestamp);
-- The minutes of the rollup.
CREATE VIEW IF NOT EXISTS metrics.samples_1m AS
SELECT metric_name, tags, start AS minute, min, max, sum, count, last, quantiles
FROM metrics.samples_rollup
WHERE resolution = 60;
-- The hours of the rollup.
CREATE VIEW IF NOT EXISTS metrics.samples_1h AS
SELECT metric_name, tags, start AS hour, min, max, sum, count, last, quantiles
FROM metrics.samples_rollup
WHERE resolution = 3600;
-- What every panel reads: the samples themselves where it draws less than a minute a point, else the coarsest rollup that is fine enough.
--   points(interval = seconds a point, start = Unix seconds, end = Unix seconds)
-- Only the one table that serves is read. Average: sum(sum) / sum(count); latest: argMaxMerge(last).
CREATE VIEW IF NOT EXISTS metrics.points AS
SELECT
    metric_name,
    tags,
    timestamp                                                        AS at,
    metric_value                                                     AS min,
    metric_value                                                     AS max,
    metric_value                                                     AS sum,
    toUInt64(1)                                                      AS count,
    initializeAggregation('argMaxState', metric_value, timestamp)    AS last
FROM metrics.samples
WHERE {interval:UInt32} < 60 AND timestamp BETWEEN toDateTime({start:UInt32}) AND toDateTime({end:UInt32})
UNION ALL
-- The span is given and not left to the reader's WHERE: the index does not see through the conversion.
SELECT
    metric_name,
    tags,
    toDateTime64(start, 3, 'UTC')                                    AS at,
    min::Float64                                                     AS min,
    max::Float64                                                     AS max,
    sum::Float64                                                     AS sum,
    count::UInt64                                                    AS count,
    last
FROM metrics.samples_rollup
WHERE {interval:UInt32} >= 60 AND resolution = if({interval:UInt32} < 3600, 60, 3600)
    AND start BETWEEN toDateTime({start:UInt32}) AND toDateTime({end:UInt32});
