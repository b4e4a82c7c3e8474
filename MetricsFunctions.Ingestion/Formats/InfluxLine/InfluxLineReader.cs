using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.InfluxLine;

/// <summary>
/// Reads the lines of a body: each field is a sample, with the tags and the time of its line. Faults are told by the number of the tag or the
/// field in its line, since names are the sender's own.
/// </summary>
ref struct InfluxLineReader
{
    // A byte more than any rule accepts, so that what was cut off is refused.
    const int NameRoom = SampleRules.MaxNameBytes + 1;
    const int KeyRoom = SampleRules.MaxTagKeyBytes + 1;
    const int ValueRoom = SampleRules.MaxTagValueBytes + 1;

    /// <summary>Bytes of working memory that a reader needs.</summary>
    public const int Scratch = NameRoom + KeyRoom + ValueRoom;

    readonly SampleIntake _intake;
    readonly SampleBlock _block;
    readonly Refusals _refusals;
    readonly TimeUnit _unit;
    readonly Span<byte> _name;
    readonly Span<byte> _key;
    readonly Span<byte> _value;

    ReadOnlySpan<byte> _rest;
    int _measurementLength;
    long _timestamp;

    /// <summary>Makes a reader for many lines.</summary>
    /// <param name="intake">Where their samples go.</param>
    /// <param name="unit">What their timestamps count.</param>
    /// <param name="scratch"><see cref="Scratch"/> bytes.</param>
    [SuppressMessage("Style", "IDE0290:Use primary constructor", Justification = "The fields are the state of the reader.")]
    public InfluxLineReader(SampleIntake intake, TimeUnit unit, Span<byte> scratch)
    {
        _intake = intake;
        _block = intake.Block;
        _refusals = intake.Refusals;
        _unit = unit;
        _name = scratch[..NameRoom];
        _key = scratch.Slice(NameRoom, KeyRoom);
        _value = scratch.Slice(NameRoom + KeyRoom, ValueRoom);
    }

    /// <summary>Reads a line, blank ones and comments too.</summary>
    /// <param name="line">The line without its line break.</param>
    public void Read(ReadOnlySpan<byte> line)
    {
        _rest = LineText.TrimStart(line).TrimEnd(" \t\r"u8);
        if (_rest is [] or [(byte)'#', ..])
        {
            return;
        }

        _refusals.Item = _intake.NextItem;
        _block.Tags.Clear();
        ReadTimestamp();
        if (ReadMeasurement() && ReadTags())
        {
            ReadFields();
        }
    }

    // From the end, so that it is known when the fields are read. Nothing else at the end of a line is a space and an integer: a value has
    // its key and = in front of it, and a string its quote behind it.
    void ReadTimestamp()
    {
        _timestamp = _intake.Accepted.Now;
        var begin = _rest.LastIndexOfAnyExceptInRange((byte)'0', (byte)'9');
        begin -= begin > 0 && _rest[begin] == '-' ? 1 : 0;
        if (begin <= 0 || _rest[begin] != ' ')
        {
            return;
        }

        if (!Utf8Parser.TryParse(_rest[(begin + 1)..], out long timestamp, out var length) || length < _rest.Length - begin - 1)
        {
            _refusals.Add("", "the timestamp must be an integer of at most 64 bits");
        }
        else
        {
            _timestamp = _unit.ToMilliseconds(timestamp);
            if (_intake.Accepted.Check(_timestamp) is { } fault)
            {
                _refusals.Add("", "the timestamp " + fault);
            }
        }

        _rest = _rest[..begin].TrimEnd((byte)' ');
    }

    bool ReadMeasurement()
    {
        var length = LineText.MeasurementLength(_rest, out var isEscaped);
        _measurementLength = LineText.UnescapeMeasurement(_rest[..length], isEscaped, _name);
        _rest = _rest[length..];
        if (length == 0)
        {
            _refusals.Add("", "must begin with a measurement");
        }

        return length > 0;
    }

    bool ReadTags()
    {
        for (var number = 1; _rest is [(byte)',', ..]; number++)
        {
            _rest = _rest[1..];
            var keyLength = LineText.PartLength(_rest, out var isKeyEscaped);
            if (keyLength == _rest.Length || _rest[keyLength] != '=')
            {
                return Refuse("tag", number, "must be a key, = and a value");
            }

            var key = isKeyEscaped ? Unescape(_rest[..keyLength], _key) : _rest[..keyLength];
            _rest = _rest[(keyLength + 1)..];

            var valueLength = LineText.PartLength(_rest, out var isValueEscaped);
            if (valueLength < _rest.Length && _rest[valueLength] == '=')
            {
                return Refuse("tag", number, @"must have \ in front of a further =");
            }

            var value = isValueEscaped ? Unescape(_rest[..valueLength], _value) : _rest[..valueLength];
            _rest = _rest[valueLength..];
            if (value.IsEmpty)
            {
                Refuse("tag", number, "must have a value");
            }
            else if (_block.Tags.Add(key, value) is { } fault)
            {
                Refuse("tag", number, fault);
            }
        }

        return true;
    }

    void ReadFields()
    {
        _rest = _rest.TrimStart((byte)' ');
        var faults = _refusals.Count;
        var samples = 0;
        var number = 0;
        do
        {
            number++;
            _rest = number == 1 ? _rest : _rest[1..];
            var keyLength = LineText.PartLength(_rest, out var isEscaped);
            if (keyLength == _rest.Length || _rest[keyLength] != '=')
            {
                Refuse("field", number, "must be a key, = and a value; a line needs at least one, behind a space");
                return;
            }

            var key = _rest[..keyLength];
            if (key.IsEmpty)
            {
                Refuse("field", number, "must have a key");
            }

            _rest = _rest[(keyLength + 1)..];
            if (_rest is [(byte)'"', ..])
            {
                if (!SkipString(number))
                {
                    return;
                }
            }
            else
            {
                var length = _rest.IndexOfAny((byte)',', (byte)' ');
                var value = length < 0 ? _rest : _rest[..length];
                _rest = _rest[value.Length..];
                ReadSample(number, key, isEscaped, value);
                samples++;
            }
        }
        while (_rest is [(byte)',', ..]);

        if (!_rest.IsEmpty)
        {
            _refusals.Add("", "must end behind its fields, or with one timestamp that is an integer");
        }
        else if (samples == 0 && _refusals.Count == faults)
        {
            _refusals.Add("", "has strings only, which are no samples: a number or a Boolean is needed");
        }
    }

    void ReadSample(int number, ReadOnlySpan<byte> key, bool isEscaped, ReadOnlySpan<byte> text)
    {
        // The measurement alone names the field that is called value; the others are told apart by their keys.
        var length = _measurementLength;
        if (!key.SequenceEqual("value"u8) && length < NameRoom)
        {
            _name[length++] = (byte)'.';
            length += LineText.UnescapePart(key, isEscaped, _name[length..]);
        }

        var name = _name[..length];
        if (!FieldValue.TryParse(text, out var value))
        {
            Refuse("field", number, "must be a number, an integer with i or u behind it, a Boolean or a string in quotes");
        }
        else if (SampleRules.CheckValue(value) is { } fault)
        {
            Refuse("field", number, fault);
        }
        else if (_intake.Names.Check(name) is { } breach)
        {
            Refuse("the name of field", number, "with its measurement " + breach);
        }
        else
        {
            _block.Add(name, value, _timestamp);
        }
    }

    bool SkipString(int number)
    {
        var length = LineText.StringLength(_rest);
        if (length < 0)
        {
            return Refuse("field", number, "is a string without an end");
        }

        _rest = _rest[length..];
        if (_rest is not ([] or [(byte)',' or (byte)' ', ..]))
        {
            return Refuse("field", number, "goes on behind its string");
        }

        _intake.Skip("strings are no samples");
        return true;
    }

    static ReadOnlySpan<byte> Unescape(ReadOnlySpan<byte> raw, Span<byte> room) => room[..LineText.UnescapePart(raw, isEscaped: true, room)];

    bool Refuse(string part, int number, string clause)
    {
        _refusals.Add("", _refusals.IsFull ? "" : $"{part} {number} {clause}");
        return false;
    }
}
