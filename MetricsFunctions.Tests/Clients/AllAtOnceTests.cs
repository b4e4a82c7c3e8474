using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json.Nodes;
using MetricsFunctions.Tests.Faults;
using MetricsFunctions.Tests.Grafana;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;

namespace MetricsFunctions.Tests.Clients;

/// <summary>
/// Prometheus, OpenTelemetry, InfluxDB's client and <c>demo/generate</c> all write at the same time, and the dashboard shows them all. For a
/// minute: <c>ALL_AT_ONCE_SECONDS=60 dotnet test MetricsFunctions.Tests --filter "FullyQualifiedName~AllAtOnce"</c>.
/// </summary>
public sealed class AllAtOnceTests(ITestOutputHelper output)
{
    static readonly int Seconds = int.Parse(Environment.GetEnvironmentVariable("ALL_AT_ONCE_SECONDS") ?? "5", CultureInfo.InvariantCulture);

    // One of each sender's, and some of the others.
    static readonly string[] Names = ["up", "dotnet_requests_total", "dotnet_duration_seconds_bucket", "influx js.count", "demo_sine"];

    [Fact]
    public async Task The_dashboard_shows_what_everybody_sends()
    {
        await using var installation = await Installation.StartAsync();
        var url = $"http://{installation.Service}";
        using var prometheus = PrometheusProcess.Start($"remote_write:\n  - url: {url}/api/v1/write\n");
        using var influx = NodeClient.Start(["influx.mjs", url, "any", $"{Seconds}"]);
        using var demo = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "demo", "generate"), [url]) { RedirectStandardOutput = true })!;
        try
        {
            using var meter = new Meter("dotnet at once");
            using var provider = Sdk.CreateMeterProviderBuilder()
                .AddMeter(meter.Name)
                .AddOtlpExporter((exporter, reader) =>
                {
                    exporter.Endpoint = new Uri($"{url}/api/v1/metrics");
                    exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                    reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = 1000;
                })
                .Build();
            var requests = meter.CreateCounter<long>("dotnet.requests");
            var duration = meter.CreateHistogram<double>("dotnet.duration", "s");
            for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(Seconds); await Task.Delay(100))
            {
                requests.Add(1);
                duration.Record(watch.Elapsed.TotalSeconds);
            }

            Assert.True(provider.ForceFlush());
            await influx.ExitedAsync();
            await Wait.UntilAsync(async () => Names.Except(await NamesAsync(installation)).ToList() is []);
        }
        finally
        {
            demo.Kill();
            await demo.WaitForExitAsync();
        }

        var all = await NamesAsync(installation);
        foreach (var query in GrafanaFiles.PanelQueries.Where(query => query.Source.StartsWith("metrics/", StringComparison.Ordinal)))
        {
            var shown = await ShowAsync(installation, query, new Choice("all", null, "*", null), all);
            Assert.NotEmpty(shown);
        }

        var table = await ShowAsync(installation, GrafanaFiles.PanelQueries.Single(query => query.Source == "metrics/All metrics/A"), new Choice("all", null, "*", null), all);
        Assert.Empty(all.Except(table.Select(row => row[0]!.GetValue<string>())));
        foreach (var name in Names)
        {
            var chosen = GrafanaFiles.PanelQueries.Single(query => query.Repeated == "metric" && query.Source.StartsWith("metrics/", StringComparison.Ordinal));
            Assert.NotEmpty(await ShowAsync(installation, chosen, new Choice("one", [name], "*", null), all));
        }

        output.WriteLine($"{await installation.QueryAsync("SELECT count(), uniq(metric_name, tags) FROM metrics.samples")} samples and series in {Seconds} s, {all.Length} metrics");
        Assert.Equal("0", await installation.QueryAsync("SELECT count() FROM (SELECT 1 FROM metrics.samples GROUP BY metric_name, tags, timestamp HAVING count() > 1)"));
    }

    static async Task<string[]> NamesAsync(Installation installation) =>
        (await installation.QueryAsync("SELECT DISTINCT metric_name FROM metrics.samples ORDER BY 1")).Split('\n');

    static async Task<JsonNode[]> ShowAsync(Installation installation, GrafanaQuery query, Choice choice, string[] all)
    {
        var sql = GrafanaSql.Expand(query, choice, all, [], TimeSpan.FromMinutes(5), DateTimeOffset.UtcNow.AddSeconds(1));
        var rows = await installation.QueryAsync($"{sql} FORMAT JSONCompactEachRow");
        return [.. rows.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(row => JsonNode.Parse(row)!)];
    }
}
