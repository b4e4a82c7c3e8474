using System.Numerics;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>The sums by which streams tell that they are whole, but for those of xxHash.</summary>
static class Checksums
{
    // RFC 1952 section 8.
    static readonly uint[] OfBytes = [.. Enumerable.Range(0, 256).Select(value => Enumerable.Range(0, 8).Aggregate((uint)value, (sum, _) => (sum >> 1) ^ (sum % 2 == 1 ? 0xEDB88320 : 0)))];

    /// <summary>That of gzip.</summary>
    public static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var value in bytes)
        {
            sum = OfBytes[(byte)(sum ^ value)] ^ (sum >> 8);
        }

        return ~sum;
    }

    /// <summary>That of zlib.</summary>
    public static uint Adler32(ReadOnlySpan<byte> bytes)
    {
        var (one, other) = (1U, 0U);
        foreach (var value in bytes)
        {
            one = (one + value) % 65521;
            other = (other + one) % 65521;
        }

        return (other << 16) | one;
    }

    /// <summary>That of Snappy's frames, masked as there.</summary>
    public static uint MaskedCrc32C(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var value in bytes)
        {
            sum = BitOperations.Crc32C(sum, value);
        }

        return BitOperations.RotateRight(~sum, 15) + 0xA282EAD8;
    }
}
