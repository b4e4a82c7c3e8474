namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The corner of ClickHouse's RowBinary format that a sample needs
/// (<see href="https://clickhouse.com/docs/interfaces/formats/RowBinary"/>).
/// </summary>
static class RowBinary
{
    /// <summary>Bytes of a length in front of a string: LEB128, here of at most 14 bits.</summary>
    public static int LengthPrefix(int length) => length < 0x80 ? 1 : 2;

    /// <summary>Writes a string of at most 16,383 bytes and answers the position behind it.</summary>
    public static int WriteString(Span<byte> destination, int position, ReadOnlySpan<byte> text)
    {
        if (text.Length < 0x80)
        {
            destination[position++] = (byte)text.Length;
        }
        else
        {
            destination[position++] = (byte)(text.Length | 0x80);
            destination[position++] = (byte)(text.Length >> 7);
        }

        text.CopyTo(destination[position..]);
        return position + text.Length;
    }
}
