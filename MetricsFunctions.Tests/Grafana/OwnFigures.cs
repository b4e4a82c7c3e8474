using System.Globalization;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>What the service stores of itself, as the dashboard Ingestion and the alert rules read it: names, tags and plausible values of an export.</summary>
static class OwnFigures
{
    static readonly string[] Seconds = ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
    static readonly string[] Samples = ["1", "3", "10", "30", "100", "300", "1000", "3000", "10000", "30000", "100000", "300000", "1000000", "+Inf"];

    /// <summary>All figures of one export, as the rows of an INSERT without their times.</summary>
    public static (string Name, string Tags, int Value)[] All { get; } =
    [
        .. Histogram("metrics_functions_request_duration_seconds", Seconds, Request("metrics", "200")),
        .. Histogram("metrics_functions_request_duration_seconds", Seconds, Request("influx2", "204")),
        .. Histogram("metrics_functions_request_duration_seconds", Seconds, Request("metrics", "400", "invalid_samples")),
        .. Histogram("metrics_functions_request_duration_seconds", Seconds, Request("metrics", "503", "unreachable")),
        Delta("metrics_functions_request_body_io_bytes_total", 5000),
        Delta("metrics_functions_samples_total", 100, ("metrics_functions_protocol", "metrics")),
        Delta("metrics_functions_samples_total", 50, ("metrics_functions_protocol", "influx2")),
        Delta("metrics_functions_refused_total", 5, ("metrics_functions_protocol", "remote_write"), ("metrics_functions_api_key", "prometheus"), ("error_type", "tags")),
        .. Histogram("db_client_operation_duration_seconds", Seconds, Insert()),
        .. Histogram("db_client_operation_duration_seconds", Seconds, [.. Insert(), ("error_type", "unreachable")]),
        .. Histogram("metrics_functions_insert_samples", Samples),
        Delta("metrics_functions_insert_retries_total", 3, ("error_type", "unreachable")),
        Last("metrics_functions_queue_usage_bytes", 3_000_000, ("metrics_functions_lane", "small")),
        Last("metrics_functions_queue_usage_bytes", 20_000_000, ("metrics_functions_lane", "large")),
        Last("metrics_functions_queue_limit_bytes", 32_000_000, ("metrics_functions_lane", "small")),
        Last("metrics_functions_queue_limit_bytes", 32_000_000, ("metrics_functions_lane", "large")),
        Last("metrics_functions_queue_requests", 7, ("metrics_functions_lane", "small")),
        Last("kestrel_active_connections", 12),
        Last("dotnet_process_memory_working_set_bytes", 150_000_000),
        Last("dotnet_gc_last_collection_heap_size_bytes", 20_000_000, ("gc_heap_generation", "gen2")),
        Delta("dotnet_process_cpu_time_seconds_total", 4, ("cpu_mode", "user")),
        Delta("dotnet_process_cpu_time_seconds_total", 1, ("cpu_mode", "system")),
        Delta("dotnet_gc_pause_time_seconds_total", 1),
        Delta("dotnet_gc_collections_total", 2, ("gc_heap_generation", "gen0")),
        Delta("dotnet_gc_heap_total_allocated_bytes_total", 90_000_000),
    ];

    static (string, string)[] Request(string protocol, string status, string? reason = null) =>
    [
        ("metrics_functions_protocol", protocol),
        ("http_response_status_code", status),
        .. reason is null ? Array.Empty<(string, string)>() : [("error_type", reason)],
    ];

    static (string, string)[] Insert() => [("db_system_name", "clickhouse"), ("db_operation_name", "INSERT"), ("db_collection_name", "metrics.samples")];

    // Ten more in each bucket, and the buckets count from the first.
    static IEnumerable<(string, string, int)> Histogram(string name, string[] bounds, params (string, string)[] tags) =>
        bounds.Select((bound, i) => Delta($"{name}_bucket", 10 * (i + 1), [.. tags, ("le", bound)]))
            .Append(Delta($"{name}_sum", 40, tags))
            .Append(Delta($"{name}_count", 10 * bounds.Length, tags));

    static (string, string, int) Delta(string name, int value, params (string, string)[] tags) => Last(name, value, [.. tags, ("temporality", "delta")]);

    static (string, string, int) Last(string name, int value, params (string Key, string Value)[] tags) => (
        name,
        string.Create(CultureInfo.InvariantCulture, $"map({string.Join(", ", tags.Append(("service_name", "metrics-functions")).OrderBy(tag => tag.Item1, StringComparer.Ordinal).Select(tag => $"'{tag.Item1}', '{tag.Item2}'"))})"),
        value);
}
