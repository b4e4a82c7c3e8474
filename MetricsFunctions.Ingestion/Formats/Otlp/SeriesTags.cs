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
    string? _sharedFault;
    bool _isDelta;

    // Of the tags that are shared by all points of the scope, and of the metric; unknown while they are not in place.
    int _scopeLength;
    int _metricLength;
    bool _isPlain;

    // In the order of their precedence.
    enum Source
    {
        Made,
        Point,
        Scope,
        Resource,
        ScopeAttribute,
    }

    // Bytes as Latin-1, so that their order is that of the bytes.
    readonly record struct Entry(Source Source, string Key, string SentKey, string Value);

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

    /// <summary>Begins the metrics of a scope.</summary>
    /// <param name="resource">The message <c>Resource</c>.</param>
    /// <param name="scope">The message <c>InstrumentationScope</c>.</param>
    /// <param name="schemaUrl">Which names the scope's metrics keep to.</param>
    public void BeginScope(ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope, ReadOnlySpan<byte> schemaUrl)
    {
        _resource = resource;
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
        if (_metricLength == Unknown)
        {
            Share();
        }

        if (_sharedFault is not null)
        {
            return _sharedFault;
        }

        _tags.Truncate(_metricLength);
        var isPlain = _isPlain;
        var fields = new WireReader(point);
        while (fields.Next())
        {
            if (fields.Field != field || !TryRead([], fields.ReadBytes(), out _, out var key, out var value, out var fault))
            {
                continue;
            }

            fault ??= _tags.Add(key, value);
            isPlain &= fault is not (TagSet.GivenTwice or TagSet.OneTooMany);
            if (fault is not (null or TagSet.GivenTwice or TagSet.OneTooMany))
            {
                return fault;
            }
        }

        IsBroken |= fields.IsBroken;
        if (isPlain && HasRoomForBound())
        {
            return null;
        }

        (_scopeLength, _metricLength) = (Unknown, Unknown);
        return Arrange(point, field, _isDelta, Encoding.ASCII.GetString(_bound));
    }

    void Share()
    {
        if (_scopeLength == Unknown)
        {
            _sharedFault = Arrange([], 0, isDelta: false, "");
            _scopeLength = _tags.Length;
        }

        _tags.Truncate(_scopeLength);
        _isPlain = !_isDelta || _tags.Add("temporality"u8, "delta"u8) is null;
        _isPlain &= HasRoomForBound();
        _metricLength = _tags.Length;
    }

    bool HasRoomForBound()
    {
        var length = _tags.Length;
        var hasRoom = _bound.IsEmpty || _tags.Add(_bound, []) is null;
        _tags.Truncate(length);
        return hasRoom;
    }

    // The whole of the rules, for what is not plain: keys that meet, and so may leave room for others.
    string? Arrange(ReadOnlySpan<byte> point, int field, bool isDelta, string bound)
    {
        var entries = new List<Entry>();
        if (isDelta)
        {
            entries.Add(new Entry(Source.Made, "temporality", "", "delta"));
        }

        if ((AddAttributes(entries, Source.Point, [], point, field)
            ?? AddScope(entries)
            ?? AddAttributes(entries, Source.Resource, [], _resource, 1)
            ?? AddAttributes(entries, Source.ScopeAttribute, "otel_scope_"u8, _scope, 3)) is { } breach)
        {
            return breach;
        }

        _tags.Clear();
        foreach (var tag in entries
            .Where(entry => bound.Length == 0 || entry.Key != bound)
            .GroupBy(entry => entry.Key)
            .Select(same => Join([.. same.OrderBy(entry => entry.Source).ThenBy(entry => entry.SentKey, StringComparer.Ordinal)])))
        {
            if (_tags.Add(Encoding.Latin1.GetBytes(tag.Key), Encoding.Latin1.GetBytes(tag.Value)) is { } fault)
            {
                return fault;
            }
        }

        return bound.Length == 0 || HasRoomForBound() ? null : TagSet.OneTooMany;
    }

    static Entry Join(Entry[] sorted) => sorted[0] with
    {
        Value = string.Join(';', sorted.TakeWhile(entry => entry.Source == sorted[0].Source).Select(entry => entry.Value)),
    };

    string? AddScope(List<Entry> entries)
    {
        var fields = new WireReader(_scope);
        ReadOnlySpan<byte> name = [];
        ReadOnlySpan<byte> version = [];
        while (fields.Next())
        {
            name = fields.Field == 1 ? fields.ReadBytes() : name;
            version = fields.Field == 2 ? fields.ReadBytes() : version;
        }

        IsBroken |= fields.IsBroken;
        return Add("otel_scope_name", name) ?? Add("otel_scope_version", version) ?? Add("otel_scope_schema_url", _schemaUrl);

        string? Add(string key, ReadOnlySpan<byte> value)
        {
            if (!value.IsEmpty)
            {
                entries.Add(new Entry(Source.Scope, key, "", Encoding.Latin1.GetString(value)));
            }

            return SampleRules.CheckTagValue(value);
        }
    }

    string? AddAttributes(List<Entry> entries, Source source, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> message, int field)
    {
        var fields = new WireReader(message);
        string? first = null;
        string? longCommand = null;
        while (fields.Next())
        {
            if (fields.Field != field || !TryRead(prefix, fields.ReadBytes(), out var sentKey, out var key, out var value, out var fault)
                || (source == Source.Resource && sentKey.StartsWith("telemetry."u8))
                || (source == Source.ScopeAttribute && IsOfScope(key)))
            {
                continue;
            }

            fault ??= SampleRules.CheckTagKey(key) ?? SampleRules.CheckTagValue(value);
            if (fault is null)
            {
                entries.Add(new Entry(source, Encoding.Latin1.GetString(key), Encoding.Latin1.GetString(sentKey), Encoding.Latin1.GetString(value)));
            }
            else if (source == Source.Resource && sentKey.StartsWith("process.command"u8))
            {
                longCommand ??= fault;
            }
            else
            {
                first ??= fault;
            }
        }

        IsBroken |= fields.IsBroken;
        if (longCommand is null || !entries.Exists(entry => entry is { Source: Source.Resource, SentKey: "process.pid" }))
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
