using System.Text;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Metrics;

/// <summary>A JSON text (RFC 8259): one sample's object, or an array of them.</summary>
/// <param name="isGuess">
/// Whether the sender did not say that it is JSON. Then there may be several objects behind each other, as lines or not: curl's <c>-d @file</c>
/// takes the line breaks out. And a body that begins as neither object nor array is not read at all.
/// </param>
sealed class JsonFormat(bool isGuess = false) : SampleFormat
{
    // Where in the text a reader is; kept in SampleIntake.State between the pieces of a body.
    enum State
    {
        Start,
        BehindMark,
        BehindBracket,
        BehindComma,
        BehindItem,
        BehindArray,
        BehindSample,
        Broken,
        NoJson,
    }

    /// <inheritdoc/>
    public override int MaxSampleBytes => LargestSample;

    /// <summary>Whether a body that was guessed to be JSON is none.</summary>
    /// <param name="intake">What became of it.</param>
    public static bool GuessedWrong(SampleIntake intake) => intake.State == (int)State.NoJson;

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        var state = (State)intake.State;
        var read = Read(bytes, isLast, intake, ref state);
        intake.State = (int)state;
        intake.IsOver = state is State.Broken or State.NoJson;
        return read;
    }

    int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake, ref State state)
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
        while (state is not (State.Broken or State.NoJson))
        {
            var next = samples.Json.Next();
            if (samples.Json.RanOut)
            {
                if (isLast && state is State.BehindBracket or State.BehindComma or State.BehindItem)
                {
                    refusals.Item = null;
                    refusals.Add(FaultKind.Syntax, "", "is cut off: the array does not end");
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
                case (State.Start or State.BehindMark, not (byte)'{') when isGuess:
                    state = State.NoJson;
                    break;
                case (State.BehindBracket or State.BehindItem, (byte)']'):
                    state = State.BehindArray;
                    samples.Json.Step();
                    break;
                case (State.BehindItem, (byte)','):
                    state = State.BehindComma;
                    samples.Json.Step();
                    break;
                case (State.BehindSample, (byte)'{') when isGuess && !intake.IsList:
                    intake.IsList = true;
                    refusals.NumberFirst();
                    break;
                case (State.BehindArray or State.BehindItem, _):
                case (State.BehindSample, _) when !isGuess || next != '{':
                    refusals.Item = null;
                    refusals.Add(FaultKind.Syntax, "", state == State.BehindSample
                        ? "goes on behind its object: send several samples as a JSON array, or one a line as application/x-ndjson"
                        : "is not valid JSON: its array goes on with neither a comma nor its end, or something follows it");
                    state = State.Broken;
                    break;
                default:
                    var begin = samples.Json.At;
                    var faults = refusals.End;
                    var isInArray = state is State.BehindBracket or State.BehindComma;
                    refusals.Item = intake.IsList ? intake.NextItem : null;
                    if (samples.Read(depth: isInArray ? 1 : 0))
                    {
                        state = isInArray ? State.BehindItem : State.BehindSample;
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
                        refusals.Add(FaultKind.Syntax, "", samples.Json.Describe(begin));
                        state = State.Broken;
                    }

                    break;
            }
        }

        return bytes.Length;
    }
}
