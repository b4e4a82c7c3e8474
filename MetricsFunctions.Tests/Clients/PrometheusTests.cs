using System.Globalization;
using System.Text.Json;
using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.Clients;

/// <summary>
/// Debian's Prometheus scrapes itself and writes here, with the lines of <c>docs/protocols.md</c> in its configuration. A longer outage:
/// <c>OUTAGE_SECONDS=60 dotnet test MetricsFunctions.Tests --filter "FullyQualifiedName~PrometheusTests"</c>.
/// </summary>
[Collection(FaultTests.Name)]
public sealed class PrometheusTests(ITestOutputHelper output)
{
    const string ApiKey = "an-api-key";

    // What one of the tests writes otherwise than it is scraped.
    const string Refused = "prometheus_build_info";
    const string Padded = "padded";

    static readonly int OutageSeconds =
        Environment.GetEnvironmentVariable("OUTAGE_SECONDS") is { Length: > 0 } seconds ? int.Parse(seconds, CultureInfo.InvariantCulture) : 10;

    [Fact]
    public async Task Whatever_happens_to_the_service_Prometheus_and_ClickHouse_know_the_same_samples()
    {
        await using var installation = await StartAsync();
        using var prometheus = PrometheusProcess.Start(RemoteWriteOf(installation));
        await ScrapedAsync(prometheus, 5);

        // An INSERT that is committed and not answered, and so sent again.
        await installation.FreezeClickHouseAsync();
        await Wait.UntilAsync(async () => await prometheus.SumAsync("prometheus_remote_storage_samples_retried_total") > 0);
        await installation.ThawClickHouseAsync();
        await ScrapedAsync(prometheus, 2);

        for (var i = 0; i < 3; i++)
        {
            await installation.KillAndRestartServiceAsync();
            await ScrapedAsync(prometheus, 2);
        }

        await installation.Process.TerminateAsync();
        await ScrapedAsync(prometheus, OutageSeconds);
        await installation.StartServiceAsync();

        var compared = await AssertSameAsync(prometheus, installation);
        Assert.Equal(0, await prometheus.SumAsync("prometheus_remote_storage_samples_failed_total"));
        Assert.Equal(0, await prometheus.SumAsync("prometheus_remote_storage_samples_dropped_total"));
        Assert.NotEqual("0", await installation.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{Refused}'"));
        output.WriteLine($"{compared} samples, {await prometheus.SumAsync("prometheus_remote_storage_samples_retried_total")} sent again, {OutageSeconds} s without the service");
    }

    [Fact]
    public async Task A_label_that_breaks_a_rule_costs_its_own_series_and_is_in_the_log_of_Prometheus()
    {
        await using var installation = await StartAsync();
        using var prometheus = PrometheusProcess.Start($"""
            {RemoteWriteOf(installation)}
                write_relabel_configs:
                  - source_labels: [__name__]
                    regex: {Refused}
                    target_label: too_long
                    replacement: {new string('x', 4097)}
                  - source_labels: [__name__]
                    regex: prometheus_ready
                    target_label: {Padded}
                    replacement: 'with spaces  '
            """);
        await Wait.UntilAsync(async () => await prometheus.SumAsync("prometheus_remote_storage_samples_failed_total") > 0);
        await ScrapedAsync(prometheus, 3);

        var compared = await AssertSameAsync(prometheus, installation);
        Assert.Equal("with spaces  ", await installation.QueryAsync($"SELECT DISTINCT tags['{Padded}'] FROM metrics.samples WHERE metric_name = 'prometheus_ready'"));
        var log = await prometheus.StopAsync();
        Assert.Matches(
            @"server returned HTTP status 400 Bad Request: The rest of the request is stored\. \d+ samples? (is|are) refused: timeseries\[\d+\]\.labels\[\d+\] must be at most 4096 bytes of UTF-8",
            log);
        output.WriteLine($"{compared} samples, all but those of {Refused}");
    }

    [Fact]
    public async Task Native_histograms_have_the_buckets_that_Prometheus_sees()
    {
        await using var target = await HistogramTarget.StartAsync();
        await using var installation = await StartAsync();
        using var prometheus = PrometheusProcess.Start($"{RemoteWriteOf(installation)}\n    send_native_histograms: true", target.Port);
        const string Counts = $"metric_name = '{HistogramTarget.Metric}_count'";
        await Wait.UntilAsync(async () => await installation.QueryAsync($"SELECT count() >= 3 FROM metrics.samples WHERE {Counts}") == "1");

        var compared = 0;
        var series = Assert.Single((await prometheus.QueryAsync($"{HistogramTarget.Metric}[1h]")).EnumerateArray());
        foreach (var sample in series.GetProperty("histograms").EnumerateArray())
        {
            var at = $"timestamp = fromUnixTimestamp64Milli({sample[0].GetDecimal() * 1000:0}) AND tags['zone'] = 'z'";
            var stored = await installation.QueryAsync($"SELECT metric_name, tags['le'], metric_value FROM metrics.samples WHERE startsWith(metric_name, '{HistogramTarget.Metric}_') AND {at}");
            if (stored.Length == 0)
            {
                continue;
            }

            compared++;
            var rows = stored.Split('\n').Select(row => row.Split('\t')).ToLookup(row => row[0][HistogramTarget.Metric.Length..], row => (Bound: row[1], Value: Parse(row[2])));
            Assert.Equal(sample[1].GetProperty("count").GetString(), $"{Assert.Single(rows["_count"]).Value}");
            Assert.Equal(Parse(sample[1].GetProperty("sum").GetString()!), Assert.Single(rows["_sum"]).Value);
            double UpTo(string bound) => Assert.Single(rows["_bucket"], row => row.Bound != "+Inf" && Math.Abs(Parse(row.Bound) - Parse(bound)) <= 1e-12 * Math.Abs(Parse(bound))).Value;

            // A bucket is where its bounds are, the bounds which way they are open, and how much is in it.
            var buckets = sample[1].GetProperty("buckets").EnumerateArray().ToList();
            Assert.Equal(HistogramTarget.Buckets, buckets.Count);
            Assert.All(buckets, bucket => Assert.Equal(Parse(bucket[3].GetString()!), UpTo(bucket[2].GetString()!) - UpTo(bucket[1].GetString()!)));
            Assert.Equal(Assert.Single(rows["_count"]).Value, Assert.Single(rows["_bucket"], row => row.Bound == "+Inf").Value);
        }

        Assert.InRange(compared, 3, int.MaxValue);
    }

    static double Parse(string number) => double.Parse(number, CultureInfo.InvariantCulture);

    static Task<Installation> StartAsync() => Installation.StartAsync(
        ("Ingestion__AllowAnonymous", "false"), ("Ingestion__ApiKeys__0", ApiKey), ("Ingestion__WriteTimeout", "00:00:01"));

    static string RemoteWriteOf(Installation installation)
    {
        var docs = File.ReadAllText(Path.Combine(Repository.Root, "docs", "protocols.md"));
        var begin = docs.IndexOf("remote_write:\n", StringComparison.Ordinal);
        var section = docs[begin..docs.IndexOf("```", begin, StringComparison.Ordinal)];
        Assert.Contains("http://localhost:7071/", section, StringComparison.Ordinal);
        Assert.Contains(ApiKey, section, StringComparison.Ordinal);
        return section.Replace("http://localhost:7071/", $"http://{installation.Service}/", StringComparison.Ordinal).TrimEnd();
    }

    static async Task ScrapedAsync(PrometheusProcess prometheus, int times)
    {
        const string Scrapes = "count_over_time(scrape_duration_seconds[1h])";
        for (var i = 0; i < times; i++)
        {
            var before = await prometheus.SumAsync(Scrapes);
            await Wait.UntilAsync(async () => await prometheus.SumAsync(Scrapes) > before);
        }
    }

    /// <summary>Waits until everything up to now is stored, and what came behind it, too; then compares.</summary>
    static async Task<int> AssertSameAsync(PrometheusProcess prometheus, Installation installation)
    {
        var until = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var isRefused = await prometheus.SumAsync("prometheus_remote_storage_samples_failed_total") > 0;
        var scraped = new List<string>();
        await Wait.UntilAsync(async () =>
        {
            // A scrape later, what was scraped until then is complete.
            if (scraped.Count == 0 && (await prometheus.SamplesAsync(until + 60_000)).Count > (await prometheus.SamplesAsync(until)).Count)
            {
                scraped = [.. (await prometheus.SamplesAsync(until)).Where(line => !isRefused || !line.StartsWith(Refused, StringComparison.Ordinal))];
            }

            return scraped.Count > 0 && int.Parse(await installation.QueryAsync($"SELECT count() FROM metrics.samples WHERE {Until(until)}"), CultureInfo.InvariantCulture) >= scraped.Count;
        });
        await ScrapedAsync(prometheus, 3);
        var stored = await installation.QueryAsync($"""
            SELECT metric_name, toJSONString(tags), toUnixTimestamp64Milli(timestamp), reinterpretAsInt64(metric_value)
            FROM metrics.samples WHERE {Until(until)} FORMAT JSONCompactStringsEachRow
            """);
        var lines = stored.Split('\n').Select(line =>
        {
            var row = JsonSerializer.Deserialize<string[]>(line)!;
            var tags = JsonSerializer.Deserialize<Dictionary<string, string>>(row[1])!;
            tags.Remove(Padded);
            return PrometheusProcess.Line(row[0], tags, long.Parse(row[2], CultureInfo.InvariantCulture), BitConverter.Int64BitsToDouble(long.Parse(row[3], CultureInfo.InvariantCulture)));
        });
        Assert.Equal(scraped, lines.Order(StringComparer.Ordinal));
        return scraped.Count;
    }

    static string Until(long time) => $"timestamp <= fromUnixTimestamp64Milli({time})";
}
