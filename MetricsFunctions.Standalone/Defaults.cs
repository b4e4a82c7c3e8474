using Microsoft.Extensions.Configuration.Memory;

namespace MetricsFunctions.Standalone;

/// <summary>What is set when nobody sets anything. There is no settings file but the operator's, so a new version overwrites none.</summary>
static class Defaults
{
    static readonly Dictionary<string, string?> Settings = new()
    {
        ["Urls"] = "http://localhost:7071",
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft"] = "Warning",

        // A line for each connection that is one too many.
        ["Logging:LogLevel:Microsoft.AspNetCore.Server.Kestrel.Connections"] = "Error",

        // It logs with a stack trace what is told in a line each.
        ["Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host"] = "None",
    };

    // Below everything else, ASPNETCORE_URLS included.
    public static void AddDefaults(this IConfigurationBuilder configuration) =>
        configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Settings });
}
