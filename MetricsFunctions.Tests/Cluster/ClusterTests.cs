using System.Buffers;
using System.Text;
using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Storage;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Tests.Cluster;

/// <summary>INSERTs of the service into two shards.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    const int Shards = 2;
    const int Series = 50;
    const string Count = "SELECT count() FROM metrics.samples_local";

    ShardedClickHouse _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await ShardedClickHouse.StartAsync(Shards);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task A_series_stays_on_its_shard_and_every_server_reads_all_of_them()
    {
        for (var i = 0; i < 6; i++)
        {
            await InsertAsync(server: i % Shards, $"{i}");
        }

        var shards = new List<HashSet<string>>();
        for (var server = 0; server < Shards; server++)
        {
            var series = await _cluster.QueryAsync(server, "SELECT tags['host'], count() FROM metrics.samples_local GROUP BY ALL ORDER BY ALL");
            Assert.All(series.Split('\n'), line => Assert.EndsWith("\t6", line, StringComparison.Ordinal));
            shards.Add([.. series.Split('\n')]);

            Assert.Equal($"{6 * Series}", await _cluster.QueryAsync(server, "SELECT count() FROM metrics.samples"));
            foreach (var interval in new[] { 1, 300, 3600, 21600 })
            {
                Assert.Equal($"{6 * Series}\t{Series}", await _cluster.QueryAsync(server, $"SELECT sum(count), uniqExact(tags) FROM metrics.points(interval = {interval}, start = 0, end = {uint.MaxValue})"));
            }
        }

        Assert.Empty(shards[0].Intersect(shards[1]));
        Assert.Equal(Series, shards.Sum(shard => shard.Count));
        Assert.All(shards, shard => Assert.InRange(shard.Count, Series / 4, Series));
    }

    // What a shard sends is grouped, and so it reads a projection.
    [Theory]
    [InlineData(300, "by_5m")]
    [InlineData(3600, "by_1h")]
    [InlineData(21600, "by_6h")]
    public async Task Points_are_grouped_on_the_shards(int interval, string projection)
    {
        for (var i = 0; i < 3; i++)
        {
            await InsertAsync(server: 0, $"{i}");
        }

        for (var server = 0; server < Shards; server++)
        {
            await _cluster.QueryAsync(server, "OPTIMIZE TABLE metrics.samples_local FINAL");
        }

        Assert.Equal(
            await _cluster.QueryAsync(0, "SELECT tags['host'] AS host, count(), sum(metric_value), argMax(metric_value, timestamp), max(timestamp) FROM metrics.samples GROUP BY host ORDER BY host"),
            await _cluster.QueryAsync(0, $"""
                SELECT tags['host'] AS host, sum(count), sum(sum), argMaxMerge(last), max(seen) FROM metrics.points(interval = {interval}, start = 0, end = {uint.MaxValue})
                WHERE metric_name = 'sharded' GROUP BY host ORDER BY host
                SETTINGS preferred_optimize_projection_name = '{projection}'
                """));
        await _cluster.QueryAsync(1, "SYSTEM FLUSH LOGS query_log");
        Assert.Equal(
            $"metrics.samples_local.{projection}",
            await _cluster.QueryAsync(1, "SELECT DISTINCT arrayJoin(projections) FROM system.query_log WHERE type = 'QueryFinish' AND NOT is_initial_query"));
    }

    [Fact]
    public async Task Grafana_reads_all_shards_with_its_own_rights()
    {
        await InsertAsync(server: 0, "token");
        foreach (var table in new[] { "samples", $"points(interval = 60, start = 0, end = {uint.MaxValue})" })
        {
            using var answer = await _cluster.AsGrafanaAsync(1, $"SELECT uniqExact(tags) FROM metrics.{table}");
            Assert.Equal($"{Series}\n", await answer.Content.ReadAsStringAsync());
        }

        using var refused = await _cluster.AsGrafanaAsync(1, "TRUNCATE TABLE metrics.samples_local");
        Assert.False(refused.IsSuccessStatusCode);
    }

    [Fact]
    public async Task An_acknowledged_INSERT_is_on_its_shards_and_waits_in_no_queue()
    {
        await InsertAsync(server: 0, "token");
        Assert.Equal("0", await _cluster.QueryAsync(0, "SELECT count() FROM system.distribution_queue WHERE data_files > 0 OR error_count > 0"));
        Assert.Equal(Series, await SumAsync(Count));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task The_same_token_stores_once_through_whichever_server(int second)
    {
        await InsertAsync(server: 0, "token");
        await InsertAsync(server: second, "token");
        Assert.Equal(Series, await SumAsync(Count));

        await InsertAsync(server: second, "another");
        Assert.Equal(2 * Series, await SumAsync(Count));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task What_one_shard_refused_the_same_token_brings_and_nothing_is_doubled(int server)
    {
        await _cluster.QueryAsync(1, "ALTER TABLE metrics.samples_local ADD CONSTRAINT refuse CHECK false");
        await Assert.ThrowsAnyAsync<Exception>(() => InsertAsync(server, "token"));
        Assert.Equal("0", await _cluster.QueryAsync(1, Count));

        await _cluster.QueryAsync(1, "ALTER TABLE metrics.samples_local DROP CONSTRAINT refuse");
        await InsertAsync(server, "token");
        Assert.Equal(Series, await SumAsync(Count));
    }

    [Fact]
    public async Task A_shard_that_is_gone_is_told_as_such()
    {
        await _cluster.Servers[1].KillAsync();
        var fault = StorageFault.Of(await Assert.ThrowsAnyAsync<Exception>(() => InsertAsync(server: 0, "token")));
        Assert.Equal("a shard of the ClickHouse cluster cannot be reached", fault.Brief);
        Assert.True(fault.PassesByItself);

        await _cluster.Servers[1].RestartAsync();
        await InsertAsync(server: 0, "token");
        Assert.Equal(Series, await SumAsync(Count));
    }

    async Task InsertAsync(int server, string token)
    {
        var block = new SampleBlock();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        block.Begin(now);
        for (var i = 0; i < Series; i++)
        {
            block.Tags.Clear();
            Assert.Null(block.Tags.Add("host"u8, Encoding.UTF8.GetBytes($"{i}")));
            block.Add("sharded"u8, i, now);
        }

        using var client = new ClickHouseClient(_cluster.ConnectionString(server));
        await new ClickHouseStore(client, Options.Create(new ClickHouseOptions()), TimeProvider.System).InsertAsync(new ReadOnlySequence<byte>(PlainNative.BytesOf(block)), token, CancellationToken.None);
    }

    async Task<long> SumAsync(string sql)
    {
        var counts = await Task.WhenAll(Enumerable.Range(0, Shards).Select(server => _cluster.QueryAsync(server, sql)));
        return counts.Sum(long.Parse);
    }
}
