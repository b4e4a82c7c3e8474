using System.Text;

namespace MetricsFunctions.Ingestion.Formats.Json;

/// <summary>What stands between the quotes of a JSON string.</summary>
/// <param name="raw">As it stands there.</param>
/// <param name="isEscaped">Whether there is an escape in it.</param>
readonly ref struct JsonText(ReadOnlySpan<byte> raw, bool isEscaped)
{
    // No UTF-8, so that every rule refuses it.
    static readonly byte[] NoText = [0xFF];

    readonly ReadOnlySpan<byte> _raw = raw;

    /// <summary>How long it is as it stands there, and at most without escapes.</summary>
    public int RawLength => _raw.Length;

    /// <summary>The text without escapes.</summary>
    /// <param name="room">Where to put it when there are any: a byte more than the rules accept.</param>
    /// <returns>
    /// The text, when there is room for it; otherwise its beginning, which is too long for every rule. Escapes that make no Unicode come back
    /// as bytes that are no UTF-8.
    /// </returns>
    public ReadOnlySpan<byte> Unescape(Span<byte> room)
    {
        if (!isEscaped)
        {
            return _raw;
        }

        var length = 0;
        var rest = _raw;
        while (!rest.IsEmpty)
        {
            var plain = rest.IndexOf((byte)'\\');
            plain = plain < 0 ? rest.Length : plain;
            if (plain > room.Length - length)
            {
                rest[..(room.Length - length)].CopyTo(room[length..]);
                return room;
            }

            rest[..plain].CopyTo(room[length..]);
            length += plain;
            rest = rest[plain..];
            if (rest.IsEmpty)
            {
                break;
            }

            if (!TryUnescape(ref rest, out var rune))
            {
                return NoText;
            }

            if (!rune.TryEncodeToUtf8(room[length..], out var written))
            {
                room[length..].Fill((byte)'-');
                return room;
            }

            length += written;
        }

        return room[..length];
    }

    // One escape, or the two of a surrogate pair. Their syntax has been checked.
    static bool TryUnescape(ref ReadOnlySpan<byte> rest, out Rune rune)
    {
        var escape = rest[1];
        if (escape != 'u')
        {
            rest = rest[2..];
            rune = new Rune((char)(escape switch
            {
                (byte)'b' => '\b',
                (byte)'f' => '\f',
                (byte)'n' => '\n',
                (byte)'r' => '\r',
                (byte)'t' => '\t',
                _ => (char)escape,
            }));
            return true;
        }

        var unit = CodeUnit(rest);
        rest = rest[6..];
        if (Rune.TryCreate(unit, out rune))
        {
            return true;
        }

        if (rest is not [(byte)'\\', (byte)'u', ..] || !Rune.TryCreate(unit, CodeUnit(rest), out rune))
        {
            return false;
        }

        rest = rest[6..];
        return true;
    }

    static char CodeUnit(ReadOnlySpan<byte> escape) =>
        (char)((Digit(escape[2]) << 12) | (Digit(escape[3]) << 8) | (Digit(escape[4]) << 4) | Digit(escape[5]));

    static int Digit(byte hex) => hex <= '9' ? hex - '0' : (hex | 0x20) - 'a' + 10;
}
