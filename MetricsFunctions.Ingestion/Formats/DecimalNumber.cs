using System.Globalization;

namespace MetricsFunctions.Ingestion.Formats;

/// <summary>Numbers in decimal text: what they mean, and how they are written.</summary>
static class DecimalNumber
{
    /// <summary>Bytes that any number has room in. The longest is -2.2250738585072014e-308.</summary>
    public const int Room = 32;

    // Each of them is a double exactly.
    static readonly double[] PowersOfTen = [.. Enumerable.Range(0, 23).Select(exponent => Math.Pow(10, exponent))];

    /// <summary>Writes a number in the shortest form that means it, as JSON has it.</summary>
    /// <param name="number">The number.</param>
    /// <param name="room">Where to put it: <see cref="Room"/> bytes.</param>
    /// <param name="infinity">What to call infinity.</param>
    public static ReadOnlySpan<byte> Write(double number, Span<byte> room, ReadOnlySpan<byte> infinity)
    {
        if (double.IsPositiveInfinity(number))
        {
            infinity.CopyTo(room);
            return room[..infinity.Length];
        }

        number.TryFormat(room, out var length, "R", CultureInfo.InvariantCulture);
        room[..length].Replace((byte)'E', (byte)'e');
        return room[..length];
    }

    /// <summary>The nearest double; infinite when there is none.</summary>
    /// <param name="number">Digits with or without a sign in front of them, a point and an exponent; the format has checked that.</param>
    public static double ToDouble(ReadOnlySpan<byte> number)
    {
        // Digits below 2^53 over a small power of ten: both are exact, so their quotient is the nearest double. Most metrics are such.
        var isNegative = number[0] == '-';
        var digits = 0UL;
        var behindPoint = -1;
        var at = isNegative ? 1 : 0;
        if (number.Length <= 17)
        {
            for (; at < number.Length; at++)
            {
                var digit = (uint)number[at] - '0';
                if (digit <= 9)
                {
                    digits = digits * 10 + digit;
                    behindPoint += behindPoint >= 0 ? 1 : 0;
                }
                else if (number[at] == '.')
                {
                    behindPoint = 0;
                }
                else
                {
                    break;
                }
            }

            if (at == number.Length && digits <= 1UL << 53)
            {
                var value = digits / PowersOfTen[Math.Max(behindPoint, 0)];
                return isNegative ? -value : value;
            }
        }

        // Not Utf8Parser: of two doubles that are equally near, it takes the wrong one when the number ends in zeros.
        return double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture);
    }
}
