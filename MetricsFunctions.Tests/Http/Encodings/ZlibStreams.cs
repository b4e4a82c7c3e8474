using static MetricsFunctions.Tests.Http.Encodings.PlainBytes;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>zlib (RFC 1950), which HTTP calls deflate.</summary>
static class ZlibStreams
{
    const int Dictionary = 0x20;

    /// <summary>Writes a stream, in which fields are wrong now and then.</summary>
    public static byte[] Write(byte[] body, Random random)
    {
        var method = (random.Mostly(7, 0, 1, 6, 8, 15) << 4) | random.Mostly(8, 0, 7, 9, 15);
        var flags = (random.Next(4) << 6) | random.Mostly(0, Dictionary);
        flags += 31 - (((method << 8) | flags) % 31);
        var sum = Checksums.Adler32(body);
        return
        [
            (byte)method,
            (byte)random.Mostly(flags, flags ^ 1, flags ^ 0x80),
            .. (flags & Dictionary) != 0 ? random.Bytes(4) : [],
            .. GenDeflate.Write(body, random),
            .. BitConverter.GetBytes(random.Mostly(sum, 0U, 1U, ~sum)).Reverse().Take(random.Mostly(4, 0, 1, 2, 3)),
            .. random.Mostly<byte[]>([], [0], [0x78, 0x9C], random.Bytes(9)),
        ];
    }

    /// <summary>Reads all of it.</summary>
    public static Decoded Read(byte[] sent) => PlainBytes.Read(sent, (bytes, body) =>
    {
        var (method, flags) = (bytes.Byte(), bytes.Byte());
        Check((method & 0xF) == 8 && method >> 4 <= 7 && ((method << 8) | flags) % 31 == 0 && (flags & Dictionary) == 0);
        PlainInflate.Read(bytes, body);
        Check(bytes.Take(4).SequenceEqual(BitConverter.GetBytes(Checksums.Adler32([.. body])).Reverse()) && bytes.IsAtEnd);
    });
}
