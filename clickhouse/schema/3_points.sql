-- What every panel reads: samples, with the time of each cut to the start of the point that it belongs to.
--   points(interval = seconds a point, start = Unix seconds, end = Unix seconds)
-- Whoever reads it aggregates: min(min), max(max), sum(sum), sum(count), argMaxMerge(last) for the latest value, max(seen) for its time;
-- average: sum(sum) / sum(count). Such a query reads the projections of samples in place of samples where a point is five minutes or more.
-- One with another aggregate is as right, and reads every sample. What can fail, such as toFloat64 of a tag, belongs around such a query
-- and not into it: a projection is filtered after that.
CREATE VIEW IF NOT EXISTS metrics.points AS
SELECT
    metric_name,
    tags,
    -- ClickHouse knows the expressions of a projection again once it has folded these: if() it folds, multiIf() it does not.
    if({interval:UInt32} < 300, timestamp, toStartOfInterval(timestamp, toIntervalMillisecond(
        if({interval:UInt32} < 3600, 300000, if({interval:UInt32} < 21600, 3600000, 21600000))))) AS at,
    metric_value                                                     AS min,
    metric_value                                                     AS max,
    metric_value                                                     AS sum,
    -- Always 1. The projection counts the same, and sum(1) it does not know.
    toUInt64(isFinite(metric_value))                                 AS count,
    initializeAggregation('argMaxState', metric_value, timestamp)    AS last,
    timestamp                                                        AS seen
FROM metrics.samples
-- toDateTime64 and not toDateTime: beside a time in milliseconds, that counts as an error in system.errors.
WHERE at BETWEEN toDateTime64({start:UInt32}, 3, 'UTC') AND toDateTime64({end:UInt32}, 3, 'UTC')
    -- The same span again: in days, which the index of a projection can cut.
    AND if({interval:UInt32} < 300, timestamp, toStartOfInterval(timestamp, toIntervalMillisecond(86400000)))
        BETWEEN toDateTime64(if({interval:UInt32} < 300, {start:UInt32}, intDiv({start:UInt32}, 86400) * 86400), 3, 'UTC') AND toDateTime64({end:UInt32}, 3, 'UTC');
