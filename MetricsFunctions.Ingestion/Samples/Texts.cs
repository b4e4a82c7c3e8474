namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The distinct texts of a column, numbered from 0 as they come: of names, tag keys and tag values a request has few, each many times.
/// </summary>
sealed class Texts
{
    const int FewestSlots = 16;

    readonly Column<byte> _encoded = new();
    readonly Column<Text> _texts = new();

    // Open addressing with at least as many free slots as taken ones: 0, or 1 more than the number of the text.
    readonly Column<int> _slots = new();

    /// <summary>Where a text is in <see cref="_encoded"/>, behind its length.</summary>
    readonly record struct Text(int Hash, int Start, int Length);

    /// <summary>How many texts there are.</summary>
    public int Count => _texts.Count;

    /// <summary>All texts in the order of their numbers, each behind its length in LEB128, as ClickHouse has strings.</summary>
    public ReadOnlySpan<byte> Encoded => _encoded.Values;

    /// <summary>About how much memory they take.</summary>
    public int Bytes => _encoded.Count + Count * 20;

    /// <summary>Answers a text's number, a new one for a new text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="likely">The number that it probably has, which saves looking for it; any other number when there is no such guess.</param>
    public int NumberOf(ReadOnlySpan<byte> text, int likely)
    {
        if ((uint)likely < (uint)Count && this[likely].SequenceEqual(text))
        {
            return likely;
        }

        // Its seed is random, so that nobody can send texts that all meet in one slot.
        var hash = new HashCode();
        hash.AddBytes(text);
        return Find(text, hash.ToHashCode());
    }

    /// <summary>Adds the texts of others that are missing here.</summary>
    /// <param name="other">The others.</param>
    /// <param name="numbers">For each of the others, by its number there: its number here.</param>
    public void Add(Texts other, Span<int> numbers)
    {
        for (var i = 0; i < other.Count; i++)
        {
            numbers[i] = Find(other[i], other._texts.Values[i].Hash);
        }
    }

    /// <summary>Forgets all texts.</summary>
    public void Clear()
    {
        _encoded.Clear();
        _texts.Clear();
        _slots.Clear();
    }

    ReadOnlySpan<byte> this[int number] => _texts.Values[number] is var text ? _encoded.Values.Slice(text.Start, text.Length) : default;

    int Find(ReadOnlySpan<byte> text, int hash)
    {
        if (2 * Count >= _slots.Count)
        {
            Grow();
        }

        var slots = _slots.Values;
        for (var slot = hash & (slots.Length - 1); ; slot = (slot + 1) & (slots.Length - 1))
        {
            var number = slots[slot] - 1;
            if (number < 0)
            {
                slots[slot] = Count + 1;
                Append(text, hash);
                return Count - 1;
            }

            if (_texts.Values[number].Hash == hash && this[number].SequenceEqual(text))
            {
                return number;
            }
        }
    }

    void Append(ReadOnlySpan<byte> text, int hash)
    {
        var length = (uint)text.Length;
        for (; length >= 0x80; length >>= 7)
        {
            _encoded.Add((byte)(length | 0x80));
        }

        _encoded.Add((byte)length);
        _texts.Add(new Text(hash, _encoded.Count, text.Length));
        _encoded.Add(text);
    }

    void Grow()
    {
        _slots.Reserve(Math.Max(_slots.Count, FewestSlots));
        var slots = _slots.Values;
        slots.Clear();
        for (var number = 0; number < Count; number++)
        {
            var slot = _texts.Values[number].Hash & (slots.Length - 1);
            while (slots[slot] > 0)
            {
                slot = (slot + 1) & (slots.Length - 1);
            }

            slots[slot] = number + 1;
        }
    }
}
