-- The minutes of the rollup.
CREATE VIEW IF NOT EXISTS metrics.samples_1m AS
SELECT metric_name, tags, start AS minute, min, max, sum, count, last, quantiles
FROM metrics.samples_rollup
WHERE resolution = 60;
