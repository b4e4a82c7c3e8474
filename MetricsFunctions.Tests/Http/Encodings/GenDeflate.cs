using System.IO.Compression;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>Writes DEFLATE (RFC 1951): with .NET, or in stored blocks by hand, some of whose fields are wrong.</summary>
static class GenDeflate
{
    const int Stored = 0;
    const int Reserved = 3;

    static readonly CompressionLevel[] Levels = [CompressionLevel.NoCompression, CompressionLevel.Fastest, CompressionLevel.Optimal, CompressionLevel.SmallestSize];

    public static byte[] Write(byte[] body, Random random)
    {
        if (random.OneIn(3))
        {
            var compressed = new MemoryStream();
            using (var deflate = new DeflateStream(compressed, Levels[random.Next(Levels.Length)]))
            {
                deflate.Write(body);
            }

            return random.OneIn(20) ? random.Damage(compressed.ToArray()) : compressed.ToArray();
        }

        var blocks = new List<byte>();
        var parts = random.Parts(body, 4, ushort.MaxValue);
        foreach (var (i, part) in parts.Index())
        {
            var isLast = random.Mostly(i == parts.Length - 1, true, false);
            var fill = random.Next(32);
            var length = random.Mostly(part.Length, 0, part.Length - 1, part.Length + 1, ushort.MaxValue);
            blocks.Add((byte)((isLast ? 1 : 0) | (random.Mostly(Stored, 1, 2, Reserved) << 1) | (fill << 3)));
            blocks.AddRange(BitConverter.GetBytes((ushort)length));
            blocks.AddRange(BitConverter.GetBytes((ushort)random.Mostly(~length, length, 0)));
            blocks.AddRange(part);
        }

        return [.. blocks];
    }
}
