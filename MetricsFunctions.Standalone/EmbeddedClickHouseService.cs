using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Ingestion.Telemetry;

namespace MetricsFunctions.Standalone;

/// <summary>
/// Brings a ClickHouse of its own when no connection string names one. It is the first service to start and the last to stop, so the
/// tables are there before the first request and the last request is still stored.
/// </summary>
sealed partial class EmbeddedClickHouseService(
    ClickHouseServerOptions options,
    IClickHouseClient client,
    IHostApplicationLifetime lifetime,
    ILogger<EmbeddedClickHouseService> logger) : IHostedService, IAsyncDisposable
{
    ClickHouseServer? _server;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _server = await ClickHouseServer.StartAsync(options, cancellationToken);
        await Schema.ApplyAsync(client, cancellationToken);
        _ = StopWithServerAsync(_server);
    }

    public Task StopAsync(CancellationToken cancellationToken) => DisposeAsync().AsTask();

    // Also when another service failed to start, and nothing is stopped.
    public async ValueTask DisposeAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            await server.DisposeAsync();
        }
    }

    // Without its database the service can do nothing; a supervisor that restarts it brings both back.
    async Task StopWithServerAsync(ClickHouseServer server)
    {
        await server.Exited;
        var stoppedByUs = _server != server;
        if (!stoppedByUs)
        {
            LogExited();
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }
    }

    [LoggerMessage(
        EventId = LogEvents.EmbeddedClickHouseExited, EventName = nameof(LogEvents.EmbeddedClickHouseExited), Level = LogLevel.Critical,
        Message = "The embedded ClickHouse ended by itself; its log is in its data folder. Stopping")]
    partial void LogExited();
}

static class EmbeddedClickHouseExtensions
{
    public static void AddEmbeddedClickHouse(this WebApplicationBuilder builder)
    {
        if (!string.IsNullOrWhiteSpace(builder.Configuration.GetConnectionString(ClickHouseOptions.Name)))
        {
            return;
        }

        var settings = new EmbeddedClickHouseOptions();
        builder.Configuration.GetSection(EmbeddedClickHouseOptions.Section).Bind(settings, binder => binder.ErrorOnUnknownConfiguration = true);
        var options = new ClickHouseServerOptions
        {
            DataPath = Path.GetFullPath(settings.DataPath),
            HttpPort = settings.HttpPort,
            TcpPort = settings.TcpPort,
            Fsync = settings.Fsync,
        };
        if (options.HttpPort == 0)
        {
            // A free one would not be known before it is started.
            throw new InvalidOperationException("EmbeddedClickHouse:HttpPort is 0. Set it to a port of 127.0.0.1, such as 8123.");
        }

        builder.Configuration[$"ConnectionStrings:{ClickHouseOptions.Name}"] = Admin.ConnectionString(options.HttpPort, Admin.ReadPassword(options.DataPath));

        // Others would have to be pointed at this process's own server.
        builder.Configuration[$"{IngestionOptions.Section}:{nameof(IngestionOptions.SingleInstance)}"] ??= "true";
        builder.Services.AddSingleton(options);
        builder.Services.AddHostedService<EmbeddedClickHouseService>();
    }
}
