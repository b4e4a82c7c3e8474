using System.Buffers;
using Microsoft.Extensions.ObjectPool;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// Samples by column, in pooled memory: each name, tag key and tag value is there once, and a sample has their numbers. Bounded, so that no
/// array becomes large: who has more samples begins further ones. Not safe for use by several threads at once.
/// </summary>
sealed class SampleColumns : IResettable
{
    const int MostRows = 64 * 1024;
    const int MostTags = 256 * 1024;
    const int MostTextBytes = 1024 * 1024;

    readonly Texts _names = new();
    readonly Texts _keys = new();
    readonly Texts _values = new();
    readonly Column<int> _nameOf = new();
    readonly Column<int> _endOfTags = new();
    readonly Column<int> _keyOf = new();
    readonly Column<int> _valueOf = new();
    readonly Column<long> _timestamps = new();
    readonly Column<double> _metricValues = new();
    readonly Column<Arrival> _arrivals = new();

    /// <summary>Unused ones: their objects outlive a request.</summary>
    public static ObjectPool<SampleColumns> Pool { get; } = ObjectPool.Create<SampleColumns>();

    /// <summary>How many samples there are.</summary>
    public int Rows => _timestamps.Count;

    /// <summary>Whether further samples are to go elsewhere.</summary>
    public bool IsFull => Rows >= MostRows || _keyOf.Count >= MostTags || _names.Bytes + _keys.Bytes + _values.Bytes >= MostTextBytes;

    /// <summary>About how much memory the samples take.</summary>
    public int Bytes => Rows * (2 * sizeof(int) + 2 * sizeof(long)) + _keyOf.Count * 2 * sizeof(int) + _names.Bytes + _keys.Bytes + _values.Bytes
        + _arrivals.Count * 2 * sizeof(long);

    /// <summary>The distinct metric names.</summary>
    public Texts Names => _names;

    /// <summary>The distinct tag keys.</summary>
    public Texts Keys => _keys;

    /// <summary>The distinct tag values.</summary>
    public Texts Values => _values;

    /// <summary>The number of each sample's name.</summary>
    public ReadOnlySpan<int> NameOf => _nameOf.Values;

    /// <summary>How many tags this sample and all before it have.</summary>
    public ReadOnlySpan<int> EndOfTags => _endOfTags.Values;

    /// <summary>The number of each tag's key, those of a sample in the order of the keys.</summary>
    public ReadOnlySpan<int> KeyOf => _keyOf.Values;

    /// <summary>The number of each tag's value.</summary>
    public ReadOnlySpan<int> ValueOf => _valueOf.Values;

    /// <summary>The time of each sample in Unix milliseconds.</summary>
    public ReadOnlySpan<long> Timestamps => _timestamps.Values;

    /// <summary>The value of each sample.</summary>
    public ReadOnlySpan<double> MetricValues => _metricValues.Values;

    /// <summary>Which samples came together, in the order of their rows.</summary>
    public ReadOnlySpan<Arrival> Arrivals => _arrivals.Values;

    /// <summary>Adds a sample.</summary>
    public void Add(ReadOnlySpan<byte> name, TagSet tags, double value, long timestamp, long receivedAt)
    {
        // Most samples have the tag keys of the one before, and some of its other texts.
        var (likelyName, likelyTag, end) = (-1, 0, _keyOf.Count);
        if (Rows > 0)
        {
            likelyName = _nameOf.Values[^1];
            likelyTag = Rows > 1 ? _endOfTags.Values[^2] : 0;
        }

        _nameOf.Add(_names.NumberOf(name, likelyName));
        for (var i = 0; i < tags.Count; i++, likelyTag++)
        {
            var isLikely = likelyTag < end;
            _keyOf.Add(_keys.NumberOf(tags.KeyAt(i), isLikely ? _keyOf.Values[likelyTag] : -1));
            _valueOf.Add(_values.NumberOf(tags.ValueAt(i), isLikely ? _valueOf.Values[likelyTag] : -1));
        }

        _endOfTags.Add(_keyOf.Count);
        _timestamps.Add(timestamp);
        _metricValues.Add(value);
        Arrive(1, receivedAt);
    }

    /// <summary>Adds the samples of others; for few, as it takes longer than to leave them where they are.</summary>
    public void Add(SampleColumns other)
    {
        var tags = _keyOf.Count;
        foreach (var end in other.EndOfTags)
        {
            _endOfTags.Add(tags + end);
        }

        Add(_names, _nameOf, other._names, other._nameOf);
        Add(_keys, _keyOf, other._keys, other._keyOf);
        Add(_values, _valueOf, other._values, other._valueOf);
        _timestamps.Add(other._timestamps.Values);
        _metricValues.Add(other._metricValues.Values);
        foreach (var arrival in other.Arrivals)
        {
            Arrive(arrival.Rows, arrival.ReceivedAt);
        }
    }

    /// <summary>Forgets all samples; memory that only many needed goes back to its pool.</summary>
    public bool TryReset()
    {
        _names.Clear();
        _keys.Clear();
        _values.Clear();
        _nameOf.Clear();
        _endOfTags.Clear();
        _keyOf.Clear();
        _valueOf.Clear();
        _timestamps.Clear();
        _metricValues.Clear();
        _arrivals.Clear();
        return true;
    }

    static void Add(Texts texts, Column<int> numbers, Texts otherTexts, Column<int> otherNumbers)
    {
        const int MostOnStack = 256;
        int[]? rented = null;
        var numberHere = otherTexts.Count <= MostOnStack ? stackalloc int[MostOnStack] : rented = ArrayPool<int>.Shared.Rent(otherTexts.Count);
        texts.Add(otherTexts, numberHere);
        foreach (var number in otherNumbers.Values)
        {
            numbers.Add(numberHere[number]);
        }

        if (rented is not null)
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    void Arrive(int rows, long receivedAt)
    {
        if (_arrivals.Count > 0 && _arrivals.Values[^1] is var last && last.ReceivedAt == receivedAt)
        {
            _arrivals.Values[^1] = last with { Rows = last.Rows + rows };
        }
        else
        {
            _arrivals.Add(new Arrival(rows, receivedAt));
        }
    }
}

/// <summary>Samples that came together.</summary>
/// <param name="Rows">How many, behind those that came before.</param>
/// <param name="ReceivedAt">When, in Unix milliseconds.</param>
readonly record struct Arrival(int Rows, long ReceivedAt);
