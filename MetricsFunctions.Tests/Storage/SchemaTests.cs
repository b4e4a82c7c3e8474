using System.Globalization;
using System.Text.RegularExpressions;
using ClickHouse.Driver;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Tests.Storage;

public sealed partial class SchemaTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    [Fact]
    public async Task Applying_the_schema_again_changes_nothing()
    {
        const string Definitions = "SELECT name, create_table_query, uuid FROM system.tables WHERE database = 'metrics' ORDER BY name";
        using var stored = await host.PostAsync("""{"metric_name": "kept", "metric_value": 1}""");
        Assert.True(stored.IsSuccessStatusCode);
        var before = await host.QueryAsync(Definitions);

        using var client = new ClickHouseClient(host.ClickHouse.ConnectionString);
        await Schema.ApplyAsync(client);

        Assert.Equal(before, await host.QueryAsync(Definitions));
        Assert.Equal("1", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'kept'"));
    }

    [Fact]
    public async Task The_oldest_accepted_sample_is_as_old_as_the_table_keeps()
    {
        var definition = await host.QueryAsync("SELECT engine_full FROM system.tables WHERE database = 'metrics' AND name = 'samples' FORMAT TSVRaw");
        var days = int.Parse(TimeToLive().Match(definition).Groups["days"].Value, CultureInfo.InvariantCulture);
        Assert.Equal(TimeSpan.FromDays(days), new IngestionOptions().MaxSampleAge);
    }

    [Fact]
    public async Task A_row_fills_every_column_of_the_table()
    {
        var columns = await host.QueryAsync("SELECT name FROM system.columns WHERE database = 'metrics' AND table = 'samples' ORDER BY position");
        Assert.Equal(columns.Split('\n'), NativeBlocks.Columns);
    }

    [Fact]
    public async Task The_rollup_equals_a_GROUP_BY_over_the_raw_rows()
    {
        // Whole numbers, so that sums are exact in whatever order they are added; two hours, three series, many INSERTs.
        var random = new Random(20261123);
        var start = DateTimeOffset.UtcNow.AddHours(-3).ToUnixTimeMilliseconds() / 3_600_000 * 3_600_000;
        await Parallel.ForAsync(0, 300, async (i, _) =>
        {
            string body;
            lock (random)
            {
                body = $$$"""
                    {"metric_name": "rolled", "metric_value": {{{random.Next(-1000, 1000)}}}, "timestamp": {{{start + random.Next(2) * 3_600_000 + random.Next(2) * 60_000 + random.Next(60_000)}}}, "tags": {"host": "a{{{i % 3}}}"}}
                    """;
            }

            using var response = await host.PostAsync(body);
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(CancellationToken.None));
        });

        var raw = await host.QueryAsync("""
            SELECT tags, toStartOfMinute(timestamp) AS minute, min(metric_value), max(metric_value), sum(metric_value), count(),
                   argMax(metric_value, timestamp), arrayMap(q -> round(q), quantilesTDigest(0.5, 0.9, 0.99)(metric_value))
            FROM metrics.samples WHERE metric_name = 'rolled' GROUP BY tags, minute ORDER BY tags, minute
            """);
        var rollup = await host.QueryAsync("""
            SELECT tags, minute, min(min), max(max), sum(sum), sum(count), argMaxMerge(last),
                   arrayMap(q -> round(q), quantilesTDigestMerge(0.5, 0.9, 0.99)(quantiles))
            FROM metrics.samples_1m WHERE metric_name = 'rolled' GROUP BY tags, minute ORDER BY tags, minute
            """);

        Assert.Equal(12, raw.Split('\n').Length);
        Assert.Equal(raw, rollup);

        Assert.Equal(
            await host.QueryAsync("""
                SELECT tags, toStartOfHour(timestamp) AS hour, min(metric_value), max(metric_value), sum(metric_value), count(),
                       argMax(metric_value, timestamp), arrayMap(q -> round(q), quantilesTDigest(0.5, 0.9, 0.99)(metric_value))
                FROM metrics.samples WHERE metric_name = 'rolled' GROUP BY tags, hour ORDER BY tags, hour
                """),
            await host.QueryAsync("""
                SELECT tags, hour, min(min), max(max), sum(sum), sum(count), argMaxMerge(last),
                       arrayMap(q -> round(q), quantilesTDigestMerge(0.5, 0.9, 0.99)(quantiles))
                FROM metrics.samples_1h WHERE metric_name = 'rolled' GROUP BY tags, hour ORDER BY tags, hour
                """));
    }

    [GeneratedRegex(@"TTL toDateTime\(timestamp\) \+ toIntervalDay\((?<days>\d+)\)")]
    private static partial Regex TimeToLive();
}
