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
