using System.Diagnostics;
using Microsoft.Extensions.ObjectPool;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The samples of one request, by column as an INSERT sends them, in pooled memory: no object per sample.
/// Not safe for use by several threads at once.
/// </summary>
public sealed class SampleBlock : IResettable
{
    // Of a row beside its texts: three numbers, and the lengths of the name and the tags.
    const int RowBytes = 3 * sizeof(long) + 2;
    const int TagBytes = 2;

    long _receivedAt;
    long _rowBytes;

    /// <summary>The tags that the next <see cref="Add"/> takes; they stay until changed.</summary>
    public TagSet Tags { get; } = new();

    /// <summary>Number of samples.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Bytes beyond which samples are left out, which <see cref="IsFull"/> tells: every sample has its tags, so a few bytes of a body
    /// can be many in a sample.
    /// </summary>
    public long MaxBytes { get; set; } = long.MaxValue;

    /// <summary>Whether samples have been left out.</summary>
    public bool IsFull { get; private set; }

    /// <summary>
    /// The larger of what the samples take here, where each text is there once, and of what they come to in ClickHouse, where each sample has
    /// its own.
    /// </summary>
    public long Bytes => Math.Max(Columns.Bytes, _rowBytes);

    /// <summary>The samples, for whoever takes them over.</summary>
    internal ColumnBlocks Columns { get; } = new();

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

        if (Bytes > MaxBytes)
        {
            IsFull = true;
            return;
        }

        Columns.Open.Add(name, Tags, value, timestamp, _receivedAt);
        _rowBytes += RowBytes + name.Length + Tags.Length + Tags.Count * TagBytes;
        Count++;
    }

    /// <summary>Takes over the samples of another block, which is of no use then until it is reset.</summary>
    /// <param name="other">The other block.</param>
    internal void Append(SampleBlock other)
    {
        Columns.Append(other.Columns);
        _rowBytes += other._rowBytes;
        Count += other.Count;
        IsFull |= other.IsFull;
    }

    /// <summary>Empties the block for the next request; memory that only a large one needed goes back to its pool.</summary>
    public bool TryReset()
    {
        Columns.Clear();
        _rowBytes = 0;
        Count = 0;
        IsFull = false;
        Tags.Clear();
        return true;
    }
}
