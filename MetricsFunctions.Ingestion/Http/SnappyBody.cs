using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
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

    RentedBytes? _block;
    Stream? _decompressed;

    // No block begins with these: it would copy from before its beginning.
    static ReadOnlySpan<byte> BeginningOfFrames => [0xFF, 6, 0, 0, (byte)'s', (byte)'N', (byte)'a', (byte)'P', (byte)'p', (byte)'Y'];

    protected override void Begin(byte[] compressed, int length)
    {
        var whole = compressed.AsMemory(0, length);
        var isFramed = whole.Span.StartsWith(BeginningOfFrames);
        if (isFramed && AreWholeChunks(whole.Span))
        {
            _decompressed = new SnappyStream(new MemoryStream(compressed, 0, length), CompressionMode.Decompress);
        }
        else if (!isFramed && TryDecompressBlock(whole, out var bytes))
        {
            _decompressed = new MemoryStream(_block!.Array, 0, bytes);
        }
        else
        {
            _decompressed = mayBePlain ? new MemoryStream(compressed, 0, length) : throw new BodyException(BodyFault.Corrupt);
        }
    }

    protected override int Decompress(Span<byte> buffer) => _decompressed!.Read(buffer);

    protected override void Dispose(bool disposing)
    {
        _decompressed?.Dispose();
        _block?.Dispose();
        base.Dispose(disposing);
    }

    // Snappier's stream takes an end within a chunk for the end of the body, and believes what a chunk says of its length.
    static bool AreWholeChunks(ReadOnlySpan<byte> chunks)
    {
        while (chunks.Length >= ChunkHeaderBytes)
        {
            var header = BinaryPrimitives.ReadUInt32LittleEndian(chunks);
            var (type, length) = ((int)(header & 0xFF), (int)(header >> 8));
            chunks = chunks[ChunkHeaderBytes..];
            if (length > chunks.Length || (type is CompressedChunk or PlainChunk && !IsChunk(type, chunks[..length])))
            {
                return false;
            }

            chunks = chunks[length..];
        }

        return chunks.IsEmpty;
    }

    static bool IsChunk(int type, ReadOnlySpan<byte> content)
    {
        if (content.Length < ChecksumBytes)
        {
            return false;
        }

        var data = content[ChecksumBytes..];
        var length = (ulong)data.Length;
        return (type == PlainChunk || WireReader.TryReadVarint(ref data, out length)) && length <= LargestChunk;
    }

    bool TryDecompressBlock(ReadOnlyMemory<byte> block, out int length)
    {
        // What a block says of its length in front is believed only as far as memory for it does no harm.
        length = 0;
        var rest = block.Span;
        if (!WireReader.TryReadVarint(ref rest, out var announced))
        {
            return false;
        }

        if (announced > (ulong)maxBytes)
        {
            throw new BodyException(BodyFault.TooLarge);
        }

        if (announced > (ulong)rest.Length * LargestExpansion)
        {
            return false;
        }

        length = (int)announced;
        _block = new RentedBytes(Room, length);
        try
        {
            // Snappier overlooks what is left of a piece when it is done, and refuses another piece: the last byte, which a whole block needs, is one.
            var most = new Piece(block[..^1]);
            var last = new Piece(block[^1..], most);
            Snappy.Decompress(new ReadOnlySequence<byte>(most, 0, last, last.Memory.Length), new Output(_block.Array.AsMemory(0, length)));
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
