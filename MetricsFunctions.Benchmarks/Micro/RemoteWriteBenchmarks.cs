using System.Text;
using BenchmarkDotNet.Attributes;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Benchmarks.Micro;

/// <summary>What a sample costs that Prometheus sends: one of each of many series, as after a scrape, with five labels.</summary>
[MemoryDiagnoser]
public class RemoteWriteBenchmarks
{
    const int Rows = 5000;

    static readonly DateTimeOffset Now = new(2026, 11, 23, 17, 0, 0, TimeSpan.Zero);

    readonly WriteRequestFormat _version1 = new();
    readonly WriteRequest2Format _version2 = new();
    readonly byte[] _request1 = Version1();
    readonly byte[] _request2 = Version2();
    readonly AcceptedTime _accepted = new(Now, TimeSpan.FromDays(365));
    readonly SampleIntake _intake = new();

    /// <summary>Remote write 1.0: the labels are in each series.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public int SampleOfVersion1() => Read(_version1, _request1);

    /// <summary>Remote write 2.0: the labels are references to symbols.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public int SampleOfVersion2() => Read(_version2, _request2);

    int Read(SampleFormat format, byte[] request)
    {
        _intake.TryReset();
        _intake.Begin(_accepted, default);
        format.Read(request, isLast: true, _intake);
        return _intake.Block.Count == Rows && _intake.Refusals.Count == 0 ? Rows : throw new InvalidOperationException("Samples were refused.");
    }

    static (string Name, string Value)[] Labels(int series) =>
    [
        ("__name__", "http_requests_total"), ("handler", $"/api/v1/{series}"), ("instance", "10.0.0.17:9090"), ("job", "api-server"), ("method", "GET"),
    ];

    static byte[] Version1()
    {
        var request = new MemoryStream();
        for (var i = 0; i < Rows; i++)
        {
            var series = new MemoryStream();
            foreach (var (name, value) in Labels(i))
            {
                var label = new MemoryStream();
                WriteBytes(label, 1, Encoding.UTF8.GetBytes(name));
                WriteBytes(label, 2, Encoding.UTF8.GetBytes(value));
                WriteBytes(series, 1, label.ToArray());
            }

            WriteBytes(series, 2, Sample(i));
            WriteBytes(request, 1, series.ToArray());
        }

        return request.ToArray();
    }

    static byte[] Version2()
    {
        var symbols = new Dictionary<string, ulong> { [""] = 0 };
        var messages = new MemoryStream();
        for (var i = 0; i < Rows; i++)
        {
            var references = new MemoryStream();
            foreach (var text in Labels(i).SelectMany(label => new[] { label.Name, label.Value }))
            {
                symbols.TryAdd(text, (ulong)symbols.Count);
                WriteVarint(references, symbols[text]);
            }

            var series = new MemoryStream();
            WriteBytes(series, 1, references.ToArray());
            WriteBytes(series, 2, Sample(i));
            WriteBytes(messages, 5, series.ToArray());
        }

        var request = new MemoryStream();
        foreach (var symbol in symbols.OrderBy(entry => entry.Value))
        {
            WriteBytes(request, 4, Encoding.UTF8.GetBytes(symbol.Key));
        }

        request.Write(messages.ToArray());
        return request.ToArray();
    }

    static byte[] Sample(int value)
    {
        var sample = new MemoryStream();
        sample.WriteByte((1 << 3) | 1);
        sample.Write(BitConverter.GetBytes((double)value));
        sample.WriteByte(2 << 3);
        WriteVarint(sample, (ulong)Now.ToUnixTimeMilliseconds());
        return sample.ToArray();
    }

    static void WriteBytes(MemoryStream message, int field, byte[] value)
    {
        message.WriteByte((byte)((field << 3) | 2));
        WriteVarint(message, (ulong)value.Length);
        message.Write(value);
    }

    static void WriteVarint(MemoryStream message, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            message.WriteByte((byte)(value | 0x80));
        }

        message.WriteByte((byte)value);
    }
}
