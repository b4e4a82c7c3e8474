using System.Buffers.Text;

namespace MetricsFunctions.Ingestion.Formats.InfluxLine;

/// <summary>Reads the values of fields that can be samples.</summary>
static class FieldValue
{
    /// <summary>Reads a float, an integer or a Boolean; answers <see langword="false"/> for anything else.</summary>
    /// <param name="text">The value as it is in the line.</param>
    /// <param name="value">The nearest double; 1 for true and 0 for false.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        switch (text)
        {
            case []:
                return false;
            case [.. var digits, (byte)'i']:
                var isInteger = BeginsNumber(digits) & Utf8Parser.TryParse(digits, out long integer, out var read) && read == digits.Length;
                value = integer;
                return isInteger;
            case [.. var digits, (byte)'u']:
                var isUnsigned = BeginsNumber(digits) & Utf8Parser.TryParse(digits, out ulong unsigned, out var length) && length == digits.Length;
                value = unsigned;
                return isUnsigned;
            case [(byte)'t' or (byte)'T' or (byte)'f' or (byte)'F', ..]:
                value = text[0] is (byte)'t' or (byte)'T' ? 1 : 0;
                return text.Length == 1
                    || text.SequenceEqual("true"u8) || text.SequenceEqual("True"u8) || text.SequenceEqual("TRUE"u8)
                    || text.SequenceEqual("false"u8) || text.SequenceEqual("False"u8) || text.SequenceEqual("FALSE"u8);
            default:
                if (!IsFloat(text))
                {
                    return false;
                }

                value = DecimalNumber.ToDouble(text);
                return true;
        }
    }

    // No plus sign, which .NET would take.
    static bool BeginsNumber(ReadOnlySpan<byte> text) => text is [(byte)'-' or (>= (byte)'0' and <= (byte)'9'), ..];

    // As in JSON, but digits may be missing on one side of the point, and zeros lead.
    static bool IsFloat(ReadOnlySpan<byte> text)
    {
        var at = text[0] == '-' ? 1 : 0;
        var digits = SkipDigits(text, ref at);
        if (at < text.Length && text[at] == '.')
        {
            at++;
            digits += SkipDigits(text, ref at);
        }

        if (digits == 0)
        {
            return false;
        }

        if (at < text.Length && (text[at] | 0x20) == 'e')
        {
            at++;
            if (at < text.Length && text[at] is (byte)'+' or (byte)'-')
            {
                at++;
            }

            if (SkipDigits(text, ref at) == 0)
            {
                return false;
            }
        }

        return at == text.Length;
    }

    static int SkipDigits(ReadOnlySpan<byte> text, ref int at)
    {
        var begin = at;
        while (at < text.Length && char.IsAsciiDigit((char)text[at]))
        {
            at++;
        }

        return at - begin;
    }
}
