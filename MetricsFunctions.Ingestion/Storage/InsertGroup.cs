using System.Buffers;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>The rows of one INSERT: what several requests brought while the INSERT before it was under way.</summary>
/// <param name="token">The deduplication token; the same for every attempt.</param>
/// <param name="deadline">When the first request in the group stops waiting, as a <see cref="TimeProvider"/> timestamp.</param>
sealed class InsertGroup(string token, long deadline)
{
    readonly TaskCompletionSource _stored = new(TaskCreationOptions.RunContinuationsAsynchronously);
    byte[] _rows = [];
    int _length;

    public string Token { get; } = token;

    public long Deadline { get; } = deadline;

    /// <summary>How many requests wait for this group.</summary>
    public int Requests { get; private set; }

    public ArraySegment<byte> Rows => new(_rows, 0, _length);

    /// <summary>Completes when every row of the group is stored, or fails when they are given up.</summary>
    public Task Stored => _stored.Task;

    public void Append(ReadOnlySpan<byte> rows)
    {
        if (_rows.Length - _length < rows.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_rows.Length * 2, _length + rows.Length));
            Rows.AsSpan().CopyTo(larger);
            Release();
            _rows = larger;
        }

        rows.CopyTo(_rows.AsSpan(_length));
        _length += rows.Length;
        Requests++;
    }

    /// <summary>Tells every waiting request, and gives the memory back.</summary>
    /// <param name="fault">Why the rows are not known to be stored; null when they are.</param>
    public void End(StorageUnavailableException? fault)
    {
        Release();
        if (fault is null)
        {
            _stored.SetResult();
        }
        else
        {
            _stored.SetException(fault);
        }
    }

    void Release()
    {
        if (_rows.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_rows);
            _rows = [];
        }
    }
}
