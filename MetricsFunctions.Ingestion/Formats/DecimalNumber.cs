using System.Globalization;

namespace MetricsFunctions.Ingestion.Formats;

/// <summary>What numbers in text mean.</summary>
static class DecimalNumber
{
    // Each of them is a double exactly.
    static readonly double[] PowersOfTen = [.. Enumerable.Range(0, 23).Select(exponent => Math.Pow(10, exponent))];

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
