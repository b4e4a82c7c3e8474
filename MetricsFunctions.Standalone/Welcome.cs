using System.Text;
using System.Text.Json;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Logging.Console;

namespace MetricsFunctions.Standalone;

/// <summary>What someone who has just started the service sees: where it is, a line to paste, and a picture of what is stored.</summary>
static partial class Welcome
{
    public static void Print(WebApplication app)
    {
        var url = app.Urls.First();
        if (app.Configuration["Logging:Console:FormatterName"] == ConsoleFormatterNames.Json)
        {
            // Whoever reads JSON reads nothing else.
            LogStarted(app.Logger, url);
            return;
        }

        var text = new StringBuilder($$"""

            MetricsFunctions takes samples at {{url}}/api/metrics

              curl {{url}}/api/metrics -H 'Content-Type: application/json' -d '{"metric_name": "cpu_load", "metric_value": 0.42}'

            """);
        if (app.Services.GetService<ClickHouseServerOptions>() is { } clickHouse)
        {
            text.Append($$"""

                Stored by the embedded ClickHouse in {{clickHouse.DataPath}}
                Charts of what is stored: {{DashboardLink(clickHouse.HttpPort)}}

                """);
        }

        text.Append("\nPress Ctrl+C to stop.\n");
        Console.WriteLine(text);
    }

    [LoggerMessage(
        EventId = LogEvents.Started, EventName = nameof(LogEvents.Started), Level = LogLevel.Information,
        Message = "MetricsFunctions takes samples at {Url}")]
    static partial void LogStarted(ILogger logger, string url);

    /// <summary>ClickHouse's own dashboard page, which takes its state as base64 of JSON behind the hash.</summary>
    static string DashboardLink(int httpPort)
    {
        var state = new
        {
            host = $"http://localhost:{httpPort}",
            user = "default",
            queries = new[]
            {
                new
                {
                    title = "Metrics: average per {rounding} s",
                    query = """
                        SELECT toStartOfInterval(timestamp, INTERVAL {rounding:UInt32} SECOND)::INT AS t, metric_name, avg(metric_value)
                        FROM metrics.samples
                        WHERE timestamp >= now() - {seconds:UInt32}
                        GROUP BY ALL ORDER BY ALL
                        """,
                },
                new
                {
                    title = "Samples stored per second",
                    query = """
                        SELECT toStartOfInterval(received_at, INTERVAL {rounding:UInt32} SECOND)::INT AS t, count() / {rounding:UInt32} AS samples
                        FROM metrics.samples
                        WHERE received_at >= now() - {seconds:UInt32}
                        GROUP BY t ORDER BY t WITH FILL STEP {rounding:UInt32}
                        """,
                },
            },
            @params = new { rounding = "5", seconds = "3600" },
        };
        return $"http://localhost:{httpPort}/dashboard#{Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(state))}";
    }
}
