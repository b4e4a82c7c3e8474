using System.Globalization;
using System.Text;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;
using MetricsFunctions.Tests.Http;

namespace MetricsFunctions.Tests.Abuse;

/// <summary>A body that is small as it is sent and becomes as much as it can: in each protocol, what many rows share and each of them has.</summary>
/// <param name="Protocol">What it is written in.</param>
/// <param name="Path">Where it goes.</param>
/// <param name="MediaType">What it is.</param>
/// <param name="Content">The body before it is compressed.</param>
/// <param name="IsMessage">Whether it is a protobuf message, which may have another field behind its end.</param>
sealed record WorstBody(string Protocol, string Path, string MediaType, byte[] Content, bool IsMessage = false)
{
    const int Tags = 90;
    const int Rows = 10_000;
    const int Unknown = 15;

    static readonly string Value = new('v', 250);
    static readonly (string, string)[] Labels = [("__name__", "worst"), .. Enumerable.Range(0, Tags).Select(i => ($"k{i:00}", Value))];

    static int _sent;

    readonly byte[] _compressed = Bodies.Compress("gzip", Content);

    /// <summary>One for each protocol.</summary>
    public static IReadOnlyList<WorstBody> All { get; } = Make();

    /// <summary>A request with it that is not the same as another.</summary>
    public byte[] Request()
    {
        // gzip goes on in another member.
        byte[] other = IsMessage ? Bodies.Compress("gzip", new Proto().Varint(Unknown, (long)Interlocked.Increment(ref _sent)).ToArray()) : [];
        byte[] body = [.. _compressed, .. other];
        return [.. RawConnection.Head(Path, MediaType, $"Content-Length: {body.Length}\r\n", "Content-Encoding: gzip\r\n"), .. body];
    }

    static WorstBody[] Make()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var tags = string.Join(',', Labels.Skip(1).Select(label => $"\"{label.Item1}\":\"{label.Item2}\""));
        var sample = $$$"""{"metric_name":"worst","metric_value":1,"tags":{{{{tags}}}}}""";
        var series = new Series(Labels) { Samples = [.. Enumerable.Range(0, Rows).Select(i => Series.Sample(1, now - i))] };
        var nanoseconds = now.ToString(CultureInfo.InvariantCulture) + "000000";
        var attributes = string.Join(',', Labels.Skip(1).Select(label => $$$"""{"key":"{{{label.Item1}}}","value":{"stringValue":"{{{label.Item2}}}"}}"""));
        var point = $$"""{"timeUnixNano":"{{nanoseconds}}","asDouble":1}""";
        var points = string.Join(',', Enumerable.Repeat(point, Rows));
        var resource = new Proto()
            .Message(1, Labels.Skip(1).Aggregate(new Proto(), (sum, label) => sum.Message(1, Attribute(label.Item1, label.Item2))));
        var numbers = Otlp(resource, new Proto().Text(1, "worst").Message(5, Repeated(1, Rows, _ => Fixed64(3, now * 1_000_000).Double(4, 1))));

        // Each bucket is a row, and each point has its own.
        var bounds = new Proto().PackedDoubles(7, Enumerable.Range(0, 999).Select(i => (double)i)).ToArray();
        var counts = new Proto().Raw(6, new byte[1000 * sizeof(ulong)]).ToArray();
        var histograms = Otlp(resource, new Proto().Text(1, "worst").Message(9, Repeated(1, Rows / 100, i =>
            Fixed64(3, now * 1_000_000).Append(counts).Append(bounds).Message(9, Attribute("own", $"{i}"))).Varint(2, 2L)));
        return
        [
            new("JSON", "/api/metrics", Bodies.Json, Encoding.ASCII.GetBytes($"[{string.Join(',', Enumerable.Repeat(sample, 1000))}]")),
            new("NDJSON", "/api/metrics", Bodies.Ndjson, Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(sample + "\n", 1000)))),
            new("line protocol", "/write", Bodies.Text, Encoding.ASCII.GetBytes(
                $"worst,{string.Join(',', Labels.Skip(1).Select(label => $"{label.Item1}={label.Item2}"))} {string.Join(',', Enumerable.Range(0, Rows).Select(i => $"f{i}=1"))}")),
            new("remote write 1.0", "/api/v1/write", "application/x-protobuf", Series.Version1(series), IsMessage: true),
            new("remote write 2.0", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", Series.Version2(series), IsMessage: true),
            new("OTLP", "/v1/metrics", "application/x-protobuf", numbers, IsMessage: true),
            new("OTLP, histograms", "/v1/metrics", "application/x-protobuf", histograms, IsMessage: true),
            new("OTLP in JSON", "/v1/metrics", Bodies.Json, Encoding.ASCII.GetBytes($$$"""
                {"resourceMetrics":[{"resource":{"attributes":[{{{attributes}}}]},"scopeMetrics":[{"metrics":[{"name":"worst","gauge":{"dataPoints":[{{{points}}}]}}]}]}]}
                """)),
        ];
    }

    static byte[] Otlp(Proto resource, Proto metric) => new Proto().Message(1, new Proto().Append(resource.ToArray()).Message(2, new Proto().Message(2, metric))).ToArray();

    static Proto Attribute(string key, string value) => new Proto().Text(1, key).Message(2, new Proto().Text(1, value));

    static Proto Fixed64(int field, long value) => new Proto().Double(field, BitConverter.Int64BitsToDouble(value));

    static Proto Repeated(int field, int count, Func<int, Proto> message) => new Proto().Messages(field, Enumerable.Range(0, count).Select(message));
}
