-- Every sample as it was accepted.
CREATE TABLE IF NOT EXISTS metrics.samples
(
    metric_name  LowCardinality(String)                    COMMENT 'Name of the metric, 1 to 255 bytes',
    tags         Map(LowCardinality(String), String)       COMMENT 'Tags sorted by key; with the name they identify the series',
    timestamp    DateTime64(3, 'UTC') DEFAULT now64(3)     COMMENT 'Time of the sample, to the millisecond' CODEC(Delta, ZSTD),
    metric_value Float64                                   COMMENT 'The value, always finite'               CODEC(ZSTD),
    received_at  DateTime64(3, 'UTC') DEFAULT now64(3)     COMMENT 'When the service received the sample'   CODEC(Delta, ZSTD),
    request_id   UInt128                                   COMMENT 'Identity of the request, in the first of its rows; else 0'
)
ENGINE = MergeTree
-- An INSERT may touch at most 100 partitions; with months, the accepted age keeps it under 14.
PARTITION BY toYYYYMM(timestamp)
-- A panel asks for one metric over a span of time: the hour in front of the tags lets the index cut both, and inside an hour
-- the rows of a series lie together, which is what the codecs need.
PRIMARY KEY (metric_name, toStartOfHour(timestamp))
ORDER BY (metric_name, toStartOfHour(timestamp), tags, timestamp)
-- Ingestion:MaxSampleAge must not exceed this.
TTL toDateTime(timestamp) + INTERVAL 365 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    -- Remembered INSERTs, by insert_deduplication_token: an hour of them at 277 a second. One takes about 250 bytes of memory and 64 of disk.
    non_replicated_deduplication_window = 1000000;
