using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Json;

/// <summary>
/// Reads one sample from JSON (RFC 8259): every fault of the object is noted with its JSON pointer, not just the first, and unknown or
/// repeated properties are faults.
/// </summary>
ref struct JsonSampleReader
{
    const int MaxDepth = 64;

    // The longest acceptable text with every byte as \u00XX; anything longer unescapes to more than 255 bytes.
    const int MaxEscapedText = 6 * SampleRules.MaxNameBytes;
    static readonly byte[] TooLong = new byte[SampleRules.MaxNameBytes + 1];

    readonly SampleBlock _block;
    readonly AcceptedTime _accepted;
    readonly Refusals _refusals;
    readonly Span<byte> _propertyScratch;
    readonly Span<byte> _nameScratch;
    readonly Span<byte> _textScratch;

    Utf8JsonReader _json;
    ReadOnlySpan<byte> _name;
    double _value;
    long _timestamp;

    [Flags]
    enum Fields
    {
        None = 0,
        Name = 1,
        Value = 2,
        Timestamp = 4,
        Tags = 8,
    }

    [SuppressMessage("Style", "IDE0290:Use primary constructor", Justification = "The fields are the state of the reader.")]
    JsonSampleReader(ReadOnlySequence<byte> body, SampleBlock block, AcceptedTime accepted, Refusals refusals, Span<byte> scratch)
    {
        _json = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
        _block = block;
        _accepted = accepted;
        _refusals = refusals;
        _propertyScratch = scratch[..MaxEscapedText];
        _nameScratch = scratch.Slice(MaxEscapedText, MaxEscapedText);
        _textScratch = scratch[(2 * MaxEscapedText)..];
    }

    /// <summary>Reads a body that is one JSON object into the block; whatever is wrong goes into <paramref name="refusals"/>.</summary>
    public static void Read(ReadOnlySequence<byte> body, SampleBlock block, AcceptedTime accepted, Refusals refusals)
    {
        if (body.IsEmpty)
        {
            refusals.Add("", "is empty: a JSON object with metric_name and metric_value is expected");
            return;
        }

        var reader = new JsonSampleReader(SkipByteOrderMark(body), block, accepted, refusals, stackalloc byte[3 * MaxEscapedText]);
        try
        {
            reader.ReadBody();
        }
        catch (JsonException e)
        {
            refusals.Add("", reader.Describe(e));
        }
    }

    // RFC 8259 section 8.1 lets a parser ignore it; editors and shells on Windows write it.
    static ReadOnlySequence<byte> SkipByteOrderMark(ReadOnlySequence<byte> body)
    {
        var reader = new SequenceReader<byte>(body);
        return reader.IsNext(Encoding.UTF8.Preamble, advancePast: true) ? reader.UnreadSequence : body;
    }

    void ReadBody()
    {
        _json.Read();
        if (_json.TokenType == JsonTokenType.StartObject)
        {
            ReadSample();
        }
        else
        {
            Refuse("", "must be a JSON object");
        }

        // Anything behind the object is a syntax error.
        _json.Read();
    }

    void ReadSample()
    {
        var seen = Fields.None;
        var faults = _refusals.Count;
        _timestamp = _accepted.Now;
        _block.Tags.Clear();

        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            var property = ReadText(_propertyScratch);
            _json.Read();
            var field = FieldOf(property);
            if (field == Fields.None)
            {
                Refuse(PointerTo("/", property), "is not a property of a sample: metric_name, metric_value, timestamp and tags are");
            }
            else if ((seen & field) != 0)
            {
                Refuse(PointerTo("/", property), "is given twice");
            }
            else
            {
                ReadField(field);
            }

            seen |= field;
        }

        if ((seen & Fields.Name) == 0)
        {
            _refusals.Add("/metric_name", "is required");
        }

        if ((seen & Fields.Value) == 0)
        {
            _refusals.Add("/metric_value", "is required");
        }

        if (_refusals.Count == faults)
        {
            _block.Add(_name, _value, _timestamp);
        }
    }

    static Fields FieldOf(ReadOnlySpan<byte> property) =>
        property.SequenceEqual("metric_name"u8) ? Fields.Name
        : property.SequenceEqual("metric_value"u8) ? Fields.Value
        : property.SequenceEqual("timestamp"u8) ? Fields.Timestamp
        : property.SequenceEqual("tags"u8) ? Fields.Tags
        : Fields.None;

    void ReadField(Fields field)
    {
        switch (field)
        {
            case Fields.Name:
                RefuseIf("/metric_name", ReadName());
                break;
            case Fields.Value:
                RefuseIf("/metric_value", ReadValue());
                break;
            case Fields.Timestamp:
                RefuseIf("/timestamp", ReadTimestamp());
                break;
            default:
                ReadTags();
                break;
        }
    }

    string? ReadName()
    {
        if (_json.TokenType != JsonTokenType.String)
        {
            return "must be a JSON string";
        }

        _name = ReadText(_nameScratch);
        return SampleRules.CheckName(_name);
    }

    string? ReadValue()
    {
        if (_json.TokenType != JsonTokenType.Number || !_json.TryGetDouble(out _value))
        {
            return "must be a JSON number";
        }

        return SampleRules.CheckValue(_value);
    }

    string? ReadTimestamp()
    {
        var understood = _json.TokenType switch
        {
            JsonTokenType.String => Rfc3339.TryParse(ReadText(_textScratch), out _timestamp),
            JsonTokenType.Number => _json.TryGetInt64(out _timestamp),
            _ => false,
        };
        return understood
            ? _accepted.Check(_timestamp)
            : "must be an RFC 3339 time with an offset, such as 2026-11-23T17:00:00.123Z, or an integer of Unix milliseconds";
    }

    void ReadTags()
    {
        if (_json.TokenType != JsonTokenType.StartObject)
        {
            Refuse("/tags", "must be a JSON object of strings");
            return;
        }

        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            var key = ReadText(_propertyScratch);
            _json.Read();
            var fault = _json.TokenType == JsonTokenType.String
                ? _block.Tags.Add(key, ReadText(_textScratch))
                : "must be a JSON string";
            if (fault is not null)
            {
                Refuse(PointerTo("/tags/", key), fault);
            }
        }
    }

    // The unescaped text of a string or property name. Text that is no Unicode comes back in a form that every rule refuses.
    readonly ReadOnlySpan<byte> ReadText(Span<byte> scratch)
    {
        if (!_json.HasValueSequence && !_json.ValueIsEscaped)
        {
            return _json.ValueSpan;
        }

        if ((_json.HasValueSequence ? _json.ValueSequence.Length : _json.ValueSpan.Length) > scratch.Length)
        {
            return TooLong;
        }

        try
        {
            return scratch[.._json.CopyString(scratch)];
        }
        catch (InvalidOperationException)
        {
            // A lone surrogate or a broken UTF-8 sequence.
            return [0xFF];
        }
    }

    // A name that cannot stand in a pointer (too long, no UTF-8) leaves the pointer at its parent.
    static string PointerTo(string parent, ReadOnlySpan<byte> property) =>
        property.Length <= SampleRules.MaxNameBytes && System.Text.Unicode.Utf8.IsValid(property)
            ? parent + Encoding.UTF8.GetString(property).Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)
            : parent[..^1];

    void Refuse(string pointer, string detail)
    {
        _refusals.Add(pointer, detail);
        _json.Skip();
    }

    void RefuseIf(string pointer, string? detail)
    {
        if (detail is not null)
        {
            Refuse(pointer, detail);
        }
    }

    readonly string Describe(JsonException fault) =>
        $"is not valid JSON at line {fault.LineNumber + 1}, byte {fault.BytePositionInLine + 1}"
        + (_json.CurrentDepth >= MaxDepth - 1 ? $", or is nested deeper than {MaxDepth} levels" : "");
}
