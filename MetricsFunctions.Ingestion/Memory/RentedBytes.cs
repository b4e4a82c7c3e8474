using System.Buffers;

namespace MetricsFunctions.Ingestion.Memory;

/// <summary>Memory of the pool, which a request has for as long as it is used.</summary>
sealed class RentedBytes : IDisposable
{
    readonly MemoryBudget.Room? _room;
    byte[] _bytes = [];
    int _taken;

    /// <summary>Rents memory.</summary>
    /// <param name="room">What the request has; <see langword="null"/> where that has no bound.</param>
    /// <param name="bytes">How much is needed.</param>
    /// <exception cref="NoRoomException">There is no more for the request.</exception>
    public RentedBytes(MemoryBudget.Room? room, int bytes)
    {
        _room = room;
        Grow(0, bytes);
    }

    /// <summary>At least what is needed; another array when that has grown.</summary>
    public byte[] Array => _bytes;

    /// <summary>Rents more.</summary>
    /// <param name="kept">How much of what is there is needed further.</param>
    /// <param name="bytes">How much is needed in all.</param>
    /// <exception cref="NoRoomException">There is no more for the request.</exception>
    public void Grow(int kept, int bytes)
    {
        _room?.Take(bytes);
        var larger = ArrayPool<byte>.Shared.Rent(bytes);
        _bytes.AsSpan(0, kept).CopyTo(larger);
        Dispose();
        (_bytes, _taken) = (larger, bytes);
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _room?.Give(_taken);
            (_bytes, _taken) = ([], 0);
        }
    }
}
