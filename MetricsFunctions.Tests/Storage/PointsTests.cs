using System.Globalization;

namespace MetricsFunctions.Tests.Storage;

/// <summary>Points of any width against a plain GROUP BY over the samples, whatever has been merged by then.</summary>
public sealed class PointsTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    const int Months = 3;
    const int InsertsOfStage = 6;
    const int SamplesOfInsert = 400;
    const int Spans = 3;

    static readonly int[] Widths = [1, 60, 299, 300, 3599, 3600, 10800, 21600, 86400];

    readonly Random _random = new(20261125);
    readonly DateTimeOffset _start = new(DateTime.UtcNow.Date.AddDays(-28 * Months), TimeSpan.Zero);

    [Fact]
    public async Task Are_exact_without_a_merge_half_merged_and_merged()
    {
        await host.QueryAsync("TRUNCATE TABLE metrics.samples");
        await host.QueryAsync("SYSTEM STOP MERGES metrics.samples");
        await InsertAsync();
        Assert.Equal("0", await ProjectionsAsync());
        await AssertExactAsync();

        var partitions = await host.QueryAsync("SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = 'metrics' AND table = 'samples' ORDER BY 1");
        await host.QueryAsync("SYSTEM START MERGES metrics.samples");
        await host.QueryAsync($"OPTIMIZE TABLE metrics.samples PARTITION ID '{partitions.Split('\n')[1]}' FINAL");
        await host.QueryAsync("SYSTEM STOP MERGES metrics.samples");
        await InsertAsync();
        Assert.NotEqual("0", await ProjectionsAsync());
        Assert.NotEqual("0", await host.QueryAsync("SELECT count() FROM system.parts WHERE active AND database = 'metrics' AND table = 'samples' AND empty(projections)"));
        await AssertExactAsync();

        // Parts with projections and parts without are not merged with one another, so those that are left get theirs as after an upgrade.
        await host.QueryAsync("SYSTEM START MERGES metrics.samples");
        await host.QueryAsync("OPTIMIZE TABLE metrics.samples FINAL");
        await host.QueryAsync("""
            ALTER TABLE metrics.samples MATERIALIZE PROJECTION by_5m, MATERIALIZE PROJECTION by_1h, MATERIALIZE PROJECTION by_6h
            SETTINGS mutations_sync = 2
            """);
        Assert.Equal("0", await host.QueryAsync("SELECT count() FROM system.parts WHERE active AND database = 'metrics' AND table = 'samples' AND length(projections) < 3"));
        await AssertExactAsync();
    }

    Task<string> ProjectionsAsync() => host.QueryAsync("SELECT count() FROM system.projection_parts WHERE active AND database = 'metrics' AND table = 'samples'");

    // Whole numbers, so that sums are exact in whatever order they are added; no time twice in a series, so that there is one latest value.
    async Task InsertAsync()
    {
        for (var insert = 0; insert < InsertsOfStage; insert++)
        {
            var rows = Enumerable.Range(0, SamplesOfInsert).Select(_ => string.Create(
                CultureInfo.InvariantCulture,
                $"('drawn {_random.Next(2)}', map('host', 'a{_random.Next(3)}', 'zone', 'z{_random.Next(2)}'), {Time().ToUnixTimeMilliseconds()} / 1000, {_random.Next(-1000, 1000)})"));
            await host.QueryAsync($"INSERT INTO metrics.samples (metric_name, tags, timestamp, metric_value) VALUES {string.Join(", ", rows)}");
        }
    }

    // Some come in bursts, so that a point has several.
    DateTimeOffset Time() => _random.Next(2) == 0
        ? _start.AddMilliseconds(_random.NextInt64(28L * Months * 86_400_000))
        : _start.AddDays(7 * _random.Next(4 * Months)).AddMilliseconds(_random.NextInt64(7_200_000));

    async Task AssertExactAsync()
    {
        foreach (var width in Widths)
        {
            for (var span = 0; span < Spans; span++)
            {
                var from = span == 0 ? 0 : Time().ToUnixTimeSeconds();
                var to = span == 0 ? uint.MaxValue : from + _random.NextInt64(60 * 86400);
                var cut = width switch { < 300 => 1, < 3600 => 300_000, < 21600 => 3_600_000, _ => 21_600_000 };
                var filter = span % 3 == 0 ? "1" : $"tags['host'] = 'a{_random.Next(3)}' AND metric_name = 'drawn {_random.Next(2)}'";
                var time = $"toStartOfInterval(toDateTime(at), INTERVAL {width} SECOND)";
                foreach (var keys in new[] { $"metric_name, tags, {time}", $"tags['zone'], {time}", "metric_name" })
                {
                    var samples = await host.QueryAsync($"""
                        WITH fromUnixTimestamp64Milli(intDiv(toUnixTimestamp64Milli(timestamp), {cut}) * {cut}, 'UTC') AS at
                        SELECT {keys}, min(metric_value), max(metric_value), sum(metric_value), count(), argMax(metric_value, timestamp), max(timestamp)
                        FROM metrics.samples
                        WHERE toUnixTimestamp64Milli(at) BETWEEN {from} * 1000 AND {to} * 1000 AND {filter}
                        GROUP BY {keys} ORDER BY ALL
                        """);
                    Assert.Equal(samples, await host.QueryAsync($"""
                        SELECT {keys}, min(min), max(max), sum(sum), sum(count), argMaxMerge(last), max(seen)
                        FROM metrics.points(interval = {width}, start = {from}, end = {to})
                        WHERE {filter}
                        GROUP BY {keys} ORDER BY ALL
                        """));
                }
            }
        }
    }

    // One that no projection has: it reads the samples, and is as right.
    [Fact]
    public async Task Are_exact_for_aggregates_that_are_not_in_the_projections()
    {
        await InsertAsync();
        await host.QueryAsync("OPTIMIZE TABLE metrics.samples FINAL");
        Assert.Equal(
            await host.QueryAsync("SELECT sumIf(metric_value, tags['host'] = 'a1'), uniqExact(tags), quantileExact(0.9)(metric_value), count() FROM metrics.samples"),
            await host.QueryAsync($"SELECT sumIf(sum, tags['host'] = 'a1'), uniqExact(tags), quantileExact(0.9)(max), count() FROM metrics.points(interval = 300, start = 0, end = {uint.MaxValue})"));
    }
}
