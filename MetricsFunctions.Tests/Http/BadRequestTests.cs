using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Formats.Metrics;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Moq;

namespace MetricsFunctions.Tests.Http;

/// <summary>Every way to be wrong, with the status and the pointer it must get, and nothing stored of any.</summary>
public sealed class BadRequestTests(BadRequestTests.SmallLimits host) : IClassFixture<BadRequestTests.SmallLimits>
{
    const int MaxBodyBytes = 8192;

    public sealed class SmallLimits : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxBodyBytes"] = $"{MaxBodyBytes}",
        };
    }

    static readonly string Name = "\"metric_name\":\"m\"";
    static readonly string Value = "\"metric_value\":1";
    static readonly string Good = $"{Name},{Value}";

    // What is wrong, the body, the pointers of its errors. A lone '\' in a body is JSON's.
    public static TheoryData<string, string, string[]> Bodies { get; } = new()
    {
        // Syntax
        { "empty body", "", [""] },
        { "only white space", " \n", [""] },
        { "no JSON", "cpu_load=1", [""] },
        { "cut off", $"{{{Good}", [""] },
        { "cut off in a string", "{\"metric_name\":\"m", [""] },
        { "trailing comma", $"{{{Good},}}", [""] },
        { "missing comma", $"{{{Name} {Value}}}", [""] },
        { "missing colon", "{\"metric_name\" \"m\"}", [""] },
        { "single quotes", "{'metric_name':'m','metric_value':1}", [""] },
        { "unquoted property", "{metric_name:\"m\"}", [""] },
        { "comment", $"{{{Good}/* */}}", [""] },
        { "text behind the object", $"{{{Good}}} x", [""] },
        { "two objects", $"{{{Good}}}{{{Good}}}", [""] },
        { "control character in a string", "{\"metric_name\":\"a\nb\",\"metric_value\":1}", [""] },
        { "unknown escape", $"{{\"metric_name\":\"a\\x\",{Value}}}", [""] },
        { "cut off escape", $"{{\"metric_name\":\"a\\u12\",{Value}}}", [""] },
        { "deep nesting", $"{{{Good},\"x\":{new string('[', 1000)}{new string(']', 1000)}}}", [""] },
        { "deep nesting at the top", new string('[', 2000), ["/0"] },

        // Shape
        { "a number", "1", [""] },
        { "a string", "\"m\"", [""] },
        { "null", "null", [""] },
        { "an empty object", "{}", ["/metric_name", "/metric_value"] },
        { "no name", $"{{{Value}}}", ["/metric_name"] },
        { "no value", $"{{{Name}}}", ["/metric_value"] },
        { "unknown property", $"{{{Good},\"metric_nmae\":1}}", ["/metric_nmae"] },
        { "unknown property with an object", $"{{\"x\":{{\"metric_name\":[1,{{}}]}},{Good}}}", ["/x"] },
        { "property of another case", $"{{\"Metric_Name\":\"m\",{Value}}}", ["/Metric_Name", "/metric_name"] },
        { "unknown property to be escaped in a pointer", $"{{{Good},\"a/b~c\":1}}", ["/a~1b~0c"] },
        { "unknown property without a name", $"{{{Good},\"\":1}}", ["/"] },
        { "name twice", $"{{{Name},{Good}}}", ["/metric_name"] },
        { "value twice", $"{{{Good},{Value}}}", ["/metric_value"] },
        { "timestamp twice", $"{{{Good},\"timestamp\":\"{Now}\",\"timestamp\":\"{Now}\"}}", ["/timestamp"] },
        { "tags twice", $"{{{Good},\"tags\":{{}},\"tags\":{{}}}}", ["/tags"] },
        { "name twice, once escaped", $"{{{Good},\"metric_n\\u0061me\":\"m\"}}", ["/metric_name"] },
        { "several faults at once", "{\"metric_name\":1,\"metric_value\":\"1\",\"x\":1}", ["/metric_name", "/metric_value", "/x"] },

        // Name
        { "name is a number", $"{{\"metric_name\":1,{Value}}}", ["/metric_name"] },
        { "name is null", $"{{\"metric_name\":null,{Value}}}", ["/metric_name"] },
        { "name is an array", $"{{\"metric_name\":[\"m\"],{Value}}}", ["/metric_name"] },
        { "empty name", $"{{\"metric_name\":\"\",{Value}}}", ["/metric_name"] },
        { "name too long", $"{{\"metric_name\":\"{new string('m', 256)}\",{Value}}}", ["/metric_name"] },
        { "name far too long", $"{{\"metric_name\":\"{new string('m', 5000)}\",{Value}}}", ["/metric_name"] },
        { "name far too long and escaped", $"{{\"metric_name\":\"\\u006d{new string('m', 5000)}\",{Value}}}", ["/metric_name"] },
        { "name too long in bytes, not in letters", $"{{\"metric_name\":\"{new string('ü', 128)}\",{Value}}}", ["/metric_name"] },
        { "leading space", $"{{\"metric_name\":\" m\",{Value}}}", ["/metric_name"] },
        { "trailing space", $"{{\"metric_name\":\"m \",{Value}}}", ["/metric_name"] },
        { "leading no-break space", $"{{\"metric_name\":\"\u00a0m\",{Value}}}", ["/metric_name"] },
        { "trailing ideographic space", $"{{\"metric_name\":\"m\u3000\",{Value}}}", ["/metric_name"] },
        { "only a space", $"{{\"metric_name\":\" \",{Value}}}", ["/metric_name"] },
        { "escaped line break", $"{{\"metric_name\":\"a\\nb\",{Value}}}", ["/metric_name"] },
        { "escaped NUL", $"{{\"metric_name\":\"a\\u0000\",{Value}}}", ["/metric_name"] },
        { "DEL", $"{{\"metric_name\":\"a\u007fb\",{Value}}}", ["/metric_name"] },
        { "C1 control character", $"{{\"metric_name\":\"a\u0085b\",{Value}}}", ["/metric_name"] },
        { "lone high surrogate", $"{{\"metric_name\":\"\\ud800\",{Value}}}", ["/metric_name"] },
        { "lone low surrogate", $"{{\"metric_name\":\"a\\udc00b\",{Value}}}", ["/metric_name"] },
        { "surrogates in the wrong order", $"{{\"metric_name\":\"\\udc00\\ud800\",{Value}}}", ["/metric_name"] },

        // Value
        { "value is a string", $"{{{Name},\"metric_value\":\"1.5\"}}", ["/metric_value"] },
        { "value is true", $"{{{Name},\"metric_value\":true}}", ["/metric_value"] },
        { "value is null", $"{{{Name},\"metric_value\":null}}", ["/metric_value"] },
        { "value is an object", $"{{{Name},\"metric_value\":{{\"a\":1}}}}", ["/metric_value"] },
        { "value too large", $"{{{Name},\"metric_value\":1e999}}", ["/metric_value"] },
        { "value too small", $"{{{Name},\"metric_value\":-1.8e308}}", ["/metric_value"] },
        { "NaN", $"{{{Name},\"metric_value\":NaN}}", [""] },
        { "Infinity", $"{{{Name},\"metric_value\":Infinity}}", [""] },
        { "leading zero", $"{{{Name},\"metric_value\":01}}", [""] },
        { "leading plus", $"{{{Name},\"metric_value\":+1}}", [""] },
        { "no digit before the point", $"{{{Name},\"metric_value\":.5}}", [""] },
        { "no digit behind the point", $"{{{Name},\"metric_value\":1.}}", [""] },
        { "hexadecimal", $"{{{Name},\"metric_value\":0x10}}", [""] },

        // Timestamp
        { "no offset", $"{{{Good},\"timestamp\":\"2026-11-23T17:00:00\"}}", ["/timestamp"] },
        { "a date", $"{{{Good},\"timestamp\":\"2026-11-23\"}}", ["/timestamp"] },
        { "a space for the T", $"{{{Good},\"timestamp\":\"2026-11-23 17:00:00Z\"}}", ["/timestamp"] },
        { "a day that is not", $"{{{Good},\"timestamp\":\"2026-02-29T17:00:00Z\"}}", ["/timestamp"] },
        { "hour 24", $"{{{Good},\"timestamp\":\"2026-11-23T24:00:00Z\"}}", ["/timestamp"] },
        { "text", $"{{{Good},\"timestamp\":\"yesterday\"}}", ["/timestamp"] },
        { "empty timestamp", $"{{{Good},\"timestamp\":\"\"}}", ["/timestamp"] },
        { "timestamp null", $"{{{Good},\"timestamp\":null}}", ["/timestamp"] },
        { "timestamp true", $"{{{Good},\"timestamp\":true}}", ["/timestamp"] },
        { "fraction of a millisecond", $"{{{Good},\"timestamp\":{NowMilliseconds}.5}}", ["/timestamp"] },
        { "exponent", $"{{{Good},\"timestamp\":1.7e12}}", ["/timestamp"] },
        { "timestamp beyond 64 bits", $"{{{Good},\"timestamp\":99999999999999999999}}", ["/timestamp"] },
        { "seconds instead of milliseconds", $"{{{Good},\"timestamp\":{NowMilliseconds / 1000}}}", ["/timestamp"] },
        { "older than the table keeps", $"{{{Good},\"timestamp\":{NowMilliseconds - (1826L * 86_400_000)}}}", ["/timestamp"] },
        { "an hour ahead", $"{{{Good},\"timestamp\":{NowMilliseconds + 3_600_000}}}", ["/timestamp"] },
        { "before 1970", $"{{{Good},\"timestamp\":-1}}", ["/timestamp"] },

        // Tags
        { "tags null", $"{{{Good},\"tags\":null}}", ["/tags"] },
        { "tags an array", $"{{{Good},\"tags\":[\"a\"]}}", ["/tags"] },
        { "tags a string", $"{{{Good},\"tags\":\"a=b\"}}", ["/tags"] },
        { "tag value a number", $"{{{Good},\"tags\":{{\"a\":1}}}}", ["/tags/a"] },
        { "tag value null", $"{{{Good},\"tags\":{{\"a\":null}}}}", ["/tags/a"] },
        { "tag value an object", $"{{{Good},\"tags\":{{\"a\":{{\"b\":\"c\"}},\"d\":2}}}}", ["/tags/a", "/tags/d"] },
        { "tag twice", $"{{{Good},\"tags\":{{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}}}", ["/tags/a"] },
        { "tag without a key", $"{{{Good},\"tags\":{{\"\":\"1\"}}}}", ["/tags/"] },
        { "tag key too long", $"{{{Good},\"tags\":{{\"{new string('k', 256)}\":\"1\"}}}}", ["/tags"] },
        { "tag key far too long", $"{{{Good},\"tags\":{{\"{new string('k', 2000)}\":\"1\"}}}}", ["/tags"] },
        { "tag value too long", $"{{{Good},\"tags\":{{\"a\":\"{new string('v', 4097)}\"}}}}", ["/tags/a"] },
        { "tag key with outer white space", $"{{{Good},\"tags\":{{\"a \":\"1\"}}}}", ["/tags/a "] },
        { "tag value with a lone surrogate", $"{{{Good},\"tags\":{{\"a\":\"\\ud800x\"}}}}", ["/tags/a"] },
        { "tag key with a lone surrogate", $"{{{Good},\"tags\":{{\"\\ud800\":\"1\"}}}}", ["/tags"] },
        { "101 tags", $"{{{Good},\"tags\":{{{string.Join(',', Enumerable.Range(0, 101).Select(i => $"\"k{i:000}\":\"\""))}}}}}", ["/tags/k100"] },
    };

    static string Now => DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", null);

    static long NowMilliseconds => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_bad_body_is_a_400_that_points_at_each_fault(string fault, string body, string[] pointers)
    {
        using var response = await host.PostAsync(body);
        await AssertRefusedAsync(response, fault, pointers);
    }

    // Bytes that no string can hold.
    public static TheoryData<string, byte[], string> BrokenUtf8 { get; } = new()
    {
        { "a byte of no UTF-8 in the name", [.. "{\"metric_name\":\"a"u8, 0xFF, .. "\",\"metric_value\":1}"u8], "/metric_name" },
        { "a cut sequence in the name", [.. "{\"metric_name\":\"a"u8, 0xC3, .. "\",\"metric_value\":1}"u8], "/metric_name" },
        { "an overlong sequence in the name", [.. "{\"metric_name\":\"a"u8, 0xC0, 0xAF, .. "\",\"metric_value\":1}"u8], "/metric_name" },
        { "a surrogate in UTF-8 in the name", [.. "{\"metric_name\":\"a"u8, 0xED, 0xA0, 0x80, .. "\",\"metric_value\":1}"u8], "/metric_name" },
        { "a byte of no UTF-8 in an escaped name", [.. "{\"metric_name\":\"\\u0061"u8, 0xFF, .. "\",\"metric_value\":1}"u8], "/metric_name" },
        { "a byte of no UTF-8 in a tag value", [.. "{\"metric_name\":\"a\",\"metric_value\":1,\"tags\":{\"k\":\""u8, 0xFF, .. "\"}}"u8], "/tags/k" },
        { "a byte of no UTF-8 in a property", [.. "{\"metric_name\":\"a\",\"metric_value\":1,\""u8, 0xFF, .. "\":1}"u8], "" },
        { "a byte of no UTF-8 between tokens", [.. "{\"metric_name\":\"a\","u8, 0xFF, .. "\"metric_value\":1}"u8], "" },
        { "a byte of no UTF-8 by its charset", [.. "{\"metric_name\":\"a"u8, 0xFC, .. "\",\"metric_value\":1}"u8], "/metric_name" },
        { "UTF-16", Encoding.Unicode.GetBytes("{\"metric_name\":\"a\",\"metric_value\":1}"), "" },
    };

    [Theory]
    [MemberData(nameof(BrokenUtf8))]
    public async Task Bytes_that_are_no_UTF8_are_a_400(string fault, byte[] body, string place)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json", fault switch
        {
            "a byte of no UTF-8 by its charset" => "iso-8859-1",
            "UTF-16" => "utf-16",
            _ => null,
        });
        using var response = await host.Http.PostAsync(new Uri("/api/metrics", UriKind.Relative), content);
        await AssertRefusedAsync(response, fault, [place]);
    }

    // Method, media type, encoding and body, and the status they get.
    public static TheoryData<string, string, string?, string?, int, HttpStatusCode> Requests { get; } = new()
    {
        { "GET", "GET", null, null, 0, HttpStatusCode.MethodNotAllowed },
        { "PUT", "PUT", "application/json", null, 40, HttpStatusCode.MethodNotAllowed },
        { "DELETE", "DELETE", null, null, 0, HttpStatusCode.MethodNotAllowed },
        { "PATCH", "PATCH", "application/json", null, 40, HttpStatusCode.MethodNotAllowed },
        { "XML", "POST", "application/xml", null, 40, HttpStatusCode.UnsupportedMediaType },
        { "no media type at all", "POST", "json", null, 40, HttpStatusCode.UnsupportedMediaType },
        { "unknown encoding", "POST", "application/json", "compress", 40, HttpStatusCode.UnsupportedMediaType },
        { "one byte too large", "POST", "application/json", null, MaxBodyBytes + 1, HttpStatusCode.RequestEntityTooLarge },
        { "far too large", "POST", "application/json", null, 100 * MaxBodyBytes, HttpStatusCode.RequestEntityTooLarge },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_bad_request_gets_its_status(string fault, string method, string? mediaType, string? encoding, int bytes, HttpStatusCode status)
    {
        foreach (var chunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), "/api/metrics");
            if (bytes > 0)
            {
                request.Content = new ByteArrayContent(PaddedSample(bytes));
                request.Headers.TransferEncodingChunked = chunked;
                if (mediaType is not null)
                {
                    request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
                }

                if (encoding is not null)
                {
                    request.Content.Headers.ContentEncoding.Add(encoding);
                }
            }

            using var response = await host.Http.SendAsync(request);

            Assert.True(status == response.StatusCode, $"{fault}: {response.StatusCode}");
            using var problem = await ReadProblemAsync(response);
            Assert.Equal((int)status, problem.RootElement.GetProperty("status").GetInt32());
            Assert.Equal(status == HttpStatusCode.MethodNotAllowed ? ["POST"] : [], response.Content.Headers.Allow);
        }

        Assert.Equal("0", await host.QueryAsync("SELECT count() FROM metrics.samples"));
    }

    // As the Functions host does, the client sends a body to its end before it looks at the answer; Kestrel by itself stops at 30,000,000 bytes.
    [Theory]
    [InlineData("/api/metrics", "application/json", HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("/api/metrics", "text/html", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("/api/metric", "application/json", HttpStatusCode.NotFound)]
    [InlineData("/api/query", "application/x-www-form-urlencoded", HttpStatusCode.BadRequest)]
    public async Task A_refusal_reaches_a_client_that_sends_far_too_much(string path, string mediaType, HttpStatusCode status)
    {
        var body = new byte[64 * 1024 * 1024];
        body.AsSpan().Fill((byte)' ');
        foreach (var chunked in new[] { false, true })
        {
            using var response = await host.PostAsync(body, mediaType, chunked: chunked, path: path);
            Assert.Equal(status, response.StatusCode);
        }
    }

    // That the end is known before the body is looked at happens under load, and rarely.
    [Fact]
    public async Task A_body_that_broke_off_before_it_is_looked_at_is_no_defect_of_the_service()
    {
        var reader = new Mock<PipeReader>();
        ReadResult read = default;
        reader.Setup(r => r.TryRead(out read)).Throws(new BadHttpRequestException("Unexpected end of request content."));
        var context = new DefaultHttpContext();
        context.Features.Set(Mock.Of<IRequestBodyPipeFeature>(feature => feature.Reader == reader.Object));
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var telemetry = new IngestionTelemetry(services.GetRequiredService<IMeterFactory>());
        var bodies = new BodyReader(new IngestionOptions(), telemetry, TimeProvider.System);
        var problem = await bodies.ReadAsync(context.Request, mayBeSnappy: false, new JsonFormat(), new SampleIntake(), hash: null);
        Assert.Equal(StatusCodes.Status400BadRequest, problem?.Status);
    }

    [Fact]
    public async Task A_message_never_repeats_what_was_sent()
    {
        using var response = await host.PostAsync("{\"metric_name\":\"secret\\u0000\",\"metric_value\":\"hunter2\",\"tags\":{\"a\":\"secret\\n\"},\"timestamp\":\"secret\"}");
        var answer = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain("secret", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_hundred_faults_are_listed_and_all_are_counted()
    {
        var properties = string.Join(',', Enumerable.Range(0, 250).Select(i => $"\"x{i}\":{i}"));
        using var response = await host.PostAsync($"{{{Good},{properties}}}");
        using var problem = await ReadProblemAsync(response);
        Assert.Equal(100, problem.RootElement.GetProperty("errors").GetArrayLength());
        Assert.Equal(250, problem.RootElement.GetProperty("errorCount").GetInt32());
    }

    static byte[] PaddedSample(int bytes) => Encoding.UTF8.GetBytes($"{{{Good}}}".PadRight(bytes));

    async Task AssertRefusedAsync(HttpResponseMessage response, string fault, string[] pointers)
    {
        Assert.True(HttpStatusCode.BadRequest == response.StatusCode, $"{fault}: {response.StatusCode}");
        using var problem = await ReadProblemAsync(response);
        var errors = problem.RootElement.GetProperty("errors").EnumerateArray().ToList();
        Assert.Equal(pointers, errors.Select(error => error.GetProperty("pointer").GetString()!));
        Assert.All(errors, error => Assert.NotEmpty(error.GetProperty("detail").GetString()!));
        Assert.Equal(pointers.Length, problem.RootElement.GetProperty("errorCount").GetInt32());
        Assert.Equal("0", await host.QueryAsync("SELECT count() FROM metrics.samples"));
    }

    static async Task<JsonDocument> ReadProblemAsync(HttpResponseMessage response)
    {
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        foreach (var member in new[] { "type", "title", "detail" })
        {
            Assert.NotEmpty(problem.RootElement.GetProperty(member).GetString()!);
        }

        return problem;
    }
}
