using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace MetricsFunctions.Tests.Http;

public sealed class InfluxWriteTests(InfluxWriteTests.SmallLimits host) : IClassFixture<InfluxWriteTests.SmallLimits>
{
    const int MaxBodyBytes = 4 * 1024 * 1024;

    public sealed class SmallLimits : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxBodyBytes"] = $"{MaxBodyBytes}",
        };
    }

    public static TheoryData<string> Paths { get; } = ["/api/v2/write?org=o&bucket=b", "/api/write?db=d&rp=r"];

    static readonly string[] Fields = [" 0.42", ".load=1 1500", ".n 12", ".off 0", ".on 1", ".u 7"];

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Each_field_is_a_row_with_the_tags_and_the_time_of_its_line(string path)
    {
        var measurement = $"fields{path.Length}";
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        using var response = await PostAsync(path, $"""
            # comment
            {measurement},host=a\ b,dc=fra\,1 value=0.42,load\=1=1.5e3,n=12i,u=7u,on=T,off=false,s="a, b=\"c\" {'\n'} d" {time}999999

            """);

        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("1", Assert.Single(response.Headers.GetValues("X-Skipped-Fields")));
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(
            string.Join('\n', Fields.Select(field =>
                $"{measurement}{field.Replace(" ", "\t", StringComparison.Ordinal)}\t{{'dc':'fra,1','host':'a b'}}\t{time}")),
            await host.QueryAsync($"SELECT metric_name, metric_value, tags, toUnixTimestamp64Milli(timestamp) FROM metrics.samples WHERE startsWith(metric_name, '{measurement}') ORDER BY metric_name"));
    }

    [Fact]
    public async Task A_line_without_a_time_has_the_time_of_receipt()
    {
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        using var response = await PostAsync("/api/v2/write", "no_time value=1");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.False(response.Headers.Contains("X-Skipped-Fields"));
        var time = long.Parse(await host.QueryAsync("SELECT toUnixTimestamp64Milli(timestamp) FROM metrics.samples WHERE metric_name = 'no_time'"), CultureInfo.InvariantCulture);
        Assert.InRange(time, before, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
    }

    [Theory]
    [InlineData("/api/v2/write", "", 1_000_000)]
    [InlineData("/api/v2/write", "precision=", 1_000_000)]
    [InlineData("/api/v2/write", "precision=ns", 1_000_000)]
    [InlineData("/api/v2/write", "precision=us", 1000)]
    [InlineData("/api/v2/write", "precision=ms", 1)]
    [InlineData("/api/v2/write", "precision=s", 0.001)]
    [InlineData("/api/write", "precision=n", 1_000_000)]
    [InlineData("/api/write", "precision=u", 1000)]
    [InlineData("/api/write", "precision=m", 1 / 60_000d)]
    [InlineData("/api/write", "precision=h", 1 / 3_600_000d)]
    [InlineData("/write", "", 1_000_000)]
    [InlineData("/api/v3/write_lp", "precision=nanosecond", 1_000_000)]
    [InlineData("/api/v3/write_lp", "precision=microsecond", 1000)]
    [InlineData("/api/v3/write_lp", "precision=millisecond", 1)]
    [InlineData("/api/v3/write_lp", "precision=second", 0.001)]
    [InlineData("/api/v3/write_lp", "precision=us", 1000)]
    [InlineData("/api/v3/write_lp", "precision=auto", 1_000_000)]
    [InlineData("/api/v3/write_lp", "precision=auto&no_sync=true", 1000)]
    [InlineData("/api/v3/write_lp", "", 1)]
    [InlineData("/api/v3/write_lp", "db=d", 0.001)]
    public async Task A_precision_says_what_timestamps_count(string path, string query, double perMillisecond)
    {
        var name = $"precision {path} {query}.";
        var hour = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 3_600_000 * 3_600_000;
        using var response = await PostAsync($"{path}?{query}", $"{name.Replace(" ", "\\ ", StringComparison.Ordinal)} value=1 {Math.Round(hour * perMillisecond):0}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal($"{hour}", await host.QueryAsync($"SELECT toUnixTimestamp64Milli(timestamp) FROM metrics.samples WHERE metric_name = '{name}'"));
    }

    [Theory]
    [InlineData("/api/v2/write?precision=h", "precision must be one of ns, us, u, ms, s;")]
    [InlineData("/api/v2/write?precision=NS", "precision must be one of ns, us, u, ms, s;")]
    [InlineData("/api/write?precision=d", "precision must be one of ns, n, us, u, ms, s, m, h;")]
    [InlineData("/api/v3/write_lp?precision=n", "precision must be one of auto, nanosecond, microsecond, millisecond, second, ns, us, ms, s;")]
    public async Task An_unknown_precision_is_a_400_that_names_those_there_are(string path, string message)
    {
        using var response = await PostAsync(path, "unknown_precision value=1 1");
        Assert.StartsWith(message, await MessageAsync(response, HttpStatusCode.BadRequest, "invalid", path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(" f=1", "line 1: field 1 must be a key, = and a value; a line needs at least one, behind a space")]
    [InlineData(",t=1 f=1", "line 1: must begin with a measurement")]
    [InlineData("m", "line 1: field 1 must be a key")]
    [InlineData("m,a=1,a=2 f=1", "line 1: tag 2 is given twice")]
    [InlineData("m,t=a=b f=1", "line 1: tag 1 must have \\ in front of a further =")]
    [InlineData("m f=1,g=", "line 1: field 2 must be a number")]
    [InlineData("m f=9223372036854775808i", "line 1: field 1 must be a number")]
    [InlineData("m f=1e999", "line 1: field 1 must be finite")]
    [InlineData("m f=NaN", "line 1: field 1 must be a number")]
    [InlineData("m \tf=1", "line 1: the name of field 1 with its measurement must not contain control characters")]
    [InlineData("m f=1 1.5", "line 1: must end behind its fields")]
    [InlineData("m f=1 -1", "line 1: the timestamp is older than the stored history reaches (Ingestion:MaxSampleAge).")]
    [InlineData("m f=1 99999999999999999999", "line 1: the timestamp must be an integer of at most 64 bits")]
    [InlineData("m f=1 9223372036854775807", "line 1: the timestamp is more than 10 minutes ahead")]
    [InlineData("m f=\"a", "line 1: field 1 is a string without an end")]
    [InlineData("m f=\"a\"b", "line 1: field 1 goes on behind its string")]
    public async Task A_fault_is_a_400_with_its_line_and_the_other_lines_are_stored(string line, string message)
    {
        foreach (var path in new[] { "/api/v2/write", "/api/write", "/api/v3/write_lp" })
        {
            using var response = await PostAsync(path, line + "\n");
            Assert.StartsWith("unable to parse " + message, await MessageAsync(response, HttpStatusCode.BadRequest, "invalid", path), StringComparison.Ordinal);

            // A string without an end takes the lines behind it along.
            if (line == "m f=\"a")
            {
                continue;
            }

            // In the middle, with a sample of its own in front of the fault.
            var name = $"rest{Math.Abs((line + path).GetHashCode(StringComparison.Ordinal))}";
            using var partly = await PostAsync(path, $"{name},t=1 a=1,b=2\n{line.Replace("f=", "a=5,f=", StringComparison.Ordinal)}\n{name},t=2 a=3,c=4\n");
            var text = await MessageAsync(partly, HttpStatusCode.BadRequest, "invalid", path);
            Assert.StartsWith("partial write: unable to parse line 2: ", text, StringComparison.Ordinal);
            Assert.EndsWith(" dropped=1. The rest of the request is stored.", text, StringComparison.Ordinal);
            Assert.Equal("4\t10\t2", await host.QueryAsync($"SELECT count(), sum(metric_value), uniqExact(tags) FROM metrics.samples WHERE startsWith(metric_name, '{name}')"));
        }

        Assert.Equal("0", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name IN ('m', 'm.a', 'm.f', 'm.g')"));
    }

    [Fact]
    public async Task The_first_fault_of_each_line_is_told_with_the_number_an_editor_counts()
    {
        const string Body = "faults value=1\n\n# \"\nfaults s=\"a\nb\",f=1\nfaults value=x\nfaults value=1\nfaults,t=1,t=1 value=y\n";
        using var response = await PostAsync("/api/v2/write", Body);
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(6, json.RootElement.GetProperty("line").GetInt32());
        const string NoValue = "must be a number, an integer with i or u behind it, a Boolean or a string in quotes";
        Assert.Equal(
            $"partial write: unable to parse line 6: field 1 {NoValue}; line 8: tag 2 is given twice dropped=2. The rest of the request is stored.",
            json.RootElement.GetProperty("message").GetString());
        Assert.Equal("3", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE startsWith(metric_name, 'faults')"));

        using var many = await PostAsync("/api/write", string.Concat(Enumerable.Repeat("m f=x\n", 150)));
        Assert.Contains("; and 50 more lines. Nothing of the request is stored.", await many.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        using var third = await PostAsync("/api/v3/write_lp", "m f=x\nm f=1,f=2 1\n");
        using var form = JsonDocument.Parse(await third.Content.ReadAsByteArrayAsync());
        Assert.Equal([1, 2], form.RootElement.GetProperty("data").EnumerateArray().Select(line => line.GetProperty("line_number").GetInt32()));
        Assert.Equal($"field 1 {NoValue}", form.RootElement.GetProperty("data")[0].GetProperty("error_message").GetString());
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Whoever_accepts_no_part_gets_all_or_nothing(string path)
    {
        var name = $"whole{path.Length}";
        var separator = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        using var refused = await PostAsync($"{path}{separator}accept_partial=false", $"{name} value=1\n{name} value=x\n");
        Assert.EndsWith(" The request was refused as a whole; nothing of it is stored.", await MessageAsync(refused, HttpStatusCode.BadRequest, "invalid", path), StringComparison.Ordinal);
        using var stored = await PostAsync($"{path}{separator}accept_partial=true", $"{name} value=2\n{name} value=x\n");
        Assert.Equal(HttpStatusCode.BadRequest, stored.StatusCode);
        Assert.Equal("1\t2", await host.QueryAsync($"SELECT count(), sum(metric_value) FROM metrics.samples WHERE metric_name = '{name}'"));
    }

    [Theory]
    [InlineData("state", "NAME state=\"waxing\",friendly_name_str=\"Moon\"", "", 2)]
    [InlineData("state in a batch", "NAME a=1\nNAME state=\"waxing\"\nNAME b=2", "NAME.a=1 NAME.b=2", 1)]
    [InlineData("last field", "NAME f=1,g=3,f=2", "NAME.f=2 NAME.g=3")]
    [InlineData("last value", "NAME value=1,value=2", "NAME=2")]
    [InlineData("time", "NAME time=1,f=2", "NAME.f=2", 1)]
    [InlineData("only time", "NAME time=1", "", 1)]
    [InlineData("no value of a tag", "NAME,host=a,region= f=1", "NAME.f=1{host:a}")]
    [InlineData("NUL", "NAME f=1\0", "NAME.f=1")]
    [InlineData("NUL in a line of its own", "NAME f=1\n\0", "NAME.f=1")]
    [InlineData("values of tags", "NAME,a=\\ up\\ ,b=x\ty,c=x\0y,d=x\ry f=1", "NAME.f=1{a: up ,b:x\\ty,c:x\\0y,d:x\\ry}")]
    public async Task What_InfluxDB_takes_or_leaves_out_is_taken_or_left_out(string what, string body, string stored, int skipped = 0)
    {
        foreach (var path in new[] { "/write", "/api/v2/write", "/api/v3/write_lp" })
        {
            var name = $"as_influx_{what.Replace(' ', '_')}{path.Length}";
            using var response = await PostAsync(path, body.Replace("NAME", name, StringComparison.Ordinal));
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            Assert.Equal(skipped == 0 ? [] : [$"{skipped}"], response.Headers.TryGetValues("X-Skipped-Fields", out var fields) ? fields : []);
            Assert.Equal(stored.Replace("NAME", name, StringComparison.Ordinal), await host.QueryAsync($$"""
                SELECT arrayStringConcat(arraySort(groupArray(concat(metric_name, '=', toString(metric_value),
                    if(empty(tags), '', concat('{', arrayStringConcat(arrayMap((key, value) -> concat(key, ':', value), mapKeys(tags), mapValues(tags)), ','), '}'))))), ' ')
                FROM metrics.samples WHERE startsWith(metric_name, '{{name}}')
                """));
        }
    }

    [Fact]
    public async Task A_time_in_another_unit_is_asked_about()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        foreach (var (path, time) in new[] { ("/write", now / 1000), ("/write", now), ("/api/v2/write?precision=s", now), ("/api/v2/write?precision=ms", now * 1_000_000) })
        {
            using var response = await PostAsync(path, $"unit f=1 {time}");
            Assert.Contains("does the query say the right precision?", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using var old = await PostAsync("/write", "unit f=1 1");
        Assert.DoesNotContain("precision", await old.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hundred_tags_are_taken_with_the_longest_keys_and_values()
    {
        var tags = Enumerable.Range(100, 100).Select(i => $",{i}{new string('k', 252)}={new string('v', 4096)}");
        using var response = await host.PostAsync(Encoding.UTF8.GetBytes($"hundred{string.Concat(tags)} value=1"), "text/plain", path: "/write");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("100\t25500\t409600", await host.QueryAsync(
            "SELECT length(tags), arraySum(arrayMap(key -> length(key), mapKeys(tags))), arraySum(arrayMap(value -> length(value), mapValues(tags))) FROM metrics.samples WHERE metric_name = 'hundred'"));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Other_refusals_have_the_same_form(string path)
    {
        using var tooLarge = await PostAsync(path, new string('#', MaxBodyBytes + 1));
        await MessageAsync(tooLarge, HttpStatusCode.RequestEntityTooLarge, "request too large", path);

        using var encoded = await PostAsync(path, "m f=1", encoding: "compress");
        await MessageAsync(encoded, HttpStatusCode.UnsupportedMediaType, "unsupported media type", path);

        using var method = await host.Http.GetAsync(new Uri(path, UriKind.Relative));
        await MessageAsync(method, HttpStatusCode.MethodNotAllowed, "method not allowed", path);
        Assert.Equal(["POST"], method.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("text/plain; charset=utf-8")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/octet-stream")]
    [InlineData(null)]
    public async Task Whatever_the_media_type_it_is_line_protocol(string? mediaType)
    {
        foreach (var encoding in new[] { null, "gzip", "identity" })
        {
            using var response = await PostAsync("/api/v2/write", "media f=1", mediaType, encoding);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("# nothing\r\n")]
    public async Task Nothing_to_write_is_written(string body)
    {
        foreach (var path in new[] { "/api/v2/write", "/api/write" })
        {
            using var response = await PostAsync(path, body);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_large_body_with_strings_is_stored_whole()
    {
        var body = new StringBuilder();
        for (var i = 0; i < 30_000; i++)
        {
            body.Append(CultureInfo.InvariantCulture, $"large,n={i % 10} f={i}i,s=\"a\nlarge f=1\"\n");
        }

        foreach (var encoding in new[] { null, "gzip" })
        {
            using var response = await PostAsync("/api/v2/write", body.ToString(), encoding: encoding);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            Assert.Equal("30000", Assert.Single(response.Headers.GetValues("X-Skipped-Fields")));
        }

        Assert.Equal($"60000\t{2L * 30_000 * 29_999 / 2}", await host.QueryAsync("SELECT count(), sum(metric_value) FROM metrics.samples WHERE metric_name = 'large.f'"));
    }

    [Fact]
    public async Task A_key_stores_once_and_lines_without_one_each_time()
    {
        for (var i = 0; i < 3; i++)
        {
            using var keyed = await PostAsync("/api/v2/write", "again keyed=1", key: "influx");
            using var plain = await PostAsync("/api/v2/write", "again plain=1");
            Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent), (keyed.StatusCode, plain.StatusCode));
        }

        Assert.Equal("1\t3", await host.QueryAsync("SELECT countIf(metric_name = 'again.keyed'), countIf(metric_name = 'again.plain') FROM metrics.samples"));
    }

    Task<HttpResponseMessage> PostAsync(string path, string body, string? mediaType = "text/plain", string? encoding = null, string? key = null)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        return host.PostAsync(encoding == "gzip" ? Bodies.Compress(encoding, bytes) : bytes, mediaType, encoding, path: path, key: key);
    }

    static async Task<string> MessageAsync(HttpResponseMessage response, HttpStatusCode status, string code, string path)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        if (!path.StartsWith("/api/v2/", StringComparison.Ordinal))
        {
            return json.RootElement.GetProperty("error").GetString()!;
        }

        Assert.Equal(code, json.RootElement.GetProperty("code").GetString());
        return json.RootElement.GetProperty("message").GetString()!;
    }
}
