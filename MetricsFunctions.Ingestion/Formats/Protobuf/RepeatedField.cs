using System.Buffers.Binary;

namespace MetricsFunctions.Ingestion.Formats.Protobuf;

/// <summary>Goes through the numbers of a repeated field, whether they were sent packed or one by one: a reader has to take both.</summary>
/// <param name="message">The message that has the field.</param>
/// <param name="field">The field's number.</param>
/// <param name="element">How one number is written.</param>
ref struct RepeatedField(ReadOnlySpan<byte> message, int field, WireType element)
{
    WireReader _fields = new(message);
    ReadOnlySpan<byte> _packed;

    /// <summary>Whether the field cannot be read to its end.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Goes to the next number; <see langword="false"/> behind the last, and where the message is broken.</summary>
    public bool Next(out ulong value)
    {
        value = 0;
        while (_packed.IsEmpty)
        {
            if (!_fields.Next())
            {
                IsBroken |= _fields.IsBroken;
                return false;
            }

            if (_fields.Field != field)
            {
                continue;
            }

            if (_fields.Type == element)
            {
                value = element == WireType.Varint ? _fields.ReadVarint() : _fields.ReadFixed64();
                IsBroken |= _fields.IsBroken;
                return !IsBroken;
            }

            _packed = _fields.ReadBytes();
        }

        var isWhole = element == WireType.Varint ? WireReader.TryReadVarint(ref _packed, out value) : TryReadFixed64(out value);
        IsBroken |= !isWhole;
        return isWhole;
    }

    bool TryReadFixed64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64LittleEndian(_packed, out value))
        {
            return false;
        }

        _packed = _packed[sizeof(ulong)..];
        return true;
    }
}
