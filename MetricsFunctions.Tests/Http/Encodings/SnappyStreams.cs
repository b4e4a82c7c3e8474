using static MetricsFunctions.Tests.Http.Encodings.PlainBytes;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>
/// Snappy's block format (<see href="https://github.com/google/snappy/blob/main/format_description.txt"/>) and its framing format
/// (<see href="https://github.com/google/snappy/blob/main/framing_format.txt"/>).
/// </summary>
static class SnappyStreams
{
    const int LargestChunk = 65536;

    static readonly byte[] Beginning = [0xFF, 6, 0, 0, .. "sNaPpY"u8];

    /// <summary>Writes a block: with Snappier, or by hand with fields that are wrong now and then.</summary>
    public static byte[] Write(byte[] body, Random random)
    {
        if (random.OneIn(2))
        {
            return Snappier.Snappy.CompressToArray(body);
        }

        var length = random.Mostly((ulong)body.Length, 0UL, (ulong)body.Length + 1, (ulong)body.Length * 3, 1UL << 25, (1UL << 25) + 1, uint.MaxValue, 1UL << 32, ulong.MaxValue);
        return [.. Varint(length, random.Mostly(0, 1, 3, 6)), .. Elements(body, random), .. random.Mostly<byte[]>([], [0], [0, 0], random.Bytes(5))];
    }

    /// <summary>Writes frames, in which fields are wrong now and then.</summary>
    public static byte[] WriteFramed(byte[] body, Random random)
    {
        var frames = new List<byte>(random.Mostly<byte[]>(Beginning, [], [0xFF, 6, 0, 0, .. "sNaPpy"u8], [0xFF, 5, 0, 0, .. "sNaPp"u8]));
        foreach (var part in random.Parts(body, 4, random.OneIn(100) ? LargestChunk + 1 : LargestChunk))
        {
            if (random.OneIn(4))
            {
                var skipped = random.Bytes(random.Next(20));
                var type = random.Next(5) switch { 0 => 0xFE, 1 => 0xFD, 2 => 0x80, 3 => random.Mostly(0xFE, 2, 0x7F), _ => random.Next(0x80, 0xFE) };
                frames.AddRange(Chunk(type, skipped, random));
            }

            if (random.OneIn(8))
            {
                frames.AddRange(random.Mostly<byte[]>(Beginning, [0xFF, 6, 0, 0, .. "snappy"u8], [0xFF, 0, 0, 0], [0xFF, 7, 0, 0, .. "sNaPpY!"u8]));
            }

            var sum = Checksums.MaskedCrc32C(part);
            frames.AddRange(Chunk(random.Mostly(random.Next(2), 0, 1), [], random, isBegun: true, content: type =>
                [.. BitConverter.GetBytes(random.Mostly(sum, 0U, sum + 1)), .. type == 0 ? Write(part, random) : part]));
        }

        return random.Mostly(frames);
    }

    /// <summary>Reads either, as the first bytes tell them apart.</summary>
    public static Decoded Read(byte[] sent) => PlainBytes.Read(sent, sent.AsSpan().StartsWith(Beginning) ? ReadFrames : ReadBlock);

    static byte[] Chunk(int type, byte[] bytes, Random random, bool isBegun = false, Func<int, byte[]>? content = null)
    {
        bytes = isBegun ? content!(type) : bytes;
        var length = random.Mostly(bytes.Length, 0, 3, bytes.Length + 1, 0xFFFFFF);
        return [(byte)type, .. BitConverter.GetBytes(length)[..3], .. bytes];
    }

    // Literals, and copies of what was there before, in any of the ways that they can be written.
    static List<byte> Elements(byte[] body, Random random)
    {
        var elements = new List<byte>();
        for (var at = 0; at < body.Length;)
        {
            var offset = at == 0 ? 0 : random.Next(1, at + 1);
            var length = 0;
            while (offset > 0 && length < 64 && at + length < body.Length && body[at + length] == body[at + length - offset])
            {
                length++;
            }

            if (length >= 4)
            {
                at += length;
                offset = random.Mostly(offset, 0, at + 1, offset + 1, int.MaxValue);
                elements.AddRange(
                    length is >= 4 and <= 11 && offset < 2048 && random.OneIn(2) ? [(byte)(1 | ((length - 4) << 2) | (offset >> 8 << 5)), (byte)offset]
                    : offset < 65536 && random.OneIn(2) ? [(byte)(2 | ((length - 1) << 2)), .. BitConverter.GetBytes((ushort)offset)]
                    : [(byte)(3 | ((length - 1) << 2)), .. BitConverter.GetBytes(offset)]);
                continue;
            }

            var literal = body[at..Math.Min(body.Length, at + random.Next(1, random.OneIn(10) ? 70_000 : 70))];
            at += literal.Length;
            var announced = random.Mostly(literal.Length - 1, 0, literal.Length, int.MaxValue, -1);
            var bytes = random.Mostly(announced is >= 0 and < 60 ? 0 : announced < 256 ? 1 : announced < 65536 ? 2 : 4, 1, 2, 3, 4);
            elements.AddRange(bytes == 0 ? [(byte)(announced << 2)] : [(byte)((59 + bytes) << 2), .. BitConverter.GetBytes(announced)[..bytes]]);
            elements.AddRange(literal);
        }

        return elements;
    }

    static void ReadBlock(PlainBytes bytes, List<byte> body)
    {
        var length = 0L;
        byte next;
        var shift = 0;
        do
        {
            next = bytes.Byte();
            length |= (long)(next & 0x7F) << shift;
            shift += 7;
        }
        while (next >= 0x80 && shift < 35);
        Check(next < 0x80 && length <= uint.MaxValue);

        var begin = body.Count;
        while (!bytes.IsAtEnd)
        {
            var tag = bytes.Byte();
            var size = tag >> 2;
            switch (tag & 3)
            {
                case 0:
                    var literal = (size < 60 ? size : bytes.Little(size - 59)) + 1L;

                    // Snappier overlooks what the last one lacks, as long as there is what was announced in all.
                    bytes.IsDoubtful |= literal > bytes.Left;
                    body.AddRange(bytes.Take(literal));
                    break;
                case 1:
                    CopyOf((uint)(((tag >> 5) << 8) | bytes.Byte()), (size & 7) + 4);
                    break;
                default:
                    CopyOf(bytes.Little((tag & 3) == 2 ? 2 : 4), size + 1);
                    break;
            }

            Check(body.Count - begin <= length);
        }

        Check(body.Count - begin == length);

        void CopyOf(uint offset, int count)
        {
            Check(offset <= body.Count - begin);
            Copy(body, offset, count);
        }
    }

    static void ReadFrames(PlainBytes bytes, List<byte> body)
    {
        while (!bytes.IsAtEnd)
        {
            var type = bytes.Byte();
            var content = new PlainBytes(bytes.Take(bytes.Little(3)));
            if (type is 0 or 1)
            {
                var sum = content.Little(4);
                var rest = content.Take(content.Left);
                var (part, isDoubtful) = type == 1 ? new Decoded(rest) : PlainBytes.Read(rest, ReadBlock);
                bytes.IsDoubtful |= isDoubtful;
                Check(part is { Length: <= LargestChunk } && Checksums.MaskedCrc32C(part) == sum);
                body.AddRange(part!);
            }
            else if (type == 0xFF)
            {
                Check(content.Take(content.Left).AsSpan().SequenceEqual(Beginning.AsSpan(4)));
            }
            else
            {
                Check(type >= 0x80);
            }
        }
    }

    static byte[] Varint(ulong value, int more) =>
        value < 0x80 && more == 0 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7, value < 0x80 ? more - 1 : more)];
}
