using System.Diagnostics;
using System.Globalization;
using ClickHouse.Driver;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>What the samples take on disk.</summary>
/// <param name="Rows">How many.</param>
/// <param name="Bytes">Bytes on disk, with projections, indexes and marks.</param>
/// <param name="CompressedBytes">Bytes of the columns of the samples alone.</param>
/// <param name="Parts">Parts that are not merged into others.</param>
sealed record TableSize(long Rows, long Bytes, long CompressedBytes, long Parts);

/// <summary>What a projection of the samples takes on disk.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Bytes">Bytes on disk, with indexes and marks.</param>
sealed record ProjectionSize(string Name, long Rows, long Bytes);

/// <summary>A ClickHouse with the service's tables and the user <c>grafana</c> of the stack, and a service that inserts into it.</summary>
sealed class GrowthServer : IAsyncDisposable
{
    /// <summary>Grafana's password, for this run only.</summary>
    public const string GrafanaPassword = "grafana";

    const int CalmSeconds = 5;

    static readonly TimeSpan MergeTimeout = TimeSpan.FromHours(1);

    readonly ClickHouseServer _server;
    readonly ChildProcess _process;

    GrowthServer(ClickHouseServer server, ClickHouseClient client, Contender service, ChildProcess process)
    {
        _server = server;
        _process = process;
        Client = client;
        Service = service;
    }

    public ClickHouseClient Client { get; }

    /// <summary>The service in front of it.</summary>
    public Contender Service { get; }

    /// <summary>ClickHouse's HTTP interface.</summary>
    public Uri Http => new($"http://127.0.0.1:{_server.HttpPort}/");

    /// <summary>Time that processors have spent on both.</summary>
    public (TimeSpan Service, TimeSpan ClickHouse) ProcessorTime
    {
        get
        {
            using var clickHouse = Process.GetProcessById(_server.ProcessId);
            return (_process.ProcessorTime, clickHouse.TotalProcessorTime);
        }
    }

    /// <summary>Starts both.</summary>
    /// <param name="folder">An existing folder, empty.</param>
    /// <param name="name">What the service is called in messages.</param>
    /// <param name="grafanaUser">The file of <c>clickhouse/users.d</c> that makes the user.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<GrowthServer> StartAsync(DirectoryInfo folder, string name, string grafanaUser, CancellationToken stop)
    {
        var configuration = folder.CreateSubdirectory("configuration");
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "server")))
        {
            File.Copy(file, Path.Combine(configuration.FullName, Path.GetFileName(file)));
        }

        File.Copy(grafanaUser, Path.Combine(configuration.CreateSubdirectory("users.d").FullName, Path.GetFileName(grafanaUser)));
        Environment.SetEnvironmentVariable("CLICKHOUSE_GRAFANA_PASSWORD", GrafanaPassword);

        var server = await ClickHouseServer.StartAsync(
            new ClickHouseServerOptions { DataPath = Path.Combine(folder.FullName, "data"), ConfigurationPath = configuration.FullName }, stop);
        // An INSERT that fills takes minutes.
        var client = new ClickHouseClient(server.ConnectionString + ";Timeout=3600");
        try
        {
            await Schema.ApplyAsync(client, stop);
            var service = Contenders.Standalone(server, name, [64], rows: 1);
            return new GrowthServer(server, client, service, (await Comparison.StartAsync(service, stop))!);
        }
        catch
        {
            client.Dispose();
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts ClickHouse again.</summary>
    public Task RestartAsync(CancellationToken stop) => _server.RestartAsync(stop);

    /// <summary>Returns when ClickHouse merges nothing any more.</summary>
    /// <exception cref="ComparisonException">It still does after an hour.</exception>
    public async Task CalmAsync(CancellationToken stop)
    {
        var parts = -1L;
        var calm = 0;
        for (var waited = Stopwatch.StartNew(); calm < CalmSeconds; await Task.Delay(TimeSpan.FromSeconds(1), stop))
        {
            var merges = await CountAsync("system.merges WHERE database = 'metrics'", stop);
            var now = await CountAsync("system.parts WHERE active AND database = 'metrics'", stop);
            calm = merges == 0 && now == parts ? calm + 1 : 0;
            parts = now;
            if (waited.Elapsed > MergeTimeout)
            {
                throw new ComparisonException($"ClickHouse still merges {merges} parts after {MergeTimeout.TotalMinutes:0} minutes: measure on a machine that is less busy.");
            }
        }
    }

    /// <summary>Gives their projections to parts that no merge has reached: what is filled in comes in large ones, and not in thousands of small ones.</summary>
    public async Task MaterializeAsync(CancellationToken stop)
    {
        var materialize = await Client.ExecuteScalarAsync("""
            SELECT arrayStringConcat(groupArray('MATERIALIZE PROJECTION ' || name), ', ')
            FROM system.projections WHERE database = 'metrics' AND table = 'samples'
            """, cancellationToken: stop);
        await Client.ExecuteNonQueryAsync($"ALTER TABLE metrics.samples {materialize} SETTINGS mutations_sync = 1", cancellationToken: stop);
        if (await CountAsync("system.parts WHERE active AND database = 'metrics' AND table = 'samples' AND empty(projections)", stop) is > 0 and var parts)
        {
            throw new ComparisonException($"{parts} parts have no projections.");
        }
    }

    /// <summary>What <c>metrics.samples</c> takes.</summary>
    public async Task<TableSize> SizeAsync(CancellationToken stop)
    {
        using var reader = await Client.ExecuteReaderAsync("""
            SELECT toInt64(sum(rows)), toInt64(sum(bytes_on_disk)), toInt64(sum(data_compressed_bytes)), toInt64(count())
            FROM system.parts WHERE active AND database = 'metrics' AND table = 'samples'
            """, cancellationToken: stop);
        await reader.ReadAsync(stop);
        return new TableSize(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3));
    }

    /// <summary>What its projections take, each from the finest to the coarsest.</summary>
    public async Task<IReadOnlyList<ProjectionSize>> ProjectionSizesAsync(CancellationToken stop)
    {
        using var reader = await Client.ExecuteReaderAsync("""
            SELECT name, toInt64(sum(rows)) AS number, toInt64(sum(bytes_on_disk))
            FROM system.projection_parts WHERE active AND database = 'metrics' AND table = 'samples'
            GROUP BY name ORDER BY number DESC
            """, cancellationToken: stop);
        var sizes = new List<ProjectionSize>();
        while (await reader.ReadAsync(stop))
        {
            sizes.Add(new ProjectionSize(reader.GetString(0), reader.GetInt64(1), reader.GetInt64(2)));
        }

        return sizes;
    }

    /// <summary>Stops both.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Client.Dispose();
        await _server.DisposeAsync();
    }

    async Task<long> CountAsync(string from, CancellationToken stop) =>
        Convert.ToInt64(await Client.ExecuteScalarAsync($"SELECT count() FROM {from}", cancellationToken: stop), CultureInfo.InvariantCulture);
}
