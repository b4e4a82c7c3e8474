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

    long _receivedAt;

    /// <summary>The columns that a row fills, in this order.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["metric_name", "tags", "timestamp", "metric_value", "received_at"];

    /// <summary>The tags that the next <see cref="Add"/> takes; they stay until changed.</summary>
    public TagSet Tags { get; } = new();

    /// <summary>Number of samples.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Bytes of rows beyond which samples are left out, which <see cref="IsFull"/> tells: every sample has its tags, so a few bytes of a body
    /// can be thousands in a row.
    /// </summary>
    public long MaxBytes { get; set; } = long.MaxValue;

    /// <summary>Whether samples have been left out.</summary>
    public bool IsFull { get; private set; }

    /// <summary>The rows; valid until the next call that changes the block.</summary>
    public ReadOnlySequence<byte> Rows => Buffer.ToSequence();

    /// <summary>The memory of the rows, for whoever takes it over.</summary>
    internal RowBuffer Buffer { get; } = new();

    /// <summary>Begins a request.</summary>
    /// <param name="receivedAt">When it arrived, in Unix milliseconds.</param>
    public void Begin(long receivedAt) => _receivedAt = receivedAt;

    /// <summary>Adds a sample with the tags in <see cref="Tags"/>. Its parts must have passed <see cref="SampleRules"/>.</summary>
    /// <param name="name">The metric's name in UTF-8, which must have passed <see cref="AcceptedNames"/>.</param>
    /// <param name="value">The value.</param>
    /// <param name="timestamp">The sample's time in Unix milliseconds.</param>
    public void Add(ReadOnlySpan<byte> name, double value, long timestamp)
    {
        Debug.Assert(default(AcceptedNames).Check(name) is null && SampleRules.CheckValue(value) is null);

        if (Buffer.Length > MaxBytes)
        {
            IsFull = true;
            return;
        }

        var tags = Tags.EncodedLength;
        var row = Buffer.Reserve(RowBinary.LengthPrefix(name.Length) + name.Length + tags + FixedBytes);
        var position = RowBinary.WriteString(row, 0, name);
        Tags.WriteTo(row[position..]);
        position += tags;
        BinaryPrimitives.WriteInt64LittleEndian(row[position..], timestamp);
        BinaryPrimitives.WriteDoubleLittleEndian(row[(position + 8)..], value);
        BinaryPrimitives.WriteInt64LittleEndian(row[(position + 16)..], _receivedAt);
        Count++;
    }

    /// <summary>Takes over the samples of another block, which is of no use then until it is reset.</summary>
    /// <param name="other">The other block.</param>
    internal void Append(SampleBlock other)
    {
        Buffer.Append(other.Buffer);
        Count += other.Count;
        IsFull |= other.IsFull;
    }

    /// <summary>Empties the block for the next request; memory that only a large one needed goes back to its pool.</summary>
    public bool TryReset()
    {
        Buffer.Clear();
        Count = 0;
        IsFull = false;
        Tags.Clear();
        return true;
    }
}
