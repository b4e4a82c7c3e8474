using System.Buffers.Binary;
using MetricsFunctions.Ingestion.Memory;

namespace MetricsFunctions.Ingestion.Formats.Protobuf;

/// <summary>Writes a protobuf message into memory of the pool.</summary>
sealed class WireWriter : IDisposable
{
    const int LongestVarint = 10;

    readonly RentedBytes _bytes;
    int _length;

    /// <summary>Begins a message.</summary>
    /// <param name="expectedBytes">About how long it will be.</param>
    /// <param name="room">What the request has of the memory, if that has a bound.</param>
    /// <exception cref="NoRoomException">There is no more for the request; so also from what makes the message longer.</exception>
    public WireWriter(int expectedBytes, MemoryBudget.Room? room = null) => _bytes = new RentedBytes(room, expectedBytes);

    /// <summary>What has been written; valid until more is.</summary>
    public ReadOnlySpan<byte> Written => _bytes.Array.AsSpan(0, _length);

    /// <summary>Writes an integer or a Boolean.</summary>
    public void WriteVarint(int field, ulong value)
    {
        WriteTag(field, WireType.Varint);
        AppendVarint(value);
    }

    /// <summary>Writes an integer or a double of eight bytes.</summary>
    public void WriteFixed64(int field, ulong value)
    {
        WriteTag(field, WireType.Fixed64);
        AppendFixed64(value);
    }

    /// <summary>Writes a string or a message that is there already.</summary>
    public void WriteBytes(int field, ReadOnlySpan<byte> value)
    {
        var begin = Begin(field);
        value.CopyTo(Reserve(value.Length));
        End(begin);
    }

    /// <summary>Begins a message inside this one, a packed list, or a string that is written bit by bit.</summary>
    /// <returns>What <see cref="End"/> wants to know.</returns>
    public int Begin(int field)
    {
        WriteTag(field, WireType.Bytes);
        Reserve(1);
        return _length;
    }

    /// <summary>Ends what <see cref="Begin"/> began, now that its length is known.</summary>
    public void End(int begin)
    {
        var length = _length - begin;
        var further = 0;
        for (var rest = length >> 7; rest > 0; rest >>= 7)
        {
            further++;
        }

        if (further > 0)
        {
            Reserve(further);
            _bytes.Array.AsSpan(begin, length).CopyTo(_bytes.Array.AsSpan(begin + further));
        }

        Put(_bytes.Array.AsSpan(begin - 1), (ulong)length);
    }

    /// <summary>Takes back everything behind a place.</summary>
    /// <param name="length">How long <see cref="Written"/> was there.</param>
    public void Truncate(int length) => _length = length;

    /// <summary>Adds an integer to a packed list.</summary>
    public void AppendVarint(ulong value)
    {
        var length = Put(Reserve(LongestVarint), value);
        _length += length - LongestVarint;
    }

    /// <summary>Adds an integer or a double of eight bytes to a packed list.</summary>
    public void AppendFixed64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Reserve(sizeof(ulong)), value);

    /// <summary>Makes the message longer and answers the new part, for whoever fills it.</summary>
    public Span<byte> Reserve(int bytes)
    {
        if (_bytes.Array.Length - _length < bytes)
        {
            _bytes.Grow(_length, Math.Max(2 * _bytes.Array.Length, _length + bytes));
        }

        _length += bytes;
        return _bytes.Array.AsSpan(_length - bytes, bytes);
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _bytes.Dispose();
        _length = 0;
    }

    static int Put(Span<byte> room, ulong value)
    {
        var length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            room[length++] = (byte)(value | 0x80);
        }

        room[length++] = (byte)value;
        return length;
    }

    void WriteTag(int field, WireType type) => AppendVarint(((ulong)field << 3) | (ulong)type);
}
