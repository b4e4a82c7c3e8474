using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MetricsFunctions.Tests.Http;

public sealed class MetricsEndpointTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    [Fact]
    public async Task A_sample_is_a_row_with_its_name_value_and_time_of_receipt()
    {
        var before = DateTimeOffset.UtcNow;
        using var response = await host.PostAsync("""{"metric_name": "plain", "metric_value": 0.42}""");
        var after = DateTimeOffset.UtcNow;

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("""{"message":"ok"}""", await response.Content.ReadAsStringAsync());

        var row = (await RowAsync("plain", "metric_value, tags, toUnixTimestamp64Milli(timestamp), toUnixTimestamp64Milli(received_at)")).Split('\t');
        Assert.Equal(["0.42", "{}"], row[..2]);
        Assert.InRange(long.Parse(row[2], CultureInfo.InvariantCulture), before.ToUnixTimeMilliseconds(), after.ToUnixTimeMilliseconds());
        Assert.Equal(row[2], row[3]);
    }

    public static TheoryData<string, string> Values { get; } = new()
    {
        { "0", "0" },
        { "-0", "-0" },
        { "-1", "-1" },
        { "1e3", "1000" },
        { "1E+2", "100" },
        { "0.1", "0.1" },
        { "123456789.123456789", "123456789.12345679" },
        { "1.7976931348623157e308", "1.7976931348623157e308" },
        { "-1.7976931348623157e308", "-1.7976931348623157e308" },
        { "5e-324", "5e-324" },
        { "1e-999", "0" },
        { "9007199254740993", "9007199254740992" },
        { "911188220478120000.000", "911188220478120000" },
        { "1234567890123456789012345678901234567890", "1.2345678901234568e39" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public async Task A_value_is_stored_as_the_nearest_double(string sent, string stored)
    {
        using var response = await host.PostAsync($$"""{"metric_name": "value_{{sent}}", "metric_value": {{sent}}}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(stored, await RowAsync($"value_{sent}", "metric_value"));
    }

    [Fact]
    public async Task Every_kind_of_timestamp_is_stored_in_UTC_to_the_millisecond()
    {
        var noon = DateTime.UtcNow.Date.AddDays(-1).AddHours(12);
        var day = noon.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        var milliseconds = new DateTimeOffset(noon).ToUnixTimeMilliseconds();
        var sent = new[]
        {
            ($"\"{day}T12:00:00Z\"", 0),
            ($"\"{day}t12:00:00z\"", 0),
            ($"\"{day}T12:00:00.5Z\"", 500),
            ($"\"{day}T12:00:00.123456789Z\"", 123),
            ($"\"{day}T12:00:00.9999Z\"", 999),
            ($"\"{day}T14:30:00+02:30\"", 0),
            ($"\"{day}T02:00:00.007-10:00\"", 7),
            ($"\"{day}T12\\u003a00:00Z\"", 0),
            ($"{milliseconds + 42}", 42),
        };
        for (var i = 0; i < sent.Length; i++)
        {
            var (timestamp, millisecond) = sent[i];
            using var response = await host.PostAsync($$"""{"metric_name": "time_{{i}}", "timestamp": {{timestamp}}, "metric_value": 1}""");
            Assert.True(response.IsSuccessStatusCode, timestamp);
            Assert.Equal($"{day} 12:00:00.{millisecond:000}", await RowAsync($"time_{i}", "timestamp"));
        }
    }

    [Fact]
    public async Task The_whole_accepted_span_of_time_can_be_stored()
    {
        var oldest = DateTimeOffset.UtcNow.AddDays(-1825).AddMinutes(1).ToUnixTimeMilliseconds();
        var newest = DateTimeOffset.UtcNow.AddMinutes(9).ToUnixTimeMilliseconds();
        foreach (var timestamp in new[] { oldest, newest })
        {
            using var response = await host.PostAsync($$"""{"metric_name": "span_{{timestamp}}", "metric_value": 1, "timestamp": {{timestamp}}}""");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal($"{timestamp}", await RowAsync($"span_{timestamp}", "toUnixTimestamp64Milli(timestamp)"));
        }
    }

    [Fact]
    public async Task The_same_tags_in_another_order_are_the_same_series()
    {
        using var one = await host.PostAsync("""{"metric_name": "tagged", "metric_value": 1, "tags": {"host": "a1", "dc": "", "zone": "ü/\" \u00e9"}}""");
        using var two = await host.PostAsync("""{"tags": {"zone": "ü/\" é", "dc": "", "host": "a1"}, "metric_value": 2, "metric_name": "tagged"}""");
        Assert.True(one.IsSuccessStatusCode && two.IsSuccessStatusCode);
        Assert.Equal("""{'dc':'','host':'a1','zone':'ü/" é'}""", await host.QueryAsync("SELECT DISTINCT tags FROM metrics.samples WHERE metric_name = 'tagged' FORMAT TSVRaw"));
    }

    [Fact]
    public async Task The_largest_sample_that_the_rules_allow_is_stored()
    {
        var name = new string('n', 255);
        var tags = string.Join(',', Enumerable.Range(100, 100).Reverse().Select(i => $"\"{i}{new string('k', 252)}\":\"{string.Concat(Enumerable.Repeat("\\u0000", 4096))}\""));
        using var response = await host.PostAsync($"{{\"metric_name\":\"{name}\",\"metric_value\":1,\"tags\":{{{tags}}}}}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("100\t255\t4096\t1", await RowAsync(name, "length(tags), length(mapKeys(tags)[100]), length(mapValues(tags)[1]), mapKeys(tags) = arraySort(mapKeys(tags))"));
    }

    [Fact]
    public async Task A_time_in_another_unit_than_milliseconds_is_told_so()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        foreach (var (time, isHinted) in new[] { (now, true), (now * 1_000_000, true), (now * 1_000_000_000, true), (1, false) })
        {
            using var response = await host.PostAsync($$"""{"metric_name":"unit","metric_value":1,"timestamp":{{time}}}""");
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal(isHinted, (await response.Content.ReadAsStringAsync()).Contains("; integers are Unix milliseconds", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_tag_has_any_value_that_is_text()
    {
        using var response = await host.PostAsync("""{"metric_name":"texts","metric_value":1,"tags":{"a":" up ","b":"x\ty","c":"x\r\ny","d":"x\u0000","e":"\u0085"}}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("1", await RowAsync("texts", @"tags = map('a', ' up ', 'b', 'x\ty', 'c', 'x\r\ny', 'd', 'x\0', 'e', char(0xC2, 0x85))"));
    }

    public static TheoryData<string, string> Names { get; } = new()
    {
        { "a", "a" },
        { "http.server.duration", "http.server.duration" },
        { "with space inside", "with space inside" },
        { "Größe 🚀", "Größe 🚀" },
        { "\\ud83d\\ude80", "🚀" },
        { "quote\\\"back\\\\slash\\/", "quote\"back\\slash/" },
        { "'; DROP TABLE metrics.samples; --", "'; DROP TABLE metrics.samples; --" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_name_is_stored_as_meant(string sent, string stored)
    {
        using var response = await host.PostAsync($$"""{"metric_name": "{{sent}}", "metric_value": 1}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("1", await RowAsync(stored, "count()"));
    }

    public static TheoryData<string?, string> MediaTypes { get; } = new()
    {
        { "application/json", "plain" },
        { "application/json; charset=utf-8", "plain" },
        { "Application/JSON;charset=\"UTF-8\"", "plain" },
        { "application/json", "byte order mark" },
        { "application/json", "chunked" },
        { "application/json", "white space around" },
        { "application/json", "identity" },
        { "application/json; charset=utf8", "plain" },
        { "application/json; charset=us-ascii", "plain" },
        { "application/json; charset=iso-8859-1", "plain" },
        { "text/plain;charset=UTF-8", "plain" },
        { "text/plain", "byte order mark" },
        { "text/plain", "chunked" },
        { "application/x-www-form-urlencoded", "plain" },
        { "application/x-www-form-urlencoded", "white space around" },
        { "application/octet-stream", "plain" },
        { null, "plain" },
        { null, "byte order mark" },
        { "", "plain" },
    };

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task Every_way_to_send_JSON_is_taken(string? mediaType, string way)
    {
        byte[] body = [.. """{"metric_name": "ways", "metric_value": 1}"""u8];
        body = way switch
        {
            "byte order mark" => [.. Encoding.UTF8.Preamble, .. body],
            "white space around" => [.. " \r\n\t"u8, .. body, .. "\n\n"u8],
            _ => body,
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/metrics") { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        request.Headers.TransferEncodingChunked = way == "chunked";
        if (way == "identity")
        {
            request.Content.Headers.ContentEncoding.Add("identity");
        }

        using var response = await host.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"message":"ok"}""", await response.Content.ReadAsStringAsync());
    }

    public static TheoryData<string?, byte[]> OtherBodies { get; } = new()
    {
        { null, "cpu_load=1"u8.ToArray() },
        { "application/x-www-form-urlencoded", "metric_name=m&metric_value=1"u8.ToArray() },
        { "text/plain", "cpu,host=a1 load=0.42"u8.ToArray() },
        { "text/plain", " \n\"text\""u8.ToArray() },
        { "application/octet-stream", [0, 1, 2] },
        { "text/plain; charset=utf-16", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("""{"metric_name": "other", "metric_value": 1}""")] },
        { "image/png", """{"metric_name": "other", "metric_value": 1}"""u8.ToArray() },
        { "application/xml", """{"metric_name": "other", "metric_value": 1}"""u8.ToArray() },
        { "json", """{"metric_name": "other", "metric_value": 1}"""u8.ToArray() },
    };

    [Theory]
    [MemberData(nameof(OtherBodies))]
    public async Task What_is_no_JSON_is_a_415_that_names_what_is(string? mediaType, byte[] body)
    {
        foreach (var encoding in new[] { null, "gzip" })
        {
            using var response = await host.PostAsync(encoding is null ? body : Bodies.Compress(encoding, body), mediaType, encoding, chunked: encoding is null);
            Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
            Assert.Contains(
                "Content-Type must be one of application/json, application/jsonl, application/jsonlines, application/ndjson, application/x-jsonlines, application/x-ndjson,"
                + " in UTF-8; without one, or with application/octet-stream, application/x-www-form-urlencoded, text/plain, the body must begin with { or [.",
                await response.Content.ReadAsStringAsync(),
                StringComparison.Ordinal);
        }

        Assert.Equal("0", await RowAsync("other", "count()"));
    }

    // As curl sends what it got no -H for.
    [Fact]
    public async Task Nothing_at_all_is_a_400_that_says_what_is_expected()
    {
        using var response = await host.PostAsync([], mediaType: null);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("is empty: samples with metric_name", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_may_arrive_byte_by_byte()
    {
        var body = """{"metric_name": "slowly", "metric_value": -12.5e1, "tags": {"a\u00e9": "b"}}""";
        using var client = new TcpClient();
        await client.ConnectAsync(host.Http.BaseAddress!.Host, host.Http.BaseAddress.Port);
        client.NoDelay = true;
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"));
        foreach (var letter in Encoding.UTF8.GetBytes(body))
        {
            await stream.WriteAsync(new[] { letter });
        }

        using var answer = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 200 OK", await answer.ReadLineAsync());
        Assert.Equal("-125", await RowAsync("slowly", "metric_value"));
    }

    [Fact]
    public async Task The_same_idempotency_key_stores_once()
    {
        for (var i = 0; i < 3; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/metrics")
            {
                Content = new StringContent("""{"metric_name": "idempotent", "metric_value": 1}""", Encoding.UTF8, "application/json"),
            };
            request.Headers.Add("Idempotency-Key", "order 66/retry?");
            using var response = await host.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal("1", await RowAsync("idempotent", "count()"));
    }

    [Fact]
    public async Task Equal_samples_without_a_key_are_all_stored()
    {
        var timestamp = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ =>
            host.PostAsync($$"""{"metric_name": "equal", "metric_value": 1, "timestamp": {{timestamp}}}""")));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal("50", await RowAsync("equal", "count()"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    public async Task A_bad_idempotency_key_is_a_400(int length)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/metrics")
        {
            Content = new StringContent("""{"metric_name": "bad_key", "metric_value": 1}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", new string('k', length));
        using var response = await host.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("0", await RowAsync("bad_key", "count()"));
    }

    [Fact]
    public async Task An_unknown_path_is_a_404_that_names_the_right_one()
    {
        using var response = await host.Http.GetAsync(new Uri("/api/metric.json", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("/api/metrics", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    Task<string> RowAsync(string name, string columns) => host.QueryAsync(
        $"SELECT {columns} FROM metrics.samples WHERE metric_name = '{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}' FORMAT TSVRaw");
}
