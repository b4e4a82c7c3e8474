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
    long _earliest = long.MaxValue;
    long _latest = long.MinValue;

    /// <summary>The tags that the next <see cref="Add"/> takes; they stay until changed.</summary>
    public TagSet Tags { get; } = new();

    /// <summary>
    /// Identity of the request: a hash of what makes it the same as another; 0 when it has none. The first of its rows carries it, because
    /// the rows of a month are stored together or not at all.
    /// </summary>
    public UInt128 RequestId { get; set; }

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

    /// <summary>The first month that a sample lies in, counted from the year 0: months are the partitions of the table.</summary>
    internal int FirstMonth => MonthOf(_earliest);

    /// <summary>The last month that a sample lies in.</summary>
    internal int LastMonth => MonthOf(_latest);

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
        _earliest = Math.Min(_earliest, timestamp);
        _latest = Math.Max(_latest, timestamp);
    }

    /// <summary>Takes over the samples of another block, which is of no use then until it is reset.</summary>
    /// <param name="other">The other block.</param>
    internal void Append(SampleBlock other)
    {
        Columns.Append(other.Columns);
        _rowBytes += other._rowBytes;
        Count += other.Count;
        _earliest = Math.Min(_earliest, other._earliest);
        _latest = Math.Max(_latest, other._latest);
        IsFull |= other.IsFull;
    }

    /// <summary>Empties the block for the next request; memory that only a large one needed goes back to its pool.</summary>
    public bool TryReset()
    {
        Columns.Clear();
        _rowBytes = 0;
        Count = 0;
        RequestId = 0;
        (_earliest, _latest) = (long.MaxValue, long.MinValue);
        IsFull = false;
        Tags.Clear();
        return true;
    }

    static int MonthOf(long timestamp)
    {
        var time = DateTimeOffset.FromUnixTimeMilliseconds(timestamp);
        return (time.Year * 12) + time.Month;
    }
}
