using System.Globalization;
using System.Text.Json;
using MetricsFunctions.Tests.Faults;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Tests.Clients;

/// <summary>
/// Debian's Prometheus scrapes itself and writes here, with the lines of <c>docs/protocols.md</c> in its configuration. A longer outage:
/// <c>OUTAGE_SECONDS=60 dotnet test MetricsFunctions.Tests --filter "FullyQualifiedName~PrometheusTests"</c>.
/// </summary>
public sealed class PrometheusTests(ITestOutputHelper output)
{
    const string ApiKey = "an-api-key";

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
        output.WriteLine($"{compared} samples, {await prometheus.SumAsync("prometheus_remote_storage_samples_retried_total")} sent again, {OutageSeconds} s without the service");
    }

    [Fact]
    public async Task One_odd_series_costs_no_other_a_sample()
    {
        const string TooLong = "odd_too_long";
        var scrapes = 0;
        await using var target = await ScrapeTarget.StartAsync(async context =>
        {
            var value = Interlocked.Increment(ref scrapes);
            var series = Enumerable.Range(0, 3000).Select(i => $"odd_good{{i=\"{i}\"}} {value}")
                .Append($"odd_space{{model=\"SSD \"}} {value}")
                .Append($"{TooLong}{{model=\"{new string('x', 5000)}\"}} {value}");
            context.Response.ContentType = "text/plain; version=0.0.4";
            await context.Response.WriteAsync(string.Join('\n', series) + '\n');
        });
        await using var installation = await StartAsync();
        using var prometheus = PrometheusProcess.Start(RemoteWriteOf(installation), target.Port);
        await ScrapedAsync(prometheus, 4);

        await AssertSameAsync(prometheus, installation, without: TooLong);
        Assert.Equal("3001", await installation.QueryAsync("SELECT uniq(metric_name, tags) FROM metrics.samples WHERE startsWith(metric_name, 'odd_')"));
        Assert.Matches(
            @"server returned HTTP status 400 Bad Request: The rest of the request is stored\. \d+ samples? (is|are) refused: timeseries\[\d+\]\.labels\[\d+\] must be at most 4096 bytes of UTF-8",
            await prometheus.StopAsync());
        Assert.Contains("sent over remote_write with API key 0, fault in Tags", installation.Process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Native_histograms_have_the_buckets_that_Prometheus_sees()
    {
        await using var target = await ScrapeTarget.StartAsync(new HistogramTarget().AnswerAsync);
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
    static async Task<int> AssertSameAsync(PrometheusProcess prometheus, Installation installation, string without = "none")
    {
        var until = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var scraped = new List<string>();
        await Wait.UntilAsync(async () =>
        {
            // A scrape later, what was scraped until then is complete.
            if (scraped.Count == 0 && (await prometheus.SamplesAsync(until + 60_000, without)).Count > (await prometheus.SamplesAsync(until, without)).Count)
            {
                scraped = await prometheus.SamplesAsync(until, without);
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
            return PrometheusProcess.Line(row[0], tags, long.Parse(row[2], CultureInfo.InvariantCulture), BitConverter.Int64BitsToDouble(long.Parse(row[3], CultureInfo.InvariantCulture)));
        });
        Assert.Equal(scraped, lines.Order(StringComparer.Ordinal));
        return scraped.Count;
    }

    static string Until(long time) => $"timestamp <= fromUnixTimestamp64Milli({time})";
}
