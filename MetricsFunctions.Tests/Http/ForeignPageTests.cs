using System.Net;
using System.Text;
using MetricsFunctions.Tests.Telemetry;

namespace MetricsFunctions.Tests.Http;

/// <summary>What becomes of a request that a browser sends for a page, by the headers that it puts there: a service without API keys, and one with.</summary>
public sealed class ForeignPageTests(IngestionHost open, ForeignPageTests.Listed listed, ForeignPageTests.Keyed keyed)
    : IClassFixture<IngestionHost>, IClassFixture<ForeignPageTests.Listed>, IClassFixture<ForeignPageTests.Keyed>
{
    const string Sample = """{"metric_name": "from_a_page", "metric_value": 1}""";
    const string OwnHost = "localhost:7071";
    const string OtherHost = "evil.example:7071";

    public sealed class Listed : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:AllowedOrigins"] = "https://app.example.org",
            ["AllowedHosts"] = "metrics.example.org; *.cluster.local",
        };
    }

    /// <summary>With a key, and without.</summary>
    public sealed class Keyed : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:ApiKeys:0"] = "the-key",
        };
    }

    // Each as fetch, a form or sendBeacon can send it without asking first.
    [Theory]
    [InlineData("/api/metrics", Bodies.Text, Sample, "application/problem+json")]
    [InlineData("/api/metrics", "application/x-www-form-urlencoded", Sample, "application/problem+json")]
    [InlineData("//api/metrics", Bodies.Text, Sample, "application/problem+json")]
    [InlineData("/api/metrics", Bodies.Json, Sample, "application/problem+json")]
    [InlineData("/write", Bodies.Text, "from_a_page value=1", "application/json")]
    [InlineData("/api/write", Bodies.Text, "from_a_page value=1", "application/json")]
    [InlineData("/api/v2/write", Bodies.Text, "from_a_page value=1", "application/json")]
    [InlineData("/api/v3/write_lp", Bodies.Text, "from_a_page value=1", "application/json")]
    [InlineData("/api/v1/write", null, "", "text/plain")]
    [InlineData("/v1/metrics", Bodies.Json, "{}", "application/json")]
    [InlineData("/api/v1/metrics", "application/x-protobuf", "", "application/x-protobuf")]
    public async Task A_foreign_page_is_refused_at_every_path_with_what_to_set(string path, string? mediaType, string body, string answered)
    {
        using var measurements = new Measurements(open);
        using var response = await SendAsync(open, path, body, mediaType, origin: "http://evil.example", site: "cross-site", host: OwnHost);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal(answered, response.Content.Headers.ContentType?.MediaType);
        var text = await response.Content.ReadAsStringAsync();
        Assert.Contains("Ingestion:AllowedOrigins", text, StringComparison.Ordinal);
        Assert.Contains("Ingestion:ApiKeys", text, StringComparison.Ordinal);
        Assert.DoesNotContain("evil", text, StringComparison.Ordinal);
        await Wait.UntilAsync(() => Task.FromResult(measurements.Of("metrics_functions.request.duration").Any()));
        Assert.Contains("error.type=foreign_page http.response.status_code=403", measurements.Of("metrics_functions.request.duration").Single().Attributes, StringComparison.Ordinal);
        Assert.Equal("0", await open.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'from_a_page'"));
    }

    [Theory]
    // Agents and scripts, by whatever name.
    [InlineData(null, null, OwnHost)]
    [InlineData(null, null, OtherHost)]
    // A page of the service's own address, and of a container's.
    [InlineData("http://localhost:7071", "same-origin", OwnHost)]
    [InlineData("http://localhost:7071", null, OwnHost)]
    [InlineData("HTTP://LocalHost:7071", null, OwnHost)]
    [InlineData("http://127.0.0.1:7071", null, "127.0.0.1:7071")]
    [InlineData("http://192.168.1.7", null, "192.168.1.7")]
    [InlineData("http://[2001:db8::7]:7071", null, "[2001:db8::7]:7071")]
    [InlineData("http://metrics-functions:7071", null, "metrics-functions:7071")]
    // Behind a proxy with TLS, which may change the Host. No name can be pointed here with a certificate.
    [InlineData("https://metrics.example.net", null, "metrics.example.net")]
    [InlineData("https://metrics.example.net", "same-origin", "metrics.example.net")]
    [InlineData("https://metrics.example.net", "same-origin", "upstream:7071")]
    // A page without a referrer hides its origin from its own service, too; what an extension sends is of no site.
    [InlineData("null", "same-origin", OwnHost)]
    [InlineData("chrome-extension://abcdef", "none", OwnHost)]
    public async Task What_no_foreign_page_sends_is_taken(string? origin, string? site, string host)
    {
        using var response = await SendAsync(open, "/api/metrics", "[]", Bodies.Text, origin, site, host);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("http://evil.example", null, OwnHost)]
    [InlineData("http://evil.example", "cross-site", OwnHost)]
    [InlineData(null, "cross-site", OwnHost)]
    [InlineData("null", null, OwnHost)]
    [InlineData("null", "cross-site", OwnHost)]
    [InlineData("http://localhost:3000", "same-site", OwnHost)]
    [InlineData("http://localhost:3000", null, OwnHost)]
    [InlineData("http://localhost", null, OwnHost)]
    [InlineData("http://localhost:7071.evil.example", null, OwnHost)]
    [InlineData("file://", null, OwnHost)]
    // A name that its owner has pointed at this machine: to the browser, the service is of the page's own origin.
    [InlineData("http://evil.example:7071", null, OtherHost)]
    [InlineData("http://evil.example:7071", "same-origin", OtherHost)]
    [InlineData("null", "same-origin", OtherHost)]
    [InlineData("http://127.0.0.1.evil.example:7071", null, "127.0.0.1.evil.example:7071")]
    public async Task What_a_foreign_page_sends_is_refused(string? origin, string? site, string host)
    {
        using var response = await SendAsync(open, "/api/metrics", "[]", Bodies.Text, origin, site, host);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains(
            host == OwnHost ? "is of another origin" : "Put the name into AllowedHosts", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://app.example.org", "cross-site", OwnHost, HttpStatusCode.OK)]
    [InlineData("https://app.example.org", null, OtherHost, HttpStatusCode.OK)]
    [InlineData("https://evil.example", "cross-site", OwnHost, HttpStatusCode.Forbidden)]
    [InlineData("http://metrics.example.org", null, "metrics.example.org", HttpStatusCode.OK)]
    [InlineData("http://a.b.cluster.local:80", null, "a.b.cluster.local:80", HttpStatusCode.OK)]
    [InlineData("http://evil.example", null, "metrics.example.org", HttpStatusCode.Forbidden)]
    [InlineData("http://evil.example:7071", null, OtherHost, HttpStatusCode.Forbidden)]
    public async Task Origins_and_hosts_that_are_set_are_taken(string origin, string? site, string host, HttpStatusCode status)
    {
        using var response = await SendAsync(listed, "/api/metrics", "[]", Bodies.Text, origin, site, host);
        Assert.Equal(status, response.StatusCode);
    }

    // A foreign page does not know it. Where a key may be left out, it is left out by such a page, too.
    [Theory]
    [InlineData("the-key", HttpStatusCode.OK)]
    [InlineData("another-key", HttpStatusCode.Unauthorized)]
    [InlineData(null, HttpStatusCode.Forbidden)]
    public async Task A_key_is_enough(string? key, HttpStatusCode status)
    {
        using var response = await SendAsync(keyed, "/api/metrics", "[]", Bodies.Text, "http://evil.example:7071", "cross-site", OtherHost, key);
        Assert.Equal(status, response.StatusCode);
    }

    static async Task<HttpResponseMessage> SendAsync(
        IngestionHost service, string path, string body, string? mediaType, string? origin, string? site, string host, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{service.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)}{path}")
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        request.Headers.Host = host;
        foreach (var (header, value) in new[] { ("Origin", origin), ("Sec-Fetch-Site", site), ("X-Api-Key", key) })
        {
            if (value is not null)
            {
                request.Headers.TryAddWithoutValidation(header, value);
            }
        }

        return await service.Http.SendAsync(request);
    }
}
