using System.Text;
using System.Text.Json;
using CsCheck;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Formats.InfluxLine;
using MetricsFunctions.Tests.Formats.Metrics;
using MetricsFunctions.Tests.Formats.Otlp;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

/// <summary>How a request may be answered.</summary>
/// <param name="Accepted">How many samples the answer counts, if it does.</param>
/// <param name="Statuses">The statuses.</param>
sealed record Verdict(int? Accepted, params int[] Statuses)
{
    /// <summary>To what is refused before it is decompressed, or while it is.</summary>
    public static Verdict Corrupt { get; } = new(null, 400, 413);

    /// <summary>To what may be read or not.</summary>
    public static Verdict Doubtful { get; } = new(null, 200, 204, 400, 413, 415);

    /// <summary>To what its headers leave unclear.</summary>
    public static Verdict Unsupported { get; } = new(null, 415);

    public static Verdict Refused { get; } = new(null, 400);
}

/// <summary>Bodies in one format, where they go, and what a plain reader says of them.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bodies">Bodies, good and bad.</param>
/// <param name="Twist">Puts a fault of the format into one.</param>
/// <param name="Judge">Says how one may be answered.</param>
/// <param name="Paths">Where it may go.</param>
/// <param name="MediaTypes">What it may be called.</param>
/// <param name="MayBeSnappy">Whether it may be compressed with Snappy without saying so.</param>
sealed record FuzzedProtocol(
    string Name, Gen<byte[]> Bodies, Func<byte[], Random, byte[]> Twist, Func<byte[], Verdict> Judge, string[] Paths, string?[] MediaTypes, bool MayBeSnappy = false)
{
    const string Protobuf = "application/x-protobuf";
    const string Version2 = "io.prometheus.write.v2.Request";

    static readonly AcceptedTime Accepted = new(GenBody.Now, TimeSpan.FromDays(365));
    static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // Their senders call line protocol anything.
    static readonly string?[] AnyMediaTypes = [null, "", "text/plain", "text/plain; charset=utf-8", Http.Bodies.Json, "no media type", "application/x-www-form-urlencoded"];

    public static IReadOnlyList<FuzzedProtocol> All { get; } =
    [
        new(
            "JSON",
            GenBody.Json,
            GenTwists.Json,
            body => Of(PlainJson.OfJson(body, Accepted)),
            ["/api/metrics", "/api//metrics", "/API/metrics?precision=x&db=1"],
            [Http.Bodies.Json, "Application/JSON", "application/json;charset=utf-8", "application/json; charset=\"utf-16\"", "application/json;"]),
        new(
            "NDJSON",
            GenBody.Lines,
            GenTwists.Json,
            body => Of(PlainJson.OfLines(body, Accepted)),
            ["/api/metrics"],
            [Http.Bodies.Ndjson, "application/ndjson", "application/jsonl; charset=latin1", "application/jsonlines", "application/x-jsonlines"]),
        new(
            "what may be JSON",
            GenBody.Guess,
            GenTwists.Json,
            body => Of(PlainJson.OfGuess(body, Accepted)),
            ["/api/metrics"],
            [null, "", Http.Bodies.Text, "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "application/octet-stream"]),
        Lines("in ms", 1_000_000, "/write?precision=ms&db=a&rp=b&u=c&p=d", "/api/v2/write?org=o&bucket=b&precision=ms", "/api/v3/write_lp?db=x&precision=millisecond", "/api/v3/write_lp?precision=ms&accept_partial=false&no_sync=true"),
        Lines("in s", 1_000_000_000, "/write?precision=s", "/api/write?precision=s", "/api/v3/write_lp?precision=second"),
        Lines("in ns", 1, "/write", "/write?precision=", "/api/v2/write", "/api/v2/write?precision=ns&accept_partial=FALSE", "/api/v3/write_lp?precision=nanosecond"),
        new(
            "remote write 1.0",
            GenWrites.Version1,
            GenTwists.Protobuf,
            body => Of(new PlainWrites(body, 1, Accepted)),
            ["/api/v1/write"],
            [null, "", Protobuf, "application/X-protobuf; proto=prometheus.WriteRequest", $"{Protobuf};proto=\"prometheus.WriteRequest\";q=1"],
            MayBeSnappy: true),
        new(
            "remote write 2.0",
            GenWrites.Version2,
            GenTwists.Protobuf,
            body => Of(new PlainWrites(body, 2, Accepted)),
            ["/api/v1/write", "/api//v1/write"],
            [$"{Protobuf};proto={Version2}", $"{Protobuf}; Proto=\"{Version2}\""],
            MayBeSnappy: true),
        new(
            "OTLP in protobuf",
            GenOtlp.Protobuf,
            GenTwists.Protobuf,
            OfOtlp,
            ["/v1/metrics", "/api/v1/metrics"],
            [Protobuf, "Application/x-Protobuf", "application/x-protobuf; charset=x"]),
        new(
            "OTLP in JSON",
            GenOtlp.Json,
            GenTwists.Json,
            OfOtlpJson,
            ["/v1/metrics", "/api/v1/metrics"],
            [Http.Bodies.Json, "application/json; charset=utf-8"]),
    ];

    static FuzzedProtocol Lines(string unit, long nanoseconds, params string[] paths) => new(
        $"line protocol {unit}",
        GenLines.Bodies,
        GenTwists.Lines,
        body => new PlainLines(body, Accepted, nanoseconds).Faulty.Count > 0 ? Verdict.Refused : new Verdict(null, 204),
        paths,
        AnyMediaTypes);

    static Verdict Of(Reading reading) =>
        reading.IsNoJson ? Verdict.Unsupported
        : reading.Pointers.Count + reading.Broken.Count > 0 ? Verdict.Refused
        : new Verdict(reading.Rows.Count, 200);

    static Verdict Of(PlainWrites writes) =>
        writes.IsBroken || writes.Refused > 0 ? Verdict.Refused
        : new Verdict(null, writes.HasBrokenHistogram ? [204, 400] : [204]);

    // What no good point uses need not be read; where the points are has to be.
    static Verdict OfOtlp(byte[] body) =>
        PlainMessage.OfProtobuf("Outline", body) is null ? Verdict.Refused
        : new Verdict(null, PlainMessage.OfProtobuf("Request", body) is null ? [200, 400] : [200]);

    static Verdict OfOtlpJson(byte[] body)
    {
        try
        {
            Utf8.GetCharCount(body);
            using var json = JsonDocument.Parse(body.AsMemory(body.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? 3 : 0));
            return PlainMessage.OfJson("Request", json.RootElement) is null ? Verdict.Refused : new Verdict(null, 200);
        }
        catch (JsonException)
        {
            return Verdict.Refused;
        }
        catch (Exception e) when (e is InvalidOperationException or DecoderFallbackException)
        {
            // Text that is no Unicode makes a whole body unreadable for this reader, and ours leaves out what has it.
            return new Verdict(null, 200, 400);
        }
    }
}
