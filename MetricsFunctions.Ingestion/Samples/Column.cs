using System.Buffers;
using System.Runtime.CompilerServices;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>Values of one column, in one array of the pool that doubles as it fills.</summary>
/// <typeparam name="T">What the values are.</typeparam>
sealed class Column<T>
    where T : unmanaged
{
    const int FewestValues = 16;
    const int MostKeptBytes = 16 * 1024;

    T[] _values = [];

    /// <summary>How many values there are.</summary>
    public int Count { get; private set; }

    /// <summary>The values; valid until the next call that changes the column.</summary>
    public Span<T> Values => _values.AsSpan(0, Count);

    /// <summary>Adds a value.</summary>
    public void Add(T value)
    {
        if (Count == _values.Length)
        {
            Grow(1);
        }

        _values[Count++] = value;
    }

    /// <summary>Adds values.</summary>
    public void Add(ReadOnlySpan<T> values) => values.CopyTo(Reserve(values.Length));

    /// <summary>Adds values that are to be written into what is answered.</summary>
    public Span<T> Reserve(int count)
    {
        if (_values.Length - Count < count)
        {
            Grow(count);
        }

        Count += count;
        return _values.AsSpan(Count - count, count);
    }

    /// <summary>Forgets the last values.</summary>
    /// <param name="count">How many stay.</param>
    public void Truncate(int count) => Count = count;

    /// <summary>Forgets all values; memory that only many needed goes back to its pool.</summary>
    public void Clear()
    {
        Count = 0;
        if ((long)_values.Length * Unsafe.SizeOf<T>() > MostKeptBytes)
        {
            ArrayPool<T>.Shared.Return(_values);
            _values = [];
        }
    }

    void Grow(int count)
    {
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(Math.Max(2 * _values.Length, FewestValues), Count + count));
        Values.CopyTo(larger);
        if (_values.Length > 0)
        {
            ArrayPool<T>.Shared.Return(_values);
        }

        _values = larger;
    }
}
