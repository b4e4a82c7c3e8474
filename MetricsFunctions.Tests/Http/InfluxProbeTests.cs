using System.Net;
using System.Text.Json;
using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Tests.Http;

public sealed class InfluxProbeTests(ApiKeyTests.TwoKeys host) : IClassFixture<ApiKeyTests.TwoKeys>
{
    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task A_ping_is_answered_without_a_key(string method)
    {
        using var response = await SendAsync(method, "/api/ping");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.NotEmpty(response.Headers.GetValues("X-Influxdb-Version"));
    }

    [Fact]
    public async Task Health_tells_whether_ClickHouse_can_be_written_to()
    {
        using var good = await SendAsync("GET", "/api/health");
        Assert.Equal((HttpStatusCode.OK, "pass"), (good.StatusCode, await StatusAsync(good)));

        await host.QueryAsync("DROP TABLE metrics.samples SYNC");
        await Wait.UntilAsync(async () =>
        {
            using var bad = await SendAsync("GET", "/api/health");
            return (bad.StatusCode, await StatusAsync(bad)) == (HttpStatusCode.ServiceUnavailable, "fail");
        });
        using var client = new ClickHouseClient(host.ClickHouse.ConnectionString);
        await Schema.ApplyAsync(client);
    }

    [Fact]
    public async Task A_database_is_created_in_whichever_way_it_is_asked_for()
    {
        using var form = await SendAsync("POST", "/api/query", "new-key", new FormUrlEncodedContent([new("q", "CREATE DATABASE \"telegraf\"")]));
        using var query = await SendAsync("POST", "/api/query?q=create+database+telegraf", "new-key");
        foreach (var response in new[] { form, query })
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal("""{"results":[{"statement_id":0}]}""", await response.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [InlineData("POST", "/api/query?q=SELECT+1", "new-key", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/api/query", "new-key", HttpStatusCode.BadRequest)]
    [InlineData("DELETE", "/api/query", "new-key", HttpStatusCode.MethodNotAllowed)]
    [InlineData("POST", "/api/query?q=CREATE+DATABASE+d", null, HttpStatusCode.Unauthorized)]
    [InlineData("POST", "/api/write", null, HttpStatusCode.Unauthorized)]
    [InlineData("POST", "/api/write", "no-key", HttpStatusCode.Unauthorized)]
    [InlineData("POST", "/api/ping", null, HttpStatusCode.MethodNotAllowed)]
    public async Task Anything_else_is_refused_in_the_form_of_version_1(string method, string path, string? key, HttpStatusCode status)
    {
        using var response = await SendAsync(method, path, key);
        Assert.Equal(status, response.StatusCode);
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        Assert.NotEmpty(json.RootElement.GetProperty("error").GetString()!);
    }

    [Theory]
    [InlineData("multipart/form-data; boundary=b", "no boundary")]
    [InlineData("multipart/form-data", "--b\r\n\r\n--b--")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nCREATE DATABASE d")]
    [InlineData("application/x-www-form-urlencoded", "a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=CREATE+DATABASE+d")]
    public async Task A_form_that_cannot_be_read_is_refused(string mediaType, string body)
    {
        using var content = new StringContent(body);
        content.Headers.Remove("Content-Type");
        content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        using var response = await SendAsync("POST", "/api/query", "new-key", content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("form could not be read", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/api/v2/write", null, HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("POST", "/api/v2/write", "no-key", HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("POST", "/api/health", null, HttpStatusCode.MethodNotAllowed, "method not allowed")]
    public async Task Or_in_that_of_version_2(string method, string path, string? key, HttpStatusCode status, string code)
    {
        using var response = await SendAsync(method, path, key);
        Assert.Equal(status, response.StatusCode);
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(code, json.RootElement.GetProperty("code").GetString());
    }

    async Task<HttpResponseMessage> SendAsync(string method, string path, string? key = null, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = content };
        if (key is not null)
        {
            request.Headers.Add("Authorization", $"Token {key}");
        }

        return await host.Http.SendAsync(request);
    }

    static async Task<string?> StatusAsync(HttpResponseMessage response)
    {
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        return json.RootElement.GetProperty("status").GetString();
    }
}
