using static MetricsFunctions.Tests.Http.Encodings.PlainBytes;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>gzip (RFC 1952): one or more members behind each other.</summary>
static class GzipStreams
{
    const int HeaderSum = 2;
    const int Extra = 4;
    const int Name = 8;
    const int Comment = 16;
    const int Known = 0x1F;

    /// <summary>Writes members, in which fields are wrong now and then.</summary>
    public static byte[] Write(byte[] body, Random random)
    {
        var members = new List<byte>();
        foreach (var part in random.Parts(body, random.OneIn(2) ? 1 : 3))
        {
            members.AddRange(Member(part, random));
        }

        return [.. members, .. random.Mostly<byte[]>([], [0], new byte[8], [.. members.Take(10)], random.Bytes(20))];
    }

    /// <summary>Reads all of it.</summary>
    public static Decoded Read(byte[] sent) => PlainBytes.Read(sent, (bytes, body) =>
    {
        do
        {
            ReadMember(bytes, body);
        }
        while (!bytes.IsAtEnd);
    });

    static byte[] Member(byte[] part, Random random)
    {
        var flags = random.OneIn(2) ? 0 : random.Next(Known + 1);
        flags |= random.Mostly(0, 0x20, 0x40, 0x80);
        List<byte> member = [random.Mostly<byte>(0x1F, 0, 0x1E), random.Mostly<byte>(0x8B, 0, 0x8A), random.Mostly<byte>(8, 0, 7, 9, 255), (byte)flags, .. random.Bytes(6)];
        if ((flags & Extra) != 0)
        {
            var extra = random.Bytes(random.Next(20));
            member.AddRange(BitConverter.GetBytes(random.Mostly((ushort)extra.Length, (ushort)0, (ushort)(extra.Length + 1), ushort.MaxValue)));
            member.AddRange(extra);
        }

        foreach (var text in new[] { Name, Comment }.Where(text => (flags & text) != 0))
        {
            member.AddRange(random.Bytes(random.Next(random.OneIn(10) ? 5_000 : 10)).Where(letter => letter != 0));
            member.AddRange(random.Mostly<byte[]>([0], []));
        }

        if ((flags & HeaderSum) != 0)
        {
            member.AddRange(BitConverter.GetBytes(random.Mostly((ushort)Checksums.Crc32([.. member]), (ushort)0, (ushort)random.Next())));
        }

        var sum = Checksums.Crc32(part);
        member.AddRange(GenDeflate.Write(part, random));
        member.AddRange(BitConverter.GetBytes(random.Mostly(sum, 0U, ~sum, sum + 1)));
        member.AddRange(BitConverter.GetBytes(random.Mostly((uint)part.Length, 0U, uint.MaxValue, (uint)part.Length + 1)));
        return random.Mostly(member);
    }

    static void ReadMember(PlainBytes bytes, List<byte> body)
    {
        var begin = bytes.At;
        Check(bytes.Byte() == 0x1F && bytes.Byte() == 0x8B && bytes.Byte() == 8);
        var flags = bytes.Byte();
        Check(flags <= Known);
        bytes.Take(6);
        if ((flags & Extra) != 0)
        {
            bytes.Take(bytes.Little(2));
        }

        foreach (var text in new[] { Name, Comment }.Where(text => (flags & text) != 0))
        {
            while (bytes.Byte() != 0)
            {
            }
        }

        var sum = (ushort)Checksums.Crc32(bytes.Since(begin));
        Check((flags & HeaderSum) == 0 || bytes.Little(2) == sum);
        var before = body.Count;
        PlainInflate.Read(bytes, body);
        var part = body.GetRange(before, body.Count - before).ToArray();
        Check(bytes.Little(4) == Checksums.Crc32(part) && bytes.Little(4) == (uint)part.Length);
    }
}
