using System.Buffers.Binary;

namespace MetricsFunctions.Ingestion.Formats.Protobuf;

/// <summary>How a field's value is written (<see href="https://protobuf.dev/programming-guides/encoding/"/>).</summary>
enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>
/// Reads a protobuf message field by field, without an object for anything in it. A value that nobody reads is stepped over, as a field
/// of a newer version has to be; what is no protobuf, or not of the type that is asked for, ends the message as broken.
/// </summary>
ref struct WireReader
{
    ReadOnlySpan<byte> _rest;
    bool _isRead;

    /// <summary>Begins a message.</summary>
    /// <param name="message">All of it.</param>
    public WireReader(ReadOnlySpan<byte> message)
    {
        _rest = message;
        _isRead = true;
    }

    /// <summary>Number of the field that <see cref="Next"/> went to.</summary>
    public int Field { get; private set; }

    /// <summary>How its value is written.</summary>
    public WireType Type { get; private set; }

    /// <summary>How much of the message is left: what is not read yet of the field, and the fields behind it.</summary>
    public readonly int BytesLeft => _rest.Length;

    /// <summary>Whether the message cannot be read to its end.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Goes to the next field; <see langword="false"/> at the end of the message, and where it is broken.</summary>
    public bool Next()
    {
        if (!_isRead)
        {
            Skip();
        }

        if (_rest.IsEmpty)
        {
            return false;
        }

        if (!TryReadVarint(ref _rest, out var tag) || tag > uint.MaxValue || tag >> 3 == 0)
        {
            Break();
            return false;
        }

        (Field, Type, _isRead) = ((int)(tag >> 3), (WireType)(tag & 7), false);
        return true;
    }

    /// <summary>Reads an integer or a Boolean.</summary>
    public ulong ReadVarint()
    {
        if (!Begin(WireType.Varint))
        {
            return 0;
        }

        return TryReadVarint(ref _rest, out var value) ? value : Break();
    }

    /// <summary>Reads an integer of eight bytes.</summary>
    public ulong ReadFixed64()
    {
        if (!Begin(WireType.Fixed64))
        {
            return 0;
        }

        if (!BinaryPrimitives.TryReadUInt64LittleEndian(_rest, out var value))
        {
            return Break();
        }

        _rest = _rest[sizeof(ulong)..];
        return value;
    }

    /// <summary>Reads an integer of the type <c>sint32</c>.</summary>
    public int ReadZigZag32() => (int)DecodeZigZag((uint)ReadVarint());

    /// <summary>Reads a double.</summary>
    public double ReadDouble() => BitConverter.UInt64BitsToDouble(ReadFixed64());

    /// <summary>Reads a string, a message or a packed list.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        if (!Begin(WireType.Bytes))
        {
            return [];
        }

        if (!TryReadVarint(ref _rest, out var length) || length > (ulong)_rest.Length)
        {
            Break();
            return [];
        }

        var value = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return value;
    }

    /// <summary>Reads a string, a message or a packed list; <see langword="false"/> where there is none.</summary>
    public bool TryReadBytes(out ReadOnlySpan<byte> value)
    {
        value = ReadBytes();
        return !IsBroken;
    }

    /// <summary>Says that the message is not what it should be, and ends it.</summary>
    public ulong Break()
    {
        IsBroken = true;
        _rest = [];
        return 0;
    }

    /// <summary>What an integer of the type <c>sint32</c> or <c>sint64</c> means: the sign is in its lowest bit.</summary>
    public static long DecodeZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    /// <summary>Reads an integer from the front of a packed list.</summary>
    /// <param name="list">What is left of the list.</param>
    /// <param name="value">The integer.</param>
    public static bool TryReadVarint(ref ReadOnlySpan<byte> list, out ulong value)
    {
        value = 0;
        for (int i = 0, shift = 0; i < list.Length && shift < 64; i++, shift += 7)
        {
            var next = list[i];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                list = list[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    bool Begin(WireType type)
    {
        _isRead = true;
        if (Type != type)
        {
            Break();
        }

        return !IsBroken;
    }

    void Skip()
    {
        switch (Type)
        {
            case WireType.Varint:
                ReadVarint();
                break;
            case WireType.Fixed64:
                ReadFixed64();
                break;
            case WireType.Bytes:
                ReadBytes();
                break;
            case WireType.Fixed32 when _rest.Length >= sizeof(uint):
                _rest = _rest[sizeof(uint)..];
                _isRead = true;
                break;
            default:
                // Groups, the remaining types, are not in use since proto3.
                Break();
                break;
        }
    }
}
