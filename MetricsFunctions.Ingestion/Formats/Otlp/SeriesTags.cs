using System.Text;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// The tags of data points: what is known of their resource and scope, which all points of a scope share, and their own attributes. Of one
/// key that comes several times, what is made here goes before the point's, and that before the others; where one set has it several times,
/// because different keys become the same tag, the values are joined by semicolons in the order of those keys.
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
    ReadOnlySpan<byte> _bound;
    bool _isDelta;

    // Of the tags that are shared by all points of the scope, and of the metric; unknown while they are not in place.
    int _scopeLength;
    int _metricLength;
    bool _isPlain;

    // In the order in which there is room for them.
    enum Source
    {
        Made,
        Scope,
        Service,
        Point,
        Resource,
        ScopeAttribute,
    }

    // Bytes as Latin-1, so that their order is that of the bytes.
    readonly record struct Entry(Source Source, string Key, string SentKey, string Value)
    {
        public int Precedence => Source switch { Source.Made => 0, Source.Point => 1, _ => 2 + (int)Source };
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

    /// <summary>Begins the metrics of a scope.</summary>
    /// <param name="resource">The message <c>Resource</c>.</param>
    /// <param name="scope">The message <c>InstrumentationScope</c>.</param>
    public void BeginScope(ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope)
    {
        _resource = resource;
        _scope = scope;
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
            Arrange([], 0, isDelta: false, "");
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

    // The whole of the rules, for what is not plain: keys that meet, and more attributes than there is room for.
    string? Arrange(ReadOnlySpan<byte> point, int field, bool isDelta, string bound)
    {
        var entries = new List<Entry>();
        if (AddAttributes(entries, Source.Point, [], point, field) is { } breach)
        {
            return breach;
        }

        if (isDelta)
        {
            entries.Add(new Entry(Source.Made, "temporality", "", "delta"));
        }

        Note(AddScope(entries));
        Note(AddAttributes(entries, Source.Resource, [], _resource, 1));
        Note(AddAttributes(entries, Source.ScopeAttribute, "otel_scope_"u8, _scope, 3));

        _tags.Clear();
        var room = SampleRules.MaxTags - (bound.Length == 0 ? 0 : 1);
        foreach (var tag in entries
            .Where(entry => bound.Length == 0 || entry.Key != bound)
            .GroupBy(entry => entry.Key)
            .Select(same => Join([.. same.OrderBy(entry => entry.Precedence).ThenBy(entry => entry.SentKey, StringComparer.Ordinal)]))
            .OrderBy(entry => entry.Source))
        {
            var fault = _tags.Count == room ? TagSet.OneTooMany : _tags.Add(Encoding.Latin1.GetBytes(tag.Key), Encoding.Latin1.GetBytes(tag.Value));
            if (fault is not null && tag.Source == Source.Point)
            {
                return fault;
            }

            Note(fault);
        }

        return null;
    }

    static Entry Join(Entry[] sorted) => sorted[0] with
    {
        Value = string.Join(';', sorted.TakeWhile(entry => entry.Source == sorted[0].Source).Select(entry => entry.Value)),
    };

    // The series is known without it.
    readonly void Note(string? fault) =>
        _intake.Warning ??= fault is null ? null : $"An attribute of a resource or a scope did not become a tag: it {fault}.";

    string? AddScope(List<Entry> entries)
    {
        var fields = new WireReader(_scope);
        string? first = null;
        while (fields.Next())
        {
            if (fields.Field is not (1 or 2))
            {
                continue;
            }

            var key = fields.Field == 1 ? "otel_scope_name" : "otel_scope_version";
            var value = fields.ReadBytes();
            entries.RemoveAll(entry => entry.Source == Source.Scope && entry.Key == key);
            if (SampleRules.CheckTagValue(value) is { } fault)
            {
                first ??= fault;
            }
            else if (!value.IsEmpty)
            {
                entries.Add(new Entry(Source.Scope, key, "", Encoding.Latin1.GetString(value)));
            }
        }

        IsBroken |= fields.IsBroken;
        return first;
    }

    // Answers the first fault and leaves out what has one.
    string? AddAttributes(List<Entry> entries, Source source, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> message, int field)
    {
        var fields = new WireReader(message);
        string? first = null;
        while (fields.Next())
        {
            if (fields.Field != field || !TryRead(prefix, fields.ReadBytes(), out var sentKey, out var key, out var value, out var fault)
                || (source == Source.Resource && IsOfNoSeries(sentKey)))
            {
                continue;
            }

            fault ??= SampleRules.CheckTagKey(key) ?? SampleRules.CheckTagValue(value);
            if (fault is not null)
            {
                first ??= fault;
                continue;
            }

            var isService = source == Source.Resource
                && (key.SequenceEqual("service_name"u8) || key.SequenceEqual("service_namespace"u8) || key.SequenceEqual("service_instance_id"u8));
            entries.Add(new Entry(
                isService ? Source.Service : source, Encoding.Latin1.GetString(key), Encoding.Latin1.GetString(sentKey), Encoding.Latin1.GetString(value)));
        }

        IsBroken |= fields.IsBroken;
        return first;
    }

    // What the sender is made of, at length: its process is known by its number.
    static bool IsOfNoSeries(ReadOnlySpan<byte> key) =>
        key.StartsWith("telemetry."u8) || (key.StartsWith("process."u8) && !key.SequenceEqual("process.pid"u8));

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
