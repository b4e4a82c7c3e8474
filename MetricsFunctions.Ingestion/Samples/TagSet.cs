namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The tags of one series, kept sorted by key so that the same tags are the same series in whatever order they were sent.
/// Reused from sample to sample; holds copies, so the caller's memory may go.
/// </summary>
sealed class TagSet
{
    /// <summary>What <see cref="Add"/> answers when there is a tag with this key.</summary>
    public const string GivenTwice = "is given twice";

    /// <summary>What <see cref="Add"/> answers when there is no room for a tag.</summary>
    public const string OneTooMany = "is one tag too many: at most 100 are allowed";

    // Keys and values in the order of arrival; _order sorts them.
    readonly Column<byte> _text = new();
    readonly Tag[] _order = new Tag[SampleRules.MaxTags];
    readonly Column<Tag> _hidden = new();
    int _count;

    // Hides is where in _hidden the tag is that it took the place of; -1 for none.
    readonly record struct Tag(int Start, int KeyLength, int ValueLength, int Hides = -1);

    /// <summary>Number of tags.</summary>
    public int Count => _count;

    /// <summary>Bytes of all keys and values.</summary>
    public int Length => _text.Count;

    /// <summary>Another number whenever the tags change.</summary>
    public int Version { get; private set; }

    /// <summary>Forgets all tags.</summary>
    public void Clear()
    {
        _count = 0;
        _text.Clear();
        _hidden.Clear();
        Version++;
    }

    /// <summary>Adds a tag, or answers why it cannot: a clause that follows the tag's name.</summary>
    /// <param name="key">The key in UTF-8.</param>
    /// <param name="value">The value in UTF-8.</param>
    public string? Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Put(key, value, since: 0);

    /// <summary>Adds a tag like <see cref="Add"/>, be it in place of an older one, which <see cref="Truncate"/> brings back.</summary>
    /// <param name="key">The key in UTF-8.</param>
    /// <param name="value">The value in UTF-8.</param>
    /// <param name="since">What <see cref="Length"/> was when the older tags were all there.</param>
    public string? Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, int since)
    {
        if ((SampleRules.CheckTagKey(key) ?? SampleRules.CheckTagValue(value)) is { } fault)
        {
            return fault;
        }

        var at = PlaceOf(key, out var isThere);
        if (isThere && _order[at].Start >= since)
        {
            return GivenTwice;
        }

        var tag = new Tag(_text.Count, key.Length, value.Length);
        if (isThere)
        {
            _hidden.Add(_order[at]);
            _order[at] = tag with { Hides = _hidden.Count - 1 };
        }
        else if (_count == SampleRules.MaxTags)
        {
            return OneTooMany;
        }
        else
        {
            _order.AsSpan(at, _count - at).CopyTo(_order.AsSpan(at + 1));
            _order[at] = tag;
            _count++;
        }

        _text.Add(key);
        _text.Add(value);
        Version++;
        return null;
    }

    /// <summary>Removes the tags that were added since <see cref="Length"/> was this, so that other samples can share those before.</summary>
    /// <param name="length">What it was then.</param>
    public void Truncate(int length)
    {
        if (length == _text.Count)
        {
            return;
        }

        var (kept, hidden) = (0, 0);
        for (var i = 0; i < _count; i++)
        {
            var tag = _order[i];
            while (tag.Start >= length && tag.Hides >= 0)
            {
                tag = _hidden.Values[tag.Hides];
            }

            if (tag.Start < length)
            {
                _order[kept++] = tag;
                hidden = Math.Max(hidden, tag.Hides + 1);
            }
        }

        _count = kept;
        _hidden.Truncate(hidden);
        _text.Truncate(length);
        Version++;
    }

    /// <summary>A tag's key in UTF-8.</summary>
    /// <param name="index">The tag's place in the order of the keys.</param>
    public ReadOnlySpan<byte> KeyAt(int index) => _order[index] is var tag ? _text.Values.Slice(tag.Start, tag.KeyLength) : default;

    /// <summary>A tag's value in UTF-8.</summary>
    /// <param name="index">The tag's place in the order of the keys.</param>
    public ReadOnlySpan<byte> ValueAt(int index) => _order[index] is var tag ? _text.Values.Slice(tag.Start + tag.KeyLength, tag.ValueLength) : default;

    // Most come in the order of their keys.
    int PlaceOf(ReadOnlySpan<byte> key, out bool isThere)
    {
        var (low, high) = (0, _count);
        for (var probe = _count - 1; low < high; probe = (low + high) / 2)
        {
            var order = key.SequenceCompareTo(KeyAt(probe));
            if (order == 0)
            {
                isThere = true;
                return probe;
            }

            (low, high) = order > 0 ? (probe + 1, high) : (low, probe);
        }

        isThere = false;
        return low;
    }
}
