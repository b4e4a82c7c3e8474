using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.InfluxLine;

/// <summary>
/// InfluxDB's line protocol (<see href="https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/"/>). A line is known by its
/// number, counted from 0 and with the blank ones, and a broken one leaves the others readable.
/// </summary>
/// <param name="unit">What its timestamps count.</param>
sealed class InfluxLineFormat(TimeUnit unit) : SampleFormat
{
    /// <inheritdoc/>
    public override int MaxSampleBytes => LargestSample;

    /// <inheritdoc/>
    public override bool IsLines => true;

    /// <inheritdoc/>
    public override int EndOfLines(ReadOnlySpan<byte> bytes) => LineText.EndOfLines(bytes);

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        // Senders ask with an empty body whether they may write: Home Assistant does.
        intake.IsList = true;
        var lines = new InfluxLineReader(intake, unit, stackalloc byte[InfluxLineReader.Scratch]);
        var at = 0;
        while (at < bytes.Length)
        {
            var length = LineText.FindLineEnd(bytes[at..]);
            if (length < 0)
            {
                if (!isLast)
                {
                    return at;
                }

                length = bytes.Length - at;
            }

            var line = bytes.Slice(at, length);
            lines.Read(line);

            // Numbered as an editor does, which knows no strings.
            intake.NextItem += 1 + line.Count((byte)'\n');
            at = Math.Min(at + length + 1, bytes.Length);
        }

        return at;
    }
}
