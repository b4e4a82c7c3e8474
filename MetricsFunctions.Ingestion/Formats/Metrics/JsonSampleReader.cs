using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using MetricsFunctions.Ingestion.Formats.Json;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Metrics;

/// <summary>
/// Reads samples from JSON: every fault of an object is noted with its JSON pointer, not just the first, and unknown or repeated properties
/// are faults.
/// </summary>
ref struct JsonSampleReader
{
    /// <summary>Bytes of working memory that a reader needs.</summary>
    public const int Scratch = (2 * NameRoom) + TextRoom;

    // A byte more than any rule accepts, so that what was cut off is refused. Keys of tags are as long as names.
    const int NameRoom = SampleRules.MaxNameBytes + 1;
    const int TextRoom = SampleRules.MaxTagValueBytes + 1;

    readonly SampleIntake _intake;
    readonly SampleBlock _block;
    readonly Refusals _refusals;
    readonly Span<byte> _propertyRoom;
    readonly Span<byte> _nameRoom;
    readonly Span<byte> _textRoom;

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

    /// <summary>Where in the text the reader is.</summary>
    public JsonScanner Json;

    /// <summary>Makes a reader for many samples.</summary>
    /// <param name="intake">Where they go.</param>
    /// <param name="scratch"><see cref="Scratch"/> bytes.</param>
    [SuppressMessage("Style", "IDE0290:Use primary constructor", Justification = "The fields are the state of the reader.")]
    public JsonSampleReader(SampleIntake intake, Span<byte> scratch)
    {
        _intake = intake;
        _block = intake.Block;
        _refusals = intake.Refusals;
        _propertyRoom = scratch[..NameRoom];
        _nameRoom = scratch.Slice(NameRoom, NameRoom);
        _textRoom = scratch.Slice(2 * NameRoom, TextRoom);
    }

    /// <summary>Begins a text.</summary>
    /// <param name="text">The text, or as much as there is of it.</param>
    /// <param name="isLast">Whether it ends here.</param>
    public void Begin(ReadOnlySpan<byte> text, bool isLast) => Json = new JsonScanner(text, isLast);

    /// <summary>Reads the value that begins at the scanner's next token, which should be a sample's object.</summary>
    /// <param name="depth">In how many arrays and objects the value lies.</param>
    /// <returns><see langword="false"/> when it is no JSON, or not all of it.</returns>
    public bool Read(int depth) => Json.Next() == '{' ? ReadSample(depth + 1) : Refuse(FaultKind.Syntax, "", "must be a JSON object", depth);

    bool ReadSample(int depth)
    {
        var seen = Fields.None;
        var faults = _refusals.Count;
        _timestamp = _intake.Accepted.Now;
        _block.Tags.Clear();

        Json.Step();
        if (!StepOver('}'))
        {
            do
            {
                if (!Json.ReadProperty(out var name))
                {
                    return false;
                }

                var property = name.Unescape(_propertyRoom);
                var field = FieldOf(property);
                var isJson = field == Fields.None ? Refuse(FaultKind.Syntax, "/", property, "is not a property of a sample: metric_name, metric_value, timestamp and tags are", depth)
                    : (seen & field) != 0 ? Refuse(FaultKind.Syntax, "/", property, "is given twice", depth)
                    : ReadField(field, depth);
                if (!isJson)
                {
                    return false;
                }

                seen |= field;
            }
            while (StepOver(','));

            if (!StepOver('}'))
            {
                return false;
            }
        }

        if ((seen & Fields.Name) == 0)
        {
            _refusals.Add(FaultKind.Name, "/metric_name", "is required");
        }

        if ((seen & Fields.Value) == 0)
        {
            _refusals.Add(FaultKind.Value, "/metric_value", "is required");
        }

        if (_refusals.Count == faults)
        {
            _block.Add(_name, _value, _timestamp);
        }

        return true;
    }

    // Steps over the next token, if it is this one.
    bool StepOver(char token)
    {
        if (Json.Next() != token)
        {
            return false;
        }

        Json.Step();
        return true;
    }

    static Fields FieldOf(ReadOnlySpan<byte> property) =>
        property.SequenceEqual("metric_name"u8) ? Fields.Name
        : property.SequenceEqual("metric_value"u8) ? Fields.Value
        : property.SequenceEqual("timestamp"u8) ? Fields.Timestamp
        : property.SequenceEqual("tags"u8) ? Fields.Tags
        : Fields.None;

    bool ReadField(Fields field, int depth) => field switch
    {
        Fields.Name => ReadName(depth),
        Fields.Value => ReadValue(depth),
        Fields.Timestamp => ReadTimestamp(depth),
        _ => ReadTags(depth),
    };

    bool ReadName(int depth)
    {
        if (Json.Next() != '"')
        {
            return Refuse(FaultKind.Name, "/metric_name", "must be a JSON string", depth);
        }

        if (!Json.ReadString(out var text))
        {
            return false;
        }

        _name = text.Unescape(_nameRoom);
        Note(FaultKind.Name, "/metric_name", _intake.Names.Check(_name));
        return true;
    }

    bool ReadValue(int depth)
    {
        if (!JsonScanner.BeginsNumber(Json.Next()))
        {
            return Refuse(FaultKind.Value, "/metric_value", "must be a JSON number", depth);
        }

        if (!Json.ReadNumber(out var number))
        {
            return false;
        }

        _value = DecimalNumber.ToDouble(number);
        Note(FaultKind.Value, "/metric_value", SampleRules.CheckValue(_value));
        return true;
    }

    bool ReadTimestamp(int depth)
    {
        const string NoTime = "must be an RFC 3339 time with an offset, such as 2026-11-23T17:00:00.123Z, or an integer of Unix milliseconds";
        var first = Json.Next();
        bool isTime;
        var hint = "";
        if (first == '"')
        {
            if (!Json.ReadString(out var text))
            {
                return false;
            }

            isTime = Rfc3339.TryParse(text.Unescape(_textRoom), out _timestamp);
        }
        else if (JsonScanner.BeginsNumber(first))
        {
            if (!Json.ReadNumber(out var number))
            {
                return false;
            }

            isTime = Utf8Parser.TryParse(number, out _timestamp, out var length) && length == number.Length;
            hint = isTime && _intake.Accepted.WouldTake(_timestamp) ? "; integers are Unix milliseconds" : "";
        }
        else
        {
            return Refuse(FaultKind.Timestamp, "/timestamp", NoTime, depth);
        }

        Note(FaultKind.Timestamp, "/timestamp", !isTime ? NoTime : _intake.Accepted.Check(_timestamp) is { } fault ? fault + hint : null);
        return true;
    }

    bool ReadTags(int depth)
    {
        if (Json.Next() != '{')
        {
            return Refuse(FaultKind.Tags, "/tags", "must be a JSON object of strings", depth);
        }

        Json.Step();
        if (StepOver('}'))
        {
            return true;
        }

        do
        {
            if (!Json.ReadProperty(out var name))
            {
                return false;
            }

            var key = name.Unescape(_propertyRoom);
            if (Json.Next() != '"')
            {
                if (!Refuse(FaultKind.Tags, "/tags/", key, "must be a JSON string", depth + 1))
                {
                    return false;
                }

                continue;
            }

            if (!Json.ReadString(out var text))
            {
                return false;
            }

            if (_block.Tags.Add(key, text.Unescape(_textRoom)) is { } fault)
            {
                Note(FaultKind.Tags, "/tags/", key, fault);
            }
        }
        while (StepOver(','));

        return StepOver('}');
    }

    // Notes a fault and steps over the value that has it.
    bool Refuse(FaultKind kind, string place, string detail, int depth)
    {
        if (!Json.SkipValue(depth))
        {
            return false;
        }

        _refusals.Add(kind, place, detail);
        return true;
    }

    bool Refuse(FaultKind kind, string parent, ReadOnlySpan<byte> property, string detail, int depth)
    {
        if (!Json.SkipValue(depth))
        {
            return false;
        }

        Note(kind, parent, property, detail);
        return true;
    }

    readonly void Note(FaultKind kind, string place, string? detail)
    {
        if (detail is not null)
        {
            _refusals.Add(kind, place, detail);
        }
    }

    readonly void Note(FaultKind kind, string parent, ReadOnlySpan<byte> property, string detail) =>
        _refusals.Add(kind, _refusals.IsFull ? "" : PointerTo(parent, property), detail);

    // A name that cannot stand in a pointer (too long, no UTF-8) leaves the pointer at its parent.
    static string PointerTo(string parent, ReadOnlySpan<byte> property) =>
        property.Length <= SampleRules.MaxNameBytes && System.Text.Unicode.Utf8.IsValid(property)
            ? parent + Encoding.UTF8.GetString(property).Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)
            : parent[..^1];
}
