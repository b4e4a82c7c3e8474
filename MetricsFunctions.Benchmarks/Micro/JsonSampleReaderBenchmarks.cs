using System.Text;
using BenchmarkDotNet.Attributes;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Metrics;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Benchmarks.Micro;

/// <summary>What a sample costs between the socket and the writer: reading it from JSON, checking it, encoding it as a row.</summary>
[MemoryDiagnoser]
public class JsonSampleReaderBenchmarks
{
    const int Rows = 10_000;
    const string SmallestSample = """{"metric_name": "cpu_load", "metric_value": 0.42}""";

    const string FullSample = """
        {"metric_name": "cpu_load", "metric_value": 0.42, "timestamp": "2026-11-23T17:00:00.123Z", "tags": {"host": "a1", "core": "0", "dc": "fra1"}}
        """;

    static readonly DateTimeOffset Now = new(2026, 11, 23, 17, 0, 0, TimeSpan.Zero);

    readonly JsonFormat _json = new();
    readonly NdjsonFormat _ndjson = new();
    readonly byte[] _smallest = Encoding.UTF8.GetBytes(SmallestSample);
    readonly byte[] _full = Encoding.UTF8.GetBytes(FullSample);
    readonly byte[] _array = Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat(SmallestSample, Rows))}]");
    readonly byte[] _lines = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Repeat(SmallestSample, Rows)));
    readonly byte[] _fullLines = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Repeat(FullSample, Rows)));
    readonly byte[] _name = "cpu_load"u8.ToArray();
    readonly AcceptedTime _accepted = new(Now, TimeSpan.FromDays(365));
    readonly SampleIntake _intake = new();

    /// <summary>Name and value.</summary>
    [Benchmark]
    public int Smallest() => Read(_json, _smallest, 1);

    /// <summary>Name, value, timestamp and three tags.</summary>
    [Benchmark]
    public int TimestampAndTags() => Read(_json, _full, 1);

    /// <summary>The part of <see cref="Smallest"/> that is not JSON.</summary>
    [Benchmark]
    public int BlockAlone()
    {
        Begin();
        _intake.Block.Add(_name, 0.42, _accepted.Now);
        return _intake.Block.Count;
    }

    /// <summary>A row of an array: name and value.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public int ArrayRow() => Read(_json, _array, Rows);

    /// <summary>A row of NDJSON: name and value.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public int Line() => Read(_ndjson, _lines, Rows);

    /// <summary>A row of NDJSON: name, value, timestamp and three tags.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public int LineWithTimestampAndTags() => Read(_ndjson, _fullLines, Rows);

    int Read(SampleFormat format, byte[] body, int rows)
    {
        Begin();
        format.Read(body, isLast: true, _intake);
        return _intake.Block.Count == rows ? rows : throw new InvalidOperationException("Samples were refused.");
    }

    void Begin()
    {
        _intake.TryReset();
        _intake.Begin(_accepted, default);
    }
}
