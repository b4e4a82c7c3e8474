using K4os.Compression.LZ4.Encoders;
using K4os.Compression.LZ4.Streams.Frames;
using MetricsFunctions.Ingestion.Memory;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// A body in frames of LZ4 (<see href="https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md"/>). A frame says in front how large its blocks
/// may be, up to 4 MiB, and senders say so of the smallest body; how large they can be is known when the body is here.
/// </summary>
/// <param name="body">The body as it arrives.</param>
/// <param name="room">What the request has of the memory.</param>
sealed class Lz4Body(Stream body, MemoryBudget.Room? room) : WholeBody(body, room)
{
    const int LargestBlock = 4 * 1024 * 1024;

    // One byte says at most that 255 others come again.
    const int LargestExpansion = 255;

    // The reader keeps this much of the blocks before, for copies out of them.
    const int Window = 64 * 1024;

    FrameReader? _frames;
    int _taken;

    protected override void Begin(byte[] compressed, int length)
    {
        var largestBlock = (int)Math.Min(LargestBlock, (long)LargestExpansion * length);
        _taken = length + largestBlock + Window;
        Room?.Take(_taken);
        _frames = new FrameReader(compressed.AsMemory(0, length), largestBlock);
    }

    protected override int Decompress(Span<byte> buffer)
    {
        // Frames may follow each other, and a frame and a block be empty.
        while (_frames!.OpenFrame())
        {
            var read = _frames.ReadManyBytes(buffer, interactive: true);
            if (read > 0)
            {
                return read;
            }
        }

        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        _frames?.Dispose();
        Room?.Give(_taken);
        _taken = 0;
        base.Dispose(disposing);
    }

    sealed class FrameReader(ReadOnlyMemory<byte> frames, int largestBlock)
        : ByteMemoryLZ4FrameReader(frames, frame => LZ4Decoder.Create(frame.Chaining, Math.Min(frame.BlockSize, largestBlock), extraBlocks: 0))
    {
        readonly int _length = frames.Length;

        // For a block as it was sent, which is not longer than all of them.
        protected override byte[] AllocBuffer(int size) => base.AllocBuffer(_length);
    }
}
