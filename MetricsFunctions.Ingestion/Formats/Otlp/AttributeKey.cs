using System.Buffers;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>What the key of an attribute is called here: as a label in Prometheus.</summary>
static class AttributeKey
{
    /// <summary>Room for the longest key that any rule accepts, and a byte more.</summary>
    public const int Room = Samples.SampleRules.MaxTagKeyBytes + 1;

    static readonly SearchValues<byte> Letters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789"u8);

    /// <summary>Answers the key with one _ for whatever else than letters and digits is in it, and none doubled.</summary>
    /// <param name="prefix">What comes in front of it.</param>
    /// <param name="key">As it was sent.</param>
    /// <param name="room">Where to put it if it has to be written: <see cref="Room"/> bytes.</param>
    public static ReadOnlySpan<byte> Clean(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> key, Span<byte> room)
    {
        if (key.IsEmpty)
        {
            return [];
        }

        var isDigit = prefix.IsEmpty && char.IsAsciiDigit((char)key[0]);
        if (prefix.IsEmpty && !isDigit && key.IndexOfAnyExcept(Letters) < 0 && key.IndexOf("__"u8) < 0)
        {
            return key;
        }

        var clean = new ScratchText(room);
        clean.Append(isDigit ? "key_"u8 : prefix);
        foreach (var letter in key)
        {
            var next = Letters.Contains(letter) ? letter : (byte)'_';
            if (next != '_' || clean.Length == 0 || room[clean.Length - 1] != '_')
            {
                clean.Append(next);
            }
        }

        return room[..clean.Length];
    }
}
