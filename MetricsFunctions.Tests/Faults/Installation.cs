using System.Globalization;
using System.Net;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Faults;

/// <summary>The service and the ClickHouse it writes to, each in a process of its own that can be killed, frozen and brought back.</summary>
sealed class Installation : IAsyncDisposable
{
    readonly TemporaryFolder _data = new();
    readonly (string, string)[] _settings;

    Installation((string, string)[] settings) => _settings =
    [
        ("Urls", $"http://{Service}"),
        ("Ingestion__AllowAnonymous", "true"),
        .. settings.Select(setting => (setting.Item1, setting.Item2.Replace("{service}", $"{Service}", StringComparison.Ordinal))),
    ];

    /// <summary>Where the service listens, also after a restart.</summary>
    public IPEndPoint Service { get; } = new(IPAddress.Loopback, Ports.Free());

    public StandaloneProcess Process { get; private set; } = null!;

    public ClickHouseServer ClickHouse { get; private set; } = null!;

    /// <summary>Starts both, with the tables in place.</summary>
    /// <param name="settings">Settings of the service, as environment variables; <c>{service}</c> in them is where it listens.</param>
    public static Task<Installation> StartAsync(params (string Setting, string Value)[] settings) => StartAsync(dataPath: null, fsync: false, settings);

    /// <summary>Starts both, with the tables in place.</summary>
    /// <param name="dataPath">ClickHouse's data folder; null for a temporary one.</param>
    /// <param name="fsync">Whether ClickHouse answers an INSERT only when it is on the disk.</param>
    /// <param name="settings">Settings of the service, as environment variables; <c>{service}</c> in them is where it listens.</param>
    public static async Task<Installation> StartAsync(string? dataPath, bool fsync, params (string Setting, string Value)[] settings)
    {
        var installation = new Installation(settings);
        try
        {
            installation.ClickHouse = await ClickHouseServer.StartAsync(new ClickHouseServerOptions
            {
                DataPath = dataPath ?? installation._data.Path,
                Fsync = fsync,
                HttpPort = Ports.Free(),
                TcpPort = Ports.Free(),
            });
            await installation.ApplySchemaAsync();
            await installation.StartServiceAsync();
            return installation;
        }
        catch
        {
            await installation.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the service at the same address, after the process before it has ended.</summary>
    /// <param name="account">Who the service is for ClickHouse, in the words of a connection string; default: <c>admin</c>.</param>
    public async Task StartServiceAsync(string account = "")
    {
        Process?.Dispose();
        Process = StandaloneProcess.Start([("ConnectionStrings__ClickHouse", $"{ClickHouse.ConnectionString};{account}"), .. _settings]);
        await Process.StartedAsync();
    }

    public async Task KillAndRestartClickHouseAsync()
    {
        await ClickHouse.KillAsync();
        await ClickHouse.RestartAsync();
    }

    public async Task KillAndRestartServiceAsync()
    {
        await Process.KillAsync();
        await StartServiceAsync();
    }

    /// <summary>Stops ClickHouse in the middle of whatever it does; connections to it stay open, and the kernel accepts more.</summary>
    public Task FreezeClickHouseAsync() => SignalAsync("STOP", ClickHouse.ProcessId);

    public Task ThawClickHouseAsync() => SignalAsync("CONT", ClickHouse.ProcessId);

    public async Task ApplySchemaAsync()
    {
        using var client = new ClickHouseClient(ClickHouse.ConnectionString);
        await Schema.ApplyAsync(client);
    }

    public Task<string> QueryAsync(string sql) => ClickHouseSql.QueryAsync(ClickHouse, sql);

    /// <summary>How many INSERTs ClickHouse has carried out that had rows.</summary>
    public async Task<int> CountInsertsAsync()
    {
        await QueryAsync("SYSTEM FLUSH LOGS query_log");
        return int.Parse(
            await QueryAsync("SELECT count() FROM system.query_log WHERE query_kind = 'Insert' AND type = 'QueryFinish' AND written_rows > 0"),
            CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        Process?.Dispose();
        if (ClickHouse is not null)
        {
            // A frozen process cannot stop.
            await ThawClickHouseAsync();
            await ClickHouse.DisposeAsync();
        }

        _data.Dispose();
    }

    static async Task SignalAsync(string signal, int processId)
    {
        using var kill = System.Diagnostics.Process.Start("kill", [$"-{signal}", $"{processId}"]);
        await kill.WaitForExitAsync();
    }
}
