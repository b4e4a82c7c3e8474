-- Fills the hours from each INSERT into the minutes: fewer rows to group than the samples, and the states are there already. The
-- percentiles stay with the minutes, where they cost an INSERT least.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics.samples_1h_view TO metrics.samples_1h
-- As the view of the minutes.
DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    metric_name,
    tags,
    toStartOfHour(minute)    AS hour,
    min(min)                 AS min,
    max(max)                 AS max,
    sum(sum)                 AS sum,
    sum(count)               AS count,
    argMaxMergeState(last)   AS last
FROM metrics.samples_1m
GROUP BY metric_name, tags, hour;
