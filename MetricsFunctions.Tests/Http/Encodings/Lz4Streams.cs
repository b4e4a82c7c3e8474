using K4os.Compression.LZ4;
using K4os.Hash.xxHash;
using static MetricsFunctions.Tests.Http.Encodings.PlainBytes;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>
/// LZ4's frames (<see href="https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md"/>), of blocks
/// (<see href="https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md"/>).
/// </summary>
static class Lz4Streams
{
    const uint Magic = 0x184D2204;
    const uint Legacy = 0x184C2102;
    const uint Skippable = 0x184D2A50;
    const uint Plain = 0x80000000;

    const int Version = 0x40;
    const int AreIndependent = 0x20;
    const int HaveSums = 0x10;
    const int HasSize = 8;
    const int HasSum = 4;
    const int Reserved = 2;
    const int HasDictionary = 1;

    // The last match begins at least so many bytes before the end of a block.
    const int LiteralsAtEnd = 12;

    /// <summary>Writes frames, in which fields are wrong now and then.</summary>
    public static byte[] Write(byte[] body, Random random)
    {
        var frames = new List<byte>();
        foreach (var part in random.Parts(body, random.OneIn(2) ? 1 : 3))
        {
            frames.AddRange(random.OneIn(6) ? GenFrames.Skippable(Skippable, random) : []);
            frames.AddRange(Frame(part, random));
        }

        return [.. frames, .. random.Mostly<byte[]>([], [0], [4, 0x22, 0x4D, 0x18], random.Bytes(9))];
    }

    /// <summary>Reads all of it.</summary>
    public static Decoded Read(byte[] sent) => PlainBytes.Read(sent, (bytes, body) =>
    {
        while (!bytes.IsAtEnd)
        {
            var magic = bytes.Little(4);
            if ((magic & ~0xFU) == Skippable)
            {
                bytes.Take(bytes.Little(4));
            }
            else
            {
                Check(magic == Magic);
                ReadFrame(bytes, body);
            }
        }
    });

    static byte[] Frame(byte[] body, Random random)
    {
        var flags = random.Mostly(Version, 0, 0x80, 0xC0) | (random.Next(8) << 2) | random.Mostly(0, Reserved, HasDictionary);
        flags |= random.OneIn(2) ? AreIndependent : 0;
        var largest = random.Next(4, 8);
        List<byte> head = [(byte)flags, (byte)random.Mostly(largest << 4, 0, 3 << 4, (largest << 4) | 1, 0x80 | (largest << 4))];
        if ((flags & HasSize) != 0)
        {
            head.AddRange(BitConverter.GetBytes(random.Mostly((ulong)body.Length, 0UL, (ulong)body.Length + 1, 1UL << 40, ulong.MaxValue)));
        }

        if ((flags & HasDictionary) != 0)
        {
            head.AddRange(random.Bytes(4));
        }

        var headSum = (byte)(XXH32.DigestOf([.. head]) >> 8);
        List<byte> frame = [.. BitConverter.GetBytes(random.Mostly(Magic, 0U, Legacy, Magic + 1)), .. head, random.Mostly(headSum, (byte)0, (byte)~headSum)];
        foreach (var part in random.Parts(body, 4, random.OneIn(50) ? 70_000 : 60_000).Where(part => part.Length > 0))
        {
            var block = random.Next(3) switch { 0 => part, 1 => Sequences(part, random), _ => Encoded(part) };
            var length = (uint)random.Mostly(block.Length, 0, block.Length + 1, 70_000, int.MaxValue) | (ReferenceEquals(block, part) ? Plain : 0);
            frame.AddRange(BitConverter.GetBytes(random.Mostly(length, length ^ Plain)));
            frame.AddRange(block);
            if ((flags & HaveSums) != 0)
            {
                frame.AddRange(BitConverter.GetBytes(random.Mostly(XXH32.DigestOf(block), 0U)));
            }
        }

        frame.AddRange(random.Mostly<byte[]>([0, 0, 0, 0], [], [0, 0, 0, 0x80]));
        if ((flags & HasSum) != 0)
        {
            frame.AddRange(BitConverter.GetBytes(random.Mostly(XXH32.DigestOf(body), 0U)));
        }

        return random.Mostly(frame);
    }

    static byte[] Encoded(byte[] part)
    {
        var encoded = new byte[LZ4Codec.MaximumOutputSize(part.Length)];
        return encoded[..LZ4Codec.Encode(part, encoded)];
    }

    static byte[] Sequences(byte[] part, Random random)
    {
        var sequences = new List<byte>();
        for (var at = 0; ;)
        {
            var literals = Math.Min(random.Next(1, random.OneIn(10) ? 600 : 40), part.Length - at);
            var (offset, match) = (0, 0);
            var begin = at + literals;
            if (begin < part.Length - LiteralsAtEnd)
            {
                offset = random.Next(1, begin + 1);
                while (begin + match < part.Length - LiteralsAtEnd && part[begin + match] == part[begin + match - offset])
                {
                    match++;
                }
            }

            var isMatch = match >= 4 && offset < 65536;
            if (!isMatch)
            {
                literals = part.Length - at < 4 * LiteralsAtEnd ? part.Length - at : literals;
            }

            var isLast = at + literals == part.Length;
            if (!isMatch && !isLast)
            {
                // Literals end only in a match or at the end.
                literals = part.Length - at;
                isLast = true;
            }

            sequences.Add((byte)((Math.Min(literals, 15) << 4) | (isLast ? random.Mostly(0, 3) : Math.Min(match - 4, 15))));
            sequences.AddRange(More(literals, random));
            sequences.AddRange(part[at..(at + literals)]);
            at += literals;
            if (isLast)
            {
                return [.. sequences];
            }

            sequences.AddRange(BitConverter.GetBytes((ushort)random.Mostly(offset, 0, at + 1, ushort.MaxValue)));
            sequences.AddRange(More(match - 4, random));
            at += match;
        }
    }

    // A length of 15 and more goes on in bytes, up to one that is not 255.
    static IEnumerable<byte> More(int length, Random random) =>
        length < 15 ? [] : [.. Enumerable.Repeat((byte)255, ((length - 15) / 255) + random.Mostly(0, 1)), (byte)((length - 15) % 255)];

    static void ReadFrame(PlainBytes bytes, List<byte> body)
    {
        var begin = bytes.At;
        var (flags, sizes) = (bytes.Byte(), bytes.Byte());
        Check((flags & 0xC0) == Version && (flags & (Reserved | HasDictionary)) == 0 && (sizes & 0x8F) == 0 && sizes >> 4 >= 4);
        var largest = 1 << (8 + (2 * (sizes >> 4)));
        ulong? size = (flags & HasSize) != 0 ? bytes.Little64() : null;
        var sum = (byte)(XXH32.DigestOf(bytes.Since(begin)) >> 8);
        Check(bytes.Byte() == sum);
        var content = new List<byte>();
        while (bytes.Little(4) is var length and not 0)
        {
            var block = bytes.Take(length & ~Plain);
            Check((flags & HaveSums) == 0 || bytes.Little(4) == XXH32.DigestOf(block));
            var before = content.Count;
            if ((length & Plain) != 0)
            {
                content.AddRange(block);
            }
            else
            {
                ReadBlock(bytes, new PlainBytes(block), content, (flags & AreIndependent) != 0 ? before : 0);
            }

            Check(content.Count - before <= largest);
        }

        Check((flags & HasSum) == 0 || bytes.Little(4) == XXH32.DigestOf([.. content]));
        Check(size is null || size == (ulong)content.Count);
        body.AddRange(content);
    }

    static void ReadBlock(PlainBytes frame, PlainBytes bytes, List<byte> content, int begin)
    {
        while (true)
        {
            var token = bytes.Byte();
            content.AddRange(bytes.Take(Length(token >> 4)));
            if (bytes.IsAtEnd)
            {
                // Of the last sequence, which has no match, some look at its length.
                frame.IsDoubtful |= (token & 0xF) != 0;
                return;
            }

            // LZ4's own decoder takes no offset for zeros.
            var offset = bytes.Little(2);
            frame.IsDoubtful |= offset == 0;
            Check(offset <= content.Count - begin);
            Copy(content, offset, Length(token & 0xF) + 4);
        }

        int Length(int length)
        {
            for (var more = length == 15; more;)
            {
                var next = bytes.Byte();
                length += next;
                more = next == 255;
            }

            return length;
        }
    }
}
