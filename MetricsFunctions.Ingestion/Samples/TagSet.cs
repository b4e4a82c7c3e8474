namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The tags of one series, kept sorted by key so that the same tags are the same series in whatever order they were sent.
/// Reused from sample to sample; holds copies, so the caller's memory may go.
/// </summary>
public sealed class TagSet
{
    /// <summary>What <see cref="Add"/> answers when there is a tag with this key.</summary>
    internal const string GivenTwice = "is given twice";

    /// <summary>What <see cref="Add"/> answers when there is no room for a tag.</summary>
    internal const string OneTooMany = "is one tag too many: at most 100 are allowed";

    // Keys and values in the order of arrival; _order sorts them.
    readonly Column<byte> _text = new();
    readonly Tag[] _order = new Tag[SampleRules.MaxTags];
    int _count;

    readonly record struct Tag(int Start, int KeyLength, int ValueLength);

    /// <summary>Number of tags.</summary>
    public int Count => _count;

    /// <summary>Bytes of all keys and values.</summary>
    public int Length => _text.Count;

    /// <summary>Forgets all tags.</summary>
    public void Clear()
    {
        _count = 0;
        _text.Clear();
    }

    /// <summary>Adds a tag, or answers why it cannot: a clause that follows the tag's name.</summary>
    /// <param name="key">The key in UTF-8.</param>
    /// <param name="value">The value in UTF-8.</param>
    public string? Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if ((SampleRules.CheckTagKey(key) ?? SampleRules.CheckTagValue(value)) is { } fault)
        {
            return fault;
        }

        var at = _count;
        for (; at > 0; at--)
        {
            var order = key.SequenceCompareTo(KeyAt(at - 1));
            if (order == 0)
            {
                return GivenTwice;
            }

            if (order > 0)
            {
                break;
            }
        }

        if (_count == SampleRules.MaxTags)
        {
            return OneTooMany;
        }

        _order.AsSpan(at, _count - at).CopyTo(_order.AsSpan(at + 1));
        _order[at] = new Tag(_text.Count, key.Length, value.Length);
        _text.Add(key);
        _text.Add(value);
        _count++;
        return null;
    }

    /// <summary>Removes the tags that were added since <see cref="Length"/> was this, so that other samples can share those before.</summary>
    /// <param name="length">What it was then.</param>
    public void Truncate(int length)
    {
        _text.Truncate(length);
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_order[i].Start < length)
            {
                _order[kept++] = _order[i];
            }
        }

        _count = kept;
    }

    /// <summary>A tag's key in UTF-8.</summary>
    /// <param name="index">The tag's place in the order of the keys.</param>
    internal ReadOnlySpan<byte> KeyAt(int index) => _order[index] is var tag ? _text.Values.Slice(tag.Start, tag.KeyLength) : default;

    /// <summary>A tag's value in UTF-8.</summary>
    /// <param name="index">The tag's place in the order of the keys.</param>
    internal ReadOnlySpan<byte> ValueAt(int index) => _order[index] is var tag ? _text.Values.Slice(tag.Start + tag.KeyLength, tag.ValueLength) : default;
}
