using System.Text;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Metrics;

/// <summary>
/// A sample's JSON object a line (<see href="https://github.com/ndjson/ndjson-spec"/>). A sample is known by its line, counted from 0 and
/// with the blank ones, and a broken line leaves the others readable.
/// </summary>
sealed class NdjsonFormat : SampleFormat
{
    /// <inheritdoc/>
    public override int MaxSampleBytes => LargestSample;

    /// <inheritdoc/>
    public override bool IsLines => true;

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        var samples = new JsonSampleReader(intake, stackalloc byte[JsonSampleReader.Scratch]);
        var mark = intake.NextItem == 0 && bytes.StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        var at = mark;
        while (at < bytes.Length)
        {
            var length = bytes[at..].IndexOf((byte)'\n');
            if (length < 0)
            {
                if (!isLast)
                {
                    return at > mark ? at : 0;
                }

                length = bytes.Length - at;
            }

            samples.Begin(bytes.Slice(at, length), isLast: true);
            ReadLine(ref samples, intake);
            intake.NextItem++;
            at = Math.Min(at + length + 1, bytes.Length);
        }

        return at > mark || isLast ? at : 0;
    }

    static void ReadLine(ref JsonSampleReader samples, SampleIntake intake)
    {
        samples.Json.Next();
        if (samples.Json.RanOut)
        {
            return;
        }

        intake.IsList = true;
        var refusals = intake.Refusals;
        refusals.Item = intake.NextItem;
        var begin = samples.Json.At;
        if (!samples.Read(depth: 0))
        {
            refusals.Add(FaultKind.Syntax, "", refusals.IsFull ? "" : samples.Json.Describe(begin));
            return;
        }

        samples.Json.Next();
        if (!samples.Json.RanOut)
        {
            refusals.Add(FaultKind.Syntax, "", "goes on behind its object: one object a line is expected");
        }
    }
}
