using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

/// <summary>
/// The description that the service gives of itself, held against what it does: every example in it is sent, and every answer must be one
/// that it describes, by status, media type, headers and schema.
/// </summary>
public sealed class OpenApiTests(OpenApiTests.OneKey host, IngestionHost open) : IClassFixture<OpenApiTests.OneKey>, IClassFixture<IngestionHost>
{
    public sealed class OneKey : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:ApiKeys:0"] = "the-key",
            ["Ingestion:MaxBodyBytes"] = "100000",
        };

        public JsonNode Document { get; private set; } = null!;

        public override async ValueTask InitializeAsync()
        {
            await base.InitializeAsync();
            Document = JsonNode.Parse(await Http.GetStringAsync(new Uri("/api/openapi.json", UriKind.Relative)))!;
        }
    }

    static readonly string[] OfEveryAnswer = ["Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "Transfer-Encoding", "X-Content-Type-Options"];

    // The times of the examples, which would be too old one day.
    const string Rfc3339 = "2026-11-23T17:00:00.123Z";
    const string Milliseconds = "1795453200123";

    [Fact]
    public async Task Every_example_is_answered_as_described()
    {
        var sent = 0;
        foreach (var (path, method, operation) in Operations())
        {
            var content = operation["requestBody"]?["content"]?.AsObject();
            foreach (var (mediaType, example) in content?.SelectMany(Examples) ?? [("", null)])
            {
                using var response = await SendAsync(path, method, mediaType, example);
                Assert.True((int)response.StatusCode < 300, $"{method} {path} {mediaType}: {await response.Content.ReadAsStringAsync()}");
                await AssertDescribedAsync(response, path, operation);
                sent++;
            }
        }

        Assert.InRange(sent, 16, 1000);
    }

    // In each of these ways where it applies.
    [Theory]
    [InlineData("no key", 401)]
    [InlineData("page", 403)]
    [InlineData("method", 405)]
    [InlineData("body", 400)]
    [InlineData("encoding", 415)]
    [InlineData("size", 413)]
    public async Task Every_refusal_is_described(string wrong, int status)
    {
        var sent = 0;
        foreach (var (path, method, operation) in Operations())
        {
            var isOpen = operation["security"] is JsonArray { Count: 0 };
            var isWrite = operation["tags"]!.AsArray().Any(tag => tag!.GetValue<string>() == "samples");
            if (wrong == "no key" ? isOpen : wrong != "method" && !isWrite && !(wrong == "body" && operation["requestBody"] is not null))
            {
                continue;
            }

            using var request = new HttpRequestMessage(wrong == "method" ? HttpMethod.Patch : HttpMethod.Parse(method), path);
            if (method == "POST")
            {
                request.Content = new ByteArrayContent(wrong == "size" ? Encoding.ASCII.GetBytes(new string('x', 100_001)) : "\"\n"u8.ToArray());
                request.Content.Headers.TryAddWithoutValidation("Content-Type", operation["requestBody"]!["content"]!.AsObject().First().Key);
                request.Content.Headers.TryAddWithoutValidation("Content-Encoding", wrong == "encoding" ? "compress" : null);
            }

            if (wrong == "page")
            {
                request.Headers.Add("Origin", "https://evil.example.org");
            }
            else if (wrong != "no key")
            {
                request.Headers.Authorization = new("Bearer", "the-key");
            }

            using var response = await (wrong == "page" ? open : host).Http.SendAsync(request);
            Assert.True((int)response.StatusCode == status, $"{wrong} {path}: {response.StatusCode}");
            await AssertDescribedAsync(response, path, operation);
            sent++;
        }

        Assert.InRange(sent, 3, 100);
    }

    // Which no example can show.
    [Theory]
    [InlineData(1, 0.42, "the-key", 204)]
    [InlineData(2, 0.42, "the-key", 204)]
    [InlineData(2, double.NaN, "the-key", 204)]
    [InlineData(2, 0.42, "wrong", 401)]
    [InlineData(2, 0.42, "the-key", 400, "")]
    public async Task Remote_write_is_answered_as_described(int version, double value, string key, int status, string name = "described")
    {
        const string Path = "/api/v1/write";
        var series = Series.Of(name, value, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        using var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = new ByteArrayContent(Bodies.Compress("snappy", version == 2 ? Series.Version2(series) : Series.Version1(series))),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", version == 2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request" : "application/x-protobuf");
        request.Content.Headers.ContentEncoding.Add("snappy");
        request.Headers.Authorization = new("Bearer", key);
        using var response = await host.Http.SendAsync(request);
        Assert.Equal(status, (int)response.StatusCode);
        await AssertDescribedAsync(response, Path, host.Document["paths"]![Path]!["post"]!);
    }

    [Fact]
    public void Every_example_of_an_answer_follows_its_schema()
    {
        var seen = 0;
        foreach (var (path, operation) in Items().SelectMany(item => item.Item.Select(entry => (item.Path, entry.Value!))))
        {
            foreach (var (status, response) in operation["responses"]!.AsObject())
            {
                foreach (var (mediaType, media) in response!["content"]?.AsObject() ?? [])
                {
                    foreach (var (_, example) in media!["examples"]?.AsObject() ?? [])
                    {
                        AssertValid(media["schema"]!, example!["value"], $"{path} {status} {mediaType}");
                        seen++;
                    }
                }
            }
        }

        Assert.InRange(seen, 40, 1000);
    }

    [Fact]
    public async Task Every_path_is_described_and_no_other()
    {
        foreach (var path in host.Document["paths"]!.AsObject().Select(path => path.Key))
        {
            using var response = await host.Http.PatchAsync(new Uri(path, UriKind.Relative), null);
            Assert.True(response.StatusCode != HttpStatusCode.NotFound, $"{path} is described but not there.");
        }

        var described = host.Document["paths"]!.AsObject().Select(path => path.Key).Order(StringComparer.Ordinal);
        Assert.Equal(described, host.Paths.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("GET", 200)]
    [InlineData("HEAD", 200)]
    [InlineData("POST", 405)]
    public async Task It_is_answered_without_a_key(string method, int status)
    {
        using var response = await host.Http.SendAsync(new HttpRequestMessage(HttpMethod.Parse(method), "/api/openapi.json"));
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(method == "POST" ? "application/problem+json" : "application/json", response.Content.Headers.ContentType?.MediaType);
    }

    IEnumerable<(string Path, string Method, JsonNode Operation)> Operations() =>
        from item in Items()
        from operation in item.Item
        select (item.Path, operation.Key.ToUpperInvariant(), operation.Value);

    // A path at the root refers to the same one under /api.
    IEnumerable<(string Path, JsonObject Item)> Items() =>
        from path in host.Document["paths"]!.AsObject()
        let other = path.Value!["$ref"]?.GetValue<string>().Replace("~1", "/", StringComparison.Ordinal).Replace("#/paths/", "", StringComparison.Ordinal)
        select (path.Key, (other is null ? path.Value : host.Document["paths"]![other])!.AsObject());

    static IEnumerable<(string MediaType, JsonNode? Example)> Examples(KeyValuePair<string, JsonNode?> content) =>
        from example in content.Value!["examples"]?.AsObject() ?? []
        select (content.Key, example.Value!["value"]);

    async Task<HttpResponseMessage> SendAsync(string path, string method, string mediaType, JsonNode? example)
    {
        using var request = new HttpRequestMessage(HttpMethod.Parse(method), path);
        request.Headers.Authorization = new("Bearer", "the-key");
        if (example is not null)
        {
            request.Content = mediaType == "application/x-www-form-urlencoded"
                ? new FormUrlEncodedContent(example.AsObject().Select(field => KeyValuePair.Create(field.Key, field.Value!.GetValue<string>())))
                : new StringContent(example is JsonValue text ? text.GetValue<string>() : Timely(example.ToJsonString()), Encoding.UTF8, mediaType);
        }

        return await host.Http.SendAsync(request);
    }

    static string Timely(string json)
    {
        var now = DateTimeOffset.UtcNow;
        return json
            .Replace(Rfc3339, now.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", null), StringComparison.Ordinal)
            .Replace(Milliseconds, now.ToUnixTimeMilliseconds().ToString(null, null), StringComparison.Ordinal);
    }

    async Task AssertDescribedAsync(HttpResponseMessage response, string path, JsonNode operation)
    {
        var at = $"{path} {(int)response.StatusCode}";
        var description = operation["responses"]![$"{(int)response.StatusCode}"];
        Assert.True(description is not null, $"{at} is not described.");
        foreach (var header in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated).Select(header => header.Key).Except(OfEveryAnswer))
        {
            Assert.True(description["headers"]?[header] is not null, $"{at} has an undescribed {header}.");
        }

        var body = await response.Content.ReadAsStringAsync();
        if (description["content"] is not { } content)
        {
            Assert.True(body.Length == 0, $"{at} has an undescribed body.");
            return;
        }

        var media = content[response.Content.Headers.ContentType!.MediaType!];
        Assert.True(media is not null, $"{at} has the undescribed type {response.Content.Headers.ContentType}.");
        AssertValid(media["schema"]!, response.Content.Headers.ContentType.MediaType == "text/plain" ? JsonValue.Create(body) : JsonNode.Parse(body), at);
    }

    void AssertValid(JsonNode schema, JsonNode? value, string at)
    {
        // The schemas of a description refer to each other from its root.
        var whole = schema.DeepClone().AsObject();
        whole["$schema"] = "https://json-schema.org/draft/2020-12/schema";
        whole["components"] = host.Document["components"]!.DeepClone();
        using var instance = JsonDocument.Parse(value?.ToJsonString() ?? "null");
        var result = JsonSchema.FromText(whole.ToJsonString()).Evaluate(instance.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        var faults = result.Details?.Where(detail => detail.Errors is not null).SelectMany(detail => detail.Errors!.Values.Select(error => $"{detail.InstanceLocation}: {error}"));
        Assert.True(result.IsValid, $"{at}: {string.Join("; ", faults ?? [])} in {value?.ToJsonString()}");
    }
}
