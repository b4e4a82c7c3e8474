using System.Net;
using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.Http;

public sealed partial class PathTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    // The Functions host takes the first route that matches, in the order of the functions' names (azure-functions-host#3153).
    [Fact]
    public void The_functions_serve_every_path()
    {
        var functions = Function().Matches(File.ReadAllText(Path.Combine(Repository.Root, "MetricsFunctions", "Triggers.cs")));
        var last = functions.MaxBy(function => function.Groups["name"].Value, StringComparer.OrdinalIgnoreCase)!;
        Assert.Equal("{*path}", last.Groups["path"].Value);
        Assert.All(functions, function => Assert.EndsWith("paths.HandleAsync(request.HttpContext)", function.Value, StringComparison.Ordinal));
        Assert.Contains("\"routePrefix\": \"\"", File.ReadAllText(Path.Combine(Repository.Root, "host.json")), StringComparison.Ordinal);
    }

    // As a base URL with a slash at its end makes it.
    [Fact]
    public async Task Several_slashes_count_as_one()
    {
        foreach (var path in host.Paths)
        {
            foreach (var doubled in new[] { path.Replace("/", "//", StringComparison.Ordinal), path.Replace("/", "///", StringComparison.Ordinal), $"/{path}/" })
            {
                using var meant = await SendAsync(HttpMethod.Patch, path);
                using var response = await SendAsync(HttpMethod.Patch, doubled);
                Assert.Equal((HttpStatusCode.MethodNotAllowed, doubled), (response.StatusCode, doubled));
                Assert.Equal(meant.Content.Headers.Allow, response.Content.Headers.Allow);
            }
        }

        using var written = await SendAsync(HttpMethod.Post, "//api/v2/write?precision=ns", "several_slashes value=1");
        Assert.Equal(HttpStatusCode.NoContent, written.StatusCode);
        Assert.Equal("1", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'several_slashes'"));
    }

    [Theory]
    [InlineData("/api/v1/push", "/api/v1/write")]
    [InlineData("/v1/write", "/api/v1/write")]
    [InlineData("/api/v1/receive", "/api/v1/write")]
    [InlineData("/api/v1/influx/write", "/api/v2/write")]
    [InlineData("/api/v2/writ", "/api/v2/write")]
    [InlineData("/api/v3/write", "/api/v3/write_lp")]
    [InlineData("/otlp/v1/metrics", "/v1/metrics")]
    [InlineData("/v1/traces", "OTEL_TRACES_EXPORTER=none")]
    [InlineData("/v1/logs", "OTEL_LOGS_EXPORTER=none")]
    [InlineData("/api/v1/query_range", "metrics.points")]
    [InlineData("/api/v2/query", "metrics.points")]
    [InlineData("/api/v3/query_sql", "metrics.points")]
    [InlineData("/metrics", "/api/metrics")]
    [InlineData("/", "/api/metrics")]
    public async Task A_path_that_is_not_there_names_the_one_that_was_meant(string path, string meant)
    {
        using var response = await SendAsync(HttpMethod.Post, path, "something");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains(meant, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    // A URI of its own would not keep the slashes.
    Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? body = null) => host.Http.SendAsync(
        new HttpRequestMessage(method, $"{host.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)}{path}") { Content = body is null ? null : new StringContent(body) });

    [GeneratedRegex("Function\\(\"(?<name>[^\"]*)\"\\)\\].*?Route = \"(?<path>[^\"]*)\".*?(?=;)", RegexOptions.Singleline)]
    private static partial Regex Function();
}
