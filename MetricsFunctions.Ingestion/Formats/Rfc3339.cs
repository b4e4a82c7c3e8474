namespace MetricsFunctions.Ingestion.Formats;

/// <summary>Times as RFC 3339 section 5.6 writes them, with the offset it demands.</summary>
static class Rfc3339
{
    /// <summary>Reads a date-time such as <c>2026-11-23T17:00:00.123+01:00</c>.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="unixMilliseconds">The instant; finer digits are cut off. A leap second is the first second of the next day.</param>
    /// <returns><see langword="false"/> for anything else: no offset, a space for the T, a day that does not exist.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out long unixMilliseconds)
    {
        unixMilliseconds = 0;
        if (text.Length < "yyyy-MM-ddTHH:mm:ssZ".Length
            || text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' || text[13] != ':' || text[16] != ':'
            || !TryDigits(text[..4], out var year) || !TryDigits(text[5..7], out var month) || !TryDigits(text[8..10], out var day)
            || !TryDigits(text[11..13], out var hour) || !TryDigits(text[14..16], out var minute) || !TryDigits(text[17..19], out var second)
            || year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)
            || hour > 23 || minute > 59 || second > 60)
        {
            return false;
        }

        var rest = text[19..];
        var millisecond = 0;
        if (rest[0] == '.')
        {
            rest = rest[1..];
            var digits = rest.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
            if (digits < 1)
            {
                return false;
            }

            for (var i = 0; i < 3; i++)
            {
                millisecond = millisecond * 10 + (i < digits ? rest[i] - '0' : 0);
            }

            rest = rest[digits..];
        }

        if (!TryOffset(rest, out var offsetMinutes))
        {
            return false;
        }

        var minutes = (new DateTime(year, month, day) - DateTime.UnixEpoch).Days * 1440L + hour * 60 + minute - offsetMinutes;
        if (second == 60 && minutes % 1440 != 1439)
        {
            return false;
        }

        unixMilliseconds = (minutes * 60 + second) * 1000 + millisecond;
        return true;
    }

    static bool TryOffset(ReadOnlySpan<byte> text, out int minutes)
    {
        minutes = 0;
        if (text.Length == 1)
        {
            return (text[0] | 0x20) == 'z';
        }

        if (text.Length != 6 || text[0] is not ((byte)'+' or (byte)'-') || text[3] != ':'
            || !TryDigits(text[1..3], out var hour) || !TryDigits(text[4..6], out var minute) || hour > 23 || minute > 59)
        {
            return false;
        }

        minutes = (hour * 60 + minute) * (text[0] == '-' ? -1 : 1);
        return true;
    }

    static bool TryDigits(ReadOnlySpan<byte> text, out int number)
    {
        number = 0;
        foreach (var digit in text)
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            number = number * 10 + digit - '0';
        }

        return true;
    }
}
