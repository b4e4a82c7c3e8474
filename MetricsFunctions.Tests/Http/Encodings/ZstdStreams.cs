using K4os.Hash.xxHash;
using ZstdSharp;
using ZstdSharp.Unsafe;
using static MetricsFunctions.Tests.Http.Encodings.PlainBytes;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>Zstandard's frames (RFC 8878).</summary>
static class ZstdStreams
{
    const uint Magic = 0xFD2FB528;
    const uint Skippable = 0x184D2A50;
    const int LargestBlock = 128 * 1024;
    const ulong LargestWindow = 8 * 1024 * 1024;
    const int LargestBody = 1 << 25;

    // To make one takes longer than to use it.
    [ThreadStatic]
    static Compressor? _compressor;

    [ThreadStatic]
    static Decompressor? _decompressor;

    /// <summary>Writes frames: with a library, or by hand in blocks that are not compressed, in which fields are wrong now and then.</summary>
    public static byte[] Write(byte[] body, Random random)
    {
        var frames = new List<byte>();
        foreach (var part in random.Parts(body, random.OneIn(2) ? 1 : 3))
        {
            frames.AddRange(random.OneIn(6) ? GenFrames.Skippable(Skippable, random) : []);
            frames.AddRange(random.OneIn(3) ? Compressed(part, random) : Frame(part, random));
        }

        return [.. frames, .. random.Mostly<byte[]>([], [0], BitConverter.GetBytes(Magic), random.Bytes(9))];
    }

    /// <summary>Reads all of it.</summary>
    public static Decoded Read(byte[] sent) => PlainBytes.Read(sent, (bytes, body) =>
    {
        while (!bytes.IsAtEnd)
        {
            var begin = bytes.At;
            var magic = bytes.Little(4);
            if ((magic & ~0xFU) == Skippable)
            {
                bytes.Take(bytes.Little(4));
                continue;
            }

            Check(magic == Magic);
            var hasSum = SkipFrame(bytes);
            try
            {
                body.AddRange((_decompressor ??= new Decompressor()).Unwrap(bytes.Since(begin), LargestBody));
            }
            catch (ZstdException)
            {
                // Read as a stream, a frame may say less of its window than it uses, if only its sum is right.
                bytes.IsDoubtful |= hasSum;
                Check(false);
            }
        }
    });

    static byte[] Compressed(byte[] part, Random random)
    {
        var compressor = _compressor ??= new Compressor();
        compressor.Level = random.Next(1, 4);
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, random.Next(2));
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_contentSizeFlag, random.Next(2));
        var frame = compressor.Wrap(part).ToArray();
        return random.OneIn(20) ? random.Damage(frame) : frame;
    }

    static byte[] Frame(byte[] body, Random random)
    {
        var (isSingle, hasSum) = (random.OneIn(2), random.OneIn(2));
        var sizeFlag = random.Next(4);
        var dictionaryFlag = random.OneIn(10) ? random.Next(4) : 0;
        var size = (ulong)body.Length;
        sizeFlag = sizeFlag == 1 && size < 256 ? 2 : sizeFlag == 0 && isSingle && size > 255 ? 3 : sizeFlag == 1 && size > 0xFFFF + 256 ? 2 : sizeFlag;
        size = random.Mostly(size, 0UL, size + 1, size * 2, 1UL << 31, 1UL << 40, ulong.MaxValue);
        List<byte> frame =
        [
            .. BitConverter.GetBytes(random.Mostly(Magic, 0U, Magic - 1, Magic + 1)),
            (byte)((sizeFlag << 6) | (isSingle ? 0x20 : 0) | (random.OneIn(8) ? 0x10 : 0) | (random.Mostly(0, 1) << 3) | (hasSum ? 4 : 0) | dictionaryFlag),
            .. isSingle ? [] : new[] { (byte)random.Next(random.OneIn(8) ? 256 : 14 << 3) },
            .. BitConverter.GetBytes(random.Mostly(0U, 1U, uint.MaxValue))[..(dictionaryFlag == 3 ? 4 : dictionaryFlag)],
            .. sizeFlag switch
            {
                0 => isSingle ? [(byte)size] : [],
                1 => BitConverter.GetBytes((ushort)(size - 256)),
                2 => BitConverter.GetBytes((uint)size),
                _ => BitConverter.GetBytes(size),
            },
        ];
        var parts = random.Parts(body, 4, 1000);
        foreach (var (i, part) in parts.Index())
        {
            var isRun = part.Length > 0 && part.All(value => value == part[0]);
            var type = random.Mostly(isRun ? 1 : 0, 0, 1, 2, 3);
            var length = random.Mostly(part.Length, 0, part.Length + 1, LargestBlock, LargestBlock + 1);
            var head = (random.Mostly(i == parts.Length - 1, true, false) ? 1 : 0) | (type << 1) | (length << 3);
            frame.AddRange(BitConverter.GetBytes(head)[..3]);
            frame.AddRange(isRun ? part[..1] : part);
        }

        if (hasSum)
        {
            frame.AddRange(BitConverter.GetBytes((uint)random.Mostly(XXH64.DigestOf(body), 0UL)));
        }

        return random.Mostly(frame);
    }

    // What is in the blocks is the library's.
    static bool SkipFrame(PlainBytes bytes)
    {
        var flags = bytes.Byte();
        Check((flags & 8) == 0);
        var isSingle = (flags & 0x20) != 0;
        var descriptor = isSingle ? 0 : bytes.Byte();
        var window = (1UL << (10 + (descriptor >> 3))) / 8 * (8 + (ulong)(descriptor & 7));
        Check(bytes.Little((flags & 3) == 3 ? 4 : flags & 3) == 0);
        ulong? size = (flags >> 6) switch
        {
            0 => isSingle ? bytes.Byte() : null,
            1 => bytes.Little(2) + 256,
            2 => bytes.Little(4),
            _ => bytes.Little64(),
        };

        // This length is none for the library.
        bytes.IsDoubtful |= size == ulong.MaxValue;
        window = isSingle ? size!.Value : window;

        // Nobody has to provide for such a window (RFC 9659).
        bytes.IsDoubtful |= window > LargestWindow;
        var (isLast, most) = (false, 0UL);
        while (!isLast)
        {
            var head = bytes.Little(3);
            isLast = (head & 1) == 1;
            var (type, length) = ((head >> 1) & 3, head >> 3);
            Check(type != 3 && length <= Math.Min(window, LargestBlock));
            bytes.Take(type == 1 ? 1 : length);

            // Of an empty block the library overlooks that it is compressed, and behind it how long the frame should have been.
            bytes.IsDoubtful |= length == 0 && (isLast || type == 2);
            most += type == 2 ? LargestBlock : length;
        }

        var hasSum = (flags & 4) != 0;
        bytes.Take(hasSum ? 4 : 0);
        Check(size is null || size <= most);
        return hasSum;
    }
}
