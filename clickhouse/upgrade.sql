-- Turns a database with the table samples_rollup into the one of clickhouse/schema, which is applied after it, while samples arrive: see
-- "From a database with samples_rollup" in docs/operations.md. Every statement may be repeated.

-- Last of the columns, so that INSERTs of a service from before, which does not know it, go on.
ALTER TABLE metrics.samples ADD COLUMN IF NOT EXISTS
    request_id   UInt128                                   COMMENT 'Identity of the request or INSERT that begins with this row; else 0';

ALTER TABLE metrics.samples ADD INDEX IF NOT EXISTS tag_values mapValues(tags) TYPE bloom_filter GRANULARITY 1;

ALTER TABLE metrics.samples MODIFY SETTING
    materialize_projections_on_insert = 0,
    materialize_projections_on_merge = 1,
    deduplicate_merge_projection_mode = 'rebuild',
    auto_statistics_types = '',
    merge_selector_base = 10,
    old_parts_lifetime = 45,
    min_rows_to_fsync_after_merge = 1,
    cleanup_delay_period = 1,
    cleanup_delay_period_random_add = 0,
    max_cleanup_delay_period = 10,
    min_age_to_force_merge_seconds = 86400,
    min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 250000,
    max_suspicious_broken_parts = 100000,
    max_suspicious_broken_parts_bytes = 1000000000000;

ALTER TABLE metrics.samples ADD PROJECTION IF NOT EXISTS by_5m
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
);

ALTER TABLE metrics.samples ADD PROJECTION IF NOT EXISTS by_1h
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
);

ALTER TABLE metrics.samples ADD PROJECTION IF NOT EXISTS by_6h
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
);

-- Parts that are there learn of it in the background, or they would go after a year.
ALTER TABLE metrics.samples MODIFY TTL toDateTime(timestamp) + INTERVAL 5 YEAR SETTINGS mutations_sync = 0;

-- What was stored before gets its projections part by part, in the background. Until then a panel reads the samples of a part.
ALTER TABLE metrics.samples MATERIALIZE INDEX tag_values, MATERIALIZE PROJECTION by_5m, MATERIALIZE PROJECTION by_1h, MATERIALIZE PROJECTION by_6h SETTINGS mutations_sync = 0;

-- From here on the rollup does not grow any more; what it has stays. The INSERTs that it remembers would still take memory.
DROP VIEW IF EXISTS metrics.samples_rollup_view;
ALTER TABLE metrics.samples_rollup MODIFY SETTING non_replicated_deduplication_window = 0;

-- Views of the rollup would stand still without a word. clickhouse/schema makes points anew.
DROP VIEW IF EXISTS metrics.points;
DROP VIEW IF EXISTS metrics.samples_1m;
DROP VIEW IF EXISTS metrics.samples_1h;
