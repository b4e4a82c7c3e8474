-- In place of clickhouse/schema/3_points.sql: the same columns, grouped on the shards. What a view over a Distributed table does not group
-- itself is sent row by row to the server that was asked, where it fits no projection any more.
CREATE VIEW IF NOT EXISTS metrics.points AS
SELECT
    metric_name,
    tags,
    if({interval:UInt32} < 300, timestamp, toStartOfInterval(timestamp, toIntervalMillisecond(
        if({interval:UInt32} < 3600, 300000, if({interval:UInt32} < 21600, 3600000, 21600000))))) AS at,
    min(metric_value)                                                AS min,
    max(metric_value)                                                AS max,
    sum(metric_value)                                                AS sum,
    sum(toUInt64(isFinite(metric_value)))                            AS count,
    -- The latest value and its time, as a state again.
    initializeAggregation('argMaxState', argMaxMerge(initializeAggregation('argMaxState', metric_value, timestamp)), max(timestamp)) AS last,
    max(timestamp)                                                   AS seen
FROM metrics.samples
WHERE at BETWEEN toDateTime64({start:UInt32}, 3, 'UTC') AND toDateTime64({end:UInt32}, 3, 'UTC')
    AND if({interval:UInt32} < 300, timestamp, toStartOfInterval(timestamp, toIntervalMillisecond(86400000)))
        BETWEEN toDateTime64(if({interval:UInt32} < 300, {start:UInt32}, intDiv({start:UInt32}, 86400) * 86400), 3, 'UTC') AND toDateTime64({end:UInt32}, 3, 'UTC')
GROUP BY metric_name, tags, at;
