using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using MetricsFunctions.Ingestion.Formats.Json;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Benchmarks.Micro;

/// <summary>What a sample costs between the socket and the writer: reading it from JSON, checking it, encoding it as a row.</summary>
[MemoryDiagnoser]
public class JsonSampleReaderBenchmarks
{
    static readonly DateTimeOffset Now = new(2026, 11, 23, 17, 0, 0, TimeSpan.Zero);

    readonly ReadOnlySequence<byte> _smallest = Body("""{"metric_name": "cpu_load", "metric_value": 0.42}""");

    readonly ReadOnlySequence<byte> _full = Body("""
        {"metric_name": "cpu_load", "metric_value": 0.42, "timestamp": "2026-11-23T17:00:00.123Z", "tags": {"host": "a1", "core": "0", "dc": "fra1"}}
        """);

    readonly byte[] _name = "cpu_load"u8.ToArray();
    readonly AcceptedTime _accepted = new(Now, TimeSpan.FromDays(365));
    readonly SampleBlock _block = new();
    readonly Refusals _refusals = new();

    /// <summary>Name and value.</summary>
    [Benchmark]
    public int Smallest() => Read(_smallest);

    /// <summary>Name, value, timestamp and three tags.</summary>
    [Benchmark]
    public int TimestampAndTags() => Read(_full);

    /// <summary>The part of <see cref="Smallest"/> that is not JSON.</summary>
    [Benchmark]
    public int BlockAlone()
    {
        _block.TryReset();
        _block.Begin(_accepted.Now);
        _block.Add(_name, 0.42, _accepted.Now);
        return _block.Count;
    }

    int Read(ReadOnlySequence<byte> body)
    {
        _block.TryReset();
        _block.Begin(_accepted.Now);
        JsonSampleReader.Read(body, _block, _accepted, _refusals);
        return _block.Count == 1 ? 1 : throw new InvalidOperationException("The sample was refused.");
    }

    static ReadOnlySequence<byte> Body(string json) => new(Encoding.UTF8.GetBytes(json));
}
