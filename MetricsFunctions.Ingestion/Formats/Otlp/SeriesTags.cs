using System.Text;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// The tags of data points: what is known of their resource and scope, which all points of a scope share, and their own attributes. An
/// attribute that cannot be a tag refuses the point, which without it might be taken for one of another series. Of one key that comes several
/// times, what is made here goes before the point's, and that before the others; where one set has it several times, because different keys
/// become the same tag, the values are joined by semicolons in the order of those keys.
/// </summary>
ref struct SeriesTags
{
    /// <summary>Bytes of working memory that it needs.</summary>
    public const int Scratch = AttributeKey.Room + AttributeValue.Room;

    const int Unknown = -1;

    readonly SampleIntake _intake;
    readonly TagSet _tags;
    readonly Span<byte> _key;
    readonly Span<byte> _value;

    ReadOnlySpan<byte> _resource;
    ReadOnlySpan<byte> _scope;
    ReadOnlySpan<byte> _schemaUrl;
    ReadOnlySpan<byte> _bound;
    bool _isDelta;

    // Why no point of the resource, of the scope, or of the metric can be stored.
    string? _resourceFault;
    string? _scopeFault;
    string? _metricFault;

    // Of the resource: tags that have to make way for one that tells samples apart.
    List<Entry>? _bounds;

    // Up to where the tags are those of the resource, those of the scope beside, and those of the metric; unknown while they are not in place.
    int _resourceLength;
    int _scopeLength;
    int _metricLength;

    // Bytes as Latin-1, so that their order is that of the bytes.
    readonly record struct Entry(string Key, string SentKey, string Value, int Index) : IComparable<Entry>
    {
        public int CompareTo(Entry other)
        {
            var order = string.CompareOrdinal(Key, other.Key);
            order = order != 0 ? order : string.CompareOrdinal(SentKey, other.SentKey);
            return order != 0 ? order : Index - other.Index;
        }
    }

    /// <summary>Makes the tags of a request's points.</summary>
    /// <param name="intake">Where they are wanted.</param>
    /// <param name="scratch"><see cref="Scratch"/> bytes.</param>
    public SeriesTags(SampleIntake intake, Span<byte> scratch)
    {
        _intake = intake;
        _tags = intake.Block.Tags;
        _key = scratch[..AttributeKey.Room];
        _value = scratch.Slice(AttributeKey.Room, AttributeValue.Room);
    }

    /// <summary>Whether something was no protobuf.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Begins the metrics of a resource.</summary>
    /// <param name="resource">The message <c>Resource</c>.</param>
    public void BeginResource(ReadOnlySpan<byte> resource)
    {
        _resource = resource;
        _resourceLength = Unknown;
    }

    /// <summary>Begins the metrics of a scope.</summary>
    /// <param name="scope">The message <c>InstrumentationScope</c>.</param>
    /// <param name="schemaUrl">Which names the scope's metrics keep to.</param>
    public void BeginScope(ReadOnlySpan<byte> scope, ReadOnlySpan<byte> schemaUrl)
    {
        _scope = scope;
        _schemaUrl = schemaUrl;
        _scopeLength = Unknown;
    }

    /// <summary>Begins the points of a metric.</summary>
    /// <param name="isDelta">Whether each counts from the one before.</param>
    /// <param name="bound">The tag that tells the samples of one point apart; empty when there is none.</param>
    public void BeginMetric(bool isDelta, ReadOnlySpan<byte> bound)
    {
        _isDelta = isDelta;
        _bound = bound;
        _metricLength = Unknown;
    }

    /// <summary>Makes the tags of a point those of the block. There is room for the one that tells its samples apart.</summary>
    /// <param name="point">The point's message.</param>
    /// <param name="field">The number of its attributes.</param>
    /// <returns>Why it cannot be stored: a clause that follows "an attribute".</returns>
    public string? Set(ReadOnlySpan<byte> point, int field)
    {
        if (Share() is { } shared)
        {
            return shared;
        }

        _tags.Truncate(_metricLength);
        string? rare = null;
        var fields = new WireReader(point);
        while (fields.Next())
        {
            if (fields.Field != field || !TryRead([], fields.ReadBytes(), out _, out var key, out var value, out var fault))
            {
                continue;
            }

            fault ??= IsTaken(key) ? SampleRules.CheckTagValue(value) : _tags.Put(key, value, _metricLength);
            if (fault is TagSet.GivenTwice or TagSet.OneTooMany)
            {
                rare ??= fault;
            }
            else if (fault is not null)
            {
                return fault;
            }
        }

        IsBroken |= fields.IsBroken;
        return rare switch
        {
            TagSet.GivenTwice => Join(point, field),
            TagSet.OneTooMany => rare,
            _ => CheckRoomForBound(),
        };
    }

    // What the points share is put in place once: most are of the metric before, or of its scope or its resource.
    string? Share()
    {
        if (_resourceLength == Unknown)
        {
            _tags.Clear();
            _resourceFault = PutResource();
            (_resourceLength, _scopeLength) = (_tags.Length, Unknown);
        }

        if (_resourceFault is not null)
        {
            return _resourceFault;
        }

        if (_scopeLength == Unknown)
        {
            _tags.Truncate(_resourceLength);
            _scopeFault = PutScope();
            (_scopeLength, _metricLength) = (_tags.Length, Unknown);
        }

        if (_scopeFault is null && _metricLength == Unknown)
        {
            _tags.Truncate(_scopeLength);
            _metricFault = PutMetric();
            _metricLength = _tags.Length;
        }

        return _scopeFault ?? _metricFault;
    }

    string? PutMetric()
    {
        foreach (var entry in _bounds ?? [])
        {
            if (entry.Key != Encoding.ASCII.GetString(_bound) && Put(entry, since: 0) is { } fault)
            {
                return fault;
            }
        }

        return _isDelta ? _tags.Put("temporality"u8, "delta"u8, _tags.Length) : null;
    }

    string? PutResource()
    {
        List<Entry> entries = [];
        if (AddResource(entries) is { } fault)
        {
            return fault;
        }

        _bounds = null;
        foreach (var entry in Joined(entries))
        {
            if (entry.Key is "le" or "quantile")
            {
                (_bounds ??= []).Add(entry);
            }
            else if (Put(entry, _tags.Length) is { } breach)
            {
                return breach;
            }
        }

        return null;
    }

    string? PutScope()
    {
        var fields = new WireReader(_scope);
        ReadOnlySpan<byte> name = [];
        ReadOnlySpan<byte> version = [];
        List<Entry>? attributes = null;
        string? fault = null;
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case OtlpFields.InstrumentationScope.Name:
                    name = fields.ReadBytes();
                    break;
                case OtlpFields.InstrumentationScope.Version:
                    version = fields.ReadBytes();
                    break;
                case OtlpFields.InstrumentationScope.Attributes
                    when TryRead("otel_scope_"u8, fields.ReadBytes(), out var sentKey, out var key, out var value, out var unreadable) && !IsOfScope(key):
                    fault ??= unreadable ?? Add(attributes ??= [], sentKey, key, value);
                    break;
                default:
                    break;
            }
        }

        IsBroken |= fields.IsBroken;
        fault ??= PutPart("otel_scope_name"u8, name) ?? PutPart("otel_scope_version"u8, version) ?? PutPart("otel_scope_schema_url"u8, _schemaUrl);
        foreach (var entry in Joined(attributes ?? []))
        {
            // The resource's goes before the scope's.
            fault ??= Put(entry, since: 0) is { } breach and not TagSet.GivenTwice ? breach : null;
        }

        return fault ?? (_tags.Count + (_bounds?.Count ?? 0) > SampleRules.MaxTags ? TagSet.OneTooMany : null);
    }

    readonly string? PutPart(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => value.IsEmpty ? null : _tags.Put(key, value, _tags.Length);

    // The point's own attributes again, when keys of them meet.
    string? Join(ReadOnlySpan<byte> point, int field)
    {
        List<Entry> entries = [];
        var fields = new WireReader(point);
        while (fields.Next())
        {
            if (fields.Field == field && TryRead([], fields.ReadBytes(), out var sentKey, out var key, out var value, out _) && !IsTaken(key))
            {
                _ = Add(entries, sentKey, key, value);
            }
        }

        _tags.Truncate(_metricLength);
        foreach (var entry in Joined(entries))
        {
            if (Put(entry, _metricLength) is { } fault)
            {
                return fault;
            }
        }

        return CheckRoomForBound();
    }

    readonly string? CheckRoomForBound() => !_bound.IsEmpty && _tags.Count == SampleRules.MaxTags ? TagSet.OneTooMany : null;

    // What is made here goes before what was sent.
    readonly bool IsTaken(ReadOnlySpan<byte> key) => (_isDelta && key.SequenceEqual("temporality"u8)) || (!_bound.IsEmpty && key.SequenceEqual(_bound));

    readonly string? Put(Entry entry, int since) => _tags.Put(Encoding.Latin1.GetBytes(entry.Key), Encoding.Latin1.GetBytes(entry.Value), since);

    // Each key once, with its values in the order of the keys that were sent.
    static List<Entry> Joined(List<Entry> entries)
    {
        entries.Sort();
        var joined = 0;
        for (var begin = 0; begin < entries.Count; joined++)
        {
            var first = entries[begin];
            var end = begin + 1;
            while (end < entries.Count && entries[end].Key == first.Key)
            {
                end++;
            }

            entries[joined] = end == begin + 1 ? first : first with { Value = string.Join(';', entries[begin..end].Select(entry => entry.Value)) };
            begin = end;
        }

        entries.RemoveRange(joined, entries.Count - joined);
        return entries;
    }

    static string? Add(List<Entry> entries, ReadOnlySpan<byte> sentKey, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if ((SampleRules.CheckTagKey(key) ?? SampleRules.CheckTagValue(value)) is { } fault)
        {
            return fault;
        }

        entries.Add(new Entry(Encoding.Latin1.GetString(key), Encoding.Latin1.GetString(sentKey), Encoding.Latin1.GetString(value), entries.Count));
        return null;
    }

    string? AddResource(List<Entry> entries)
    {
        var fields = new WireReader(_resource);
        string? first = null;
        string? longCommand = null;
        var hasProcess = false;
        while (fields.Next())
        {
            if (fields.Field != OtlpFields.Resource.Attributes || !TryRead([], fields.ReadBytes(), out var sentKey, out var key, out var value, out var fault) || sentKey.StartsWith("telemetry."u8))
            {
                continue;
            }

            fault ??= Add(entries, sentKey, key, value);
            hasProcess |= fault is null && sentKey.SequenceEqual("process.pid"u8);
            if (fault is not null && sentKey.StartsWith("process.command"u8))
            {
                longCommand ??= fault;
            }
            else
            {
                first ??= fault;
            }
        }

        IsBroken |= fields.IsBroken;
        if (longCommand is null || !hasProcess)
        {
            return first ?? longCommand;
        }

        // A class path can be of any length, and the process is known by its number.
        _intake.Warning ??= $"The command line of a process did not become a tag: it {longCommand}.";
        return first;
    }

    // These are the scope's own: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/.
    static bool IsOfScope(ReadOnlySpan<byte> key) =>
        key.SequenceEqual("otel_scope_name"u8) || key.SequenceEqual("otel_scope_version"u8) || key.SequenceEqual("otel_scope_schema_url"u8);

    bool TryRead(
        ReadOnlySpan<byte> prefix,
        ReadOnlySpan<byte> keyValue,
        out ReadOnlySpan<byte> sentKey,
        out ReadOnlySpan<byte> key,
        out ReadOnlySpan<byte> value,
        out string? fault)
    {
        key = value = [];
        fault = null;
        if (!AttributeValue.TryReadKeyValue(keyValue, out sentKey, out var message)
            || !AttributeValue.TryRead(message, _value, out value, out fault))
        {
            IsBroken = true;
            return false;
        }

        key = AttributeKey.Clean(prefix, sentKey, _key);
        return true;
    }
}
