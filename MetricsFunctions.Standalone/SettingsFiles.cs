using System.Text.Json;
using Microsoft.Extensions.Configuration.Json;

namespace MetricsFunctions.Standalone;

/// <summary>Tells of settings files that change into something that cannot be read, which .NET keeps to itself.</summary>
static partial class SettingsFiles
{
    public static void WatchSettingsFiles(this WebApplication app, IConfigurationBuilder configuration)
    {
        foreach (var source in configuration.Sources.OfType<JsonConfigurationSource>())
        {
            // Without what was read: it may be a key or a password.
            source.OnLoadException = failed => LogUnreadable(
                app.Logger, failed.Provider.Source.Path, (failed.Exception.GetBaseException() as JsonException)?.LineNumber + 1);
        }
    }

    [LoggerMessage(EventId = 101, Level = LogLevel.Error, Message = "{File} has changed and is no JSON (line {Line}), so nothing is taken from it until it is mended; API keys stay as they were")]
    static partial void LogUnreadable(ILogger logger, string? file, long? line);
}
