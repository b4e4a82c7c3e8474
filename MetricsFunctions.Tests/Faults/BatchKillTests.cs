using System.Buffers;
using System.Diagnostics;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Storage;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// ClickHouse is killed at any moment of a large INSERT: what it has of a month is all or nothing, and the same INSERT again brings the rest.
/// </summary>
public sealed class BatchKillTests(ITestOutputHelper output) : IAsyncLifetime
{
    // More than the 1,048,449 at which ClickHouse would begin another block and part, and than a body of the default MaxBodyBytes has.
    const int Rows = 1_200_000;

    readonly TemporaryFolder _data = new();
    ClickHouseServer _clickHouse = null!;
    ClickHouseClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _clickHouse = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = _data.Path, HttpPort = Ports.Free(), TcpPort = Ports.Free() });
        _client = new ClickHouseClient(_clickHouse.ConnectionString);
        await Schema.ApplyAsync(_client);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _clickHouse.DisposeAsync();
        _data.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Of_each_month_all_rows_are_there_or_none(int months)
    {
        var rows = new ReadOnlySequence<byte>(PlainNative.BytesOf(Block(months)));
        var store = new ClickHouseStore(_client, Options.Create(new ClickHouseOptions()), TimeProvider.System);
        var watch = Stopwatch.StartNew();
        await store.InsertAsync(rows, "first", CancellationToken.None);
        var usual = watch.Elapsed;

        // Parts that were written and not merged, the latter being of a higher level.
        Assert.Equal($"{months}", await QueryAsync("SELECT count() FROM system.parts WHERE database = 'metrics' AND table = 'samples' AND level = 0"));
        await _client.ExecuteNonQueryAsync("TRUNCATE TABLE metrics.samples");

        var rounds = Rounds.Or(2);
        var found = new int[months + 1];
        for (var round = 1; round <= rounds; round++)
        {
            var token = $"round {round}";
            var insert = store.InsertAsync(rows, token, CancellationToken.None);
            await Task.Delay(usual * Random.Shared.NextDouble() * 1.2);
            await _clickHouse.KillAsync();
            await insert.ContinueWith(_ => { }, TaskScheduler.Default);
            await _clickHouse.RestartAsync();

            var before = (round - 1) * (Rows / months);
            var counts = await QueryAsync("SELECT count() FROM metrics.samples GROUP BY toYYYYMM(timestamp)");
            var grown = counts.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).Where(count => count != before).ToList();
            Assert.All(grown, count => Assert.Equal(before + Rows / months, count));
            Assert.True(!insert.IsCompletedSuccessfully || grown.Count == months, "What was acknowledged is not there.");
            found[grown.Count]++;

            await store.InsertAsync(rows, token, CancellationToken.None);
            Assert.Equal($"{round * Rows}", await QueryAsync("SELECT count() FROM metrics.samples"));
        }

        output.WriteLine($"{rounds} kills within {usual.TotalMilliseconds:0} ms; of 0 to {months} months there were all rows: {string.Join(", ", found)} times");
    }

    static SampleBlock Block(int months)
    {
        var now = DateTimeOffset.UtcNow;
        var block = new SampleBlock();
        block.Begin(now.ToUnixTimeMilliseconds());
        for (var i = 0; i < Rows; i++)
        {
            block.Add("batch"u8, i, now.AddDays(-40 * (i % months)).ToUnixTimeMilliseconds());
        }

        return block;
    }

    Task<string> QueryAsync(string sql) => ClickHouseSql.QueryAsync(_clickHouse, sql);
}
