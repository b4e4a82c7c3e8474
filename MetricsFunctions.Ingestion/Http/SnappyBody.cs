using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Memory;
using Snappier;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// A body in Snappy's block format (<see href="https://github.com/google/snappy/blob/main/format_description.txt"/>), or in its framing format
/// (<see href="https://github.com/google/snappy/blob/main/framing_format.txt"/>), which some senders take for the same.
/// </summary>
/// <param name="body">The body as it arrives.</param>
/// <param name="maxBytes">How long it may be when it is decompressed.</param>
/// <param name="room">What the request has of the memory.</param>
/// <param name="mayBePlain">Whether a body that is neither is taken as it is.</param>
sealed class SnappyBody(Stream body, long maxBytes, MemoryBudget.Room? room, bool mayBePlain = false) : WholeBody(body, room)
{
    // Three bytes say at most that 64 others come again.
    const int LargestExpansion = 22;

    const int ChunkHeaderBytes = 4;
    const int ChecksumBytes = 4;
    const int LargestChunk = 64 * 1024;
    const int CompressedChunk = 0;
    const int PlainChunk = 1;
    const int FirstSkippable = 0x80;
    const int Beginning = 0xFF;

    ReadOnlyMemory<byte> _chunks;
    RentedBytes? _block;
    ReadOnlyMemory<byte> _next;

    // No block begins with these: it would copy from before its beginning.
    static ReadOnlySpan<byte> BeginningOfFrames => [Beginning, 6, 0, 0, (byte)'s', (byte)'N', (byte)'a', (byte)'P', (byte)'p', (byte)'Y'];

    protected override void Begin(byte[] compressed, int length)
    {
        var whole = compressed.AsMemory(0, length);
        if (whole.Span.StartsWith(BeginningOfFrames))
        {
            _chunks = whole;
            _block = new RentedBytes(Room, LargestChunk);
        }
        else if (!TryDecompressBlock(whole, maxBytes, BodyFault.TooLarge, out _next))
        {
            _next = mayBePlain ? whole : throw new BodyException(BodyFault.Corrupt);
        }
    }

    protected override int Decompress(Span<byte> buffer)
    {
        while (_next.IsEmpty && !_chunks.IsEmpty)
        {
            _next = ReadChunk();
        }

        var read = _next[..Math.Min(buffer.Length, _next.Length)];
        read.Span.CopyTo(buffer);
        _next = _next[read.Length..];
        return read.Length;
    }

    protected override void Dispose(bool disposing)
    {
        _block?.Dispose();
        base.Dispose(disposing);
    }

    // Snappier's own stream loses bytes behind a chunk that is to be skipped, and takes an end within a chunk for the end of the body.
    ReadOnlyMemory<byte> ReadChunk()
    {
        var header = _chunks.Length < ChunkHeaderBytes ? throw new BodyException(BodyFault.Corrupt) : BinaryPrimitives.ReadUInt32LittleEndian(_chunks.Span);
        var (type, length) = ((int)(header & 0xFF), (int)(header >> 8));
        var rest = _chunks[ChunkHeaderBytes..];
        if (length > rest.Length)
        {
            throw new BodyException(BodyFault.Corrupt);
        }

        var content = rest[..length];
        _chunks = rest[length..];
        switch (type)
        {
            case CompressedChunk or PlainChunk when length >= ChecksumBytes:
                var data = content[ChecksumBytes..];
                return (type == PlainChunk || TryDecompressBlock(data, LargestChunk, BodyFault.Corrupt, out data))
                    && data.Length <= LargestChunk && Checksum(data.Span) == BinaryPrimitives.ReadUInt32LittleEndian(content.Span)
                        ? data
                        : throw new BodyException(BodyFault.Corrupt);
            case Beginning when content.Span.SequenceEqual(BeginningOfFrames[ChunkHeaderBytes..]):
            case >= FirstSkippable and < Beginning:
                return default;
            default:
                throw new BodyException(BodyFault.Corrupt);
        }
    }

    // CRC-32C, masked as the framing format has it.
    static uint Checksum(ReadOnlySpan<byte> data)
    {
        var sum = uint.MaxValue;
        var words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (var word in words)
        {
            sum = BitOperations.Crc32C(sum, word);
        }

        foreach (var value in data[(words.Length * sizeof(ulong))..])
        {
            sum = BitOperations.Crc32C(sum, value);
        }

        return BitOperations.RotateRight(~sum, 15) + 0xA282EAD8;
    }

    bool TryDecompressBlock(ReadOnlyMemory<byte> block, long most, BodyFault beyond, out ReadOnlyMemory<byte> bytes)
    {
        // What a block says of its length in front is believed only as far as memory for it does no harm.
        bytes = default;
        var rest = block.Span;
        if (!WireReader.TryReadVarint(ref rest, out var announced))
        {
            return false;
        }

        if (announced > (ulong)most)
        {
            throw new BodyException(beyond);
        }

        if (announced > (ulong)rest.Length * LargestExpansion)
        {
            return false;
        }

        var length = (int)announced;
        _block ??= new RentedBytes(Room, length);
        try
        {
            // Snappier overlooks what is left of a piece when it is done, and refuses another piece: the last byte, which a whole block needs, is one.
            var pieces = new Piece(block[..^1]);
            var last = new Piece(block[^1..], pieces);
            var output = _block.Array.AsMemory(0, length);
            Snappy.Decompress(new ReadOnlySequence<byte>(pieces, 0, last, last.Memory.Length), new Output(output));
            bytes = output;
            return true;
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>One of several pieces that lie in different places.</summary>
    sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> bytes, Piece? before = null)
        {
            Memory = bytes;
            if (before is not null)
            {
                RunningIndex = before.Memory.Length;
                before.Next = this;
            }
        }
    }

    /// <summary>Memory for what a block announces and no more, so that Snappier refuses one that is longer.</summary>
    sealed class Output(Memory<byte> memory) : IBufferWriter<byte>
    {
        public Memory<byte> GetMemory(int sizeHint = 0) => memory;

        public Span<byte> GetSpan(int sizeHint = 0) => memory.Span;

        public void Advance(int count)
        {
            // As much as was announced.
        }
    }
}
