using System.Net;
using System.Text;
using MetricsFunctions.Ingestion.Http;
using Microsoft.Extensions.Configuration;

namespace MetricsFunctions.Tests.Http;

/// <summary>What browsers ask before a page of another origin may send, and what they look for in the answers.</summary>
public sealed class CorsTests(CorsTests.Listed listed, CorsTests.Any any, IngestionHost off)
    : IClassFixture<CorsTests.Listed>, IClassFixture<CorsTests.Any>, IClassFixture<IngestionHost>
{
    const string App = "https://app.example.org";
    const string Other = "https://evil.example.org";
    const string Sample = """{"metric_name": "from_a_page", "metric_value": 1}""";

    public sealed class Listed : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:ApiKeys:0"] = "the-key",
            ["Ingestion:MaxBodyBytes"] = "1024",
            ["Ingestion:AllowedOrigins:0"] = "https://App.example.org",
            ["Ingestion:AllowedOrigins:1"] = "http://localhost:3000",
        };
    }

    public sealed class Any : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:AllowedOrigins"] = "*",
        };
    }

    [Theory]
    [InlineData("/api/metrics", App)]
    [InlineData("/v1/metrics", App)]
    [InlineData("//v1/metrics", App)]
    [InlineData("/api/v2/write?precision=ms", "http://localhost:3000")]
    [InlineData("/api/v1/write", App)]
    [InlineData("/not/there", App)]
    public async Task A_page_of_an_allowed_origin_may_send_with_any_header(string path, string origin)
    {
        using var response = await PreflightAsync(listed, path, origin);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(
            [
                ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Allow-Headers", "authorization,content-type,x-custom"),
                ("Access-Control-Allow-Methods", "POST"),
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Max-Age", "7200"),
            ],
            Headers(response));
        Assert.Contains("Origin", response.Headers.Vary);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }

    // Browsers hide an answer without the headers, and a page would not learn what is wrong.
    [Theory]
    [InlineData("/api/metrics", "POST", Sample, HttpStatusCode.OK)]
    [InlineData("/api/v2/write", "POST", "from_a_page value=1", HttpStatusCode.NoContent)]
    [InlineData("/v1/metrics", "POST", "{}", HttpStatusCode.OK)]
    [InlineData("/api/metrics", "POST", "{}", HttpStatusCode.BadRequest)]
    [InlineData("/api/metrics", "POST", Sample, HttpStatusCode.Unauthorized)]
    [InlineData("/api/metrics", "POST", null, HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("/api/metrics", "POST", "cpu_load=1", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("/api/metrics", "OPTIONS", null, HttpStatusCode.MethodNotAllowed)]
    [InlineData("/v1/metric", "POST", Sample, HttpStatusCode.NotFound)]
    public async Task A_page_of_an_allowed_origin_may_read_every_answer(string path, string method, string? body, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Parse(method), path)
        {
            Content = new StringContent(body ?? new string(' ', 1025), Encoding.UTF8, path == "/v1/metrics" ? Bodies.Json : Bodies.Text),
        };
        request.Headers.Add("X-Api-Key", status == HttpStatusCode.Unauthorized ? "another-key" : "the-key");
        request.Headers.Add("Origin", App);
        using var response = await listed.Http.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(
            [("Access-Control-Allow-Credentials", "true"), ("Access-Control-Allow-Origin", App), ("Access-Control-Expose-Headers", "Retry-After")],
            Headers(response));
        Assert.Contains("Origin", response.Headers.Vary);
    }

    [Fact]
    public async Task Nothing_changes_for_another_origin_or_none()
    {
        foreach (var origin in new[] { Other, "http://app.example.org", "https://app.example.org:444", "null", null })
        {
            await AssertNothingChangesAsync(listed, origin, HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task Every_origin_may_be_allowed_but_not_with_credentials()
    {
        foreach (var origin in new[] { Other, "null" })
        {
            using var preflight = await PreflightAsync(any, "/api/metrics", origin);
            Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
            Assert.Contains(("Access-Control-Allow-Origin", "*"), Headers(preflight));
            Assert.DoesNotContain(Headers(preflight), header => header.Name == "Access-Control-Allow-Credentials");

            using var sent = await SendAsync(any, origin);
            Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
            Assert.Equal([("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "Retry-After")], Headers(sent));
        }
    }

    [Fact]
    public Task No_origin_is_allowed_unless_it_is_set() => AssertNothingChangesAsync(off, App, HttpStatusCode.Forbidden);

    [Theory]
    [InlineData("https://app.example.org", null, null)]
    [InlineData("https://app.example.org", "http://localhost:3000", "http://[::1]:8080")]
    [InlineData("https://bücher.example", "capacitor://localhost", "*")]
    public void Origins_are_told_in_a_list(params string?[] origins) => Assert.Equal(origins.Where(origin => origin is not null), Read(List(origins)));

    [Fact]
    public void One_may_be_a_text()
    {
        Assert.Equal(["*"], Read(new() { ["Ingestion:AllowedOrigins"] = "*" }));
        Assert.Empty(Read(new() { ["Ingestion:AllowedOrigins"] = "" }));
    }

    [Theory]
    [InlineData("https://app.example.org/")]
    [InlineData("https://app.example.org/shop")]
    [InlineData("https://app.example.org:443")]
    [InlineData("https://app.example.org?a")]
    [InlineData("https://user@app.example.org")]
    [InlineData("https://*.example.org")]
    [InlineData("https://a.example.org, https://b.example.org")]
    [InlineData("app.example.org")]
    [InlineData("localhost:3000")]
    [InlineData("null")]
    [InlineData("")]
    public void What_no_browser_tells_is_refused_with_what_to_set(string origin)
    {
        var faults = new List<string>();
        Cors.ReadAll(Section(List("https://good.example.org", origin)), faults);
        Assert.StartsWith("Ingestion:AllowedOrigins:1 is no origin as browsers tell it. Set it to a scheme and a host", Assert.Single(faults), StringComparison.Ordinal);
    }

    static async Task AssertNothingChangesAsync(IngestionHost host, string? origin, HttpStatusCode status)
    {
        using var preflight = await PreflightAsync(host, "/api/metrics", origin);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, preflight.StatusCode);
        Assert.Empty(Headers(preflight));

        using var sent = await SendAsync(host, origin);
        Assert.Equal(status, sent.StatusCode);
        Assert.Empty(Headers(sent));
    }

    static async Task<HttpResponseMessage> PreflightAsync(IngestionHost host, string path, string? origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, $"{host.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)}{path}");
        request.Headers.TryAddWithoutValidation("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", "authorization,content-type,x-custom");
        return await host.Http.SendAsync(request);
    }

    // As fetch sends a text.
    static async Task<HttpResponseMessage> SendAsync(IngestionHost host, string? origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/metrics") { Content = new StringContent(Sample) };
        request.Headers.TryAddWithoutValidation("Origin", origin);
        request.Headers.Add("X-Api-Key", "the-key");
        return await host.Http.SendAsync(request);
    }

    static List<(string Name, string Value)> Headers(HttpResponseMessage response) =>
    [
        .. response.Headers
            .Where(header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase))
            .Select(header => (header.Key, string.Join(',', header.Value)))
            .Order(),
    ];

    static Dictionary<string, string?> List(params string?[] origins) => origins.Index()
        .Where(origin => origin.Item is not null)
        .ToDictionary(origin => $"Ingestion:AllowedOrigins:{origin.Index}", origin => origin.Item);

    static string[] Read(Dictionary<string, string?> settings)
    {
        var faults = new List<string>();
        var origins = Cors.ReadAll(Section(settings), faults);
        Assert.Empty(faults);
        return origins;
    }

    static IConfigurationSection Section(Dictionary<string, string?> settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings).Build().GetSection("Ingestion:AllowedOrigins");
}
