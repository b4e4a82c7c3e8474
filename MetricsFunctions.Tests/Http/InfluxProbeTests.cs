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

    [Theory]
    [InlineData("GET", "verbose=true", HttpStatusCode.OK, """{"version":"1.8"}""")]
    [InlineData("GET", "verbose=1", HttpStatusCode.OK, """{"version":"1.8"}""")]
    [InlineData("HEAD", "verbose=true", HttpStatusCode.OK, "")]
    [InlineData("GET", "verbose=false", HttpStatusCode.NoContent, "")]
    [InlineData("GET", "verbose=0", HttpStatusCode.NoContent, "")]
    [InlineData("GET", "verbose=", HttpStatusCode.NoContent, "")]
    public async Task A_verbose_ping_tells_the_version(string method, string query, HttpStatusCode status, string body)
    {
        using var response = await SendAsync(method, $"/ping?{query}");
        Assert.Equal((status, body), (response.StatusCode, await response.Content.ReadAsStringAsync()));
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

    const string Policies = """
        "series":[{"columns":["name","duration","shardGroupDuration","replicaN","default"],"values":[["autogen","0s","168h0m0s",1,true]]}]
        """;

    // Each as InfluxDB 1.6 answered it, but for the names.
    [Theory]
    [InlineData("db=glances", "SHOW DATABASES", """{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["glances"]]}]}""")]
    [InlineData("", "show databases", """{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["metrics"]]}]}""")]
    [InlineData("db=", " SHOW\tDATABASES ; ", """{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["metrics"]]}]}""")]
    [InlineData("db=%22%3C%5C%0A", "SHOW DATABASES", """{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["\"<\\\n"]]}]}""")]
    [InlineData("db=d", "SHOW RETENTION POLICIES", $$"""{"statement_id":0,{{Policies}}}""")]
    [InlineData("", "show retention policies on \"d\"", $$"""{"statement_id":0,{{Policies}}}""")]
    [InlineData("", "CREATE RETENTION POLICY \"p\" ON \"d\" DURATION 7d REPLICATION 1 DEFAULT", """{"statement_id":0}""")]
    [InlineData("", "alter retention policy autogen on d duration 30d", """{"statement_id":0}""")]
    [InlineData("", "CREATE DATABASE d WITH DURATION 2d NAME p", """{"statement_id":0}""")]
    [InlineData("", "CREATE DATABASE d;\nSHOW RETENTION POLICIES ON d;;ALTER RETENTION POLICY a ON d DEFAULT", $$"""{"statement_id":0},{"statement_id":1,{{Policies}}},{"statement_id":2}""")]
    public async Task Databases_and_their_policies_are_there(string query, string statements, string results)
    {
        using var inQuery = await SendAsync("GET", $"/query?{query}&q={Uri.EscapeDataString(statements)}", "new-key");
        using var inForm = await SendAsync("POST", $"/query?{query}", "new-key", new FormUrlEncodedContent([new("q", statements)]));
        foreach (var response in new[] { inQuery, inForm })
        {
            var answer = await response.Content.ReadAsStringAsync();
            Assert.Equal((HttpStatusCode.OK, $$"""{"results":[{{results}}]}"""), (response.StatusCode, answer));
        }
    }

    [Fact]
    public async Task A_database_may_be_named_in_the_form()
    {
        using var response = await SendAsync("POST", "/query", "new-key", new FormUrlEncodedContent([new("db", "icinga2"), new("q", "SHOW DATABASES")]));
        Assert.Contains("[[\"icinga2\"]]", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT 1")]
    [InlineData("SHOW DATABASES; SELECT 1")]
    [InlineData("SHOW DATABASES SELECT 1")]
    [InlineData("SHOW RETENTION POLICIES FROM d")]
    [InlineData("SHOW MEASUREMENTS")]
    [InlineData("CREATE DATABASE")]
    [InlineData("DROP DATABASE d")]
    [InlineData("SELECT 1 -- CREATE DATABASE d")]
    [InlineData(";")]
    [InlineData("")]
    public async Task Other_statements_are_told_where_to_go(string statements)
    {
        using var response = await SendAsync("GET", $"/query?q={Uri.EscapeDataString(statements)}", "new-key");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("Query ClickHouse instead.", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v2/orgs?org=home", """{"orgs":[{"id":"0000000000000001","name":"home"}]}""")]
    [InlineData("/api/v2/orgs", """{"orgs":[{"id":"0000000000000001","name":"metrics"}]}""")]
    [InlineData("/api/v2/buckets?name=b%22", """{"buckets":[{"id":"0000000000000002","orgID":"0000000000000001","type":"user","name":"b\"","retentionRules":[]}]}""")]
    [InlineData("/api/v2/buckets?orgID=0000000000000001", """{"buckets":[{"id":"0000000000000002","orgID":"0000000000000001","type":"user","name":"metrics","retentionRules":[]}]}""")]
    public async Task The_organization_and_the_bucket_are_there(string path, string body)
    {
        using var response = await SendAsync("GET", path, "new-key");
        Assert.Equal((HttpStatusCode.OK, body), (response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Another_bucket_is_created()
    {
        using var response = await SendAsync("POST", "/api/v2/buckets", "new-key", new StringContent("""{"orgID":"0000000000000001","name":"iobroker","retentionRules":[]}"""));
        Assert.Equal(
            (HttpStatusCode.Created, """{"id":"0000000000000002","orgID":"0000000000000001","type":"user","name":"iobroker","retentionRules":[]}"""),
            (response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"name\":\"\"}")]
    [InlineData("{\"name\":1}")]
    [InlineData("{\"name\":\"\\ud800\"}")]
    [InlineData("LONG")]
    public async Task One_without_a_name_is_not(string body)
    {
        body = body.Replace("LONG", $$"""{"name":"{{new string('x', 1_000_000)}}"}""", StringComparison.Ordinal);
        using var response = await SendAsync("POST", "/api/v2/buckets", "new-key", new StringContent(body));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("invalid", json.RootElement.GetProperty("code").GetString());
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
    [InlineData("GET", "/api/v2/orgs", null, HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("GET", "/api/v2/buckets", "no-key", HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("POST", "/api/v2/buckets", null, HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData("POST", "/api/v2/orgs", "new-key", HttpStatusCode.MethodNotAllowed, "method not allowed")]
    [InlineData("DELETE", "/api/v2/buckets", "new-key", HttpStatusCode.MethodNotAllowed, "method not allowed")]
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
