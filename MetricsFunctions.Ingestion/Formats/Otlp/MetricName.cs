using System.Buffers;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// What a metric is called here: its name with its unit and its kind behind it, as OpenTelemetry's rules for Prometheus have it
/// (<see href="https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/"/>).
/// </summary>
static class MetricName
{
    /// <summary>Room for the longest name that any rule accepts, and a byte more.</summary>
    public const int Room = Samples.SampleRules.MaxNameBytes + 1;

    static readonly SearchValues<byte> WordBytes =
        SearchValues.Create("0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // The names of units in Prometheus, by their codes in UCUM (https://ucum.org/ucum) and those that are met in practice.
    static readonly (byte[] Code, byte[] Words)[] Units =
    [
        .. Codes(
            "s seconds, ms milliseconds, us microseconds, ns nanoseconds, min minutes, h hours, d days, "
            + "By bytes, KiBy kibibytes, MiBy mebibytes, GiBy gibibytes, TiBy tebibytes, kBy kilobytes, KBy kilobytes, MBy megabytes, GBy gigabytes, TBy terabytes, "
            + "m meters, V volts, A amperes, J joules, W watts, g grams, Cel celsius, Hz hertz, % percent"),
        ("1"u8.ToArray(), []),
    ];

    static readonly (byte[] Code, byte[] Words)[] UnitsBelow =
        [.. Codes("s per_second, m per_minute, h per_hour, d per_day, w per_week, mo per_month, y per_year")];

    /// <summary>Writes a metric's name.</summary>
    /// <param name="name">As it was sent.</param>
    /// <param name="unit">As it was sent.</param>
    /// <param name="kind">What the metric is.</param>
    /// <param name="isMonotonic">Whether it is a sum that only grows.</param>
    /// <param name="room">Where to put it: <see cref="Room"/> bytes.</param>
    /// <returns>How long it is; 0 when nothing is left of it, and all of the room when it does not fit.</returns>
    public static int Write(ReadOnlySpan<byte> name, ReadOnlySpan<byte> unit, MetricKind kind, bool isMonotonic, Span<byte> room)
    {
        var written = new ScratchText(room);
        AppendWords(ref written, name);
        if (written.Length == 0)
        {
            return 0;
        }

        var last = kind == MetricKind.Sum && isMonotonic ? "total"u8 : kind == MetricKind.Gauge && unit.SequenceEqual("1"u8) ? "ratio"u8 : [];
        if (!last.IsEmpty && EndsWithWord(written.Written, last))
        {
            written.Length -= Math.Min(last.Length + 1, written.Length);
        }

        AppendUnit(ref written, unit);
        if (!last.IsEmpty)
        {
            AppendWords(ref written, last);
        }

        if (char.IsAsciiDigit((char)room[0]))
        {
            var length = Math.Min(written.Length, room.Length - 1);
            room[..length].CopyTo(room[1..]);
            room[0] = (byte)'_';
            return length + 1;
        }

        return written.Length;
    }

    // What is in braces is no unit but a note on what is counted.
    static void AppendUnit(ref ScratchText name, scoped ReadOnlySpan<byte> unit)
    {
        var plain = new ScratchText(stackalloc byte[Room]);
        var depth = 0;
        foreach (var letter in unit)
        {
            depth += letter == '{' ? 1 : 0;
            if (depth == 0)
            {
                plain.Append(letter);
            }

            depth -= letter == '}' && depth > 0 ? 1 : 0;
        }

        var slash = plain.Written.IndexOf((byte)'/');
        AppendUnit(ref name, slash < 0 ? plain.Written : plain.Written[..slash], Units, []);
        if (slash >= 0)
        {
            AppendUnit(ref name, plain.Written[(slash + 1)..], UnitsBelow, "per"u8);
        }
    }

    static void AppendUnit(ref ScratchText name, scoped ReadOnlySpan<byte> unit, (byte[] Code, byte[] Words)[] known, scoped ReadOnlySpan<byte> prefix)
    {
        unit = unit.Trim((byte)' ');
        foreach (var (code, words) in known)
        {
            if (unit.SequenceEqual(code))
            {
                AppendMissing(ref name, words);
                return;
            }
        }

        var other = new ScratchText(stackalloc byte[Room]);
        AppendWords(ref other, prefix);
        AppendWords(ref other, unit);
        AppendMissing(ref name, other.Length > prefix.Length ? other.Written : []);
    }

    static void AppendMissing(ref ScratchText name, scoped ReadOnlySpan<byte> words)
    {
        if (!words.IsEmpty && !ContainsWords(name.Written, words))
        {
            AppendWords(ref name, words);
        }
    }

    // Runs of letters, digits and colons, with one _ between them whatever was there.
    static void AppendWords(ref ScratchText to, scoped ReadOnlySpan<byte> text)
    {
        while (true)
        {
            var begin = text.IndexOfAny(WordBytes);
            if (begin < 0)
            {
                return;
            }

            text = text[begin..];
            var length = text.IndexOfAnyExcept(WordBytes);
            length = length < 0 ? text.Length : length;
            if (to.Length > 0)
            {
                to.Append((byte)'_');
            }

            to.Append(text[..length]);
            text = text[length..];
        }
    }

    static bool EndsWithWord(ReadOnlySpan<byte> name, ReadOnlySpan<byte> word) =>
        name.EndsWith(word) && (name.Length == word.Length || name[^(word.Length + 1)] == '_');

    static bool ContainsWords(ReadOnlySpan<byte> name, ReadOnlySpan<byte> words)
    {
        for (var from = 0; ;)
        {
            var at = name[from..].IndexOf(words);
            if (at < 0)
            {
                return false;
            }

            at += from;
            var end = at + words.Length;
            if ((at == 0 || name[at - 1] == '_') && (end == name.Length || name[end] == '_'))
            {
                return true;
            }

            from = at + 1;
        }
    }

    static IEnumerable<(byte[] Code, byte[] Words)> Codes(string list) => list.Split(", ")
        .Select(unit => unit.Split(' '))
        .Select(unit => (System.Text.Encoding.ASCII.GetBytes(unit[0]), System.Text.Encoding.ASCII.GetBytes(unit[1])));
}
