using System.Text.RegularExpressions;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Tests.Storage;

/// <summary>A database of the schema with <c>samples_rollup</c> becomes one of today's, while samples arrive.</summary>
public sealed partial class UpgradeTests : IAsyncLifetime
{
    const int Series = 4;
    const int Days = 364;

    static readonly string[] Before = Statements(Path.Combine("MetricsFunctions.Tests", "Storage", "SchemaWithRollup.sql"));

    readonly TemporaryFolder _data = new();
    ClickHouseServer _clickHouse = null!;
    ClickHouseClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _clickHouse = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = _data.Path });
        _client = new ClickHouseClient(_clickHouse.ConnectionString);
        foreach (var statement in Before)
        {
            await QueryAsync(statement);
        }

        // Down to an hour before the end of what the old table keeps.
        await QueryAsync($"""
            INSERT INTO metrics.samples (metric_name, tags, timestamp, metric_value)
            SELECT 'stored', map('series', toString(number % {Series})), now64(3) - INTERVAL {Days} DAY - INTERVAL 23 HOUR + toIntervalMinute(20 * intDiv(number, {Series})), number
            FROM numbers({Series * Days * 72})
            """);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _clickHouse.DisposeAsync();
        _data.Dispose();
    }

    [Fact]
    public async Task Loses_and_doubles_nothing_while_samples_arrive()
    {
        const string Stored = "SELECT tags, toStartOfHour(timestamp), count(), sum(metric_value) FROM metrics.samples WHERE metric_name = 'stored' GROUP BY ALL ORDER BY ALL";
        var stored = await QueryAsync(Stored);
        var rollup = await QueryAsync("SELECT count(), sum(sum) FROM metrics.samples_rollup WHERE metric_name = 'stored'");
        using var stop = new CancellationTokenSource();
        var arriving = InsertAsync(stop.Token);
        await Wait.UntilAsync(async () => await QueryAsync("SELECT count() > 10 FROM metrics.samples WHERE metric_name = 'arriving'") == "1");

        await Schema.ApplyAsync(_client);
        await Wait.UntilAsync(async () => await QueryAsync("SELECT count() FROM system.mutations WHERE NOT is_done") == "0");
        await stop.CancelAsync();
        var arrived = await arriving;

        await QueryAsync("OPTIMIZE TABLE metrics.samples FINAL");
        Assert.Equal(stored, await QueryAsync(Stored));
        Assert.Equal($"{arrived}\t{arrived}", await QueryAsync("SELECT count(), uniqExact(metric_value) FROM metrics.samples WHERE metric_name = 'arriving'"));
        Assert.Equal("by_1h\tby_5m\tby_6h", await QueryAsync("SELECT arrayStringConcat(arraySort(groupUniqArrayArray(projections)), '\t') FROM system.parts WHERE active AND table = 'samples' FORMAT TSVRaw"));
        Assert.Equal(
            stored.Replace(" ", "", StringComparison.Ordinal),
            (await QueryAsync($"""
                SELECT tags, toDateTime(at, 'UTC') AS hour, sum(count), sum(sum) FROM metrics.points(interval = 3600, start = 0, end = {uint.MaxValue})
                WHERE metric_name = 'stored' GROUP BY ALL ORDER BY ALL
                SETTINGS force_optimize_projection = 1
                """)).Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(rollup, await QueryAsync("SELECT count(), sum(sum) FROM metrics.samples_rollup WHERE metric_name = 'stored'"));
    }

    [Fact]
    public async Task Makes_what_a_new_database_has()
    {
        await Schema.ApplyAsync(_client);
        var upgraded = await DefinitionsAsync();
        await QueryAsync("DROP DATABASE metrics SYNC");
        await Schema.ApplyAsync(_client);
        Assert.Equal(await DefinitionsAsync(), upgraded);

        // But for the order of the settings.
        Task<string> DefinitionsAsync() => QueryAsync("""
            WITH splitByString(' SETTINGS ', create_table_query) AS parts
            SELECT name, parts[1], arraySort(splitByString(', ', parts[2])) FROM system.tables WHERE database = 'metrics' AND name != 'samples_rollup'
            ORDER BY name FORMAT TSVRaw
            """);
    }

    // The service before knows the columns before; so does the token of an INSERT that is sent again after the upgrade.
    [Fact]
    public async Task An_INSERT_from_before_is_known_after_it()
    {
        const string Insert = "INSERT INTO metrics.samples (metric_name, metric_value) SETTINGS insert_deduplication_token = 'token' VALUES ('sent twice', 1)";
        await QueryAsync(Insert);
        await Schema.ApplyAsync(_client);
        await QueryAsync(Insert);
        Assert.Equal("1", await QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'sent twice'"));
    }

    [Fact]
    public async Task Goes_on_wherever_it_ended()
    {
        var upgrade = Statements(Path.Combine("clickhouse", "upgrade.sql"));
        for (var statements = 0; statements <= upgrade.Length; statements++)
        {
            foreach (var statement in upgrade[..statements])
            {
                await QueryAsync(statement);
            }

            if (statements < upgrade.Length)
            {
                Assert.Equal("1", await QueryAsync("SELECT count() FROM system.tables WHERE database = 'metrics' AND name = 'samples_1h'"));
            }
        }

        await Schema.ApplyAsync(_client);
        Assert.Equal($"{Series * Days * 72}", await QueryAsync("SELECT count() FROM metrics.samples"));
    }

    // What docs/operations.md says about hours that are older than the samples.
    [Fact]
    public async Task Old_hours_can_be_read_as_the_documentation_says()
    {
        await QueryAsync("""
            INSERT INTO metrics.samples_rollup (resolution, metric_name, tags, start, min, max, sum, count, last)
            SELECT 3600, 'old', map('host', 'a1'), toStartOfHour(now() - INTERVAL 2 YEAR), 1, 3, 4, 2, initializeAggregation('argMaxState', 3., now64(3))
            """);
        await Schema.ApplyAsync(_client);
        var documentation = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operations.md"));
        var statements = OfRollup().Matches(documentation).Select(match => match.Groups["sql"].Value).ToList();
        Assert.NotEmpty(statements);
        foreach (var statement in statements)
        {
            var rows = await QueryAsync(statement);
            if (statement.StartsWith("SELECT", StringComparison.Ordinal))
            {
                Assert.Equal("1\t3\t2\t3", string.Join('\t', rows.Split('\n')[0].Split('\t')[^4..]));
            }
        }
    }

    /// <summary>Numbers samples from 0, ten in an INSERT, as the service before would, and tells how many there were.</summary>
    async Task<int> InsertAsync(CancellationToken stop)
    {
        var sent = 0;
        while (!stop.IsCancellationRequested)
        {
            await QueryAsync($"INSERT INTO metrics.samples (metric_name, metric_value) SELECT 'arriving', {sent} + number FROM numbers(10)");
            sent += 10;

            // Leaves the upgrade what it needs of the machine.
            await Task.Delay(10, CancellationToken.None);
        }

        return sent;
    }

    Task<string> QueryAsync(string sql) => ClickHouseSql.QueryAsync(_clickHouse, sql);

    static string[] Statements(string path) => File.ReadAllText(Path.Combine(Repository.Root, path)).Split(";\n", StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"```sql\n(?<sql>(?:SELECT|ALTER|DROP)[^`]*?samples_rollup[^`]*?);?\n```")]
    private static partial Regex OfRollup();
}
