using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using MetricsFunctions.Tests.Formats.Otlp;

namespace MetricsFunctions.Tests.Http;

public sealed class OtlpWriteTests(OtlpWriteTests.SmallLimits host) : IClassFixture<OtlpWriteTests.SmallLimits>
{
    const string Path = "/api/v1/metrics";
    const string Protobuf = "application/x-protobuf";
    const int MaxBodyBytes = 4 * 1024 * 1024;

    public sealed class SmallLimits : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxBodyBytes"] = $"{MaxBodyBytes}",
        };
    }

    public static TheoryData<string> MediaTypes { get; } = [Protobuf, Bodies.Json];

    static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task A_gauge_is_a_sample_with_the_tags_of_its_point_its_scope_and_its_resource(string mediaType)
    {
        using var response = await PostAsync(mediaType, $$$"""
            {"resourceMetrics":[{
              "resource":{"attributes":[{{{Text("service.name", "shop")}}},{{{Text("telemetry.sdk.name", "x")}}},{{{Text("process.command", "x")}}},{"key":"process.pid","value":{"intValue":"7"}}]},
              "scopeMetrics":[{
                "scope":{"name":"lib","version":"1.2","attributes":[{{{Text("short name", "l")}}}]},
                "metrics":[{"name":"gauge.{{{mediaType}}}","unit":"By","gauge":{"dataPoints":[{"attributes":[
                    {{{Text("http.route", "/a b")}}},{{{Text("2xx", "")}}},{"key":"yes","value":{"boolValue":true}},
                    {"key":"list","value":{"arrayValue":{"values":[{"intValue":1},{"stringValue":"\"x\""},{"doubleValue":0.5}]} } }],
                  "timeUnixNano":"{{{Now}}}999999","asDouble":0.42}]}}]}]}]}
            """);
        await AssertStoredAsync(response);
        Assert.Equal(
            $"gauge_{Word(mediaType)}_bytes\t0.42\t{{'http_route':'/a b','key_2xx':'','list':'[1,\"\\\\\"x\\\\\"\",0.5]','otel_scope_name':'lib','otel_scope_short_name':'l','otel_scope_version':'1.2','process_command':'x','process_pid':'7','service_name':'shop','yes':'true'}}\t{Now}",
            await RowsAsync($"gauge_{Word(mediaType)}", "tags, toUnixTimestamp64Milli(timestamp)"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task Sums_say_in_their_names_that_they_only_grow_and_in_a_tag_that_they_are_deltas(string mediaType)
    {
        var name = $"sum.{mediaType}";
        using var response = await PostMetricsAsync(mediaType, string.Join(',',
            Metric($"{name}.a", $$$"""{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{{{Point("\"asInt\":\"3\"")}}}]}""", "sum"),
            Metric($"{name}.b", $$$"""{"isMonotonic":true,"aggregationTemporality":1,"dataPoints":[{{{Point("\"asInt\":-9007199254740993")}}}]}""", "sum"),
            Metric($"{name}.c", $$$"""{"isMonotonic":false,"aggregationTemporality":2,"dataPoints":[{{{Point("\"asDouble\":4")}}}]}""", "sum"),
            Metric($"{name}.d", $$$"""{"aggregationTemporality":1,"dataPoints":[{{{Point("\"asDouble\":-5")}}}]}""", "sum")));
        await AssertStoredAsync(response);
        var word = $"sum_{Word(mediaType)}";
        Assert.Equal(
            $"{word}_a_total\t3\t{{}}\n{word}_b_total\t-9007199254740992\t{{'temporality':'delta'}}\n{word}_c\t4\t{{}}\n{word}_d\t-5\t{{'temporality':'delta'}}",
            await RowsAsync(word, "tags"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task A_histogram_is_its_cumulative_buckets_and_its_count_sum_min_and_max(string mediaType)
    {
        var word = $"histogram_{Word(mediaType)}";
        using var response = await PostMetricsAsync(mediaType, Metric(
            $"histogram.{mediaType}",
            $$$"""{"aggregationTemporality":2,"dataPoints":[{{{Point("\"count\":\"6\",\"sum\":7.5,\"min\":0.1,\"max\":4,\"bucketCounts\":[\"1\",2,\"3\"],\"explicitBounds\":[0.25,1]")}}}]}""",
            "histogram"));
        await AssertStoredAsync(response);
        Assert.Equal(
            $"{word}_bucket\t1\t0.25\n{word}_bucket\t3\t1\n{word}_bucket\t6\t+Inf\n{word}_count\t6\t\n{word}_max\t4\t\n{word}_min\t0.1\t\n{word}_sum\t7.5\t",
            await RowsAsync(word, "tags['le']"));
        Assert.Equal("1", await host.QueryAsync($"SELECT countIf(toFloat64OrNull(tags['le']) = inf) FROM metrics.samples WHERE startsWith(metric_name, '{word}_bucket')"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task An_exponential_histogram_has_the_bounds_of_its_populated_buckets(string mediaType)
    {
        var word = $"exponential_{Word(mediaType)}";
        using var response = await PostMetricsAsync(mediaType, Metric(
            $"exponential.{mediaType}",
            $$$"""{"aggregationTemporality":1,"dataPoints":[{{{Point("\"count\":\"10\",\"sum\":1,\"scale\":1,\"zeroCount\":\"2\",\"positive\":{\"offset\":2,\"bucketCounts\":[\"3\",\"0\",\"1\"]},\"negative\":{\"offset\":-2,\"bucketCounts\":[\"4\"]}")}}}]}""",
            "exponentialHistogram"));
        await AssertStoredAsync(response);

        // Bounds are powers of the square root of two: -2^(-1/2) and -2^-1, zero, 2^1 and 2^(3/2), 2^2 and 2^(5/2).
        Assert.Equal(
            $"{word}_bucket\t0\t-0.707\n{word}_bucket\t4\t-0.5\n{word}_bucket\t6\t0\n{word}_bucket\t6\t2\n{word}_bucket\t9\t2.828\n{word}_bucket\t9\t4\n{word}_bucket\t10\t5.657\n{word}_bucket\t10\tinf\n{word}_count\t10\tnan\n{word}_sum\t1\tnan",
            await RowsAsync(word, "round(toFloat64OrDefault(tags['le'], nan), 3)"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task A_summary_is_its_quantiles_and_its_count_and_sum(string mediaType)
    {
        var word = $"summary_{Word(mediaType)}";
        using var response = await PostMetricsAsync(mediaType, Metric(
            $"summary.{mediaType}",
            $$$"""{"dataPoints":[{{{Point("\"count\":\"6\",\"sum\":7.5,\"quantileValues\":[{\"value\":1},{\"quantile\":0.5,\"value\":\"NaN\"},{\"quantile\":1,\"value\":3}]")}}}]}""",
            "summary"));
        await AssertStoredAsync(response);
        Assert.Equal($"{word}\t1\t0\n{word}\t3\t1\n{word}_count\t6\t\n{word}_sum\t7.5\t", await RowsAsync(word, "tags['quantile']"));
    }

    [Theory]
    [InlineData("\"asDouble\":\"NaN\"", "its value is not finite")]
    [InlineData("\"asDouble\":\"-Infinity\"", "its value is not finite")]
    [InlineData("\"startTimeUnixNano\":\"1\"", "it has no value (asDouble or asInt)")]
    [InlineData("\"asInt\":1,\"timeUnixNano\":\"0\"", "it has no time (timeUnixNano)")]
    [InlineData("\"asInt\":1,\"timeUnixNano\":1", "its time is older than the stored history reaches (Ingestion:MaxSampleAge)")]
    [InlineData("\"asInt\":1,\"timeUnixNano\":\"18446744073709551615\"", "its time is more than 10 minutes ahead of the server's clock")]
    [InlineData("\"asInt\":1,\"attributes\":[{\"value\":{}}]", "an attribute must not have an empty key")]
    [InlineData("LONG VALUE", "an attribute must be at most 4096 bytes of UTF-8")]
    [InlineData("LONG KEY", "an attribute must have a key of at most 255 bytes of UTF-8")]
    [InlineData("MANY", "an attribute is one tag too many: at most 100 are allowed")]
    public async Task A_point_that_cannot_be_stored_is_told_with_its_reason_and_keeps_none_out(string point, string reason)
    {
        var name = $"bad.{Math.Abs(point.GetHashCode(StringComparison.Ordinal))}";
        point = point switch
        {
            "LONG VALUE" => $"\"asInt\":1,\"attributes\":[{Text("a", new string('v', 4097))}]",
            "LONG KEY" => $"\"asInt\":1,\"attributes\":[{Text(new string('k', 256), "v")}]",
            "MANY" => $"\"asInt\":1,\"attributes\":[{string.Join(',', Enumerable.Range(0, 101).Select(i => Text($"k{i}", "v")))}]",
            _ => point,
        };
        foreach (var (mediaType, i) in MediaTypes.Select((type, i) => ((string)type, i)))
        {
            using var response = await PostMetricsAsync(mediaType, string.Join(',',
                Metric($"{name}.{i}", $$$"""{"dataPoints":[{{{Point("\"asInt\":5")}}}]}""", "gauge"),
                Metric($"{name}.{i}", $$$"""{"dataPoints":[{{{Point("\"asInt\":6")}}},{{{Point(point)}}}]}""", "gauge")));
            var (rejected, message) = await PartialSuccessAsync(response);
            Assert.Equal(1, rejected);
            Assert.Equal($"1 data point is not stored, the first of them at /resourceMetrics/0/scopeMetrics/0/metrics/1, point 1: {reason}.", message);
            Assert.Equal("2\t11", await host.QueryAsync($"SELECT count(), sum(metric_value) FROM metrics.samples WHERE metric_name = '{name.Replace('.', '_')}_{i}'"));
        }
    }

    [Theory]
    [InlineData("sum", "\"asInt\":1", "its metric needs an aggregationTemporality: 1 for delta, 2 for cumulative")]
    [InlineData("histogram", "\"count\":1,\"bucketCounts\":[1,1],\"explicitBounds\":[1,2]", "it must have one more of bucketCounts than of explicitBounds, or neither", 2)]
    [InlineData("histogram", "\"count\":1,\"bucketCounts\":[1,1,1],\"explicitBounds\":[2,2]", "each of its explicitBounds must be greater than the one before", 2)]
    [InlineData("histogram", "\"count\":3,\"bucketCounts\":[1,1],\"explicitBounds\":[2]", "its count is not what is in its buckets", 2)]
    [InlineData("exponentialHistogram", "\"count\":3,\"zeroCount\":1", "its count is not what is in its buckets", 2)]
    [InlineData("exponentialHistogram", "\"zeroThreshold\":-1", "its zeroThreshold must be finite and not negative", 2)]
    [InlineData("exponentialHistogram", "1001", "it has more than 1000 buckets", 2)]
    [InlineData("summary", "\"quantileValues\":[{\"quantile\":2}]", "its quantiles must be from 0 to 1, each greater than the one before")]
    public async Task Nothing_of_a_point_with_a_fault_is_stored(string kind, string point, string reason, int temporality = 0)
    {
        var name = $"whole{Math.Abs((kind + point).GetHashCode(StringComparison.Ordinal))}";
        point = point == "1001" ? $"\"positive\":{{\"bucketCounts\":[{string.Join(',', Enumerable.Repeat("1", 1001))}]}}" : point;
        foreach (var mediaType in MediaTypes)
        {
            using var response = await PostMetricsAsync(mediaType, Metric(name, $$$"""{"aggregationTemporality":{{{temporality}}},"dataPoints":[{{{Point(point)}}}]}""", kind));
            var (rejected, message) = await PartialSuccessAsync(response);
            Assert.Equal(1, rejected);
            Assert.EndsWith($"point 0: {reason}.", message, StringComparison.Ordinal);
        }

        Assert.Equal("0", await host.QueryAsync($"SELECT count() FROM metrics.samples WHERE startsWith(metric_name, '{name}')"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task Keys_that_meet_are_joined_or_the_nearer_one_counts(string mediaType)
    {
        using var response = await PostAsync(mediaType, $$$"""
            {"resourceMetrics":[{
              "resource":{"attributes":[{{{Text("host.name", "resource")}}},{{{Text("dc_1", "b")}}},{{{Text("dc.1", "a")}}}]},
              "scopeMetrics":[{"metrics":[{"name":"meet {{{mediaType}}}","gauge":{"dataPoints":[
                {{{Point($"\"asInt\":1,\"attributes\":[{Text("host_name", "point")}]")}}},
                {{{Point($"\"asInt\":2,\"attributes\":[{Text("a_b", "2")},{Text("a.b", "1")}]")}}},
                {{{Point("\"asInt\":3")}}}]}}]}]}]}
            """);
        await AssertStoredAsync(response);
        var word = $"meet_{Word(mediaType)}";
        Assert.Equal(
            $"{word}\t1\t{{'dc_1':'a;b','host_name':'point'}}\n{word}\t2\t{{'a_b':'1;2','dc_1':'a;b','host_name':'resource'}}\n{word}\t3\t{{'dc_1':'a;b','host_name':'resource'}}",
            await RowsAsync(word, "tags"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task A_point_without_a_recorded_value_is_skipped_and_no_fault(string mediaType)
    {
        var word = $"unrecorded_{Word(mediaType)}";
        using var response = await PostMetricsAsync(mediaType, Metric(word, $$$"""{"dataPoints":[{{{Point("\"asInt\":1")}}},{{{Point("\"flags\":1")}}}]}""", "gauge"));
        await AssertStoredAsync(response);
        Assert.Equal($"{word}\t1\t{{}}", await RowsAsync(word, "tags"));

        using var alone = await PostMetricsAsync(mediaType, Metric($"{word}.alone", $$$"""{"dataPoints":[{{{Point("\"flags\":1")}}}]}""", "gauge"));
        await AssertStoredAsync(alone);
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task Resources_that_differ_are_never_one_series(string mediaType)
    {
        var word = $"differ_{Word(mediaType)}";
        string Resource(string attributes) => $$$"""
            {"resource":{"attributes":[{{{attributes}}}]},"scopeMetrics":[{"metrics":[{"name":"{{{word}}}","gauge":{"dataPoints":[{{{Point("\"asInt\":1")}}}]}}]}]}
            """;
        var many = string.Join(',', Enumerable.Range(0, 98).Select(i => Text($"r{i}", "v")));
        var tooMany = string.Join(',', Enumerable.Range(0, 100).Select(i => Text($"r{i}", "v")));
        var longest = new string('v', 4095);
        using var response = await PostAsync(mediaType, $$$"""
            {"resourceMetrics":[
              {{{Resource($"{many},{Text("k8s.pod.name", "a")}")}}},{{{Resource($"{many},{Text("k8s.pod.name", "b")}")}}},
              {{{Resource(Text("process.command", "a"))}}},{{{Resource(Text("process.command", "b"))}}},
              {{{Resource(Text("host.id", longest + "a"))}}},{{{Resource(Text("host.id", longest + "b"))}}},
              {{{Resource($"{tooMany},{Text("k8s.pod.name", "a")}")}}},{{{Resource(Text("host.id", longest + "aa"))}}},{{{Resource(Text("process.command_line", longest + "aa"))}}}]}
            """);
        var (rejected, message) = await PartialSuccessAsync(response);
        Assert.Equal(3, rejected);
        Assert.Equal(
            "3 data points are not stored, the first of them at /resourceMetrics/6/scopeMetrics/0/metrics/0, point 0: an attribute is one tag too many: at most 100 are allowed.",
            message);
        Assert.Equal("6\t6", await host.QueryAsync($"SELECT count(), uniqExact(tags) FROM metrics.samples WHERE metric_name = '{word}'"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task A_process_with_a_long_command_line_is_known_by_its_number(string mediaType)
    {
        var word = $"command_{Word(mediaType)}";
        using var response = await PostAsync(mediaType, $$$"""
            {"resourceMetrics":[{"resource":{"attributes":[{{{Text("process.command_line", new string('v', 4097))}}},{"key":"process.pid","value":{"intValue":"7"}}]},
              "scopeMetrics":[{"metrics":[{"name":"{{{word}}}","gauge":{"dataPoints":[{{{Point("\"asInt\":1")}}}]}}]}]}]}
            """);
        Assert.Equal((0, "The command line of a process did not become a tag: it must be at most 4096 bytes of UTF-8."), await PartialSuccessAsync(response));
        Assert.Equal($"{word}\t1\t{{'process_pid':'7'}}", await RowsAsync(word, "tags"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task A_scope_has_its_schema_and_its_attributes_do_not_take_its_names(string mediaType)
    {
        var word = $"schema_{Word(mediaType)}";
        using var response = await PostAsync(mediaType, $$$"""
            {"resourceMetrics":[{"scopeMetrics":[{"schemaUrl":"https://example.org/1","scope":{"name":"lib","attributes":[
              {{{Text("name", "x")}}},{{{Text("version", "x")}}},{{{Text("schema_url", "x")}}},{{{Text("other", "kept")}}}]},
              "metrics":[{"name":"{{{word}}}","gauge":{"dataPoints":[{{{Point("\"asInt\":1")}}}]}}]}]}]}
            """);
        await AssertStoredAsync(response);
        Assert.Equal(
            $"{word}\t1\t{{'otel_scope_name':'lib','otel_scope_other':'kept','otel_scope_schema_url':'https://example.org/1'}}", await RowsAsync(word, "tags"));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task A_histogram_may_have_infinity_as_its_last_bound(string mediaType)
    {
        var word = $"infinite_{Word(mediaType)}";
        using var response = await PostMetricsAsync(mediaType, Metric(
            word, $$$"""{"aggregationTemporality":2,"dataPoints":[{{{Point("\"count\":\"15\",\"bucketCounts\":[\"5\",\"10\",\"0\"],\"explicitBounds\":[1,\"Infinity\"]")}}}]}""", "histogram"));
        await AssertStoredAsync(response);
        Assert.Equal($"{word}_bucket\t5\t1\n{word}_bucket\t15\t+Inf\n{word}_count\t15\t", await RowsAsync(word, "tags['le']"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"resourceMetrics\":[]}")]
    [InlineData("{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"gauge\":{}}]}]}]}")]
    public async Task A_request_without_data_succeeds(string json)
    {
        if (json.Length > 0)
        {
            using var asJson = await PostAsync(Bodies.Json, json);
            await AssertStoredAsync(asJson);
        }

        using var response = await PostAsync(Protobuf, json.Length > 0 ? json : "{}");
        await AssertStoredAsync(response);
    }

    [Theory]
    [InlineData("", "The body is not valid JSON: it is cut off.")]
    [InlineData("[]", "The body must be a JSON object, an ExportMetricsServiceRequest.")]
    [InlineData("\0}", "The body must be a JSON object, an ExportMetricsServiceRequest.")]
    [InlineData("{}{}", "The body goes on behind its JSON object.")]
    [InlineData("{\"resourceMetrics\":[{\"scopeMetrics\":[", "The body is not valid JSON: it is cut off.")]
    [InlineData("{\"resourceMetrics\":{}}", "The body must have an array for resourceMetrics, at its byte 20.")]
    [InlineData("{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"sum\":{\"aggregationTemporality\":\"AGGREGATION_TEMPORALITY_DELTA\"}}]}]}]}", "The body must have an integer of the right size for aggregationTemporality, at its byte 83.")]
    [InlineData("{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":1}]}]}]}", "The body must have a string for name, at its byte 58.")]
    [InlineData("{\"unknown\":x}", "The body is not valid JSON from its byte 12 on.")]
    public async Task What_is_no_JSON_of_a_request_is_a_400(string body, string message)
    {
        using var response = await host.PostAsync(Encoding.UTF8.GetBytes(body), Bodies.Json, path: Path);
        Assert.Equal($"{message} The request was refused as a whole; nothing of it is stored.", await StatusAsync(response, HttpStatusCode.BadRequest, 3));
    }

    [Theory]
    [InlineData("08")]
    [InlineData("0A05")]
    [InlineData("0D00000000")]
    [InlineData("0A021208")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFF")]
    public async Task What_is_no_protobuf_of_a_request_is_a_400(string hex)
    {
        using var response = await host.PostAsync(Convert.FromHexString(hex), Protobuf, path: Path);
        Assert.Equal(
            "The body is not a protobuf message ExportMetricsServiceRequest, or not all of it. The request was refused as a whole; nothing of it is stored.",
            await StatusAsync(response, HttpStatusCode.BadRequest, 3));
    }

    [Theory]
    [MemberData(nameof(MediaTypes))]
    public async Task Other_refusals_have_the_same_form(string mediaType)
    {
        using var tooLarge = await host.PostAsync(new byte[MaxBodyBytes + 1], mediaType, path: Path);
        Assert.Contains("Send it in parts", await StatusAsync(tooLarge, HttpStatusCode.RequestEntityTooLarge, 8, mediaType), StringComparison.Ordinal);

        using var encoded = await host.PostAsync([], mediaType, "compress", path: Path);
        Assert.StartsWith("Content-Encoding must be one of", await StatusAsync(encoded, HttpStatusCode.UnsupportedMediaType, 3, mediaType), StringComparison.Ordinal);

        using var method = await host.Http.GetAsync(new Uri(Path, UriKind.Relative));
        Assert.Equal("This path takes POST.", await StatusAsync(method, HttpStatusCode.MethodNotAllowed, 12, Bodies.Json));
        Assert.Equal(["POST"], method.Content.Headers.Allow);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/grpc")]
    public async Task Another_media_type_is_a_415_that_names_those_there_are(string? mediaType)
    {
        using var response = await host.PostAsync([], mediaType, path: Path);
        Assert.Equal(
            "Content-Type must be application/x-protobuf or application/json: set the exporter's protocol to http/protobuf or http/json.",
            await StatusAsync(response, HttpStatusCode.UnsupportedMediaType, 3, Bodies.Json));
        Assert.Equal("application/x-protobuf, application/json", Assert.Single(response.Headers.NonValidated["Accept"]));
    }

    [Theory]
    [InlineData(Protobuf, null)]
    [InlineData(Protobuf, "gzip")]
    [InlineData("application/json; charset=utf8", "gzip")]
    public async Task Many_points_are_stored_whole_and_once_however_often_they_come(string mediaType, string? encoding)
    {
        var name = $"many_{Word($"{mediaType}{encoding}")}";
        var points = string.Join(',', Enumerable.Range(0, 20_000).Select(i => $$$"""{"timeUnixNano":"{{{Now}}}000000","asInt":"{{{i}}}","attributes":[{{{Text("i", $"{i % 10}")}}}]}"""));
        for (var i = 0; i < 3; i++)
        {
            using var response = await PostMetricsAsync(mediaType, Metric(name, $$$"""{"dataPoints":[{{{points}}}]}""", "gauge"), encoding);
            await AssertStoredAsync(response);
        }

        Assert.Equal($"20000\t{20_000L * 19_999 / 2}", await host.QueryAsync($"SELECT count(), sum(metric_value) FROM metrics.samples WHERE metric_name = '{name}'"));
    }

    static string Text(string key, string value) => $$$"""{"key":"{{{key}}}","value":{"stringValue":"{{{value}}}"}}""";

    static string Metric(string name, string data, string kind) => $$$"""{"name":"{{{name}}}","{{{kind}}}":{{{data}}}}""";

    // A time of its own comes behind, and so counts.
    static string Point(string fields) => $$$"""{"timeUnixNano":"{{{Now}}}000000",{{{fields}}}}""";

    static string Word(string mediaType) => string.Join('_', mediaType.Split(['/', '-', '.', ';', ' ', '='], StringSplitOptions.RemoveEmptyEntries));

    Task<string> RowsAsync(string word, string columns) => host.QueryAsync(
        $"SELECT metric_name, metric_value, {columns} FROM metrics.samples WHERE startsWith(metric_name, '{word}') ORDER BY metric_name, metric_value, toFloat64OrDefault(tags['le'])");

    Task<HttpResponseMessage> PostMetricsAsync(string mediaType, string metrics, string? encoding = null) =>
        PostAsync(mediaType, $$$"""{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{{{metrics}}}]}]}]}""", encoding);

    Task<HttpResponseMessage> PostAsync(string mediaType, string json, string? encoding = null)
    {
        using var document = JsonDocument.Parse(json);
        var body = mediaType == Protobuf ? PlainMessage.OfJson("Request", document.RootElement)!.ToProtobuf("Request", isPacked: true) : Encoding.UTF8.GetBytes(json);
        return host.PostAsync(encoding is null ? body : Bodies.Compress(encoding, body), mediaType, encoding, path: Path);
    }

    static async Task AssertStoredAsync(HttpResponseMessage response)
    {
        var body = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal((HttpStatusCode.OK, ""), (response.StatusCode, response.IsSuccessStatusCode ? "" : Encoding.UTF8.GetString(body)));
        Assert.Equal(response.Content.Headers.ContentType?.MediaType == Protobuf ? "" : "{}", Encoding.UTF8.GetString(body));
    }

    static async Task<(int Rejected, string Message)> PartialSuccessAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var body = await response.Content.ReadAsByteArrayAsync();
        if (response.Content.Headers.ContentType?.ToString() == Protobuf)
        {
            var (field, partialSuccess) = Assert.Single(Fields(body));
            Assert.Equal(1, field);
            var fields = Fields((byte[])partialSuccess).ToDictionary();
            return ((int)(ulong)fields.GetValueOrDefault(1, 0UL), Encoding.UTF8.GetString((byte[])fields[2]));
        }

        Assert.Equal(Bodies.Json, response.Content.Headers.ContentType?.ToString());
        using var json = JsonDocument.Parse(body);
        var partial = json.RootElement.GetProperty("partialSuccess");
        return (int.Parse(partial.GetProperty("rejectedDataPoints").GetString()!, CultureInfo.InvariantCulture), partial.GetProperty("errorMessage").GetString()!);
    }

    static async Task<string> StatusAsync(HttpResponseMessage response, HttpStatusCode status, int code, string? mediaType = null)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(mediaType ?? response.RequestMessage!.Content!.Headers.ContentType!.ToString(), response.Content.Headers.ContentType?.ToString());
        var body = await response.Content.ReadAsByteArrayAsync();
        if (response.Content.Headers.ContentType?.ToString() == Protobuf)
        {
            var fields = Fields(body).ToDictionary();
            Assert.Equal((ulong)code, fields[1]);
            if (status == HttpStatusCode.BadRequest)
            {
                var any = Fields((byte[])fields[3]).ToDictionary();
                Assert.Equal("type.googleapis.com/google.rpc.BadRequest", Encoding.UTF8.GetString((byte[])any[1]));
                Assert.NotEmpty((byte[])Assert.Single(Fields((byte[])Assert.Single(Fields((byte[])any[2])).Value)).Value);
            }

            return Encoding.UTF8.GetString((byte[])fields[2]);
        }

        using var json = JsonDocument.Parse(body);
        Assert.Equal(code, json.RootElement.GetProperty("code").GetInt32());
        Assert.Equal(status == HttpStatusCode.BadRequest, json.RootElement.TryGetProperty("details", out var details));
        Assert.True(status != HttpStatusCode.BadRequest || details[0].GetProperty("fieldViolations")[0].GetProperty("description").GetString()!.Length > 0);
        return json.RootElement.GetProperty("message").GetString()!;
    }

    // Integers and strings, which is all that answers have.
    static List<(int Field, object Value)> Fields(byte[] message)
    {
        var fields = new List<(int, object)>();
        for (var at = 0; at < message.Length;)
        {
            var tag = (int)Varint();
            if ((tag & 7) == 0)
            {
                fields.Add((tag >> 3, Varint()));
                continue;
            }

            Assert.Equal(2, tag & 7);
            var length = (int)Varint();
            fields.Add((tag >> 3, message[at..(at + length)]));
            at += length;

            ulong Varint()
            {
                var value = 0UL;
                for (var shift = 0; ; shift += 7)
                {
                    value |= (ulong)(message[at] & 0x7F) << shift;
                    if (message[at++] < 0x80)
                    {
                        return value;
                    }
                }
            }
        }

        return fields;
    }
}
