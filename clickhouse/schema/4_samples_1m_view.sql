-- Fills the rollup from each INSERT into samples.
CREATE MATERIALIZED VIEW IF NOT EXISTS metrics.samples_1m_view TO metrics.samples_1m
-- Whoever may INSERT samples needs no right to the rest.
DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    metric_name,
    tags,
    toStartOfMinute(timestamp)                            AS minute,
    min(metric_value)                                     AS min,
    max(metric_value)                                     AS max,
    sum(metric_value)                                     AS sum,
    count()                                               AS count,
    argMaxState(metric_value, timestamp)                  AS last,
    quantilesTDigestState(0.5, 0.9, 0.99)(metric_value)   AS quantiles
FROM metrics.samples
GROUP BY metric_name, tags, minute;
