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
    internal const string OneTooMany = "is one tag too many: at most 32 are allowed";

    const int MaxEncodedTag = 1 + SampleRules.MaxTagKeyBytes + 2 + SampleRules.MaxTagValueBytes;

    // Every tag as RowBinary has it (length, key, length, value), in the order of arrival; _order sorts them.
    readonly byte[] _encoded = new byte[SampleRules.MaxTags * MaxEncodedTag];
    readonly Tag[] _order = new Tag[SampleRules.MaxTags];
    int _count;
    int _used;

    readonly record struct Tag(int Start, int Length, int KeyLength);

    /// <summary>Number of tags.</summary>
    public int Count => _count;

    /// <summary>Bytes that <see cref="WriteTo"/> writes.</summary>
    public int EncodedLength => 1 + _used;

    /// <summary>Forgets all tags.</summary>
    public void Clear() => _count = _used = 0;

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
            var order = key.SequenceCompareTo(KeyOf(_order[at - 1]));
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
        var end = RowBinary.WriteString(_encoded, _used, key);
        end = RowBinary.WriteString(_encoded, end, value);
        _order[at] = new Tag(_used, end - _used, key.Length);
        _count++;
        _used = end;
        return null;
    }

    /// <summary>Removes the tags that were added since <see cref="EncodedLength"/> was this, so that other samples can share those before.</summary>
    /// <param name="encodedLength">What it was then.</param>
    public void Truncate(int encodedLength)
    {
        _used = encodedLength - 1;
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_order[i].Start < _used)
            {
                _order[kept++] = _order[i];
            }
        }

        _count = kept;
    }

    /// <summary>Writes the tags as a RowBinary <c>Map(String, String)</c>.</summary>
    /// <param name="destination">At least <see cref="EncodedLength"/> bytes.</param>
    public void WriteTo(Span<byte> destination)
    {
        destination[0] = (byte)_count;
        destination = destination[1..];
        foreach (var tag in _order.AsSpan(0, _count))
        {
            _encoded.AsSpan(tag.Start, tag.Length).CopyTo(destination);
            destination = destination[tag.Length..];
        }
    }

    ReadOnlySpan<byte> KeyOf(Tag tag) => _encoded.AsSpan(tag.Start + 1, tag.KeyLength);
}
