namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>
/// A real ClickHouse server on this machine: ClickHouse's own engine, from the chDB library, in a child process. It ends with this process,
/// however this process ends. Members are not safe for use by several threads at a time.
/// </summary>
/// <remarks>
/// The user <see cref="Admin"/> has every right but those that reach files outside the data folder; <c>default</c> has no password, and reads
/// <c>metrics</c> and <c>system</c>. Only this process stops the server: it is out of reach of a Ctrl+C in the terminal and ignores SIGTERM, so that a
/// host can finish its writes first.
/// </remarks>
public sealed class ClickHouseServer : IAsyncDisposable
{
    readonly ClickHouseServerOptions _options;
    ServerProcess _process;

    ClickHouseServer(ClickHouseServerOptions options, ServerProcess process)
    {
        // From here on the ports are fixed, also for a restart.
        _options = options with { HttpPort = process.HttpPort, TcpPort = process.TcpPort };
        _process = process;
    }

    /// <summary>The full path of the folder of the data and of the log, <c>clickhouse.log</c>.</summary>
    public string DataPath => _options.DataPath;

    /// <summary>The port of the HTTP interface on 127.0.0.1.</summary>
    public int HttpPort => _options.HttpPort;

    /// <summary>The port of the native protocol on 127.0.0.1.</summary>
    public int TcpPort => _options.TcpPort;

    /// <summary>The id of the server's process; a new one after <see cref="RestartAsync"/>.</summary>
    public int ProcessId => _process.Id;

    /// <summary>The password of <see cref="Admin"/>, as it was at the last start.</summary>
    public string AdminPassword => _process.AdminPassword;

    /// <summary>A connection string for ClickHouse.Driver, for <see cref="Admin"/>.</summary>
    public string ConnectionString => Admin.ConnectionString(HttpPort, AdminPassword);

    /// <summary>
    /// Completes with the exit code when the current process of the server has ended, whether it was asked to or not: 0 after
    /// <see cref="StopAsync"/>, 128 and the signal's number when a signal ended it.
    /// </summary>
    public Task<int> Exited => _process.Exited;

    /// <summary>Starts a server and returns when it takes connections, which is bounded by one minute.</summary>
    /// <param name="options">Where it keeps its data and listens.</param>
    /// <param name="cancellationToken">Gives up; the process that was starting is gone when the call has thrown.</param>
    /// <exception cref="ClickHouseStartException">It did not start.</exception>
    public static async Task<ClickHouseServer> StartAsync(ClickHouseServerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options = options with { DataPath = Path.GetFullPath(options.DataPath) };
        return new ClickHouseServer(options, await ServerProcess.StartAsync(options, cancellationToken));
    }

    /// <summary>
    /// Stops the server and returns when its process is gone. Queries under way get 5 seconds to finish. Stopping a server that has ended
    /// does nothing.
    /// </summary>
    public Task StopAsync() => _process.StopAsync();

    /// <summary>Ends the process with SIGKILL, as a crash would, and returns when it is gone.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts the server again on the same data and the same ports, after stopping it if it still runs.</summary>
    /// <param name="cancellationToken">Gives up; the server is then stopped.</param>
    /// <exception cref="ClickHouseStartException">It did not start.</exception>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        await _process.StopAsync();
        var next = await ServerProcess.StartAsync(_options, cancellationToken);
        _process.Dispose();
        _process = next;
    }

    /// <summary>Stops the server, as <see cref="StopAsync"/> does.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.StopAsync();
        _process.Dispose();
    }
}
