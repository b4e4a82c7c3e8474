using System.Diagnostics;
using MetricsFunctions.Ingestion.Memory;
using Microsoft.Extensions.ObjectPool;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The samples of one request, by column as an INSERT sends them, in pooled memory: no object per sample.
/// Not safe for use by several threads at once.
/// </summary>
sealed class SampleBlock : IResettable
{
    // What a sample takes beside its texts, here or in ClickHouse: there each has texts of its own, here each text has a place.
    const int RowBytes = 48;
    const int TagBytes = 16;

    // Memory is taken in steps, so that the many who want little of it don't meet at each sample.
    const int StepBytes = 64 * 1024;

    MemoryBudget.Room? _room;
    long _taken;
    long _receivedAt;
    Extent _extent = Extent.None;
    SampleColumns? _line;
    Extent _beforeLine;
    int _beginOfLine;

    // What there is of the samples that stay.
    readonly record struct Extent(int Count, long Bytes, long Earliest, long Latest)
    {
        public static readonly Extent None = new(0, 0, long.MaxValue, long.MinValue);
    }

    /// <summary>The tags that the next <see cref="Add"/> takes; they stay until changed.</summary>
    public TagSet Tags { get; } = new();

    /// <summary>
    /// Identity of the request: a hash of what makes it the same as another; 0 when it has none. The first of its rows carries it, because
    /// the rows of a month are stored together or not at all.
    /// </summary>
    public UInt128 RequestId { get; set; }

    /// <summary>Number of samples.</summary>
    public int Count => _extent.Count;

    /// <summary>Whether there is no memory for more samples, and those that came were left out.</summary>
    public bool IsFull { get; private set; }

    /// <summary>
    /// What the samples take in bytes: a number that depends on nothing else but them. Each counts with its name and all its tags, so a few bytes
    /// of a body can be many here.
    /// </summary>
    public long Bytes => _extent.Bytes;

    /// <summary>The samples, for whoever takes them over.</summary>
    public ColumnBlocks Columns { get; } = new();

    /// <summary>The first month that a sample lies in, counted from the year 0: months are the partitions of the table.</summary>
    public int FirstMonth => MonthOf(_extent.Earliest);

    /// <summary>The last month that a sample lies in.</summary>
    public int LastMonth => MonthOf(_extent.Latest);

    /// <summary>Begins a request.</summary>
    /// <param name="receivedAt">When it arrived, in Unix milliseconds.</param>
    public void Begin(long receivedAt) => Begin(receivedAt, null);

    /// <summary>Begins a request, or a part of it.</summary>
    /// <param name="receivedAt">When it arrived, in Unix milliseconds.</param>
    /// <param name="room">Where memory for its samples is taken from; <see langword="null"/> where it has no bound.</param>
    public void Begin(long receivedAt, MemoryBudget.Room? room) => (_receivedAt, _room) = (receivedAt, room);

    /// <summary>Takes the memory for the samples since the last step.</summary>
    public void TakeRoom()
    {
        IsFull = _room?.TryTakeRows(Bytes - _taken) is false;
        _taken = Bytes;
    }

    /// <summary>Adds a sample with the tags in <see cref="Tags"/>. Its parts must have passed <see cref="SampleRules"/>.</summary>
    /// <param name="name">The metric's name in UTF-8, which must have passed <see cref="AcceptedNames"/>.</param>
    /// <param name="value">The value.</param>
    /// <param name="timestamp">The sample's time in Unix milliseconds.</param>
    public void Add(ReadOnlySpan<byte> name, double value, long timestamp) => Put(Columns.Open, int.MaxValue, name, value, timestamp);

    /// <summary>
    /// Begins a line: samples with the same tags and time, of which there is one of each name, and which stay together or are removed together.
    /// </summary>
    public void BeginLine()
    {
        _line = Columns.Open;
        _beginOfLine = _line.Rows;
        _beforeLine = _extent;
    }

    /// <summary>Adds a sample to the line like <see cref="Add"/>, or changes the value of the one that has its name.</summary>
    /// <param name="name">The metric's name in UTF-8, which must have passed <see cref="AcceptedNames"/>.</param>
    /// <param name="value">The value.</param>
    /// <param name="timestamp">The line's time in Unix milliseconds.</param>
    public void AddToLine(ReadOnlySpan<byte> name, double value, long timestamp) => Put(_line!, _beginOfLine, name, value, timestamp);

    /// <summary>Removes the samples of the line.</summary>
    public void RemoveLine()
    {
        _line!.Truncate(_beginOfLine);
        _extent = _beforeLine;
    }

    /// <summary>Takes over the samples of another block, which is of no use then until it is reset.</summary>
    /// <param name="other">The other block.</param>
    public void Append(SampleBlock other)
    {
        Columns.Append(other.Columns);
        var (count, bytes, earliest, latest) = other._extent;
        _extent = new Extent(
            _extent.Count + count, _extent.Bytes + bytes, Math.Min(_extent.Earliest, earliest), Math.Max(_extent.Latest, latest));
        _taken += other._taken;
        IsFull |= other.IsFull;
    }

    /// <summary>Answers the samples of each month in a block by itself, with an identity of its own if this one has any.</summary>
    public IReadOnlyCollection<SampleBlock> ByMonth()
    {
        var parts = new SortedDictionary<int, SampleBlock>();
        foreach (var columns in Columns.All)
        {
            for (var row = 0; row < columns.Rows; row++)
            {
                var timestamp = columns.Timestamps.Values[row];
                var month = MonthOf(timestamp);
                if (!parts.TryGetValue(month, out var part))
                {
                    parts[month] = part = new SampleBlock { RequestId = RequestId == 0 ? 0 : RequestId + (UInt128)month };
                    part.Begin(_receivedAt);
                }

                part.Tags.Clear();
                foreach (var tag in columns.TagSets[columns.TagSetOf.Values[row]])
                {
                    part.Tags.Add(columns.Keys[tag.Key], columns.Values[tag.Value]);
                }

                part.Add(columns.Names[columns.NameOf.Values[row]], columns.MetricValues.Values[row], timestamp);
            }
        }

        return parts.Values;
    }

    /// <summary>Empties the block for the next request; memory that only a large one needed goes back to its pool.</summary>
    public bool TryReset()
    {
        Columns.Clear();
        _extent = Extent.None;
        (_room, _taken) = (null, 0);
        _line = null;
        RequestId = 0;
        IsFull = false;
        Tags.Clear();
        return true;
    }

    void Put(SampleColumns columns, int begin, ReadOnlySpan<byte> name, double value, long timestamp)
    {
        Debug.Assert(default(AcceptedNames).Check(name) is null && SampleRules.CheckValue(value) is null);

        if (IsFull)
        {
            return;
        }

        var rows = columns.Rows;
        columns.Add(name, Tags, value, timestamp, _receivedAt, begin);
        if (columns.Rows > rows)
        {
            _extent = new Extent(
                _extent.Count + 1,
                _extent.Bytes + RowBytes + name.Length + Tags.Length + (Tags.Count * TagBytes),
                Math.Min(_extent.Earliest, timestamp),
                Math.Max(_extent.Latest, timestamp));
            if (_extent.Bytes - _taken >= StepBytes)
            {
                TakeRoom();
            }
        }
    }

    static int MonthOf(long timestamp)
    {
        var time = DateTimeOffset.FromUnixTimeMilliseconds(timestamp);
        return (time.Year * 12) + time.Month;
    }
}
