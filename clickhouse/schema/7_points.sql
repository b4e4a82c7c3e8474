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
