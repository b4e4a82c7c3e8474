using System.Net;
using System.Text;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

/// <summary>
/// What is the same request, and stored once, and what is another, and stored: one of three API keys, four paths, two idempotency keys or none,
/// and two bodies. Both for an instance that is the only one and for one of several.
/// </summary>
public abstract class RepetitionTests(RepetitionTests.TenantHost host)
{
    static readonly string[] ApiKeys = ["key-of-shop", "key-of-plant", "key-of-office"];
    static readonly string[] Paths = ["/api/metrics", "/api/v2/write", "/api/v1/write", "/api/v1/metrics"];
    static readonly string?[] IdempotencyKeys = [null, "1", "2"];
    static readonly int[] Values = [1, 2];

    // Taken once, so that a repetition is the same to the byte.
    readonly long _now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    public abstract class TenantHost(bool singleInstance) : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:SingleInstance"] = $"{singleInstance}",
            ["Ingestion:ApiKeys:0"] = ApiKeys[0],
            ["Ingestion:ApiKeys:1"] = ApiKeys[1],
            ["Ingestion:ApiKeys:2"] = ApiKeys[2],
        };
    }

    [Fact]
    public async Task Another_key_path_or_body_is_another_request_and_the_same_is_stored_once()
    {
        var requests = (
            from apiKey in ApiKeys
            from path in Paths
            from key in IdempotencyKeys
            from value in Values
            select (apiKey, path, key, value)).ToList();

        // All of them three times, in any order and at once.
        var sent = requests.Concat(requests).Concat(requests).OrderBy(_ => Random.Shared.Next()).ToList();
        await Parallel.ForEachAsync(sent, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (request, _) =>
            await SendAsync(request.apiKey, request.path, request.key, request.value));

        // JSON and line protocol without a key are stored as often as they are sent.
        var expected = requests.Sum(request => request is { key: null, path: "/api/metrics" or "/api/v2/write" } ? 3 : 1);
        Assert.Equal($"{expected}", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'repeated'"));
    }

    [Fact]
    public async Task A_sample_that_is_no_longer_ahead_of_the_clock_is_stored_though_the_rest_of_its_request_is()
    {
        var ahead = _now + (long)TimeSpan.FromMinutes(10).TotalMilliseconds + 2000;
        var body = Encoding.UTF8.GetBytes(
            $$$"""
            {"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"early","gauge":{"dataPoints":[
                {"asDouble":1,"timeUnixNano":"{{{_now}}}000000"},{"asDouble":2,"timeUnixNano":"{{{ahead}}}000000"}]}}]}]}]}
            """);
        Assert.Contains("partialSuccess", await PostAsync(), StringComparison.Ordinal);
        Assert.Equal("1", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'early'"));
        await Wait.UntilAsync(async () => await PostAsync() == "{}");
        Assert.Equal("1", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'early' AND metric_value = 2"));

        async Task<string> PostAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/metrics") { Content = new ByteArrayContent(body) };
            request.Content.Headers.TryAddWithoutValidation("Content-Type", Bodies.Json);
            request.Headers.Add("X-Api-Key", ApiKeys[0]);
            using var response = await host.Http.SendAsync(request);
            return await response.Content.ReadAsStringAsync();
        }
    }

    async Task SendAsync(string apiKey, string path, string? key, int value)
    {
        var (mediaType, encoding, body) = path switch
        {
            "/api/metrics" => (Bodies.Json, null, Encoding.UTF8.GetBytes($$"""{"metric_name": "repeated", "metric_value": {{value}}, "timestamp": {{_now}}}""")),
            "/api/v2/write" => ("text/plain", null, Encoding.UTF8.GetBytes($"repeated value={value} {_now}000000")),
            "/api/v1/write" => ("application/x-protobuf", "snappy", Bodies.Compress("snappy", Series.Version1(Series.Of("repeated", value, _now)))),
            _ => (Bodies.Json, (string?)null, Encoding.UTF8.GetBytes(
                $$$"""{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"repeated","gauge":{"dataPoints":[{"asDouble":{{{value}}},"timeUnixNano":"{{{_now}}}000000"}]}}]}]}]}""")),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        request.Headers.Add("X-Api-Key", apiKey);
        if (encoding is not null)
        {
            request.Content.Headers.Add("Content-Encoding", encoding);
        }

        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var response = await host.Http.SendAsync(request);
        Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NoContent, $"{path}: {await response.Content.ReadAsStringAsync()}");
    }
}

/// <inheritdoc/>
public sealed class RepetitionToOneInstanceTests(RepetitionToOneInstanceTests.Host host) : RepetitionTests(host), IClassFixture<RepetitionToOneInstanceTests.Host>
{
    public sealed class Host() : TenantHost(singleInstance: true);
}

/// <inheritdoc/>
public sealed class RepetitionToOneOfSeveralTests(RepetitionToOneOfSeveralTests.Host host) : RepetitionTests(host), IClassFixture<RepetitionToOneOfSeveralTests.Host>
{
    public sealed class Host() : TenantHost(singleInstance: false);
}
