using System.Net;
using System.Text;
using MetricsFunctions.Tests.Faults;
using MetricsFunctions.Tests.Grafana;

namespace MetricsFunctions.Tests.Telemetry;

/// <summary>The service exports its figures to itself, as docker-compose.yml has it, and they arrive under the names that the dashboards read.</summary>
public sealed class OwnFiguresTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Everything_that_the_dashboard_and_the_alerts_read_is_stored()
    {
        await using var installation = await Installation.StartAsync(
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://{service}/api/v1/metrics"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key="),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
            // A delta that is refused while the table is away must come again.
            ("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory"),
            // So that the garbage collector has something to tell soon.
            ("DOTNET_GCgen0size", "0x100000"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(installation, "metrics", """{"metric_name": "seen", "metric_value": 1}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(installation, "metrics", "{}"));
        Assert.Equal(HttpStatusCode.NoContent, await PostAsync(installation, "v2/write", "seen value=1"));

        await installation.QueryAsync("RENAME TABLE metrics.samples TO metrics.away");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await PostAsync(installation, "metrics", """{"metric_name": "seen", "metric_value": 1}"""));
        await installation.QueryAsync("RENAME TABLE metrics.away TO metrics.samples");

        await installation.ClickHouse.KillAsync();
        var waiting = PostAsync(installation, "metrics", """{"metric_name": "seen", "metric_value": 1}""");
        await installation.ClickHouse.RestartAsync();
        Assert.Equal(HttpStatusCode.OK, await waiting);

        // Names, and the keys of their tags; what an instance adds of itself is not asked for.
        var missing = OwnFigures.All.ToList();
        try
        {
            await Wait.UntilAsync(async () =>
            {
                foreach (var figure in missing.ToList())
                {
                    var stored = await installation.QueryAsync(
                        $"SELECT count() FROM metrics.samples WHERE metric_name = '{figure.Name}' AND hasAll(mapKeys(tags), mapKeys({figure.Tags}))");
                    missing.RemoveAll(other => other == figure && stored != "0");
                }

                return missing.Count == 0;
            });
        }
        finally
        {
            output.WriteLine($"Missing: {string.Join("; ", missing)}");
        }

        foreach (var (key, value) in new[] { ("http_response_status_code", "503"), ("error_type", "no_table"), ("error_type", "invalid_samples"), ("metrics_functions_protocol", "otlp") })
        {
            await Wait.UntilAsync(async () => await installation.QueryAsync(
                $"SELECT count() > 0 FROM metrics.samples WHERE metric_name = 'metrics_functions_request_duration_seconds_count' AND tags['{key}'] = '{value}'") == "1");
        }
    }

    static async Task<HttpStatusCode> PostAsync(Installation installation, string path, string body)
    {
        using var http = new HttpClient();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(new Uri($"http://{installation.Service}/api/{path}"), content);
        return response.StatusCode;
    }
}
