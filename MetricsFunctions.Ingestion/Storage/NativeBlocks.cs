using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// Blocks of samples in ClickHouse's Native format (<see href="https://clickhouse.com/docs/interfaces/formats/Native"/>), in pooled memory:
/// column by column, in little-endian numbers, with texts that come again as numbers of a dictionary.
/// </summary>
sealed class NativeBlocks
{
    const int SmallestChunk = 1024;
    const int LargestChunk = 256 * 1024;

    // SharedDictionariesWithAdditionalKeys: a block brings the dictionary along.
    const long DictionaryVersion = 1;

    // Of what follows, HasAdditionalKeys and NeedUpdateDictionary; the lowest byte is the type of the numbers: UInt8, UInt16 or UInt32.
    const long HasKeys = 1 << 9 | 1 << 10;

    static readonly byte[] MetricName = Header("metric_name", "LowCardinality(String)");
    static readonly byte[] Tags = Header("tags", "Map(LowCardinality(String), LowCardinality(String))");
    static readonly byte[] Timestamp = Header("timestamp", "DateTime64(3, 'UTC')");
    static readonly byte[] MetricValue = Header("metric_value", "Float64");
    static readonly byte[] ReceivedAt = Header("received_at", "DateTime64(3, 'UTC')");

    readonly List<ArraySegment<byte>> _full = [];
    byte[] _chunk = [];
    int _used;

    /// <summary>The columns of each block, in this order.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["metric_name", "tags", "timestamp", "metric_value", "received_at"];

    /// <summary>Writes a block.</summary>
    public void Write(SampleColumns samples)
    {
        if (samples.Rows == 0)
        {
            return;
        }

        WriteVarint((uint)Columns.Count);
        WriteVarint((uint)samples.Rows);

        Write(MetricName);
        Write(DictionaryVersion);
        WriteDictionary(samples.Names, samples.NameOf);

        Write(Tags);
        Write(DictionaryVersion);
        Write(DictionaryVersion);
        foreach (var end in samples.EndOfTags)
        {
            Write((long)end);
        }

        WriteDictionary(samples.Keys, samples.KeyOf);
        WriteDictionary(samples.Values, samples.ValueOf);

        Write(Timestamp);
        Write(MemoryMarshal.AsBytes(samples.Timestamps));

        Write(MetricValue);
        Write(MemoryMarshal.AsBytes(samples.MetricValues));

        Write(ReceivedAt);
        foreach (var arrival in samples.Arrivals)
        {
            for (var row = 0; row < arrival.Rows; row++)
            {
                Write(arrival.ReceivedAt);
            }
        }
    }

    /// <summary>The blocks; valid until the next call that changes them.</summary>
    public ReadOnlySequence<byte> ToSequence()
    {
        var first = new Segment(_full is [var head, ..] ? head : Chunk, null);
        var last = first;
        foreach (var chunk in _full.Skip(1))
        {
            last = new Segment(chunk, last);
        }

        last = _full.Count > 0 ? new Segment(Chunk, last) : last;
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        EndChunk();
        foreach (var chunk in _full)
        {
            ArrayPool<byte>.Shared.Return(chunk.Array!);
        }

        _full.Clear();
    }

    ArraySegment<byte> Chunk => new(_chunk, 0, _used);

    static byte[] Header(string name, string type) => [(byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)type.Length, .. Encoding.ASCII.GetBytes(type)];

    void WriteDictionary(Texts texts, ReadOnlySpan<int> numbers)
    {
        // Nothing at all is what ClickHouse reads of an empty column.
        if (numbers.IsEmpty)
        {
            return;
        }

        var width = texts.Count <= 1 << 8 ? 0 : texts.Count <= 1 << 16 ? 1 : 2;
        Write(HasKeys | (long)width);
        Write((long)texts.Count);
        Write(texts.Encoded);
        Write((long)numbers.Length);
        while (!numbers.IsEmpty)
        {
            var room = Room(sizeof(int));
            var some = numbers[..Math.Min(numbers.Length, room.Length >> width)];
            switch (width)
            {
                case 0:
                    for (var i = 0; i < some.Length; i++)
                    {
                        room[i] = (byte)some[i];
                    }

                    break;
                case 1:
                    var shorts = MemoryMarshal.Cast<byte, ushort>(room);
                    for (var i = 0; i < some.Length; i++)
                    {
                        shorts[i] = (ushort)some[i];
                    }

                    break;
                default:
                    MemoryMarshal.AsBytes(some).CopyTo(room);
                    break;
            }

            _used += some.Length << width;
            numbers = numbers[some.Length..];
        }
    }

    void WriteVarint(uint value)
    {
        var room = Room(5);
        var length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            room[length++] = (byte)(value | 0x80);
        }

        room[length++] = (byte)value;
        _used += length;
    }

    void Write(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Room(sizeof(long)), value);
        _used += sizeof(long);
    }

    void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var room = Room(1);
            var some = bytes[..Math.Min(bytes.Length, room.Length)];
            some.CopyTo(room);
            _used += some.Length;
            bytes = bytes[some.Length..];
        }
    }

    Span<byte> Room(int bytes)
    {
        if (_chunk.Length - _used < bytes)
        {
            var usual = Math.Clamp(2 * _chunk.Length, SmallestChunk, LargestChunk);
            EndChunk();
            _chunk = ArrayPool<byte>.Shared.Rent(usual);
        }

        return _chunk.AsSpan(_used);
    }

    void EndChunk()
    {
        if (_chunk.Length > 0)
        {
            _full.Add(Chunk);
            _chunk = [];
            _used = 0;
        }
    }

    sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> bytes, Segment? previous)
        {
            Memory = bytes;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
