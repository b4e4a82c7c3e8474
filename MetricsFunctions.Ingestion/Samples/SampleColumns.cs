using MetricsFunctions.Ingestion.Memory;
using Microsoft.Extensions.ObjectPool;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// Samples by column, in pooled memory. Each name, each set of tags, and in those each key and each value is there once, and has a number.
/// Bounded, so that no array becomes large: who has more samples begins further ones. Not safe for use by several threads at once.
/// </summary>
sealed class SampleColumns : IResettable
{
    const int MostRows = 64 * 1024;
    const int MostTags = 1024 * 1024;
    const int MostDistinctBytes = 4 * 1024 * 1024;
    const int MostOnStack = 256;

    // The tags of the sample that is being added.
    readonly Column<Tag> _tags = new();

    // The tags that were added last, as they were then, and the number of that set.
    (TagSet? Tags, int Version) _lastTags;
    int _lastTagSet = -1;

    // By the number of a name: the last sample that was added with it, if it was added by itself; otherwise -1.
    readonly Column<int> _lastOf = new();

    /// <summary>Unused ones: their objects outlive a request.</summary>
    public static ObjectPool<SampleColumns> Pool { get; } = ObjectPool.Create<SampleColumns>();

    /// <summary>How many samples there are.</summary>
    public int Rows => Timestamps.Count;

    /// <summary>Whether further samples are to go elsewhere.</summary>
    public bool IsFull => Rows >= MostRows || Tags >= MostTags || DistinctBytes >= MostDistinctBytes;

    /// <summary>The distinct metric names.</summary>
    public Distinct<byte> Names { get; } = new();

    /// <summary>The distinct tag keys.</summary>
    public Distinct<byte> Keys { get; } = new();

    /// <summary>The distinct tag values.</summary>
    public Distinct<byte> Values { get; } = new();

    /// <summary>The distinct sets of tags, each in the order of its keys.</summary>
    public Distinct<Tag> TagSets { get; } = new();

    /// <summary>The number of each sample's name.</summary>
    public Column<int> NameOf { get; } = new();

    /// <summary>The number of each sample's set of tags.</summary>
    public Column<int> TagSetOf { get; } = new();

    /// <summary>The time of each sample in Unix milliseconds.</summary>
    public Column<long> Timestamps { get; } = new();

    /// <summary>The value of each sample.</summary>
    public Column<double> MetricValues { get; } = new();

    /// <summary>Which samples came together, in their order.</summary>
    public Column<Arrival> Arrivals { get; } = new();

    /// <summary>How many tags all samples together have.</summary>
    public int Tags { get; private set; }

    int DistinctBytes => Names.Bytes + Keys.Bytes + Values.Bytes + TagSets.Bytes;

    /// <summary>Adds a sample.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tags">Its tags.</param>
    /// <param name="value">Its value.</param>
    /// <param name="timestamp">Its time.</param>
    /// <param name="receivedAt">When it came.</param>
    /// <param name="begin">The first of the samples in which there is one of each name: another one only brings its value.</param>
    public void Add(ReadOnlySpan<byte> name, TagSet tags, double value, long timestamp, long receivedAt, int begin)
    {
        // Most samples have the tag keys of the one before, and some of its other texts.
        var nameNumber = Names.NumberOf(name, Rows > 0 ? NameOf.Values[^1] : -1);
        if (nameNumber == _lastOf.Count)
        {
            _lastOf.Add(Rows);
        }
        else if (_lastOf.Values[nameNumber] >= begin)
        {
            MetricValues.Values[_lastOf.Values[nameNumber]] = value;
            return;
        }

        _lastOf.Values[nameNumber] = Rows;
        if (_lastTags != (tags, tags.Version))
        {
            (_lastTags, _lastTagSet) = ((tags, tags.Version), NumberOf(tags, _lastTagSet));
        }

        NameOf.Add(nameNumber);
        TagSetOf.Add(_lastTagSet);
        Timestamps.Add(timestamp);
        MetricValues.Add(value);
        Tags += tags.Count;
        Arrive(new Arrival(1, receivedAt));
    }

    /// <summary>Removes the last samples, which came together. Their texts stay, with no use.</summary>
    /// <param name="rows">How many samples stay.</param>
    public void Truncate(int rows)
    {
        for (var row = rows; row < Rows; row++)
        {
            Tags -= TagSets[TagSetOf.Values[row]].Length;
            _lastOf.Values[NameOf.Values[row]] = -1;
        }

        if (Rows > rows)
        {
            var last = Arrivals.Values[^1];
            last = last with { Rows = last.Rows - (Rows - rows) };
            Arrivals.Values[^1] = last;
            Arrivals.Truncate(Arrivals.Count - (last.Rows == 0 ? 1 : 0));
        }

        NameOf.Truncate(rows);
        TagSetOf.Truncate(rows);
        MetricValues.Truncate(rows);
        Timestamps.Truncate(rows);
    }

    /// <summary>Whether the samples of others may come here.</summary>
    public bool HasRoomFor(SampleColumns other) => !IsFull && Rows + other.Rows <= MostRows && Tags + other.Tags <= MostTags;

    /// <summary>Adds the samples of others.</summary>
    public void Add(SampleColumns other)
    {
        // For each number of the other: what it is here.
        var count = other.Names.Count + other.Keys.Count + other.Values.Count + other.TagSets.Count;
        using var rented = new Rented<int>(count <= MostOnStack ? 0 : count);
        var numbers = count <= MostOnStack ? stackalloc int[MostOnStack] : rented.Span;
        var names = Take(ref numbers, other.Names.Count);
        var keys = Take(ref numbers, other.Keys.Count);
        var values = Take(ref numbers, other.Values.Count);
        var tagSets = Take(ref numbers, other.TagSets.Count);
        Names.Add(other.Names, names);
        _lastOf.Reserve(Names.Count - _lastOf.Count).Fill(-1);
        Keys.Add(other.Keys, keys);
        Values.Add(other.Values, values);
        for (var i = 0; i < other.TagSets.Count; i++)
        {
            _tags.Clear();
            foreach (var tag in other.TagSets[i])
            {
                _tags.Add(new Tag(keys[tag.Key], values[tag.Value]));
            }

            tagSets[i] = TagSets.NumberOf(_tags.Values, likely: -1);
        }

        Add(NameOf, other.NameOf, names);
        Add(TagSetOf, other.TagSetOf, tagSets);
        Timestamps.Add(other.Timestamps.Values);
        MetricValues.Add(other.MetricValues.Values);
        Tags += other.Tags;
        foreach (var arrival in other.Arrivals.Values)
        {
            Arrive(arrival);
        }

        static Span<int> Take(ref Span<int> numbers, int count)
        {
            var taken = numbers[..count];
            numbers = numbers[count..];
            return taken;
        }
    }

    /// <summary>Forgets all samples; memory that only many needed goes back to its pool.</summary>
    public bool TryReset()
    {
        Names.Clear();
        _lastOf.Clear();
        Keys.Clear();
        Values.Clear();
        TagSets.Clear();
        NameOf.Clear();
        TagSetOf.Clear();
        Timestamps.Clear();
        MetricValues.Clear();
        Arrivals.Clear();
        Tags = 0;
        _lastTags = default;
        _lastTagSet = -1;
        return true;
    }

    int NumberOf(TagSet tags, int likely)
    {
        var last = likely < 0 ? [] : TagSets[likely];
        _tags.Clear();
        for (var i = 0; i < tags.Count; i++)
        {
            var (key, value) = i < last.Length ? last[i] : new Tag(-1, -1);
            _tags.Add(new Tag(Keys.NumberOf(tags.KeyAt(i), key), Values.NumberOf(tags.ValueAt(i), value)));
        }

        return TagSets.NumberOf(_tags.Values, likely);
    }

    static void Add(Column<int> numbers, Column<int> others, ReadOnlySpan<int> numberHere)
    {
        var added = numbers.Reserve(others.Count);
        for (var i = 0; i < added.Length; i++)
        {
            added[i] = numberHere[others.Values[i]];
        }
    }

    /// <summary>Answers what the samples are found by when they are stored together; gives the first one an identity for that, if it has none.</summary>
    public RowMark Mark()
    {
        if (Arrivals.Values[0].RequestId == 0)
        {
            Identify(new UInt128((ulong)Random.Shared.NextInt64(), (ulong)Random.Shared.NextInt64(1, long.MaxValue)));
        }

        return new RowMark(Names[NameOf.Values[0]].ToArray(), Timestamps.Values[0], Arrivals.Values[0].RequestId);
    }

    /// <summary>Gives the samples, which came together, the identity of their request.</summary>
    public void Identify(UInt128 requestId) => Arrivals.Values[0] = Arrivals.Values[0] with { RequestId = requestId };

    void Arrive(Arrival arrival)
    {
        if (Arrivals.Values is [.., var last] && last.ReceivedAt == arrival.ReceivedAt && arrival.RequestId == 0)
        {
            Arrivals.Values[^1] = last with { Rows = last.Rows + arrival.Rows };
        }
        else
        {
            Arrivals.Add(arrival);
        }
    }
}

/// <summary>A tag of a set.</summary>
/// <param name="Key">The number of its key.</param>
/// <param name="Value">The number of its value.</param>
readonly record struct Tag(int Key, int Value);

/// <summary>Samples that came together.</summary>
/// <param name="Rows">How many, behind those that came before.</param>
/// <param name="ReceivedAt">When, in Unix milliseconds.</param>
/// <param name="RequestId">Identity of the request that the first of them begins; 0 when it has none.</param>
readonly record struct Arrival(int Rows, long ReceivedAt, UInt128 RequestId = default);
