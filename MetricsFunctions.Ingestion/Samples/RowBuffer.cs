using System.Buffers;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>
/// Encoded rows in pooled memory: one array that doubles while it is small, and further ones behind it, so that many rows are not copied
/// again and again. Not safe for use by several threads at once.
/// </summary>
sealed class RowBuffer
{
    const int InitialBytes = 256;
    const int LargestArray = 1024 * 1024;
    const int MostKeptBytes = 64 * 1024;

    // Those in front of the array that is being filled; few buffers have any.
    List<ArraySegment<byte>>? _full;
    byte[] _rows = [];
    int _used;

    /// <summary>Bytes of all rows.</summary>
    public long Length { get; private set; }

    /// <summary>Makes room for a row and answers it.</summary>
    /// <param name="bytes">How long the row is.</param>
    public Span<byte> Reserve(int bytes)
    {
        if (_rows.Length - _used < bytes)
        {
            Grow(bytes);
        }

        var row = _rows.AsSpan(_used, bytes);
        _used += bytes;
        Length += bytes;
        return row;
    }

    /// <summary>Adds the rows of another buffer: few are copied, and many change hands, which leaves the other one empty.</summary>
    /// <param name="other">The other buffer.</param>
    public void Append(RowBuffer other)
    {
        if (other.Length <= MostKeptBytes)
        {
            foreach (var rows in other.ToSequence())
            {
                rows.Span.CopyTo(Reserve(rows.Length));
            }

            return;
        }

        EndArray();
        other.EndArray();
        (_full ??= []).AddRange(other._full!);
        Length += other.Length;
        other._full!.Clear();
        other.Length = 0;
    }

    /// <summary>The rows; valid until the next call that changes the buffer.</summary>
    public ReadOnlySequence<byte> ToSequence()
    {
        if (_full is not { Count: > 0 })
        {
            return new ReadOnlySequence<byte>(_rows, 0, _used);
        }

        var first = new Segment(_full[0], null);
        var last = first;
        foreach (var array in _full.Skip(1).Append(new ArraySegment<byte>(_rows, 0, _used)))
        {
            last = new Segment(array, last);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    /// <summary>Forgets all rows; memory that only many rows needed goes back to its pool.</summary>
    public void Clear()
    {
        if (_rows.Length > MostKeptBytes)
        {
            ReleaseRows();
        }

        ReleaseFull();
        _used = 0;
        Length = 0;
    }

    /// <summary>Forgets all rows and gives all memory back.</summary>
    public void Release()
    {
        ReleaseRows();
        Clear();
    }

    void Grow(int bytes)
    {
        if (_rows.Length >= LargestArray)
        {
            EndArray();
        }

        var usual = _full is { Count: > 0 } ? LargestArray : Math.Clamp(_rows.Length * 2, InitialBytes, LargestArray);
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(usual, _used + bytes));
        _rows.AsSpan(0, _used).CopyTo(larger);
        ReleaseRows();
        _rows = larger;
    }

    void EndArray()
    {
        if (_used > 0)
        {
            (_full ??= []).Add(new ArraySegment<byte>(_rows, 0, _used));
            _rows = [];
            _used = 0;
        }
    }

    void ReleaseRows()
    {
        if (_rows.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_rows);
            _rows = [];
        }
    }

    void ReleaseFull()
    {
        if (_full is null)
        {
            return;
        }

        foreach (var array in _full)
        {
            ArrayPool<byte>.Shared.Return(array.Array!);
        }

        _full.Clear();
    }

    sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> rows, Segment? previous)
        {
            Memory = rows;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
