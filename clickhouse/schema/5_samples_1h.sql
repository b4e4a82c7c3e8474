-- One row an hour and series: what panels over months read. A series sampled every ten seconds has six rows a minute, so the minutes alone
-- would save a year's panel little.
CREATE TABLE IF NOT EXISTS metrics.samples_1h
(
    metric_name LowCardinality(String)                                    COMMENT 'As in samples',
    tags        Map(LowCardinality(String), String)                       COMMENT 'As in samples',
    hour        DateTime('UTC')                                           COMMENT 'Start of the hour' CODEC(Delta, ZSTD),
    min         SimpleAggregateFunction(min, Float64)                     COMMENT 'Smallest value',
    max         SimpleAggregateFunction(max, Float64)                     COMMENT 'Largest value',
    sum         SimpleAggregateFunction(sum, Float64)                     COMMENT 'Sum of the values; average = sum(sum) / sum(count)',
    count       SimpleAggregateFunction(sum, UInt64)                      COMMENT 'Number of samples',
    last        AggregateFunction(argMax, Float64, DateTime64(3, 'UTC'))  COMMENT 'Value of the latest sample: argMaxMerge(last)'
)
ENGINE = AggregatingMergeTree
-- Years: a month of hours is so few rows that an index could not tell its metrics apart.
PARTITION BY toYear(hour)
PRIMARY KEY (metric_name, toStartOfMonth(hour))
ORDER BY (metric_name, toStartOfMonth(hour), tags, hour)
TTL hour + INTERVAL 5 YEAR
SETTINGS
    ttl_only_drop_parts = 1,
    -- As in samples_1m.
    non_replicated_deduplication_window = 1000000;
