using System.Buffers;

namespace MetricsFunctions.Ingestion.Formats.InfluxLine;

/// <summary>
/// What separates the parts of a body in line protocol. A backslash takes its meaning from the separator behind it and stands for itself in
/// front of anything else, another backslash too; only in strings two of them are one.
/// </summary>
static class LineText
{
    static readonly SearchValues<byte> NameEnds = SearchValues.Create(", \\"u8);
    static readonly SearchValues<byte> PartEnds = SearchValues.Create(",= \\"u8);
    static readonly SearchValues<byte> LineMarks = SearchValues.Create("= \n\\"u8);

    /// <summary>Finds the line break that ends a line; -1 when there is none yet.</summary>
    /// <param name="text">What is there of the body, from the beginning of the line.</param>
    public static int FindLineEnd(ReadOnlySpan<byte> text)
    {
        // Line breaks are part of the line in one place only, a string.
        var end = text.IndexOfAny((byte)'\n', (byte)'"');
        return end < 0 || text[end] == '\n' ? end : FindLineEndBehindStrings(text);
    }

    /// <summary>How many bytes are whole lines.</summary>
    /// <param name="text">What is there of the body, from the beginning of a line.</param>
    public static int EndOfLines(ReadOnlySpan<byte> text)
    {
        for (var end = 0; ;)
        {
            var quote = text[end..].IndexOf((byte)'"');
            if (quote < 0)
            {
                return end + text[end..].LastIndexOf((byte)'\n') + 1;
            }

            end += text.Slice(end, quote).LastIndexOf((byte)'\n') + 1;
            var length = FindLineEnd(text[end..]);
            if (length < 0)
            {
                return end;
            }

            end += length + 1;
        }
    }

    /// <summary>Steps over the white space in front of a line, and over a byte order mark, which editors on Windows write.</summary>
    /// <param name="line">The line.</param>
    public static ReadOnlySpan<byte> TrimStart(ReadOnlySpan<byte> line) =>
        (line.StartsWith("\uFEFF"u8) ? line[3..] : line).TrimStart(" \t"u8);

    /// <summary>Length of the measurement that begins here.</summary>
    /// <param name="text">The rest of the line.</param>
    /// <param name="isEscaped">Whether there is an escape in it.</param>
    public static int MeasurementLength(ReadOnlySpan<byte> text, out bool isEscaped) => Length(text, NameEnds, out isEscaped);

    /// <summary>Length of the key or the tag's value that begins here.</summary>
    /// <param name="text">The rest of the line.</param>
    /// <param name="isEscaped">Whether there is an escape in it.</param>
    public static int PartLength(ReadOnlySpan<byte> text, out bool isEscaped) => Length(text, PartEnds, out isEscaped);

    /// <summary>Length of the string that begins here, with its quotes; -1 when it does not end.</summary>
    /// <param name="text">The rest of the line.</param>
    public static int StringLength(ReadOnlySpan<byte> text)
    {
        for (var at = 1; at < text.Length;)
        {
            var length = text[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (length < 0)
            {
                break;
            }

            at += length;
            if (text[at] == '"')
            {
                return at + 1;
            }

            at += 2;
        }

        return -1;
    }

    /// <summary>Writes a measurement without its escapes.</summary>
    /// <param name="raw">As it is in the line.</param>
    /// <param name="isEscaped">Whether there is an escape in it.</param>
    /// <param name="room">Where to put it; what has no place there is left out.</param>
    /// <returns>How much has been written.</returns>
    public static int UnescapeMeasurement(ReadOnlySpan<byte> raw, bool isEscaped, Span<byte> room) => Unescape(raw, isEscaped, NameEnds, room);

    /// <summary>Writes a key or the value of a tag without its escapes.</summary>
    /// <param name="raw">As it is in the line.</param>
    /// <param name="isEscaped">Whether there is an escape in it.</param>
    /// <param name="room">Where to put it; what has no place there is left out.</param>
    /// <returns>How much has been written.</returns>
    public static int UnescapePart(ReadOnlySpan<byte> raw, bool isEscaped, Span<byte> room) => Unescape(raw, isEscaped, PartEnds, room);

    static int FindLineEndBehindStrings(ReadOnlySpan<byte> text)
    {
        var line = TrimStart(text);
        if (line is [(byte)'#', ..])
        {
            return text.IndexOf((byte)'\n');
        }

        // Quotes are ordinary letters in measurements, tags and keys.
        var isInFields = false;
        for (var at = text.Length - line.Length; ; at++)
        {
            var length = text[at..].IndexOfAny(LineMarks);
            if (length < 0)
            {
                return -1;
            }

            at += length;
            switch (text[at])
            {
                case (byte)'\n':
                    return at;
                case (byte)'\\' when IsEscape(text[at..], PartEnds):
                    at++;
                    break;
                case (byte)' ':
                    isInFields = true;
                    break;
                case (byte)'=' when isInFields && at + 1 < text.Length && text[at + 1] == '"':
                    length = StringLength(text[(at + 1)..]);
                    if (length < 0)
                    {
                        return -1;
                    }

                    at += length;
                    break;
                default:
                    break;
            }
        }
    }

    static int Length(ReadOnlySpan<byte> text, SearchValues<byte> ends, out bool isEscaped)
    {
        isEscaped = false;
        for (var at = 0; ; at++)
        {
            var length = text[at..].IndexOfAny(ends);
            if (length < 0)
            {
                return text.Length;
            }

            at += length;
            if (text[at] != '\\')
            {
                return at;
            }

            if (IsEscape(text[at..], ends))
            {
                isEscaped = true;
                at++;
            }
        }
    }

    static int Unescape(ReadOnlySpan<byte> raw, bool isEscaped, SearchValues<byte> ends, Span<byte> room)
    {
        if (!isEscaped)
        {
            raw = raw[..Math.Min(raw.Length, room.Length)];
            raw.CopyTo(room);
            return raw.Length;
        }

        var length = 0;
        for (var at = 0; at < raw.Length && length < room.Length; at++)
        {
            at += IsEscape(raw[at..], ends) ? 1 : 0;
            room[length++] = raw[at];
        }

        return length;
    }

    // A backslash is among the ends only to be found.
    static bool IsEscape(ReadOnlySpan<byte> text, SearchValues<byte> ends) =>
        text.Length > 1 && text[0] == '\\' && text[1] != '\\' && ends.Contains(text[1]);
}
