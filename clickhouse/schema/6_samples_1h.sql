-- The hours of the rollup.
CREATE VIEW IF NOT EXISTS metrics.samples_1h AS
SELECT metric_name, tags, start AS hour, min, max, sum, count, last, quantiles
FROM metrics.samples_rollup
WHERE resolution = 3600;
