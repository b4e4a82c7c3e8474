using System.Globalization;
using System.Text;
using BenchmarkDotNet.Attributes;
using MetricsFunctions.Ingestion.Formats.InfluxLine;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Benchmarks.Micro;

/// <summary>What a body of Telegraf's costs: a thousand lines of two tags and two fields, all good or with a fault in every hundredth.</summary>
[MemoryDiagnoser]
public class InfluxLineBenchmarks
{
    const int Lines = 1000;
    const int FieldsPerLine = 2;

    static readonly DateTimeOffset Now = new(2026, 11, 23, 17, 0, 0, TimeSpan.Zero);

    readonly InfluxLineFormat _format = new(TimeUnit.Nanosecond);
    readonly byte[] _good = Body(_ => false);
    readonly byte[] _faulty = Body(line => line % 100 == 50);
    readonly AcceptedTime _accepted = new(Now, TimeSpan.FromDays(365));
    readonly SampleIntake _intake = new();

    /// <summary>Every line is good.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Lines)]
    public int GoodLine() => Read(_good, refused: 0);

    /// <summary>Of every hundredth the last field has a fault, so that a sample is removed again.</summary>
    [Benchmark(OperationsPerInvoke = Lines)]
    public int LineOfOneInHundredFaulty() => Read(_faulty, refused: Lines / 100);

    int Read(byte[] body, int refused)
    {
        _intake.TryReset();
        _intake.Begin(_accepted, default);
        _format.Read(body, isLast: true, _intake);
        return _intake.Block.Count == (Lines - refused) * FieldsPerLine && _intake.Refusals.Count == refused
            ? Lines
            : throw new InvalidOperationException("Other lines were refused than have a fault.");
    }

    static byte[] Body(Func<int, bool> isFaulty) => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, Lines).Select(line => string.Create(
        CultureInfo.InvariantCulture,
        $"cpu,cpu=cpu{line % 8},host=a{line} usage_idle={line / 7.0:0.000},usage_user={(isFaulty(line) ? "x" : "1.25")} {Now.ToUnixTimeMilliseconds()}000000\n"))));
}
