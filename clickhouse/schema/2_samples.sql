-- Every sample as it was accepted, for five years.
CREATE TABLE IF NOT EXISTS metrics.samples
(
    metric_name  LowCardinality(String)                    COMMENT 'Name of the metric, 1 to 255 bytes',
    tags         Map(LowCardinality(String), String)       COMMENT 'Tags sorted by key; with the name they identify the series',
    timestamp    DateTime64(3, 'UTC') DEFAULT now64(3)     COMMENT 'Time of the sample, to the millisecond' CODEC(Delta, ZSTD),
    metric_value Float64                                   COMMENT 'The value, always finite'               CODEC(ZSTD),
    received_at  DateTime64(3, 'UTC') DEFAULT now64(3)     COMMENT 'When the service received the sample'   CODEC(Delta, ZSTD),
    request_id   UInt128                                   COMMENT 'Identity of the request or INSERT that begins with this row; else 0',

    -- A filter by a tag reads the granules that may have its value, and not all of a metric with many series.
    INDEX tag_values mapValues(tags) TYPE bloom_filter GRANULARITY 1,

    -- A row for every five minutes, hour or six hours and series: what panels read in place of samples, through points. Merges make them,
    -- and not INSERTs, which they would slow down; what is not merged yet is read as samples. A query reads one of them when it groups and
    -- filters by these very expressions and asks for these very aggregates, so points has the same ones to the letter.
    PROJECTION by_5m
    (
        SELECT
            metric_name,
            toStartOfInterval(timestamp, toIntervalMillisecond(86400000)),
            tags,
            toStartOfInterval(timestamp, toIntervalMillisecond(300000)),
            min(metric_value),
            max(metric_value),
            sum(metric_value),
            sum(toUInt64(isFinite(metric_value))),
            argMaxMerge(initializeAggregation('argMaxState', metric_value, timestamp)),
            max(timestamp)
        GROUP BY
            metric_name,
            toStartOfInterval(timestamp, toIntervalMillisecond(86400000)),
            tags,
            toStartOfInterval(timestamp, toIntervalMillisecond(300000))
    ),
    PROJECTION by_1h
    (
        SELECT
            metric_name,
            toStartOfInterval(timestamp, toIntervalMillisecond(86400000)),
            tags,
            toStartOfInterval(timestamp, toIntervalMillisecond(3600000)),
            min(metric_value),
            max(metric_value),
            sum(metric_value),
            sum(toUInt64(isFinite(metric_value))),
            argMaxMerge(initializeAggregation('argMaxState', metric_value, timestamp)),
            max(timestamp)
        GROUP BY
            metric_name,
            toStartOfInterval(timestamp, toIntervalMillisecond(86400000)),
            tags,
            toStartOfInterval(timestamp, toIntervalMillisecond(3600000))
    ),
    PROJECTION by_6h
    (
        SELECT
            metric_name,
            toStartOfInterval(timestamp, toIntervalMillisecond(86400000)),
            tags,
            toStartOfInterval(timestamp, toIntervalMillisecond(21600000)),
            min(metric_value),
            max(metric_value),
            sum(metric_value),
            sum(toUInt64(isFinite(metric_value))),
            argMaxMerge(initializeAggregation('argMaxState', metric_value, timestamp)),
            max(timestamp)
        GROUP BY
            metric_name,
            toStartOfInterval(timestamp, toIntervalMillisecond(86400000)),
            tags,
            toStartOfInterval(timestamp, toIntervalMillisecond(21600000))
    )
)
ENGINE = MergeTree
-- An INSERT may touch at most 100 partitions; with months, the accepted age keeps it under 14.
PARTITION BY toYYYYMM(timestamp)
-- A panel asks for one metric over a span of time: the hour in front of the tags lets the index cut both, and inside an hour
-- the rows of a series lie together, which is what the codecs need.
PRIMARY KEY (metric_name, toStartOfHour(timestamp))
ORDER BY (metric_name, toStartOfHour(timestamp), tags, timestamp)
-- Ingestion:MaxSampleAge must not exceed this.
TTL toDateTime(timestamp) + INTERVAL 5 YEAR
SETTINGS
    ttl_only_drop_parts = 1,
    -- Projections are made by merges alone.
    materialize_projections_on_insert = 0,
    materialize_projections_on_merge = 1,
    deduplicate_merge_projection_mode = 'rebuild',
    -- Statistics of columns: each merge would make them, and each query load them, to choose among joins that nobody asks for.
    auto_statistics_types = '',
    -- Merges of more parts at a time, so that a small INSERT is merged less often: docs/scale.md has what was tried.
    merge_selector_base = 10,
    -- How long the parts stay that a merge has replaced, should a power cut spoil the merged one: its files are synced to disk, its name Linux
    -- writes within seconds, and its projections within 35 (a broken one is not read, and the next merge makes it anew). The default, 480 and
    -- up to 40 more, is tens of thousands of parts under small INSERTs, and ClickHouse looks through all of them after every INSERT; its
    -- engine inside another program has 0.
    old_parts_lifetime = 45,
    min_rows_to_fsync_after_merge = 1,
    cleanup_delay_period = 1,
    cleanup_delay_period_random_add = 0,
    max_cleanup_delay_period = 10,
    -- A month that has had no INSERT for a day becomes one part, which is what panels over long spans read fastest.
    min_age_to_force_merge_seconds = 86400,
    min_age_to_force_merge_on_partition_only = 1,
    -- Remembered INSERTs, by insert_deduplication_token: a quarter of an hour of them at 277 a second. One takes about 218 bytes of memory and 64 of disk.
    non_replicated_deduplication_window = 250000,
    -- After a power cut many of the last parts may be broken. They are set aside, and the others are served.
    max_suspicious_broken_parts = 100000,
    max_suspicious_broken_parts_bytes = 1000000000000;
