using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using Snappier;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>A protocol to send samples in.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Path">Where it is spoken.</param>
/// <param name="MediaType">What its bodies are sent as.</param>
/// <param name="Write">Writes a body.</param>
sealed record ProtocolBody(string Name, string Path, string MediaType, Func<AgentSample[], byte[]> Write)
{
    /// <summary>How its bodies are compressed, where that is not left to the sender.</summary>
    public string? Encoding { get; init; }

    /// <summary>
    /// What a body has of the value and the time of a sample, which lie together in it; as long for any value from 100 to 999 and any time.
    /// </summary>
    public Func<double, long, byte[]>? Point { get; init; }

    /// <summary>What the others are compared with.</summary>
    public static ProtocolBody Ndjson { get; } = new("NDJSON", "/api/metrics", "application/x-ndjson", samples => Lines(
        samples,
        one => $"{{\"metric_name\":\"cpu_load\",\"metric_value\":{one.Value:0.000},\"timestamp\":{one.Time},\"tags\":{{\"host\":\"{one.Host}\",\"core\":\"{one.Core}\",\"dc\":\"fra1\"}}}}\n"))
    {
        Point = (value, time) => Utf8($"{value:0.000},\"timestamp\":{time}"),
    };

    public static ProtocolBody LineProtocol { get; } = new("line protocol", "/api/v2/write?precision=ms", "text/plain", samples => Lines(
        samples, one => $"cpu_load,host={one.Host},core={one.Core},dc=fra1 value={one.Value:0.000} {one.Time}\n"))
    {
        Point = (value, time) => Utf8($"{value:0.000} {time}"),
    };

    public static ProtocolBody RemoteWrite { get; } = new("remote write 1.0", "/api/v1/write", "application/x-protobuf", RemoteWrite1)
    {
        Encoding = "snappy",
        Point = (value, time) => Wire(point =>
        {
            point.AppendFixed64(BitConverter.DoubleToUInt64Bits(value));
            point.WriteVarint(2, (ulong)time);
        }),
    };

    public static ProtocolBody Otlp { get; } = new("OTLP in protobuf", "/api/v1/metrics", "application/x-protobuf", OtlpProtobuf)
    {
        Point = (value, time) => Wire(point =>
        {
            point.AppendFixed64((ulong)time * 1_000_000);
            point.WriteFixed64(4, BitConverter.DoubleToUInt64Bits(value));
        }),
    };

    public static IReadOnlyList<ProtocolBody> All { get; } =
    [
        Ndjson,
        LineProtocol,
        RemoteWrite,
        new("remote write 2.0", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", RemoteWrite2) { Encoding = "snappy" },
        Otlp,
        new("OTLP in JSON", "/api/v1/metrics", "application/json", OtlpJson),
    ];

    /// <summary>Sends a body.</summary>
    /// <exception cref="ComparisonException">It was answered otherwise than with success.</exception>
    public async Task SendAsync(HttpClient http, Uri server, byte[] body, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, Path)) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(MediaType);
        if (Encoding is not null)
        {
            request.Content.Headers.ContentEncoding.Add(Encoding);
        }

        using var response = await http.SendAsync(request, stop);
        if (!response.IsSuccessStatusCode)
        {
            throw new ComparisonException($"{Name} was answered {response.StatusCode}: {await response.Content.ReadAsStringAsync(stop)}");
        }
    }

    static byte[] Utf8(FormattableString text) => System.Text.Encoding.UTF8.GetBytes(text.ToString(CultureInfo.InvariantCulture));

    static byte[] Wire(Action<WireWriter> write)
    {
        using var wire = new WireWriter(64);
        write(wire);
        return wire.Written.ToArray();
    }

    static byte[] Lines(AgentSample[] samples, Func<AgentSample, FormattableString> line)
    {
        var body = new StringBuilder();
        foreach (var sample in samples)
        {
            body.Append(line(sample).ToString(CultureInfo.InvariantCulture));
        }

        return System.Text.Encoding.UTF8.GetBytes(body.ToString());
    }

    static byte[] RemoteWrite1(AgentSample[] samples)
    {
        using var request = new WireWriter(1 << 20);
        foreach (var sample in samples)
        {
            var series = request.Begin(1);
            foreach (var (name, value) in sample.Labels)
            {
                var label = request.Begin(1);
                request.WriteBytes(1, System.Text.Encoding.UTF8.GetBytes(name));
                request.WriteBytes(2, System.Text.Encoding.UTF8.GetBytes(value));
                request.End(label);
            }

            WritePoint(request, sample);
            request.End(series);
        }

        return Snappy.CompressToArray(request.Written);
    }

    static byte[] RemoteWrite2(AgentSample[] samples)
    {
        var symbols = new Dictionary<string, ulong> { [""] = 0 };
        foreach (var (name, value) in samples.SelectMany(sample => sample.Labels))
        {
            symbols.TryAdd(name, (ulong)symbols.Count);
            symbols.TryAdd(value, (ulong)symbols.Count);
        }

        using var request = new WireWriter(1 << 20);
        foreach (var (symbol, _) in symbols.OrderBy(symbol => symbol.Value))
        {
            request.WriteBytes(4, System.Text.Encoding.UTF8.GetBytes(symbol));
        }

        foreach (var sample in samples)
        {
            var series = request.Begin(5);
            var references = request.Begin(1);
            foreach (var (name, value) in sample.Labels)
            {
                request.AppendVarint(symbols[name]);
                request.AppendVarint(symbols[value]);
            }

            request.End(references);
            WritePoint(request, sample);
            request.End(series);
        }

        return Snappy.CompressToArray(request.Written);
    }

    static void WritePoint(WireWriter series, AgentSample sample)
    {
        var point = series.Begin(2);
        series.WriteFixed64(1, BitConverter.DoubleToUInt64Bits(sample.Value));
        series.WriteVarint(2, (ulong)sample.Time);
        series.End(point);
    }

    static byte[] OtlpProtobuf(AgentSample[] samples)
    {
        using var request = new WireWriter(1 << 20);
        var (resource, scope, metric) = (request.Begin(1), request.Begin(2), request.Begin(2));
        request.WriteBytes(1, "cpu_load"u8);
        var gauge = request.Begin(5);
        foreach (var sample in samples)
        {
            var point = request.Begin(1);
            foreach (var (name, value) in sample.Labels[1..])
            {
                var attribute = request.Begin(7);
                request.WriteBytes(1, System.Text.Encoding.UTF8.GetBytes(name));
                var text = request.Begin(2);
                request.WriteBytes(1, System.Text.Encoding.UTF8.GetBytes(value));
                request.End(text);
                request.End(attribute);
            }

            request.WriteFixed64(3, (ulong)sample.Time * 1_000_000);
            request.WriteFixed64(4, BitConverter.DoubleToUInt64Bits(sample.Value));
            request.End(point);
        }

        foreach (var begin in new[] { gauge, metric, scope, resource })
        {
            request.End(begin);
        }

        return request.Written.ToArray();
    }

    static byte[] OtlpJson(AgentSample[] samples)
    {
        var points = samples.Select(one =>
        {
            var attributes = one.Labels[1..].Select(label => $$$"""{"key":"{{{label.Name}}}","value":{"stringValue":"{{{label.Value}}}"}}""");
            return string.Create(
                CultureInfo.InvariantCulture, $$"""{"attributes":[{{string.Join(',', attributes)}}],"timeUnixNano":"{{one.Time * 1_000_000}}","asDouble":{{one.Value:0.000}} }""");
        });
        return System.Text.Encoding.UTF8.GetBytes(
            $$$"""{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"cpu_load","gauge":{"dataPoints":[{{{string.Join(',', points)}}}]}}]}]}]}""");
    }
}

/// <summary>A sample of <c>cpu_load</c>, as an agent's collection has one of each series.</summary>
/// <param name="Host">Value of the tag <c>host</c>.</param>
/// <param name="Core">Value of the tag <c>core</c>.</param>
/// <param name="Value">The value.</param>
/// <param name="Time">Unix milliseconds.</param>
readonly record struct AgentSample(string Host, string Core, double Value, long Time)
{
    /// <summary>Its name and its tags.</summary>
    public (string Name, string Value)[] Labels => [("__name__", "cpu_load"), ("core", Core), ("dc", "fra1"), ("host", Host)];

    /// <summary>What an agent collects at a time: a sample of each of its series.</summary>
    public static IEnumerable<AgentSample> Collect(int agent, int series, long time) =>
        Enumerable.Range(0, series).Select(i => new AgentSample($"a{agent}-{i / 100}", $"{i % 100}", i / 1000.0, time));
}
