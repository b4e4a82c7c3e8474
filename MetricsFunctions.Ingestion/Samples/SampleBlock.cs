using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using Microsoft.Extensions.ObjectPool;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The samples of one request, already encoded as the RowBinary rows of an INSERT, in pooled memory: no object per sample.
/// Not safe for use by several threads at once.
/// </summary>
public sealed class SampleBlock : IResettable
{
    const int FixedBytes = 3 * sizeof(long);
    const int InitialBytes = 256;
    const int MostKeptBytes = 64 * 1024;

    byte[] _rows = [];
    int _length;
    long _receivedAt;

    /// <summary>The columns that a row fills, in this order.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["metric_name", "tags", "timestamp", "metric_value", "received_at"];

    /// <summary>The tags that the next <see cref="Add"/> takes; they stay until changed.</summary>
    public TagSet Tags { get; } = new();

    /// <summary>Number of samples.</summary>
    public int Count { get; private set; }

    /// <summary>The rows; valid until the next call that changes the block.</summary>
    public ReadOnlyMemory<byte> Rows => _rows.AsMemory(0, _length);

    /// <summary>Begins a request.</summary>
    /// <param name="receivedAt">When it arrived, in Unix milliseconds.</param>
    public void Begin(long receivedAt) => _receivedAt = receivedAt;

    /// <summary>Adds a sample with the tags in <see cref="Tags"/>. Its parts must have passed <see cref="SampleRules"/>.</summary>
    /// <param name="name">The metric's name in UTF-8.</param>
    /// <param name="value">The value.</param>
    /// <param name="timestamp">The sample's time in Unix milliseconds.</param>
    public void Add(ReadOnlySpan<byte> name, double value, long timestamp)
    {
        Debug.Assert(SampleRules.CheckName(name) is null && SampleRules.CheckValue(value) is null);

        var tags = Tags.EncodedLength;
        var row = Reserve(RowBinary.LengthPrefix(name.Length) + name.Length + tags + FixedBytes);
        var position = RowBinary.WriteString(row, 0, name);
        Tags.WriteTo(row[position..]);
        position += tags;
        BinaryPrimitives.WriteInt64LittleEndian(row[position..], timestamp);
        BinaryPrimitives.WriteDoubleLittleEndian(row[(position + 8)..], value);
        BinaryPrimitives.WriteInt64LittleEndian(row[(position + 16)..], _receivedAt);
        Count++;
    }

    /// <summary>Empties the block for the next request; memory that only a large one needed goes back to its pool.</summary>
    public bool TryReset()
    {
        if (_rows.Length > MostKeptBytes)
        {
            ArrayPool<byte>.Shared.Return(_rows);
            _rows = [];
        }

        _length = 0;
        Count = 0;
        Tags.Clear();
        return true;
    }

    Span<byte> Reserve(int bytes)
    {
        if (_rows.Length - _length < bytes)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(InitialBytes, Math.Max(_rows.Length * 2, _length + bytes)));
            _rows.AsSpan(0, _length).CopyTo(larger);
            if (_rows.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_rows);
            }

            _rows = larger;
        }

        var row = _rows.AsSpan(_length, bytes);
        _length += bytes;
        return row;
    }
}
