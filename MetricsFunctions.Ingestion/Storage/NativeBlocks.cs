using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using MetricsFunctions.Ingestion.Memory;
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

    // Almost all are 0, and so a byte each.
    static readonly byte[] RequestId = Header("request_id", "LowCardinality(UInt128)");

    readonly List<ArraySegment<byte>> _full = [];
    byte[] _chunk = [];
    int _used;

    /// <summary>The columns of each block, in this order.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["metric_name", "tags", "timestamp", "metric_value", "received_at", "request_id"];

    /// <summary>Writes a block.</summary>
    public void Write(SampleColumns samples)
    {
        if (samples.Rows == 0)
        {
            return;
        }

        using var rented = new Rented<int>(samples.Rows);
        var rows = rented.Span;
        TableOrder.Sort(samples, rows);

        WriteVarint((uint)Columns.Count);
        WriteVarint((uint)rows.Length);

        Write(MetricName);
        Write(DictionaryVersion);
        WriteDictionary(samples.Names, samples.NameOf.Values, rows);

        Write(Tags);
        Write(DictionaryVersion);
        Write(DictionaryVersion);
        WriteTags(samples, rows);

        Write(Timestamp);
        WriteFixed<long>(samples.Timestamps.Values, rows);

        Write(MetricValue);
        WriteFixed<double>(samples.MetricValues.Values, rows);

        Write(ReceivedAt);
        WriteReceivedAt(samples, rows);

        Write(RequestId);
        Write(DictionaryVersion);
        WriteRequestIds(samples, rows);
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

    void WriteTags(SampleColumns samples, ReadOnlySpan<int> rows)
    {
        var end = 0L;
        foreach (var row in rows)
        {
            end += samples.TagSets[samples.TagSetOf.Values[row]].Length;
            Write(end);
        }

        // Nothing at all is what ClickHouse reads of dictionaries without use.
        if (samples.Tags == 0)
        {
            return;
        }

        using var keys = new Rented<int>(samples.Tags);
        using var values = new Rented<int>(samples.Tags);
        var at = 0;
        foreach (var row in rows)
        {
            foreach (var tag in samples.TagSets[samples.TagSetOf.Values[row]])
            {
                (keys[at], values[at++]) = (tag.Key, tag.Value);
            }
        }

        WriteDictionary(samples.Keys, keys.Span);
        WriteDictionary(samples.Values, values.Span);
    }

    void WriteReceivedAt(SampleColumns samples, ReadOnlySpan<int> rows)
    {
        using var receivedAt = new Rented<long>(rows.Length);
        var row = 0;
        foreach (var arrival in samples.Arrivals.Values)
        {
            receivedAt.Span.Slice(row, arrival.Rows).Fill(arrival.ReceivedAt);
            row += arrival.Rows;
        }

        WriteFixed<long>(receivedAt.Span, rows);
    }

    // Values of the same width, those of the rows in their order.
    void WriteFixed<T>(ReadOnlySpan<T> values, ReadOnlySpan<int> rows)
        where T : unmanaged
    {
        while (!rows.IsEmpty)
        {
            var room = MemoryMarshal.Cast<byte, T>(Room(Unsafe.SizeOf<T>()));
            var some = Math.Min(rows.Length, room.Length);
            for (var i = 0; i < some; i++)
            {
                room[i] = values[rows[i]];
            }

            _used += some * Unsafe.SizeOf<T>();
            rows = rows[some..];
        }
    }

    // The first row of a request has its identity, if it has one, and all others have 0.
    void WriteRequestIds(SampleColumns samples, ReadOnlySpan<int> rows)
    {
        using var rented = new Rented<int>(rows.Length);
        var numbers = rented.Span;
        numbers.Clear();
        var (row, count) = (0, 1);
        foreach (var arrival in samples.Arrivals.Values)
        {
            numbers[row] = arrival.RequestId == 0 ? 0 : count++;
            row += arrival.Rows;
        }

        var width = BeginDictionary(count);
        Write(UInt128.Zero);
        foreach (var arrival in samples.Arrivals.Values)
        {
            if (arrival.RequestId != 0)
            {
                Write(arrival.RequestId);
            }
        }

        EndDictionary(width, numbers, rows);
    }

    void WriteDictionary(Distinct<byte> texts, ReadOnlySpan<int> numbers, ReadOnlySpan<int> rows) =>
        EndDictionary(BeginDictionary(texts), numbers, rows);

    void WriteDictionary(Distinct<byte> texts, ReadOnlySpan<int> numbers) => EndDictionary(BeginDictionary(texts), numbers);

    int BeginDictionary(Distinct<byte> texts)
    {
        var width = BeginDictionary(texts.Count);
        for (var i = 0; i < texts.Count; i++)
        {
            WriteVarint((uint)texts[i].Length);
            Write(texts[i]);
        }

        return width;
    }

    // Answers how wide the numbers of its entries are, as a power of two.
    int BeginDictionary(int count)
    {
        var width = count <= 1 << 8 ? 0 : count <= 1 << 16 ? 1 : 2;
        Write(HasKeys | (long)width);
        Write((long)count);
        return width;
    }

    void EndDictionary(int width, ReadOnlySpan<int> numbers, ReadOnlySpan<int> rows)
    {
        using var rented = new Rented<int>(rows.Length);
        var ofRows = rented.Span;
        for (var i = 0; i < rows.Length; i++)
        {
            ofRows[i] = numbers[rows[i]];
        }

        EndDictionary(width, ofRows);
    }

    void EndDictionary(int width, ReadOnlySpan<int> numbers)
    {
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

    void Write(UInt128 value)
    {
        const int Bytes = 16;
        BinaryPrimitives.WriteUInt128LittleEndian(Room(Bytes), value);
        _used += Bytes;
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
