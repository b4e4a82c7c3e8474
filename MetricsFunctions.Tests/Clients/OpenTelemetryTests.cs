using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace MetricsFunctions.Tests.Clients;

/// <summary>OpenTelemetry's own SDKs send every kind of metric here, set up as docs/protocols.md says.</summary>
public sealed class OpenTelemetryTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    static readonly string[] List = ["a", "b"];
    static readonly double[] Values = [0.1, 0.5, 4];

    [Theory]
    [InlineData(MetricReaderTemporalityPreference.Cumulative, OtlpExportCompression.None)]
    [InlineData(MetricReaderTemporalityPreference.Cumulative, OtlpExportCompression.GZip)]
    [InlineData(MetricReaderTemporalityPreference.Delta, OtlpExportCompression.None)]
    [InlineData(MetricReaderTemporalityPreference.Delta, OtlpExportCompression.GZip)]
    public async Task What_the_NET_SDK_recorded_is_in_ClickHouse(MetricReaderTemporalityPreference temporality, OtlpExportCompression compression)
    {
        var instance = $"{temporality} {compression}";
        using var meter = new Meter($"dotnet {instance}", "1.2.3");
        using var provider = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService("dotnet", "shop", "1.0", serviceInstanceId: instance))
            .AddMeter(meter.Name)
            .AddView("dotnet.exponential", new Base2ExponentialBucketHistogramConfiguration())
            .AddView("dotnet.duration", new ExplicitBucketHistogramConfiguration { Boundaries = [0.1, 1] })
            .AddOtlpExporter((exporter, reader) =>
            {
                exporter.Endpoint = new Uri(host.Http.BaseAddress!, "/api/v1/metrics");
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Compression = compression;
                reader.TemporalityPreference = temporality;
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = 3_600_000;
            })
            .Build();

        var tags = new TagList { { "route", "/a" }, { "http.status", 200 }, { "ok", true }, { "list.of", List } };
        var requests = meter.CreateCounter<long>("dotnet.requests", "{request}");
        var queue = meter.CreateUpDownCounter<int>("dotnet.queue");
        var load = meter.CreateGauge<double>("dotnet.load", "1");
        var duration = meter.CreateHistogram<double>("dotnet.duration", "s");
        var exponential = meter.CreateHistogram<double>("dotnet.exponential", "By");
        meter.CreateObservableCounter("dotnet.cpu.time", () => new Measurement<double>(12.5, [.. tags]), "s");
        meter.CreateObservableUpDownCounter("dotnet.open", () => new Measurement<long>(-1, [.. tags]));
        meter.CreateObservableGauge("dotnet.heap", () => new Measurement<double>(1e15, [.. tags]), "By");

        // Twice, so that the two temporalities differ.
        for (var round = 0; round < 2; round++)
        {
            requests.Add(3, tags);
            queue.Add(-4, tags);
            load.Record(0.42, tags);
            foreach (var value in Values)
            {
                duration.Record(value, tags);
                exponential.Record(value, tags);
            }

            Assert.True(provider.ForceFlush());
        }

        var isDelta = temporality == MetricReaderTemporalityPreference.Delta;
        await AssertEveryKindAsync("dotnet", instance, isDelta, rounds: 2, "http_status=200,list_of=[\"a\",\"b\"],ok=true", isDelta ? 1 : 2);
        Assert.Equal("1.0\tshop", await host.QueryAsync($"SELECT any(tags['service_version']), any(tags['service_namespace']) FROM metrics.samples WHERE tags['service_instance_id'] = '{instance}'"));
        if (isDelta)
        {
            Assert.Equal("0", await host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = 'dotnet_cpu_time_seconds_total' AND tags['service_instance_id'] = '{instance}' AND metric_value NOT IN (12.5, 0)"));
        }
    }

    [Theory]
    [InlineData("http/json", "cumulative", "none")]
    [InlineData("http/json", "delta", "gzip")]
    [InlineData("http/protobuf", "cumulative", "gzip")]
    [InlineData("http/protobuf", "delta", "none")]
    public async Task What_the_JavaScript_SDK_recorded_is_in_ClickHouse(string protocol, string temporality, string compression)
    {
        var instance = $"{protocol} {temporality} {compression}";
        using var client = NodeClient.Start(
            ["otlp.mjs", protocol, temporality, compression],
            ("OTEL_EXPORTER_OTLP_ENDPOINT", new Uri(host.Http.BaseAddress!, "/api").ToString()));
        await client.ExitedAsync();
        await AssertEveryKindAsync("js", instance, temporality == "delta", rounds: 1, "http_status=200,list_of=[\"a\",1],none=,ok=true", 1);
        Assert.Equal("0", await host.QueryAsync($"SELECT count() FROM metrics.samples WHERE tags['service_instance_id'] = '{instance}' AND (tags['process_pid'] != '1' OR NOT mapContains(tags, 'process_command_args'))"));
    }

    // Both send the same: three requests, a queue of -4, a load, three durations and so on, in each round.
    async Task AssertEveryKindAsync(string prefix, string instance, bool isDelta, int rounds, string attributes, int last)
    {
        var samples = await host.QueryAsync($"""
            SELECT metric_name, tags['le'], tags['temporality'], argMax(metric_value, timestamp), count()
            FROM metrics.samples WHERE tags['service_instance_id'] = '{instance}' AND NOT startsWith(metric_name, '{prefix}_exponential')
            GROUP BY ALL ORDER BY ALL
            """);
        var delta = isDelta ? "delta" : "";
        Assert.Equal(
            string.Join('\n', new[]
            {
                // Sums that go up and down are cumulative in any case.
                $"{prefix}_cpu_time_seconds_total\t\t{delta}\t{(isDelta && rounds > 1 ? 0 : 12.5)}\t{rounds}",
                $"{prefix}_duration_seconds_bucket\t+Inf\t{delta}\t{3 * last}\t{rounds}",
                $"{prefix}_duration_seconds_bucket\t0.1\t{delta}\t{last}\t{rounds}",
                $"{prefix}_duration_seconds_bucket\t1\t{delta}\t{2 * last}\t{rounds}",
                $"{prefix}_duration_seconds_count\t\t{delta}\t{3 * last}\t{rounds}",
                $"{prefix}_duration_seconds_max\t\t{delta}\t4\t{rounds}",
                $"{prefix}_duration_seconds_min\t\t{delta}\t0.1\t{rounds}",
                FormattableString.Invariant($"{prefix}_duration_seconds_sum\t\t{delta}\t{4.6 * last}\t{rounds}"),
                $"{prefix}_heap_bytes\t\t\t1000000000000000\t{rounds}",
                $"{prefix}_load_ratio\t\t\t0.42\t{rounds}",
                $"{prefix}_open\t\t\t-1\t{rounds}",
                $"{prefix}_queue\t\t\t{-4 * rounds}\t{rounds}",
                $"{prefix}_requests_total\t\t{delta}\t{3 * last}\t{rounds}",
            }),
            samples);

        // 0.1, 0.5 and 4 lie in three buckets, and each is not above its bound.
        Assert.Equal($"{3 * last}\t{FormattableString.Invariant($"{4.6 * last}")}\t1\t1\t1", await host.QueryAsync($"""
            WITH (SELECT max(timestamp) FROM metrics.samples WHERE tags['service_instance_id'] = '{instance}' AND metric_name = '{prefix}_exponential_bytes_count') AS newest,
                toFloat64OrDefault(tags['le']) AS le, metric_value / {last} AS value
            SELECT maxIf(metric_value, metric_name = '{prefix}_exponential_bytes_count'), maxIf(metric_value, metric_name = '{prefix}_exponential_bytes_sum'),
                minIf(le, endsWith(metric_name, '_bucket') AND value >= 1) BETWEEN 0.1 AND 0.101,
                minIf(le, endsWith(metric_name, '_bucket') AND value >= 2) BETWEEN 0.5 AND 0.505,
                minIf(le, endsWith(metric_name, '_bucket') AND value >= 3) BETWEEN 4 AND 4.04
            FROM metrics.samples WHERE timestamp = newest AND tags['service_instance_id'] = '{instance}' AND startsWith(metric_name, '{prefix}_exponential_bytes')
            """));

        Assert.Equal($"{attributes},route=/a,otel_scope_version=1.2.3,service_name={prefix}", await host.QueryAsync($"""
            SELECT DISTINCT arrayStringConcat(arrayConcat(arrayMap(entry -> entry.1 || '=' || entry.2, arraySort(arrayFilter(entry -> entry.1 IN ('http_status', 'list_of', 'none', 'ok'), CAST(tags, 'Array(Tuple(String, String))')))),
                arrayMap(key -> key || '=' || tags[key], ['route', 'otel_scope_version', 'service_name'])), ',')
            FROM metrics.samples WHERE tags['service_instance_id'] = '{instance}'
            """));
    }
}
