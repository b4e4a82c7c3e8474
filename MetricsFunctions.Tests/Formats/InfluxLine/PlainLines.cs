using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.InfluxLine;

/// <summary>What a body in line protocol means, found the plain way: a regular expression for each part of a line. Slow, and easy to believe.</summary>
sealed partial class PlainLines
{
    static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly AcceptedTime _accepted;
    readonly long _nanoseconds;

    /// <summary>The samples of the lines without a fault.</summary>
    public List<string> Rows { get; } = [];

    /// <summary>Which lines have a fault.</summary>
    public SortedSet<int> Faulty { get; } = [];

    public int Skipped { get; private set; }

    public PlainLines(byte[] body, AcceptedTime accepted, long nanoseconds)
    {
        (_accepted, _nanoseconds) = (accepted, nanoseconds);
        var text = Encoding.Latin1.GetString(body);
        for (int at = 0, number = 0; at < text.Length;)
        {
            var line = LineOf().Match(text, at).Value;
            if (!Read(line))
            {
                Faulty.Add(number);
            }

            at += line.Length + 1;
            number += 1 + line.Count(letter => letter == '\n');
        }
    }

    bool Read(string line)
    {
        line = (line.StartsWith("\u00EF\u00BB\u00BF", StringComparison.Ordinal) ? line[3..] : line).TrimStart(' ', '\t').TrimEnd(' ', '\t', '\r', '\0');
        if (line is [] or ['#', ..])
        {
            return true;
        }

        var isGood = true;
        var rest = line;
        string? Take(Regex part)
        {
            var match = part.Match(rest);
            rest = match.Success ? rest[match.Length..] : rest;
            return match.Success ? match.Value : null;
        }

        if (Take(Measurement()) is not { } rawMeasurement)
        {
            return false;
        }

        var tags = new Dictionary<string, string>();
        while (rest is [',', ..])
        {
            rest = rest[1..];
            var key = Take(Part())!;
            if (Take(Equal()) is null)
            {
                return false;
            }

            var value = Take(Part())!;
            if (rest is ['=', ..])
            {
                return false;
            }

            if (value.Length > 0)
            {
                var (cleanKey, cleanValue) = (IsText(PartEscape().Replace(key, "$1"), 1, 255), IsValue(PartEscape().Replace(value, "$1")));
                isGood &= cleanKey is not null && cleanValue is not null && tags.TryAdd(cleanKey, cleanValue) && tags.Count <= 100;
            }
        }

        var fields = new Dictionary<string, double>();
        var (count, skipped) = (0, 0);
        rest = rest.TrimStart(' ');
        do
        {
            rest = rest is [',', ..] && count > 0 ? rest[1..] : rest;
            count++;
            var key = Take(Part())!;
            isGood &= key.Length > 0;
            if (Take(Equal()) is null)
            {
                return false;
            }

            if (rest is ['"', ..])
            {
                if (Take(Quoted()) is null || rest is not ([] or [',' or ' ', ..]))
                {
                    return false;
                }

                skipped++;
                continue;
            }

            var value = ValueOf(Take(Value())!);
            isGood &= double.IsFinite(value);
            if (key == "time")
            {
                skipped++;
                continue;
            }

            var measurement = MeasurementEscape().Replace(rawMeasurement, "$1");
            var name = IsText(key == "value" ? measurement : $"{measurement}.{PartEscape().Replace(key, "$1")}", 1, 255);
            isGood &= name is not null;
            fields[name ?? ""] = value;
        }
        while (rest is [',', ..]);

        var timestamp = _accepted.Now;
        if (rest.Length > 0)
        {
            if (!Timestamp().IsMatch(rest))
            {
                return false;
            }

            var sent = BigInteger.Parse(rest.Trim(' '), CultureInfo.InvariantCulture);
            var nanoseconds = sent * _nanoseconds;
            var milliseconds = (nanoseconds - (((nanoseconds % 1_000_000) + 1_000_000) % 1_000_000)) / 1_000_000;
            isGood &= sent >= long.MinValue && sent <= long.MaxValue && milliseconds >= long.MinValue && milliseconds <= long.MaxValue
                && _accepted.Check(timestamp = (long)milliseconds) is null;
        }

        if (isGood)
        {
            var sorted = string.Join(',', tags.OrderBy(tag => Utf8.GetBytes(tag.Key), Comparer<byte[]>.Create((one, other) => one.AsSpan().SequenceCompareTo(other))).Select(tag => $"{tag.Key}={tag.Value}"));
            Rows.AddRange(fields.Select(field => Reading.Row(field.Key, sorted, timestamp, field.Value)));
            Skipped += skipped;
        }

        return isGood;
    }

    static double ValueOf(string text) =>
        text is "t" or "T" or "true" or "True" or "TRUE" ? 1
        : text is "f" or "F" or "false" or "False" or "FALSE" ? 0
        : Integer().IsMatch(text) && BigInteger.Parse(text[..^1], CultureInfo.InvariantCulture) is var signed ? signed >= long.MinValue && signed <= long.MaxValue ? Parse(text[..^1]) : double.NaN
        : Unsigned().IsMatch(text) ? BigInteger.Parse(text[..^1], CultureInfo.InvariantCulture) <= ulong.MaxValue ? Parse(text[..^1]) : double.NaN
        : Float().IsMatch(text) ? double.Parse(text, CultureInfo.InvariantCulture)
        : double.NaN;

    // An integer has no negative zero.
    static double Parse(string integer) => double.Parse(integer, CultureInfo.InvariantCulture) + 0.0;

    static string? IsText(string latin1, int least, int most) =>
        Decode(latin1) is { } text && latin1.Length >= least && latin1.Length <= most && !text.Any(char.IsControl) && text.Trim() == text ? text : null;

    static string? IsValue(string latin1) => latin1.Length <= 4096 ? Decode(latin1) : null;

    static string? Decode(string latin1)
    {
        try
        {
            return Utf8.GetString(Encoding.Latin1.GetBytes(latin1));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    // A line goes on behind a line break in a string, which is what begins with =" behind the first space that is not escaped.
    [GeneratedRegex("""\G(?:(?:\u00EF\u00BB\u00BF)?[ \t]*#[^\n]*|(?:\u00EF\u00BB\u00BF)?[ \t]*(?>(?:\\[,= ]|[^ \n])*)(?>(?:\\[,= ]|="(?:\\.|[^"\\])*(?:"|\\?\z)|[^\n])*))""", RegexOptions.Singleline)]
    private static partial Regex LineOf();

    [GeneratedRegex(@"^(?>(?:\\[, ]|[^, ])+)")]
    private static partial Regex Measurement();

    [GeneratedRegex(@"^(?>(?:\\[,= ]|[^,= ])*)")]
    private static partial Regex Part();

    [GeneratedRegex(@"\\([, ])")]
    private static partial Regex MeasurementEscape();

    [GeneratedRegex(@"\\([,= ])")]
    private static partial Regex PartEscape();

    [GeneratedRegex("^=")]
    private static partial Regex Equal();

    [GeneratedRegex("^\"(?:\\\\.|[^\"\\\\])*\"", RegexOptions.Singleline)]
    private static partial Regex Quoted();

    [GeneratedRegex("^[^, ]*")]
    private static partial Regex Value();

    [GeneratedRegex(@"^ +-?[0-9]+\z")]
    private static partial Regex Timestamp();

    [GeneratedRegex(@"^-?[0-9]+i\z")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^[0-9]+u\z")]
    private static partial Regex Unsigned();

    [GeneratedRegex(@"^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\z")]
    private static partial Regex Float();
}
