using System.Buffers;
using System.IO.Compression;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>Brotli (RFC 7932).</summary>
static class BrotliStreams
{
    // Section 9.1: windows of 10 to 24 bits; and the one that is none there, and begins a stream with a larger window elsewhere.
    static readonly (int Bits, int Count)[] Windows =
        [(0x21, 7), (0x31, 7), (0x41, 7), (0x51, 7), (0x61, 7), (0x71, 7), (0, 1), (1, 7), (3, 4), (5, 4), (7, 4), (9, 4), (0xB, 4), (0xD, 4), (0xF, 4)];

    /// <summary>Writes a stream: with .NET, or by hand in blocks that are not compressed and such that mean nothing, in which fields are wrong now and then.</summary>
    public static byte[] Write(byte[] body, Random random)
    {
        if (random.OneIn(2))
        {
            var compressed = new byte[BrotliEncoder.GetMaxCompressedLength(body.Length)];
            BrotliEncoder.TryCompress(body, compressed, out var length, random.Next(random.OneIn(50) ? 12 : 4), random.Next(10, 25));
            return compressed[..length];
        }

        var bits = new Bits();
        bits.Add(random.Mostly(Windows[random.Next(Windows.Length)], (0x11, 7), (0x11 | (30 << 8), 14)));
        foreach (var part in random.Parts(body, 4, 0x10000).Where(part => part.Length > 0))
        {
            if (random.OneIn(3))
            {
                // Neither the last, nor with a length in half-bytes; a bit that has to be 0, and a length in bytes.
                var skipped = random.Bytes(random.Next(1, 300));
                var length = random.Mostly(skipped.Length - 1, 0, skipped.Length, 0xFFFF);
                bits.Add((random.Mostly(0, 1), 1), (3, 2), (random.Mostly(0, 1), 1), (random.Mostly(2, 1, 3), 2), (length, 16));
                bits.Fill(random);
                bits.Add(skipped);
            }

            if (random.OneIn(3))
            {
                // One of no bytes.
                bits.Add((0, 1), (3, 2), (0, 1), (0, 2));
                bits.Fill(random);
            }

            bits.Add((0, 1), (random.Mostly(0, 1, 2), 2), (random.Mostly(part.Length - 1, 0, part.Length, 0xFFFF) & 0xFFFF, 16), (random.Mostly(1, 0), 1));
            bits.Fill(random);
            bits.Add(part);
        }

        bits.Add((random.Mostly(3, 0, 1), 2));
        bits.Fill(random);
        return [.. bits.Bytes, .. random.Mostly<byte[]>([], [0], [6], random.Bytes(9))];
    }

    /// <summary>Reads all of it, with the decoder that tells where it ended.</summary>
    public static Decoded Read(byte[] sent)
    {
        using var decoder = new BrotliDecoder();
        var body = new List<byte>();
        var piece = new byte[4096];
        OperationStatus status;
        do
        {
            status = decoder.Decompress(sent, piece, out var consumed, out var written);
            sent = sent[consumed..];
            body.AddRange(piece.AsSpan(0, written));
        }
        while (status == OperationStatus.DestinationTooSmall);
        return new Decoded(status == OperationStatus.Done && sent.Length == 0 ? [.. body] : null);
    }

    /// <summary>Bits, each byte filled from its lowest.</summary>
    sealed class Bits
    {
        int _count;

        public List<byte> Bytes { get; } = [];

        public void Add(params ReadOnlySpan<(int Bits, int Count)> fields)
        {
            foreach (var (bits, count) in fields)
            {
                for (var i = 0; i < count; i++, _count++)
                {
                    if (_count % 8 == 0)
                    {
                        Bytes.Add(0);
                    }

                    Bytes[^1] |= (byte)(((bits >> i) & 1) << (_count % 8));
                }
            }
        }

        public void Add(byte[] bytes)
        {
            Bytes.AddRange(bytes);
            _count += bytes.Length * 8;
        }

        /// <summary>Goes on to the next byte, over bits that have to be 0.</summary>
        public void Fill(Random random) => Add((random.Mostly(0, 0xFF), (8 - (_count % 8)) % 8));
    }
}
