using System.Buffers.Binary;
using K4os.Compression.LZ4.Encoders;
using K4os.Hash.xxHash;
using MetricsFunctions.Ingestion.Memory;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// A body in frames of LZ4 (<see href="https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md"/>). A frame says in front how large its blocks
/// may be, up to 4 MiB, and senders say so of the smallest body; how large they can be is known when the body is here. The library's own reader of
/// frames overlooks their checksums and lengths.
/// </summary>
/// <param name="body">The body as it arrives.</param>
/// <param name="room">What the request has of the memory.</param>
sealed class Lz4Body(Stream body, MemoryBudget.Room? room) : WholeBody(body, room)
{
    const uint Magic = 0x184D2204;
    const uint SkippableMagic = 0x184D2A50;
    const uint SkippableMask = 0xFFFFFFF0;
    const uint PlainBlock = 0x80000000;

    const int LargestBlock = 4 * 1024 * 1024;

    // One byte says at most that 255 others come again.
    const int LargestExpansion = 255;

    // The decoder keeps this much of the blocks before, for copies out of them.
    const int Window = 64 * 1024;

    readonly XXH32 _sum = new();
    byte[] _frames = [];
    int _at;
    int _end;
    int _largestBlock;
    int _taken;

    ILZ4Decoder? _decoder;
    FrameFlags _flags;
    ulong _announced;
    ulong _length;
    int _decoded;

    [Flags]
    enum FrameFlags
    {
        HasDictionary = 1,
        Reserved = 2,
        HasChecksum = 4,
        HasLength = 8,
        HasBlockChecksums = 0x10,
        HasIndependentBlocks = 0x20,
        Version = 0xC0,
        Version1 = 0x40,
    }

    protected override void Begin(byte[] compressed, int length)
    {
        (_frames, _end) = (compressed, length);
        _largestBlock = (int)Math.Min(LargestBlock, (long)LargestExpansion * length);
        _taken = _largestBlock + Window;
        Room?.Take(_taken);
    }

    protected override int Decompress(Span<byte> buffer)
    {
        // Frames may follow each other, and a frame and a block be empty.
        while (_decoded == 0)
        {
            if (_decoder is not null)
            {
                ReadBlock(_decoder);
            }
            else if (_at < _end)
            {
                OpenFrame();
            }
            else
            {
                return 0;
            }
        }

        var read = buffer[..Math.Min(buffer.Length, _decoded)];
        _decoder!.Drain(read, -_decoded, read.Length);
        _decoded -= read.Length;
        _length += (ulong)read.Length;
        _sum.Update(read);
        return read.Length;
    }

    protected override void Dispose(bool disposing)
    {
        _decoder?.Dispose();
        Room?.Give(_taken);
        _taken = 0;
        base.Dispose(disposing);
    }

    void OpenFrame()
    {
        var magic = TakeUInt32();
        if ((magic & SkippableMask) == SkippableMagic)
        {
            Take(TakeUInt32());
            return;
        }

        var begin = _at;
        _flags = (FrameFlags)Take(1)[0];
        var sizes = Take(1)[0];
        _announced = _flags.HasFlag(FrameFlags.HasLength) ? BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong))) : 0;
        Take(_flags.HasFlag(FrameFlags.HasDictionary) ? sizeof(uint) : 0U);

        // The sizes of 64 KiB, 256 KiB, 1 MiB and 4 MiB have the numbers 4 to 7, in bits of which no other may be set.
        var checksum = (byte)(XXH32.DigestOf(_frames.AsSpan(begin.._at)) >> 8);
        Check(magic == Magic
            && (_flags & FrameFlags.Version) == FrameFlags.Version1
            && !_flags.HasFlag(FrameFlags.Reserved)
            && (sizes & 0x8F) == 0
            && sizes >> 4 >= 4
            && Take(1)[0] == checksum);
        if (_flags.HasFlag(FrameFlags.HasDictionary))
        {
            throw new BodyException(BodyFault.Dictionary);
        }

        _decoder = LZ4Decoder.Create(!_flags.HasFlag(FrameFlags.HasIndependentBlocks), Math.Min(1 << (8 + (2 * (sizes >> 4))), _largestBlock), extraBlocks: 0);
        _length = 0;
        _sum.Reset();
    }

    void ReadBlock(ILZ4Decoder decoder)
    {
        var header = TakeUInt32();
        if (header == 0)
        {
            Check((!_flags.HasFlag(FrameFlags.HasLength) || _announced == _length) && (!_flags.HasFlag(FrameFlags.HasChecksum) || TakeUInt32() == _sum.Digest()));
            decoder.Dispose();
            _decoder = null;
            return;
        }

        var begin = _at;
        var block = Take(header & ~PlainBlock);
        Check(!_flags.HasFlag(FrameFlags.HasBlockChecksums) || TakeUInt32() == XXH32.DigestOf(block));
        _decoded = (header & PlainBlock) != 0 ? decoder.Inject(_frames, begin, block.Length) : decoder.Decode(_frames, begin, block.Length);
    }

    uint TakeUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    ReadOnlySpan<byte> Take(uint count)
    {
        Check(count <= _end - _at);
        _at += (int)count;
        return _frames.AsSpan(_at - (int)count, (int)count);
    }

    static void Check(bool isGood)
    {
        if (!isGood)
        {
            throw new BodyException(BodyFault.Corrupt);
        }
    }
}
