using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Tests.Abuse;
using MetricsFunctions.Tests.Formats.Otlp;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Http;

/// <summary>Requests have a bound of the memory together, for their bodies and for the rows that those become.</summary>
public sealed class MemoryTests(MemoryTests.SmallBudget host) : IClassFixture<MemoryTests.SmallBudget>
{
    const int Limit = 1024 * 1024;
    const int Samples = 2000;

    // A sample that is in memory until its end.
    static readonly byte[] Large = Encoding.ASCII.GetBytes($$"""{"metric_name": "large", "metric_value": {{new string(' ', Limit * 3 / 4)}} 1}""");

    /// <summary>A host with little memory.</summary>
    public sealed class SmallBudget : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxPendingBytes"] = Limit.ToString(CultureInfo.InvariantCulture),
        };
    }

    public static TheoryData<string, string, string> Protocols { get; } = new()
    {
        { Bodies.Json, "/api/metrics", "detail" },
        { Bodies.Ndjson, "/api/metrics", "detail" },
        { Bodies.Text, "/api/v2/write", "message" },
        { "application/x-protobuf", "/api/v1/write", "" },
        { "application/x-protobuf;proto=io.prometheus.write.v2.Request", "/api/v1/write", "" },
        { "application/x-protobuf", "/api/v1/metrics", "" },
        { Bodies.Json, "/api/v1/metrics", "message" },
    };

    static readonly string Value = new('v', 1000);

    [Fact]
    public async Task Of_two_bodies_that_are_too_much_together_one_is_a_503_and_the_other_is_stored()
    {
        // When both meet the bound in the same moment, both are refused: then again.
        await Wait.UntilAsync(async () =>
        {
            using var one = await BeginAsync();
            using var other = await BeginAsync();
            await Wait.UntilAsync(() => Task.FromResult(one.IsAnswered || other.IsAnswered));
            await EndAsync(one);
            await EndAsync(other);
            int[] statuses = [await one.AnswerAsync(), await other.AnswerAsync()];
            Assert.Contains(503, statuses);
            Assert.Contains("Ingestion:MaxPendingBytes", one.Status == 503 ? one.Answer : other.Answer, StringComparison.Ordinal);
            return statuses.Contains(200);
        });
        await AssertGivenBackAsync();
    }

    [Fact]
    public async Task Small_requests_are_stored_while_a_large_one_has_the_memory()
    {
        using var large = await BeginAsync();
        await Wait.UntilAsync(() => Task.FromResult(Memory.Large.Taken > Limit / 2));
        for (var i = 0; i < 10; i++)
        {
            using var response = await host.PostAsync("""{"metric_name": "small", "metric_value": 1}""");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        await EndAsync(large);
        Assert.Equal(200, await large.AnswerAsync());
        await AssertGivenBackAsync();
    }

    [Fact]
    public async Task Who_comes_when_there_is_no_memory_has_none_and_waits_a_second_for_the_answer()
    {
        using var others = Memory.Open();
        others.Take(Limit);
        var watch = Stopwatch.StartNew();
        var answer = host.PostAsync([.. Large], Bodies.Json);
        await Wait.UntilAsync(() => Task.FromResult(answer.IsCompleted || (watch.Elapsed > TimeSpan.FromSeconds(0.5) && Memory.Large.Taken == Limit)));
        Assert.False(answer.IsCompleted);

        using var response = await answer;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(1), TimeSpan.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Samples_that_never_fit_with_their_tags_are_a_413_that_says_so(string mediaType, string path, string property)
    {
        using var fits = await host.PostAsync(Bodies.Compress("gzip", Body(mediaType, path, "fits", 100)), mediaType, "gzip", path: path);
        Assert.True(fits.IsSuccessStatusCode, await fits.Content.ReadAsStringAsync());

        using var response = await host.PostAsync(Bodies.Compress("gzip", Body(mediaType, path, "never_fits", Samples)), mediaType, "gzip", path: path);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Contains("Send them in parts, or with fewer tags", answer, StringComparison.Ordinal);
        Assert.Contains(property, answer, StringComparison.Ordinal);
        Assert.Equal("0", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE startsWith(metric_name, 'never_fits')"));
        await AssertGivenBackAsync();
    }

    MemoryBudget Memory => host.Services.GetRequiredService<MemoryBudget>();

    Task AssertGivenBackAsync() => Wait.UntilAsync(() => Task.FromResult((Memory.Small.Taken, Memory.Large.Taken) == (0, 0)));

    static byte[] Body(string mediaType, string path, string name, int samples)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var sample = $$$"""{"metric_name":"{{{name}}}","metric_value":1,"tags":{"key":"{{{Value}}}"}}""";
        var series = new Series([("__name__", name), ("key", Value)]) { Samples = [.. Enumerable.Repeat(Series.Sample(1, now), samples)] };
        var points = string.Join(',', Enumerable.Repeat($$"""{"timeUnixNano":"{{now}}000000","asInt":"1"}""", samples));
        var otlp = $$$"""
            {"resourceMetrics":[{"resource":{"attributes":[{"key":"key","value":{"stringValue":"{{{Value}}}"}}]},
            "scopeMetrics":[{"metrics":[{"name":"{{{name}}}","gauge":{"dataPoints":[{{{points}}}]}}]}]}]}
            """;
        return (path, mediaType) switch
        {
            ("/api/metrics", Bodies.Json) => Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat(sample, samples))}]"),
            ("/api/metrics", _) => Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Repeat(sample, samples))),
            ("/api/v2/write", _) => Encoding.UTF8.GetBytes($"{name},key={Value} {string.Join(',', Enumerable.Range(0, samples).Select(i => $"f{i}=1"))}"),
            ("/api/v1/write", "application/x-protobuf") => Series.Version1(series),
            ("/api/v1/write", _) => Series.Version2(series),
            (_, Bodies.Json) => Encoding.UTF8.GetBytes(otlp),
            _ => PlainMessage.OfJson("Request", JsonDocument.Parse(otlp).RootElement)!.ToProtobuf("Request", isPacked: true),
        };
    }

    async Task<RawConnection> BeginAsync()
    {
        var connection = await RawConnection.OpenAsync(IPEndPoint.Parse(host.Http.BaseAddress!.Authority));
        await connection.TrySendAsync(RawConnection.Head($"Content-Length: {Large.Length}\r\n"), CancellationToken.None);
        await connection.TrySendAsync(Large.AsMemory(..^1), CancellationToken.None);
        return connection;
    }

    static async Task EndAsync(RawConnection connection) => await connection.TrySendAsync(Large.AsMemory(^1..), CancellationToken.None);
}
