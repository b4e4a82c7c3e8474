using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Telemetry;
using MetricsFunctions.Standalone;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

if (args is [.., Probe.Command, var url])
{
    return await Probe.RunAsync(url);
}

// Otherwise .NET watches every folder below the settings files, and with them each part that the embedded ClickHouse writes.
Environment.SetEnvironmentVariable("DOTNET_USE_POLLING_FILE_WATCHER", "true");

// Its settings are beside it, wherever it is started from, or in --contentRoot; and so is whatever they name by a relative path.
Directory.SetCurrentDirectory(AppContext.BaseDirectory);

try
{
    var builder = WebApplication.CreateBuilder(args);
    Directory.SetCurrentDirectory(builder.Environment.ContentRootPath);
    builder.Configuration.AddDefaults();
    builder.WebHost.ConfigureKestrel(Connections.Configure).UseSockets(Connections.Configure);
    builder.Services.Configure<KestrelServerOptions>(builder.Configuration.GetSection("Kestrel"));
    builder.AddEmbeddedClickHouse();
    builder.Services.AddIngestion();
    builder.Services.AddTelemetryExport(builder.Configuration);

    await using var app = builder.Build();
    app.WatchSettingsFiles(builder.Configuration);
    app.MapIngestion();
    app.Lifetime.ApplicationStarted.Register(() => Welcome.Print(app));
    app.Lifetime.ApplicationStarted.Register(() => Shutdown.WaitForRequests(app.Services));
    await app.RunAsync();
    return Environment.ExitCode;
}
catch (Exception e) when (e is OptionsValidationException or InvalidDataException or ClickHouseStartException or IOException or InvalidOperationException)
{
    // What an operator can mend is told in a line each; anything else is a bug and keeps its stack trace.
    IEnumerable<string> lines = e switch
    {
        OptionsValidationException invalid => invalid.Failures,
        InvalidDataException unreadable => [SettingsFiles.Describe(unreadable)],
        _ => [e.Message],
    };
    foreach (var line in lines)
    {
        Console.Error.WriteLine($"MetricsFunctions cannot start: {line}");
    }

    return 1;
}
