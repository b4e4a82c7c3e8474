using System.Net;
using System.Text;

namespace MetricsFunctions.Tests.Http;

public sealed class ApiKeyTests(ApiKeyTests.TwoKeys host) : IClassFixture<ApiKeyTests.TwoKeys>
{
    public sealed class TwoKeys : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:ApiKeys:0"] = "old-key",
            ["Ingestion:ApiKeys:1"] = "new-key",
        };
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("Authorization", "Bearer old-key", true)]
    [InlineData("Authorization", "bearer new-key", true)]
    [InlineData("Authorization", "Token new-key", true)]
    [InlineData("X-Api-Key", "new-key", true)]
    [InlineData("X-Api-Key", "new-key2", false)]
    [InlineData("X-Api-Key", "", false)]
    [InlineData("Authorization", "new-key", false)]
    [InlineData("Authorization", "Basic new-key", false)]
    [InlineData("Authorization", "Bearer", false)]
    [InlineData("Authorization", "Bearer NEW-KEY", false)]
    public async Task Only_a_configured_key_passes(string? header, string? value, bool passes)
    {
        var before = await host.QueryAsync("SELECT count() FROM metrics.samples");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/metrics")
        {
            Content = new StringContent(passes ? """{"metric_name": "keys", "metric_value": 1}""" : "not even JSON", Encoding.UTF8, "application/json"),
        };
        if (header is not null)
        {
            request.Headers.TryAddWithoutValidation(header, value);
        }

        using var response = await host.Http.SendAsync(request);

        Assert.Equal(passes ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, response.StatusCode);
        if (!passes)
        {
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            Assert.NotEmpty(response.Headers.WwwAuthenticate);
            Assert.Equal(before, await host.QueryAsync("SELECT count() FROM metrics.samples"));
        }
    }

    [Fact]
    public async Task A_probe_needs_no_key()
    {
        using var response = await host.Http.GetAsync(new Uri("/api/health/ready", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }
}
