using System.Text;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Json;

/// <summary>A JSON text (RFC 8259): one sample's object, or an array of them.</summary>
sealed class JsonFormat : SampleFormat
{
    // Where in the text a reader is; kept in SampleIntake.State between the pieces of a body.
    enum State
    {
        Start,
        BehindMark,
        BehindBracket,
        BehindComma,
        BehindItem,
        End,
        Broken,
    }

    /// <inheritdoc/>
    public override int MaxSampleBytes => LargestSample;

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        var state = (State)intake.State;
        var read = Read(bytes, isLast, intake, ref state);
        intake.State = (int)state;
        intake.IsOver = state == State.Broken;
        return read;
    }

    static int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake, ref State state)
    {
        if (state == State.Start && bytes.Length < Encoding.UTF8.Preamble.Length && !isLast)
        {
            return 0;
        }

        // RFC 8259 section 8.1 lets a parser ignore a byte order mark; editors and shells on Windows write it.
        if (state == State.Start && bytes.StartsWith(Encoding.UTF8.Preamble))
        {
            state = State.BehindMark;
            return Encoding.UTF8.Preamble.Length + Read(bytes[Encoding.UTF8.Preamble.Length..], isLast, intake, ref state);
        }

        var refusals = intake.Refusals;
        var samples = new JsonSampleReader(intake, stackalloc byte[JsonSampleReader.Scratch]);
        samples.Begin(bytes, isLast);
        while (state != State.Broken)
        {
            var next = samples.Json.Next();
            if (samples.Json.RanOut)
            {
                if (isLast && intake.IsList && state != State.End)
                {
                    refusals.Item = null;
                    refusals.Add("", "is cut off: the array does not end");
                }

                break;
            }

            switch (state, next)
            {
                case (State.Start or State.BehindMark, (byte)'['):
                    intake.IsList = true;
                    state = State.BehindBracket;
                    samples.Json.Step();
                    break;
                case (State.BehindBracket or State.BehindItem, (byte)']'):
                    state = State.End;
                    samples.Json.Step();
                    break;
                case (State.BehindItem, (byte)','):
                    state = State.BehindComma;
                    samples.Json.Step();
                    break;
                case (State.End or State.BehindItem, _):
                    refusals.Item = null;
                    refusals.Add("", state == State.End && !intake.IsList
                        ? "goes on behind its object: send several samples as a JSON array, or one a line as application/x-ndjson"
                        : "is not valid JSON: its array goes on with neither a comma nor its end, or something follows it");
                    state = State.Broken;
                    break;
                default:
                    var begin = samples.Json.At;
                    var faults = refusals.Count;
                    refusals.Item = intake.IsList ? intake.NextItem : null;
                    if (samples.Read(depth: intake.IsList ? 1 : 0))
                    {
                        state = intake.IsList ? State.BehindItem : State.End;
                        intake.NextItem++;
                    }
                    else if (samples.Json.RanOut && !isLast)
                    {
                        // It will be read from its beginning, when there is more of it.
                        refusals.Rewind(faults);
                        return begin;
                    }
                    else
                    {
                        refusals.Add("", samples.Json.Describe(begin));
                        state = State.Broken;
                    }

                    break;
            }
        }

        return bytes.Length;
    }
}
