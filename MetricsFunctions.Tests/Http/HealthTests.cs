using System.Net;

namespace MetricsFunctions.Tests.Http;

public sealed class HealthTests(IngestionHost host) : IClassFixture<IngestionHost>
{
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
