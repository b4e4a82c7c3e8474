using System.Globalization;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Metrics;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Storage;

namespace MetricsFunctions.Tests.Formats.Metrics;

/// <summary>What was found in a body.</summary>
sealed class Reading
{
    /// <summary>The good samples.</summary>
    public List<string> Rows { get; } = [];

    /// <summary>Where a rule is broken.</summary>
    public List<string> Pointers { get; } = [];

    /// <summary>Whether it is not taken for JSON at all.</summary>
    public bool IsNoJson { get; init; }

    /// <summary>What is no JSON: a line, or the whole body. Where exactly it stops being JSON is a matter of taste.</summary>
    public List<string> Broken { get; } = [];

    public static string Row(string name, string tags, long timestamp, double value) =>
        string.Create(CultureInfo.InvariantCulture, $"{name} {{{tags}}} {timestamp} {BitConverter.DoubleToInt64Bits(value)}");

    /// <summary>Reads a body with a format, in pieces that end at the given places.</summary>
    public static SampleIntake InPieces(SampleFormat format, byte[] body, AcceptedTime accepted, IEnumerable<int> lengths)
    {
        var intake = new SampleIntake();
        intake.Begin(accepted, default);
        var (begin, end) = (0, 0);
        foreach (var length in lengths)
        {
            end = Math.Min(end + length, body.Length);
            begin += format.Read(body.AsSpan(begin..end), isLast: false, intake);
            Assert.InRange(begin, 0, end);
        }

        format.Read(body.AsSpan(begin), isLast: true, intake);
        intake.End();
        return intake;
    }

    /// <summary>Asserts that a format found the same as this.</summary>
    public void AssertEqual(SampleIntake found)
    {
        Assert.Equal(IsNoJson, JsonFormat.GuessedWrong(found));
        if (IsNoJson)
        {
            return;
        }

        if (Broken.Count == 0)
        {
            Assert.Equal(Pointers.Count, found.Refusals.Count);
            Assert.Equal(Pointers.Take(Refusals.MaxListed), found.Refusals.Listed.Select(refusal => refusal.Path));
            if (Pointers.Count == 0)
            {
                Assert.Equal(Rows.Order(StringComparer.Ordinal), RowsOf(found.Block).Order(StringComparer.Ordinal));
            }

            return;
        }

        // Besides what is broken, as many faults as the lines that are not have; a broken one may have shown some before it broke.
        Assert.NotEqual(0, found.Refusals.Count);
        if (Broken is not [""] && found.Refusals.Count <= Refusals.MaxListed)
        {
            var listed = found.Refusals.Listed.Select(refusal => refusal.Path).ToList();
            Assert.All(Broken, line => Assert.Contains(line, listed));
            Assert.Equal(Pointers, listed.Where(pointer => !Broken.Any(line => pointer == line || pointer.StartsWith(line + '/', StringComparison.Ordinal))));
        }
    }

    public static List<string> RowsOf(SampleBlock block)
    {
        var rows = PlainNative.Read(PlainNative.BytesOf(block)).SelectMany(rows => rows).Select(row => Row(row.Name, row.Tags, row.Timestamp, row.Value)).ToList();
        Assert.Equal(block.Count, rows.Count);
        return rows;
    }
}
