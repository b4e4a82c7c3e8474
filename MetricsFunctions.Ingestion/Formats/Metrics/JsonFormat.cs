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
    /// <inheritdoc/>
    public override int MaxSampleBytes => LargestSample;

    // RFC 8259 section 8.1 lets a parser ignore a byte order mark; editors and shells on Windows write it.
    static ReadOnlySpan<byte> Mark => Encoding.UTF8.Preamble;

    /// <summary>Whether a body that was guessed to be JSON is none.</summary>
    /// <param name="intake">What became of it.</param>
    public static bool GuessedWrong(SampleIntake intake) => intake.Place == JsonPlace.NoJson;

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        var at = 0;
        if (intake.Place == JsonPlace.Start)
        {
            if (bytes.Length < Mark.Length && !isLast)
            {
                return 0;
            }

            at = bytes.StartsWith(Mark) ? Mark.Length : 0;
            intake.Place = JsonPlace.BehindMark;
        }

        return at + ReadSamples(bytes[at..], isLast, intake);
    }

    int ReadSamples(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        var samples = new JsonSampleReader(intake, stackalloc byte[JsonSampleReader.Scratch]);
        samples.Begin(bytes, isLast);
        while (!intake.IsOver)
        {
            var next = samples.Json.Next();
            if (samples.Json.RanOut)
            {
                if (isLast && intake.Place is JsonPlace.BehindBracket or JsonPlace.BehindComma or JsonPlace.BehindItem)
                {
                    Break(intake, "is cut off: the array does not end");
                }

                break;
            }

            var begin = samples.Json.At;
            if (!TakeBetween(ref samples, next, intake) && !TryReadSample(ref samples, isLast, intake))
            {
                // It will be read from its beginning, when there is more of it.
                return begin;
            }
        }

        return bytes.Length;
    }

    // What stands around samples; false where one is to begin.
    bool TakeBetween(ref JsonSampleReader samples, byte next, SampleIntake intake)
    {
        switch (intake.Place, next)
        {
            case (JsonPlace.BehindMark, (byte)'['):
                intake.IsList = true;
                Step(ref samples, JsonPlace.BehindBracket, intake);
                return true;
            case (JsonPlace.BehindMark, not (byte)'{') when isGuess:
                (intake.Place, intake.IsOver) = (JsonPlace.NoJson, true);
                return true;
            case (JsonPlace.BehindBracket or JsonPlace.BehindItem, (byte)']'):
                Step(ref samples, JsonPlace.BehindArray, intake);
                return true;
            case (JsonPlace.BehindItem, (byte)','):
                Step(ref samples, JsonPlace.BehindComma, intake);
                return true;
            case (JsonPlace.BehindSample, (byte)'{') when isGuess:
                if (!intake.IsList)
                {
                    intake.IsList = true;
                    intake.Refusals.NumberFirst();
                }

                return false;
            case (JsonPlace.BehindSample, _):
                Break(intake, "goes on behind its object: send several samples as a JSON array, or one a line as application/x-ndjson");
                return true;
            case (JsonPlace.BehindArray or JsonPlace.BehindItem, _):
                Break(intake, "is not valid JSON: its array goes on with neither a comma nor its end, or something follows it");
                return true;
            default:
                return false;
        }
    }

    // Answers whether it was here to its end, good or bad.
    static bool TryReadSample(ref JsonSampleReader samples, bool isLast, SampleIntake intake)
    {
        var refusals = intake.Refusals;
        var begin = samples.Json.At;
        var faults = refusals.End;
        var isInArray = intake.Place is JsonPlace.BehindBracket or JsonPlace.BehindComma;
        refusals.Item = intake.IsList ? intake.NextItem : null;
        if (samples.Read(depth: isInArray ? 1 : 0))
        {
            intake.Place = isInArray ? JsonPlace.BehindItem : JsonPlace.BehindSample;
            intake.NextItem++;
            return true;
        }

        if (samples.Json.RanOut && !isLast)
        {
            refusals.Rewind(faults);
            return false;
        }

        refusals.Add(FaultKind.Syntax, "", samples.Json.Describe(begin));
        intake.IsOver = true;
        return true;
    }

    static void Step(ref JsonSampleReader samples, JsonPlace place, SampleIntake intake)
    {
        samples.Json.Step();
        intake.Place = place;
    }

    static void Break(SampleIntake intake, string advice)
    {
        intake.Refusals.Item = null;
        intake.Refusals.Add(FaultKind.Syntax, "", advice);
        intake.IsOver = true;
    }
}
