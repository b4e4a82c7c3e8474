using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.InfluxLine;

/// <summary>
/// Reads the lines of a body: each field is a sample, with the tags and the time of its line. A line with a fault is left out, and its first
/// fault told by the number of the tag or the field in its line, since names are the sender's own.
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
    int _skipped;

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
        // Firmware sends the end of its string along.
        _rest = LineText.TrimStart(line).TrimEnd(" \t\r\0"u8);
        if (_rest is [] or [(byte)'#', ..])
        {
            return;
        }

        _refusals.Item = _intake.NextItem;
        _block.Tags.Clear();
        _block.BeginLine();
        _skipped = 0;
        if (ReadTimestamp() && ReadMeasurement() && ReadTags() && ReadFields())
        {
            _intake.Skip(_skipped);
        }
        else
        {
            _block.RemoveLine();
        }
    }

    // From the end, so that it is known when the fields are read. Nothing else at the end of a line is a space and an integer: a value has
    // its key and = in front of it, and a string its quote behind it.
    bool ReadTimestamp()
    {
        _timestamp = _intake.Accepted.Now;
        var begin = _rest.LastIndexOfAnyExceptInRange((byte)'0', (byte)'9');
        begin -= begin > 0 && _rest[begin] == '-' ? 1 : 0;
        if (begin <= 0 || _rest[begin] != ' ')
        {
            return true;
        }

        if (!Utf8Parser.TryParse(_rest[(begin + 1)..], out long timestamp, out var length) || length < _rest.Length - begin - 1)
        {
            return Refuse(FaultKind.Timestamp, "the timestamp must be an integer of at most 64 bits");
        }

        _timestamp = _unit.ToMilliseconds(timestamp);
        _rest = _rest[..begin].TrimEnd((byte)' ');
        if (_intake.Accepted.Check(_timestamp) is not { } fault)
        {
            return true;
        }

        var hint = _intake.Accepted.WouldTake(timestamp) ? "; it would not be if it counted another unit: does the query say the right precision?" : "";
        return Refuse(FaultKind.Timestamp, $"the timestamp {fault}{hint}");
    }

    bool ReadMeasurement()
    {
        var length = LineText.MeasurementLength(_rest, out var isEscaped);
        _measurementLength = LineText.UnescapeMeasurement(_rest[..length], isEscaped, _name);
        _rest = _rest[length..];
        return length > 0 || Refuse(FaultKind.Syntax, "must begin with a measurement");
    }

    bool ReadTags()
    {
        for (var number = 1; _rest is [(byte)',', ..]; number++)
        {
            _rest = _rest[1..];
            var keyLength = LineText.PartLength(_rest, out var isKeyEscaped);
            if (keyLength == _rest.Length || _rest[keyLength] != '=')
            {
                return Refuse(FaultKind.Syntax, "tag", number, "must be a key, = and a value");
            }

            var key = isKeyEscaped ? Unescape(_rest[..keyLength], _key) : _rest[..keyLength];
            _rest = _rest[(keyLength + 1)..];

            var valueLength = LineText.PartLength(_rest, out var isValueEscaped);
            if (valueLength < _rest.Length && _rest[valueLength] == '=')
            {
                return Refuse(FaultKind.Syntax, "tag", number, @"must have \ in front of a further =");
            }

            var value = isValueEscaped ? Unescape(_rest[..valueLength], _value) : _rest[..valueLength];
            _rest = _rest[valueLength..];

            // A tag without a value says as much as no tag.
            if (!value.IsEmpty && _block.Tags.Add(key, value) is { } fault)
            {
                return Refuse(FaultKind.Tags, "tag", number, fault);
            }
        }

        return true;
    }

    bool ReadFields()
    {
        _rest = _rest.TrimStart((byte)' ');
        for (var number = 1; ; number++)
        {
            var keyLength = LineText.PartLength(_rest, out var isEscaped);
            if (keyLength == _rest.Length || _rest[keyLength] != '=')
            {
                return Refuse(FaultKind.Syntax, "field", number, "must be a key, = and a value; a line needs at least one, behind a space");
            }

            var key = _rest[..keyLength];
            _rest = _rest[(keyLength + 1)..];
            if (!(key.IsEmpty ? Refuse(FaultKind.Syntax, "field", number, "must have a key")
                : _rest is [(byte)'"', ..] ? SkipString(number)
                : ReadSample(number, key, isEscaped)))
            {
                return false;
            }

            if (_rest is not [(byte)',', ..])
            {
                return _rest.IsEmpty || Refuse(FaultKind.Syntax, "must end behind its fields, or with one timestamp that is an integer");
            }

            _rest = _rest[1..];
        }
    }

    bool ReadSample(int number, ReadOnlySpan<byte> key, bool isEscaped)
    {
        var end = _rest.IndexOfAny((byte)',', (byte)' ');
        var text = end < 0 ? _rest : _rest[..end];
        _rest = _rest[text.Length..];

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
            return Refuse(FaultKind.Value, "field", number, "must be a number, an integer with i or u behind it, a Boolean or a string in quotes");
        }

        if (SampleRules.CheckValue(value) is { } fault)
        {
            return Refuse(FaultKind.Value, "field", number, fault);
        }

        // To InfluxDB, the time is the column of this name, and a field none.
        if (key.SequenceEqual("time"u8))
        {
            _skipped++;
            return true;
        }

        if (_intake.Names.Check(name) is { } breach)
        {
            return Refuse(FaultKind.Name, "the name of field", number, "with its measurement " + breach);
        }

        _block.AddToLine(name, value, _timestamp);
        return true;
    }

    bool SkipString(int number)
    {
        var length = LineText.StringLength(_rest);
        if (length < 0)
        {
            return Refuse(FaultKind.Syntax, "field", number, "is a string without an end");
        }

        _rest = _rest[length..];
        if (_rest is not ([] or [(byte)',' or (byte)' ', ..]))
        {
            return Refuse(FaultKind.Syntax, "field", number, "goes on behind its string");
        }

        _skipped++;
        return true;
    }

    static ReadOnlySpan<byte> Unescape(ReadOnlySpan<byte> raw, Span<byte> room) => room[..LineText.UnescapePart(raw, isEscaped: true, room)];

    bool Refuse(FaultKind kind, string part, int number, string clause) => Refuse(kind, _refusals.IsFull ? "" : $"{part} {number} {clause}");

    readonly bool Refuse(FaultKind kind, string clause)
    {
        _refusals.Add(kind, "", clause);
        return false;
    }
}
