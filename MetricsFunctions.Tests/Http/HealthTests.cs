using System.Diagnostics;
using System.Net;

namespace MetricsFunctions.Tests.Http;

public sealed class HealthTests(HealthTests.Hasty host) : IClassFixture<HealthTests.Hasty>
{
    public sealed class Hasty : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:WriteTimeout"] = "00:00:01",
        };
    }

    static readonly Uri Live = new("/api/health/live", UriKind.Relative);
    static readonly Uri Ready = new("/api/health/ready", UriKind.Relative);

    [Fact]
    public async Task Without_ClickHouse_the_service_lives_but_is_not_ready_and_takes_samples_again_when_it_is_back()
    {
        await Wait.UntilAsync(async () => await StatusAsync(Ready) == HttpStatusCode.OK);

        await host.ClickHouse.KillAsync();
        await Wait.UntilAsync(async () => await StatusAsync(Ready) == HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(Live));

        using (var refused = await host.PostAsync("""{"metric_name": "down", "metric_value": 1}"""))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
            Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
            Assert.Contains("ClickHouse cannot be reached", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await host.ClickHouse.RestartAsync();
        await Wait.UntilAsync(async () => await StatusAsync(Ready) == HttpStatusCode.OK);
        using var stored = await host.PostAsync("""{"metric_name": "back", "metric_value": 1}""");
        Assert.Equal(HttpStatusCode.OK, stored.StatusCode);
    }

    /// <summary>Which is so for a full disk and for a view that fails, too; without traffic, nothing but time can tell that it may be over.</summary>
    [Fact]
    public async Task What_only_an_INSERT_with_rows_meets_is_the_answer_until_one_is_stored_or_for_ten_seconds()
    {
        await host.QueryAsync("ALTER TABLE metrics.samples ADD CONSTRAINT small CHECK metric_value < 1000");
        await Wait.UntilAsync(async () => await StatusAsync(Ready) == HttpStatusCode.OK);

        await AssertNotReadyAfterAsync("""{"metric_name": "large", "metric_value": 1000}""");
        var watch = Stopwatch.StartNew();
        await Wait.UntilAsync(async () => await StatusAsync(Ready) == HttpStatusCode.OK);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(20));

        await AssertNotReadyAfterAsync("""{"metric_name": "large", "metric_value": 1000}""");
        using var stored = await host.PostAsync("""{"metric_name": "small", "metric_value": 1}""");
        Assert.Equal(HttpStatusCode.OK, stored.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(Ready));
        await host.QueryAsync("ALTER TABLE metrics.samples DROP CONSTRAINT small");

        async Task AssertNotReadyAfterAsync(string json)
        {
            using var refused = await host.PostAsync(json);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            using var ready = await host.Http.GetAsync(Ready);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.Contains("cannot be stored now: ClickHouse answered with error 469.", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_probe_takes_only_GET()
    {
        using var response = await host.Http.PostAsync(Live, null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["GET", "HEAD"], response.Content.Headers.Allow);
    }

    async Task<HttpStatusCode> StatusAsync(Uri probe)
    {
        using var response = await host.Http.GetAsync(probe);
        return response.StatusCode;
    }
}
