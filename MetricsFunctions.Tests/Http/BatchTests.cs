using System.Globalization;
using System.Net;
using System.Text;

namespace MetricsFunctions.Tests.Http;

/// <summary>Arrays and NDJSON: all of a body is stored, or nothing is and each fault is pointed at.</summary>
public sealed class BatchTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    // What is sent, as which media type, and how many samples that is. "good" stands for the object of a sample.
    public static TheoryData<string, string?, string, int> Lists { get; } = new()
    {
        { "an array", Bodies.Json, "[good,good,good]", 3 },
        { "an array of one", Bodies.Json, "[good]", 1 },
        { "an array of none", Bodies.Json, "[]", 0 },
        { "an array with white space", Bodies.Json, "\r\n[ \t good \n ,\n good ]\n", 2 },
        { "an array behind a byte order mark", Bodies.Json, "\ufeff[good,good]", 2 },
        { "lines", Bodies.Ndjson, "good\ngood\ngood\n", 3 },
        { "a line", Bodies.Ndjson, "good\n", 1 },
        { "no last line break", Bodies.Ndjson, "good\ngood", 2 },
        { "CRLF", Bodies.Ndjson, "good\r\ngood\r\n", 2 },
        { "blank lines", Bodies.Ndjson, "\n\ngood\n \t\r\n\ngood\n\n", 2 },
        { "lines with white space", Bodies.Ndjson, " good \n\tgood\t\n", 2 },
        { "lines behind a byte order mark", Bodies.Ndjson, "\ufeffgood\ngood\n", 2 },
        { "JSON Lines", "application/jsonl", "good\ngood\n", 2 },
        { "JSON Lines by another name", "application/x-jsonlines; charset=UTF-8", "good\ngood\n", 2 },
        { "JSON Lines by a third name", "application/jsonlines", "good\ngood\n", 2 },
        { "NDJSON by its short name", "application/ndjson", "good\ngood\n", 2 },
        { "an array without a media type", null, "[good,good]", 2 },
        { "an array as text", "text/plain", "\ufeff\n[good]", 1 },
        { "lines as a form", "application/x-www-form-urlencoded", "good\ngood\n", 2 },
        { "lines as bytes", "application/octet-stream", "\ufeffgood\r\n\r\n good", 2 },
        { "lines whose breaks curl took out", "application/x-www-form-urlencoded", "goodgoodgood", 3 },
    };

    [Theory]
    [MemberData(nameof(Lists))]
    public async Task A_list_is_stored_and_counted(string what, string? mediaType, string list, int samples)
    {
        foreach (var chunked in new[] { false, true })
        {
            var name = $"{what}, chunked: {chunked}";
            var body = Encoding.UTF8.GetBytes(list.Replace("good", $$"""{"metric_name": "{{name}}", "metric_value": 1}""", StringComparison.Ordinal));
            using var response = await host.PostAsync(body, mediaType, chunked: chunked);
            Assert.Equal($$"""{"message":"ok","accepted":{{samples}}}""", await response.Content.ReadAsStringAsync());
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal($"{samples}", await CountAsync(name));
        }
    }

    // What is sent, as which media type, and the pointers of its faults.
    public static TheoryData<string, string, string, string[]> BadLists { get; } = new()
    {
        { "faults in two samples", Bodies.Json, """[good,{"metric_name":"m"},good,{"metric_name":"","metric_value":"1"}]""", ["/1/metric_value", "/3/metric_name", "/3/metric_value"] },
        { "a number among samples", Bodies.Json, "[good,1,good,null,[good]]", ["/1", "/3", "/4"] },
        { "a fault and no end", Bodies.Json, """[{"metric_name":"m"},good""", ["/0/metric_value", ""] },
        { "an end in a sample", Bodies.Json, """[good,{"metric_name":"m" """, ["/1"] },
        { "a broken sample", Bodies.Json, """[good,{"metric_name":},good]""", ["/1"] },
        { "a comma too many", Bodies.Json, "[good,good,]", ["/2"] },
        { "only a comma", Bodies.Json, "[,]", ["/0"] },
        { "no comma", Bodies.Json, "[good good]", [""] },
        { "text behind the array", Bodies.Json, "[good] good", [""] },
        { "lines as an array", Bodies.Json, "good\ngood\n", [""] },
        { "only a bracket", Bodies.Json, "[", [""] },
        { "a wrong bracket", Bodies.Json, "[good}", [""] },
        { "a tag to be escaped in a pointer", Bodies.Json, """[good,{"metric_name":"m","metric_value":1,"tags":{"a/b":1}}]""", ["/1/tags/a~1b"] },
        { "nothing", Bodies.Ndjson, "", [""] },
        { "only blank lines", Bodies.Ndjson, "\n \r\n", [""] },
        { "a broken line among others", Bodies.Ndjson, "good\n{\"metric_name\":\n{\"metric_name\":1}\ngood\nxyz\n", ["/1", "/2/metric_name", "/2/metric_value", "/4"] },
        { "faults behind blank lines", Bodies.Ndjson, "\n\ngood\n\n{}\n", ["/4/metric_name", "/4/metric_value"] },
        { "two objects in a line", Bodies.Ndjson, "good good\ngood,\n", ["/0", "/1"] },
        { "an array as lines", Bodies.Ndjson, "[good]\n", ["/0"] },
        { "an object over lines", Bodies.Ndjson, "{\"metric_name\":\"m\",\n\"metric_value\":1}\n", ["/0", "/1", "/1"] },
        { "a last line cut off", Bodies.Ndjson, "good\n{\"metric_name\":\"m\",\"metric_val", ["/1"] },
        { "faults in lines as text", Bodies.Text, "{\"metric_name\":\"m\"}\ngood\n{}\n", ["/0/metric_value", "/2/metric_name", "/2/metric_value"] },
        { "faults in an object as text", Bodies.Text, "{\"metric_name\":\"m\"}\n", ["/metric_value"] },
        { "faults in an array as text", Bodies.Text, "[good,{\"metric_name\":\"m\"}]\n", ["/1/metric_value"] },
        { "a broken line as text", Bodies.Text, "good\n{\"metric_name\":}\ngood", ["/1"] },
        { "a last line as text cut off", Bodies.Text, "good\ngood\n{\"metric_name\":", ["/2"] },
        { "an array behind an object", Bodies.Text, "good\n[good]", [""] },
        { "an object behind an array", Bodies.Text, "[good]\ngood", [""] },
        { "a comma between objects", Bodies.Text, "good,good", [""] },
        { "an array as text without end", Bodies.Text, "[good,good", [""] },
    };

    [Theory]
    [MemberData(nameof(BadLists))]
    public async Task A_bad_list_is_a_400_that_points_at_each_fault(string fault, string mediaType, string list, string[] pointers)
    {
        var body = list.Replace("good", $$"""{"metric_name": "{{fault}}", "metric_value": 1}""", StringComparison.Ordinal);
        using var response = await host.PostAsync(body, mediaType);
        Assert.True(HttpStatusCode.BadRequest == response.StatusCode, $"{fault}: {response.StatusCode}");
        var (found, count) = await response.ErrorsAsync();
        Assert.Equal(pointers, found);
        Assert.Equal(pointers.Length, count);
        Assert.Equal("0", await CountAsync(fault));
    }

    // Larger than a piece, so that several readers share it, and in two months, so that they share that too.
    const int ManyRows = 60_000;

    [Theory]
    [InlineData(Bodies.Json, false)]
    [InlineData(Bodies.Json, true)]
    [InlineData(Bodies.Ndjson, false)]
    [InlineData(Bodies.Ndjson, true)]
    public async Task Each_of_many_rows_is_stored_once(string mediaType, bool chunked)
    {
        var name = $"many {mediaType} {chunked}";
        using var response = await host.PostAsync(Many(name, mediaType), mediaType, chunked: chunked);
        Assert.Equal($$"""{"message":"ok","accepted":{{ManyRows}}}""", await response.Content.ReadAsStringAsync());
        Assert.Equal(
            $"{ManyRows}\t{ManyRows}\t{(long)ManyRows * (ManyRows - 1) / 2}\t{ManyRows / 7 + 1}",
            await host.QueryAsync($"SELECT count(), uniqExact(metric_value), toInt64(sum(metric_value)), countIf(tags['i'] = toString(toInt64(metric_value))) FROM metrics.samples WHERE metric_name = '{name}'"));
    }

    [Theory]
    [InlineData(Bodies.Json)]
    [InlineData(Bodies.Ndjson)]
    public async Task One_fault_among_many_rows_is_found_and_nothing_of_them_stored(string mediaType)
    {
        var name = $"one bad of many {mediaType}";
        var body = Encoding.UTF8.GetString(Many(name, mediaType)).Replace("\"metric_value\": 54321,", "\"metric_value\": true,", StringComparison.Ordinal);
        using var response = await host.PostAsync(body, mediaType);
        var (pointers, count) = await response.ErrorsAsync();
        Assert.Equal(["/54321/metric_value"], pointers);
        Assert.Equal(1, count);
        Assert.Equal("0", await CountAsync(name));
    }

    [Fact]
    public async Task Many_bad_lines_are_counted_in_full_and_the_first_are_listed()
    {
        // Broken syntax, a lone surrogate, a wrong type: whatever could end in an exception a line.
        string[] bad = ["{", "\"", "{\"metric_name\":\"\\ud800\",\"metric_value\":1}", "{\"metric_name\":\"m\",\"metric_value\":[]}"];
        var body = new StringBuilder();
        for (var i = 0; i < 200_000; i++)
        {
            body.Append(bad[i % bad.Length]).Append('\n');
        }

        using var response = await host.PostAsync(body.ToString(), Bodies.Ndjson);
        var (pointers, count) = await response.ErrorsAsync();
        Assert.Equal(200_000, count);
        Assert.Equal(
            Enumerable.Range(0, 100).Select(i => string.Create(CultureInfo.InvariantCulture, $"/{i}") + (i % 4) switch { 2 => "/metric_name", 3 => "/metric_value", _ => "" }),
            pointers);
    }

    [Fact]
    public async Task A_sample_larger_than_a_piece_is_read_wherever_it_is_cut()
    {
        var padding = new string(' ', 400_000);
        foreach (var (mediaType, body) in new[]
        {
            (Bodies.Json, $"[good, {padding} {{{padding}\"metric_name\":{padding}\"huge\",\"metric_value\":1}},good]"),
            (Bodies.Ndjson, $"good\n{{{padding}\"metric_name\":{padding}\"huge\",\"metric_value\":1}}\ngood"),
        })
        {
            using var response = await host.PostAsync(body.Replace("good", """{"metric_name":"huge","metric_value":1}""", StringComparison.Ordinal), mediaType);
            Assert.Equal("""{"message":"ok","accepted":3}""", await response.Content.ReadAsStringAsync());
        }

        Assert.Equal("6", await CountAsync("huge"));
    }

    [Theory]
    [InlineData(Bodies.Json, "[good,{huge},good]", "/1")]
    [InlineData(Bodies.Json, "{huge}", "")]
    [InlineData(Bodies.Ndjson, "good\n{huge}\ngood", "/1")]
    [InlineData(Bodies.Ndjson, "{huge}\ngood", "/0")]
    public async Task A_sample_of_megabytes_is_refused_without_the_rest_of_it(string mediaType, string shape, string place)
    {
        var body = shape.Replace("good", """{"metric_name":"vast","metric_value":1}""", StringComparison.Ordinal)
            .Replace("huge", $"\"metric_value\":1,\"metric_name\":\"{new string('x', 5_000_000)}\"", StringComparison.Ordinal);
        using var response = await host.PostAsync(body, mediaType);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains($"\"pointer\":\"{place}\",\"detail\":\"is longer than 3 MiB", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("0", await CountAsync("vast"));
    }

    [Fact]
    public async Task The_same_idempotency_key_stores_a_batch_once()
    {
        var batch = Many("keyed batch", Bodies.Ndjson);
        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/metrics") { Content = new ByteArrayContent(batch) };
            request.Content.Headers.ContentType = new(Bodies.Ndjson);
            request.Headers.Add("Idempotency-Key", "batch");
            using var response = await host.Http.SendAsync(request);
            Assert.Equal($$"""{"message":"ok","accepted":{{ManyRows}}}""", await response.Content.ReadAsStringAsync());
        }

        Assert.Equal($"{ManyRows}", await CountAsync("keyed batch"));
    }

    static byte[] Many(string name, string mediaType)
    {
        var now = DateTimeOffset.UtcNow;
        long[] months = [now.ToUnixTimeMilliseconds(), now.AddDays(-40).ToUnixTimeMilliseconds()];
        var rows = Enumerable.Range(0, ManyRows).Select(i =>
            $"{{\"metric_name\": \"{name}\", \"metric_value\": {i}, \"timestamp\": {months[i % 2]}{(i % 7 == 0 ? $", \"tags\": {{\"i\": \"{i}\"}}" : "")}}}");
        return Encoding.UTF8.GetBytes(mediaType == Bodies.Json ? $"[{string.Join(',', rows)}]" : string.Join('\n', rows));
    }

    Task<string> CountAsync(string name) => host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}'");
}
