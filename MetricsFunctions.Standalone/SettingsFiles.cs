using System.Text.Json;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Configuration.Json;

namespace MetricsFunctions.Standalone;

/// <summary>Tells of settings files that cannot be read, without what was read: it may be a key or a password.</summary>
static partial class SettingsFiles
{
    /// <summary>Logs those that change into something that cannot be read, which .NET keeps to itself.</summary>
    public static void WatchSettingsFiles(this WebApplication app, IConfigurationBuilder configuration)
    {
        foreach (var source in configuration.Sources.OfType<JsonConfigurationSource>())
        {
            source.OnLoadException = failed => LogUnreadable(app.Logger, failed.Provider.Source.Path, LineOf(failed.Exception));
        }
    }

    /// <summary>What to tell of one that cannot be read at the start.</summary>
    public static string Describe(InvalidDataException unreadable) =>
        $"{unreadable.Message} It must be a JSON object that has each name once: mend {(LineOf(unreadable) is { } line ? $"line {line}" : "it")}.";

    static long? LineOf(Exception unreadable) => (unreadable.GetBaseException() as JsonException)?.LineNumber + 1;

    [LoggerMessage(
        EventId = LogEvents.SettingsUnreadable, EventName = nameof(LogEvents.SettingsUnreadable), Level = LogLevel.Error,
        Message = "{File} has changed and is no JSON (line {Line}), so nothing is taken from it until it is mended; API keys stay as they were")]
    static partial void LogUnreadable(ILogger logger, string? file, long? line);
}
