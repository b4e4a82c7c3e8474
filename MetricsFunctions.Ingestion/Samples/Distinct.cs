using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// The distinct values of a column, numbered from 0 as they come: of names, tags and their parts a request has few, each many times. A value
/// is a sequence: a text is one of bytes.
/// </summary>
/// <typeparam name="T">What a value consists of.</typeparam>
sealed class Distinct<T>
    where T : unmanaged
{
    const int FewestSlots = 16;

    readonly Column<T> _items = new();
    readonly Column<Place> _places = new();

    // Open addressing with at least as many free slots as taken ones: 0, or 1 more than a value's number.
    readonly Column<int> _slots = new();

    readonly record struct Place(int Hash, int Start, int Length);

    /// <summary>How many values there are.</summary>
    public int Count => _places.Count;

    /// <summary>About how much memory they take.</summary>
    public int Bytes => (_items.Count * Unsafe.SizeOf<T>()) + (Count * 5 * sizeof(int));

    /// <summary>The value with a number.</summary>
    public ReadOnlySpan<T> this[int number] => _places.Values[number] is var place ? _items.Values.Slice(place.Start, place.Length) : default;

    /// <summary>Answers a value's number, a new one for a new value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="likely">The number that it probably has, which saves looking for it; -1 when there is no such guess.</param>
    public int NumberOf(ReadOnlySpan<T> value, int likely)
    {
        if (likely >= 0 && Is(likely, value))
        {
            return likely;
        }

        // Its seed is random, so that nobody can send values that all meet in one slot.
        var hash = new HashCode();
        hash.AddBytes(MemoryMarshal.AsBytes(value));
        return Find(value, hash.ToHashCode());
    }

    /// <summary>Adds the values of others that are missing here.</summary>
    /// <param name="other">The others.</param>
    /// <param name="numbers">For each of the others, by its number there: its number here.</param>
    public void Add(Distinct<T> other, Span<int> numbers)
    {
        for (var i = 0; i < other.Count; i++)
        {
            numbers[i] = Find(other[i], other._places.Values[i].Hash);
        }
    }

    /// <summary>Forgets all values.</summary>
    public void Clear()
    {
        _items.Clear();
        _places.Clear();
        _slots.Clear();
    }

    // As bytes, which are compared many at a time.
    bool Is(int number, ReadOnlySpan<T> value) => MemoryMarshal.AsBytes(this[number]).SequenceEqual(MemoryMarshal.AsBytes(value));

    int Find(ReadOnlySpan<T> value, int hash)
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
                _places.Add(new Place(hash, _items.Count, value.Length));
                _items.Add(value);
                return Count - 1;
            }

            if (_places.Values[number].Hash == hash && Is(number, value))
            {
                return number;
            }
        }
    }

    void Grow()
    {
        _slots.Reserve(Math.Max(_slots.Count, FewestSlots));
        var slots = _slots.Values;
        slots.Clear();
        for (var number = 0; number < Count; number++)
        {
            var slot = _places.Values[number].Hash & (slots.Length - 1);
            while (slots[slot] > 0)
            {
                slot = (slot + 1) & (slots.Length - 1);
            }

            slots[slot] = number + 1;
        }
    }
}
