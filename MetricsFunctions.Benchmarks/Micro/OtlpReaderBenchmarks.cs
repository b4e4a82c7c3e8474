using System.Globalization;
using System.Text;
using BenchmarkDotNet.Attributes;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Otlp;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Benchmarks.Micro;

/// <summary>What a sample of OTLP costs between the socket and the writer: a body of many points of one service, each with three attributes.</summary>
[MemoryDiagnoser]
public class OtlpReaderBenchmarks
{
    const int Samples = 5_000;
    const int SamplesOfHistogram = 10;

    static readonly DateTimeOffset Now = new(2026, 11, 23, 17, 0, 0, TimeSpan.Zero);
    static readonly long Time = Now.ToUnixTimeMilliseconds() * 1_000_000;

    static readonly (string Key, string Value)[] Resource = [("service.name", "shop"), ("service.instance.id", "a1"), ("telemetry.sdk.name", "opentelemetry")];
    static readonly (string Key, string Value)[] Attributes = [("http.request.method", "GET"), ("http.route", "/users/{id}"), ("core", "0")];
    static readonly double[] Bounds = [0.005, 0.01, 0.1, 1, 10];

    readonly OtlpProtobufFormat _protobuf = new();
    readonly OtlpJsonFormat _json = new();
    readonly byte[] _numbers = Protobuf(MetricKind.Gauge, Samples);
    readonly byte[] _histograms = Protobuf(MetricKind.Histogram, Samples / SamplesOfHistogram);
    readonly byte[] _jsonNumbers = Json();
    readonly AcceptedTime _accepted = new(Now, TimeSpan.FromDays(365));
    readonly SampleIntake _intake = new();

    /// <summary>A gauge's point in protobuf.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int ProtobufNumber() => Read(_protobuf, _numbers);

    /// <summary>A sample of a histogram with six buckets, in protobuf.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int ProtobufHistogramSample() => Read(_protobuf, _histograms);

    /// <summary>A gauge's point in JSON.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int JsonNumber() => Read(_json, _jsonNumbers);

    int Read(SampleFormat format, byte[] body)
    {
        _intake.TryReset();
        _intake.Begin(_accepted, default);
        format.Read(body, isLast: true, _intake);
        return _intake.Block.Count == Samples ? Samples : throw new InvalidOperationException("Samples were refused.");
    }

    static byte[] Protobuf(MetricKind kind, int points)
    {
        using var request = new WireWriter(1024 * 1024);
        var resourceMetrics = request.Begin(1);
        var resource = request.Begin(1);
        Write(request, 1, Resource);
        request.End(resource);
        var scopeMetrics = request.Begin(2);
        var metric = request.Begin(2);
        request.WriteBytes(1, "http.server.request.duration"u8);
        request.WriteBytes(3, "s"u8);
        var data = request.Begin((int)kind);
        for (var i = 0; i < points; i++)
        {
            var point = request.Begin(1);
            request.WriteFixed64(2, (ulong)Time);
            request.WriteFixed64(3, (ulong)Time);
            if (kind == MetricKind.Gauge)
            {
                request.WriteFixed64(4, BitConverter.DoubleToUInt64Bits(0.42 + i));
                Write(request, 7, Attributes);
            }
            else
            {
                WriteHistogram(request);
            }

            request.End(point);
        }

        request.WriteVarint(2, (ulong)Temporality.Cumulative);
        foreach (var begin in new[] { data, metric, scopeMetrics, resourceMetrics })
        {
            request.End(begin);
        }

        return request.Written.ToArray();
    }

    // Six buckets, the count, the sum, the minimum and the maximum.
    static void WriteHistogram(WireWriter point)
    {
        point.WriteFixed64(4, 21);
        point.WriteFixed64(5, BitConverter.DoubleToUInt64Bits(12.5));
        var counts = point.Begin(6);
        for (var i = 1UL; i <= 6; i++)
        {
            point.AppendFixed64(i);
        }

        point.End(counts);
        var bounds = point.Begin(7);
        foreach (var bound in Bounds)
        {
            point.AppendFixed64(BitConverter.DoubleToUInt64Bits(bound));
        }

        point.End(bounds);
        Write(point, 9, Attributes);
        point.WriteFixed64(11, BitConverter.DoubleToUInt64Bits(0.001));
        point.WriteFixed64(12, BitConverter.DoubleToUInt64Bits(11));
    }

    static void Write(WireWriter message, int field, (string Key, string Value)[] attributes)
    {
        foreach (var (key, value) in attributes)
        {
            var attribute = message.Begin(field);
            message.WriteBytes(1, Encoding.UTF8.GetBytes(key));
            var any = message.Begin(2);
            message.WriteBytes(1, Encoding.UTF8.GetBytes(value));
            message.End(any);
            message.End(attribute);
        }
    }

    static byte[] Json()
    {
        var points = Enumerable.Range(0, Samples).Select(i => string.Create(
            CultureInfo.InvariantCulture, $$"""{"attributes":{{List(Attributes)}},"startTimeUnixNano":"{{Time}}","timeUnixNano":"{{Time}}","asDouble":{{0.42 + i}}}"""));
        return Encoding.UTF8.GetBytes(
            $$$"""{"resourceMetrics":[{"resource":{"attributes":{{{List(Resource)}}}},"scopeMetrics":[{"metrics":[{"name":"http.server.request.duration","unit":"s","gauge":{"dataPoints":[{{{string.Join(',', points)}}}]}}]}]}]}""");
    }

    static string List((string Key, string Value)[] attributes) =>
        $"[{string.Join(',', attributes.Select(attribute => $"{{\"key\":\"{attribute.Key}\",\"value\":{{\"stringValue\":\"{attribute.Value}\"}}}}"))}]";
}
