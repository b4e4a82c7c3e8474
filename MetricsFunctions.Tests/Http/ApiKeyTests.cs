using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

public sealed class ApiKeyTests(ApiKeyTests.TwoKeys host) : IClassFixture<ApiKeyTests.TwoKeys>
{
    /// <summary>Two keys that may write everything, two that may not, and one of several parts.</summary>
    public sealed class TwoKeys : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:ApiKeys:0"] = "old-key",
            ["Ingestion:ApiKeys:1:Name"] = "new",
            ["Ingestion:ApiKeys:1:Sha256"] = Convert.ToHexString(SHA256.HashData("new-key"u8)),
            ["Ingestion:ApiKeys:2:Key"] = "restricted-key",
            ["Ingestion:ApiKeys:2:Prefixes:0"] = "app.",
            ["Ingestion:ApiKeys:2:Prefixes:1"] = "ü_",
            ["Ingestion:ApiKeys:2:Prefixes:2"] = "app_",
            ["Ingestion:ApiKeys:3:Key"] = new string('k', 512),
            ["Ingestion:ApiKeys:3:Prefixes:0"] = "long_key",
            ["Ingestion:ApiKeys:4"] = "a:b:c",
            ["Ingestion:MaxBodyBytes"] = "1048576",
        };
    }

    const string Sample = """{"metric_name": "keys", "metric_value": 1}""";

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("Authorization", "Bearer old-key", true)]
    [InlineData("Authorization", "bearer new-key", true)]
    [InlineData("Authorization", "Bearer  old-key", true)]
    [InlineData("Authorization", "Token new-key", true)]
    [InlineData("Authorization", "Token user:new-key", true)]
    [InlineData("Authorization", "Token :old-key", true)]
    [InlineData("Authorization", "Token a:b:c", true)]
    [InlineData("Authorization", "Token user:a:b:c", true)]
    [InlineData("Authorization", "Bearer a:b:c", true)]
    [InlineData("Authorization", "Basic dXNlcjphOmI6Yw==", true)] // user:a:b:c
    [InlineData("Authorization", "Token b:c", false)]
    [InlineData("Authorization", "Token old-key:", false)]
    [InlineData("Authorization", "Token :", false)]
    [InlineData("Authorization", "Token user:user:old-key", false)]
    [InlineData("Authorization", "Token user: old-key", false)]
    [InlineData("Authorization", "Bearer user:old-key", false)]
    [InlineData("X-Api-Key", "user:old-key", false)]
    [InlineData("X-Api-Key", "a:b:c", true)]
    [InlineData("X-Api-Key", "new-key", true)]
    [InlineData("X-Api-Key", "old-key", true)]
    [InlineData("Authorization", "Basic OnVzZXI=", false)] // :user
    [InlineData("Authorization", "Basic dXNlcjpuZXcta2V5", true)] // user:new-key
    [InlineData("Authorization", "basic Om9sZC1rZXk=", true)] // :old-key
    [InlineData("Authorization", "Basic b2xkLWtleTo=", false)] // old-key:
    [InlineData("Authorization", "Basic b2xkLWtleTpvbGQta2V5Og==", false)] // old-key:old-key:
    [InlineData("Authorization", "Basic new-key", false)]
    [InlineData("Authorization", "Basic", false)]
    [InlineData("Authorization", "Basic ", false)]
    [InlineData("Authorization", "Digest username=\"old-key\"", false)]
    [InlineData("X-Api-Key", "new-key2", false)]
    [InlineData("X-Api-Key", "new-ke", false)]
    [InlineData("X-Api-Key", "", false)]
    [InlineData("X-Api-Key", "Bearer new-key", false)]
    [InlineData("X-Api-Key", "new-key, new-key", false)]
    [InlineData("Authorization", "", false)]
    [InlineData("Authorization", "new-key", false)]
    [InlineData("Authorization", "Bearer", false)]
    [InlineData("Authorization", "Bearer ", false)]
    [InlineData("Authorization", "Bearer NEW-KEY", false)]
    [InlineData("Authorization", "Bearer new-key new-key", false)]
    public async Task Only_a_configured_key_passes(string? header, string? value, bool passes)
    {
        // Twice, because what is known of a key from its first use may not change what is right.
        for (var i = 0; i < 2; i++)
        {
            using var request = Post("/api/metrics", passes ? Sample : "not even JSON");
            if (header is not null)
            {
                request.Headers.TryAddWithoutValidation(header, value);
            }

            using var response = await host.Http.SendAsync(request);
            if (passes)
            {
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            }
            else
            {
                await AssertUnauthorizedAsync(response);
            }
        }
    }

    [Theory]
    [InlineData("/api/metrics?p=new-key", HttpStatusCode.Unauthorized)]
    [InlineData("/api/v1/write?u=user&p=new-key", HttpStatusCode.Unauthorized)]
    [InlineData("/api/v1/metrics?u=user&p=new-key", HttpStatusCode.Unauthorized)]
    [InlineData("/api/write?u=user&p=wrong", HttpStatusCode.Unauthorized)]
    [InlineData("/api/write?u=user&p=", HttpStatusCode.Unauthorized)]
    [InlineData("/api/write?u=new-key", HttpStatusCode.Unauthorized)]
    [InlineData("/api/write?p=new-key&p=new-key", HttpStatusCode.Unauthorized)]
    [InlineData("/api/write?db=d&u=user&p=new-key", HttpStatusCode.NoContent)]
    [InlineData("/api/v2/write?u=user&p=new-key", HttpStatusCode.NoContent)]
    [InlineData("/api/v2/write?u=user&p=wrong", HttpStatusCode.Unauthorized)]
    [InlineData("/api/v3/write_lp?db=d&p=new-key", HttpStatusCode.NoContent)]
    [InlineData("/api/v3/write_lp?db=d&p=user:new-key", HttpStatusCode.Unauthorized)]
    [InlineData("/api/query?u=user&p=new-key&q=CREATE+DATABASE+d", HttpStatusCode.OK)]
    [InlineData("/api/query?u=user&p=wrong&q=CREATE+DATABASE+d", HttpStatusCode.Unauthorized)]
    public async Task In_the_query_a_key_passes_where_InfluxDB_is_spoken(string path, HttpStatusCode status)
    {
        using var response = await host.Http.SendAsync(Post(path, "keys value=1"));
        Assert.Equal(status, response.StatusCode);
    }

    [Theory]
    [InlineData("/write?u=user&p=new-key", HttpStatusCode.NoContent)]
    [InlineData("/write?u=user&p=wrong", HttpStatusCode.Unauthorized)]
    [InlineData("/api/v1/write?u=user&p=new-key", HttpStatusCode.Unauthorized)]
    public async Task An_empty_token_is_none_beside_a_key_in_the_query(string path, HttpStatusCode status)
    {
        using var request = Post(path, "keys value=1");
        request.Headers.TryAddWithoutValidation("Authorization", "Token ");
        using var response = await host.Http.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task A_refusal_names_the_schemes()
    {
        using var response = await host.Http.SendAsync(Post("/api/metrics", Sample));
        Assert.Equal(["Bearer", "Token", "Basic realm=\"MetricsFunctions\""], response.Headers.WwwAuthenticate.Select(scheme => scheme.ToString()));
    }

    [Theory]
    [InlineData("X-Api-Key: old-key\r\nX-Api-Key: old-key", "several")]
    [InlineData("X-Api-Key:\r\nX-Api-Key: old-key", "several")]
    [InlineData("Authorization: Bearer old-key\r\nAuthorization: Bearer new-key", "several")]
    [InlineData("X-Api-Key: öld-key", "not one of")]
    [InlineData("Authorization: Bearer öld-key", "not one of")]
    [InlineData("Authorization: Basic öld-key", "not one of")]
    [InlineData("Authorization: Bearer LONG", "not one of")]
    [InlineData("Authorization: Basic LONG", "not one of")]
    [InlineData("X-Api-Key: LONG", "not one of")]
    public async Task Headers_that_no_library_sends_are_refused(string headers, string detail)
    {
        headers = headers.Replace("LONG", new string('k', 20_000), StringComparison.Ordinal);
        var answer = await SendRawAsync($"POST /api/metrics HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {Sample.Length}\r\nConnection: close\r\n{headers}\r\n\r\n{Sample}");
        Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
        Assert.Contains(detail, answer, StringComparison.Ordinal);
    }

    // Whatever is wrong with a body, its sender has to have a key to be told. Nor does its size or its end matter.
    [Theory]
    [InlineData("Content-Length: 99999999999", "")]
    [InlineData("Content-Length: 100", "{")]
    [InlineData("Content-Type: text/html\r\nContent-Length: 1", "x")]
    [InlineData("Content-Encoding: compress\r\nContent-Length: 1", "x")]
    [InlineData("Content-Encoding: gzip\r\nContent-Length: 1", "x")]
    [InlineData("Idempotency-Key:\r\nContent-Length: 1", "x")]
    [InlineData("Transfer-Encoding: chunked", "1\r\n{\r\n")]
    public async Task Nothing_of_a_body_matters_before_the_key_is_checked(string headers, string body)
    {
        var answer = await SendRawAsync($"POST /api/metrics HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer wrong\r\nConnection: close\r\n{headers}\r\n\r\n{body}");
        Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restricted_key_writes_what_begins_with_its_prefixes()
    {
        foreach (var (name, passes) in new[] { ("app.x", true), ("app.", true), ("ü_x", true), ("app", false), ("App.x", false), ("ü", false), ("x.app.", false), ("ű_", false) })
        {
            using var response = await host.Http.SendAsync(Post("/api/metrics", $$"""[{"metric_name": "app.first", "metric_value": 1}, {"metric_name": "{{name}}", "metric_value": 1}]""", "restricted-key"));
            Assert.Equal(passes ? HttpStatusCode.OK : HttpStatusCode.BadRequest, response.StatusCode);
            if (!passes)
            {
                using var problem = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
                var error = Assert.Single(problem.RootElement.GetProperty("errors").EnumerateArray());
                Assert.Equal("/1/metric_name", error.GetProperty("pointer").GetString());
                Assert.Equal("must begin with a prefix that the API key may write", error.GetProperty("detail").GetString());
                Assert.Equal("0", await host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}'"));
            }
        }
    }

    [Fact]
    public async Task Over_OTLP_the_other_points_are_stored_and_those_are_told()
    {
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        string Metric(string name) => $$$"""{"name":"{{{name}}}","gauge":{"dataPoints":[{"asInt":1,"timeUnixNano":"{{{time}}}000000"}]}}""";
        using var response = await host.Http.SendAsync(Post("/api/v1/metrics", $$$"""{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{{{Metric("long.key.of.a.kind")}}},{{{Metric("longer.key")}}}]}]}]}""", new string('k', 512)));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("metrics/1, point 0: the name of its metric must begin with a prefix that the API key may write.", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("long_key_of_a_kind", await host.QueryAsync("SELECT metric_name FROM metrics.samples WHERE metric_name IN ('long_key_of_a_kind', 'longer_key')"));
    }

    // More than a piece of a body, so that other readers than the request's own see some of it.
    [Theory]
    [InlineData("/api/metrics", """{"metric_name": "app.m", "metric_value": 1}""", """{"metric_name": "m", "metric_value": 1}""", "\"/19999/metric_name\"")]
    [InlineData("/api/v2/write", "app long_field_name_of_the_first=1,n=2", "ap value=1,p.m=1", "line 20000: the name of field 1 with its measurement must begin with a prefix")]
    public async Task It_does_so_in_every_format_and_in_large_bodies(string path, string good, string bad, string fault)
    {
        var lines = string.Concat(Enumerable.Repeat(good + "\n", 19_999));
        using var stored = await host.Http.SendAsync(Post(path, lines + good, "restricted-key", Bodies.Ndjson));
        Assert.True(stored.IsSuccessStatusCode, await stored.Content.ReadAsStringAsync());
        using var refused = await host.Http.SendAsync(Post(path, lines + bad, "restricted-key", Bodies.Ndjson));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains(fault, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("app.remote", HttpStatusCode.NoContent)]
    [InlineData("ap", HttpStatusCode.BadRequest)]
    public async Task And_in_remote_write(string name, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/write")
        {
            Content = new ByteArrayContent(Bodies.Compress("snappy", Series.Version1(Series.Of(name, 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds())))),
        };
        request.Content.Headers.ContentType = new("application/x-protobuf");
        request.Content.Headers.ContentEncoding.Add("snappy");
        request.Headers.Authorization = new("Bearer", "restricted-key");
        using var response = await host.Http.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(
            status == HttpStatusCode.BadRequest,
            (await response.Content.ReadAsStringAsync()).Contains("must begin with a prefix that the API key may write", StringComparison.Ordinal));
    }

    // Where a point that cannot be stored does not keep the others out, and a name is what it is stored as.
    [Fact]
    public async Task And_in_OTLP()
    {
        static string Gauge(string name) =>
            $$"""{"name": "{{name}}", "gauge": {"dataPoints": [{"asDouble": 1, "timeUnixNano": "{{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}}000000"}]} }""";
        var body = $$"""{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{{Gauge("ap")}}, {{Gauge("app.otlp")}}] }] }] }""";
        using var response = await host.Http.SendAsync(Post("/api/v1/metrics", body, "restricted-key"));
        var answer = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, answer);
        Assert.Contains("must begin with a prefix that the API key may write", answer, StringComparison.Ordinal);
        Assert.Contains("\"rejectedDataPoints\":\"1\"", answer, StringComparison.Ordinal);
        Assert.Equal("app_otlp", await host.QueryAsync("SELECT metric_name FROM metrics.samples WHERE metric_name LIKE 'ap%otlp' OR metric_name = 'ap'"));
    }

    [Fact]
    public async Task The_restrictions_of_one_request_do_not_outlive_it()
    {
        for (var i = 0; i < 20; i++)
        {
            using var restricted = await host.Http.SendAsync(Post("/api/metrics", Sample, "restricted-key"));
            using var free = await host.Http.SendAsync(Post("/api/metrics", Sample, "old-key"));
            Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.OK), (restricted.StatusCode, free.StatusCode));
        }
    }

    [Fact]
    public async Task The_longest_key_fits()
    {
        const string LongSample = """{"metric_name": "long_key", "metric_value": 1}""";
        using var bearer = await host.Http.SendAsync(Post("/api/metrics", LongSample, new string('k', 512)));
        Assert.Equal(HttpStatusCode.OK, bearer.StatusCode);
        foreach (var behindUser in new AuthenticationHeaderValue[]
        {
            new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{new string('u', 511)}:{new string('k', 512)}"))),
            new("Token", $"{new string('u', 511)}:{new string('k', 512)}"),
        })
        {
            using var request = Post("/api/metrics", LongSample);
            request.Headers.Authorization = behindUser;
            using var response = await host.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("/api/health/live")]
    [InlineData("/api/health/ready")]
    [InlineData("/api/health")]
    [InlineData("/api/ping")]
    public async Task A_probe_needs_no_key(string path)
    {
        using var response = await host.Http.GetAsync(new Uri(path, UriKind.Relative));
        Assert.True(response.IsSuccessStatusCode);
    }

    [Theory]
    [InlineData("/api/metrics")]
    [InlineData("/api/write")]
    [InlineData("/api/v1/metrics")]
    [InlineData("/api/v1/write")]
    [InlineData("/api/v2/write")]
    [InlineData("/api/query")]
    [InlineData("/api/v2/buckets")]
    public async Task Everything_else_does(string path)
    {
        using var response = await host.Http.SendAsync(Post(path, "q=CREATE+DATABASE+d", mediaType: "application/x-www-form-urlencoded"));
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    static HttpRequestMessage Post(string path, string body, string? key = null, string mediaType = Bodies.Json)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, mediaType) };
        if (key is not null)
        {
            request.Headers.Authorization = new("Bearer", key);
        }

        return request;
    }

    static async Task AssertUnauthorizedAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty(response.Headers.WwwAuthenticate);
    }

    async Task<string> SendRawAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(host.Http.BaseAddress!.Host, host.Http.BaseAddress.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request));
        var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer).WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (IOException) when (answer.Length > 0)
        {
            // The server resets a connection when a body does not end.
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }
}
