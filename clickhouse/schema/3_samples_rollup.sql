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
