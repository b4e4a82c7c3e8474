using Microsoft.Extensions.Logging;

namespace MetricsFunctions.Ingestion.Telemetry;

/// <summary>
/// What ASP.NET Core logs of a request as it was sent: its URL, where InfluxDB's clients have their key, and a head that could not be read,
/// with every header in it. None of it reaches a log, whatever level is set.
/// </summary>
static class RequestLines
{
    static readonly string[] Categories =
    [
        "Microsoft.AspNetCore.Hosting.Diagnostics",
        "Microsoft.AspNetCore.Server.Kestrel.BadRequests",
        "Microsoft.AspNetCore.Server.Kestrel.Http2",
        "Microsoft.AspNetCore.Server.Kestrel.Http3",
    ];

    /// <summary>Drops these lines; warnings and errors, which repeat nothing, stay.</summary>
    /// <param name="options">The levels that are set.</param>
    public static void Drop(LoggerFilterOptions options)
    {
        // Where no rule is about a line, it is the least level that decides.
        options.Rules.Insert(0, new LoggerFilterRule(null, null, options.MinLevel, null));

        // In every rule, because the one that fits best decides alone.
        for (var i = 0; i < options.Rules.Count; i++)
        {
            var rule = options.Rules[i];
            options.Rules[i] = new LoggerFilterRule(rule.ProviderName, rule.CategoryName, rule.LogLevel, (provider, category, level) =>
                (level >= LogLevel.Warning || !Categories.Contains(category)) && rule.Filter?.Invoke(provider, category, level) != false);
        }
    }
}
