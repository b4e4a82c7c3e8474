using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>Reads the data points of metrics: a number is a sample, a histogram or a summary several, as they are in Prometheus.</summary>
ref struct PointReader
{
    /// <summary>Bytes of working memory that a reader needs.</summary>
    public const int Scratch = SeriesTags.Scratch + NameRoom + DecimalNumber.Room;

    /// <summary>Buckets of working memory that a reader needs.</summary>
    public const int ScratchBuckets = ClassicHistogram.Room;

    const int LongestSuffix = 7;
    const int NameRoom = MetricName.Room + LongestSuffix;
    const ulong NanosecondsPerMillisecond = 1_000_000;
    const ulong NoRecordedValue = 1;

    readonly SampleIntake _intake;
    readonly SampleBlock _block;
    readonly Span<byte> _name;
    readonly Span<byte> _bound;
    readonly Span<Bucket> _buckets;

    SeriesTags _tags;
    MetricKind _kind;
    Layout _layout;
    PointFault? _metricFault;
    int _nameLength;
    long _timestamp;
    bool _isBroken;

    // Where the kinds of points have what all of them have.
    readonly record struct Layout(int Attributes, int Flags, int Min = 0, int Max = 0);

    record struct Figures(ulong Time, ulong Flags, ulong Count, double? Number, double? Sum, double? Min, double? Max);

    /// <summary>Makes a reader for the points of one request.</summary>
    /// <param name="intake">Where their samples go.</param>
    /// <param name="scratch"><see cref="Scratch"/> bytes.</param>
    /// <param name="buckets"><see cref="ScratchBuckets"/> of them.</param>
    [SuppressMessage("Style", "IDE0290:Use primary constructor", Justification = "The fields are the state of the reader.")]
    public PointReader(SampleIntake intake, Span<byte> scratch, Span<Bucket> buckets)
    {
        _intake = intake;
        _block = intake.Block;
        _tags = new SeriesTags(intake, scratch[..SeriesTags.Scratch]);
        _name = scratch.Slice(SeriesTags.Scratch, NameRoom);
        _bound = scratch.Slice(SeriesTags.Scratch + NameRoom, DecimalNumber.Room);
        _buckets = buckets;
    }

    /// <summary>Whether something was no protobuf.</summary>
    public readonly bool IsBroken => _isBroken || _tags.IsBroken;

    /// <summary>Begins the metrics of a resource.</summary>
    /// <param name="resource">The message <c>Resource</c>.</param>
    public void BeginResource(ReadOnlySpan<byte> resource) => _tags.BeginResource(resource);

    /// <summary>Begins the metrics of a scope.</summary>
    /// <param name="scope">The message <c>InstrumentationScope</c>.</param>
    /// <param name="schemaUrl">Which names the scope's metrics keep to.</param>
    public void BeginScope(ReadOnlySpan<byte> scope, ReadOnlySpan<byte> schemaUrl) => _tags.BeginScope(scope, schemaUrl);

    /// <summary>Begins the points of a metric.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="unit">Its unit.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="temporality">What its points count from, where they do.</param>
    /// <param name="isMonotonic">Whether it is a sum that only grows.</param>
    public void BeginMetric(ReadOnlySpan<byte> name, ReadOnlySpan<byte> unit, MetricKind kind, Temporality temporality, bool isMonotonic)
    {
        _kind = kind;
        _layout = kind switch
        {
            MetricKind.Histogram => new Layout(
                OtlpFields.HistogramDataPoint.Attributes,
                OtlpFields.HistogramDataPoint.Flags,
                OtlpFields.HistogramDataPoint.Min,
                OtlpFields.HistogramDataPoint.Max),
            MetricKind.ExponentialHistogram => new Layout(
                OtlpFields.ExponentialHistogramDataPoint.Attributes,
                OtlpFields.ExponentialHistogramDataPoint.Flags,
                OtlpFields.ExponentialHistogramDataPoint.Min,
                OtlpFields.ExponentialHistogramDataPoint.Max),
            MetricKind.Summary => new Layout(OtlpFields.SummaryDataPoint.Attributes, OtlpFields.SummaryDataPoint.Flags),
            _ => new Layout(OtlpFields.NumberDataPoint.Attributes, OtlpFields.NumberDataPoint.Flags),
        };
        _tags.BeginMetric(temporality == Temporality.Delta, kind switch
        {
            MetricKind.Histogram or MetricKind.ExponentialHistogram => "le"u8,
            MetricKind.Summary => "quantile"u8,
            _ => [],
        });

        _nameLength = MetricName.Write(name, unit, kind, isMonotonic, _name[..MetricName.Room]);
        var suffix = kind is MetricKind.Gauge or MetricKind.Sum ? 0 : LongestSuffix;
        _metricFault = _nameLength == 0 ? new(FaultKind.Name, "the name of its metric needs an ASCII letter or digit")
            : _intake.Names.Check(_name[.._nameLength]) is { } fault ? new(FaultKind.Name, $"the name of its metric {fault}")
            : _nameLength + suffix > SampleRules.MaxNameBytes
                ? new(FaultKind.Name, "the name of its metric must be at most 255 bytes of UTF-8, with what is put behind it")
            : kind is not (MetricKind.Gauge or MetricKind.Summary) && temporality is not (Temporality.Delta or Temporality.Cumulative)
                ? new(FaultKind.Syntax, "its metric needs an aggregationTemporality: 1 for delta, 2 for cumulative")
            : null;
    }

    /// <summary>Reads a point of the metric.</summary>
    /// <param name="point">The point's message.</param>
    /// <returns>Why it is not stored; <see langword="null"/> when it is, or has nothing to store.</returns>
    public PointFault? Read(ReadOnlySpan<byte> point)
    {
        var figures = ReadFigures(point);
        if ((figures.Flags & NoRecordedValue) != 0)
        {
            _intake.Skip();
            return null;
        }

        return _metricFault ?? CheckTime(figures.Time) ?? SetTags(point) ?? (IsNumber ? AddNumber(figures.Number) : AddAll(point, figures));
    }

    readonly bool IsNumber => _kind is MetricKind.Gauge or MetricKind.Sum;

    Figures ReadFigures(ReadOnlySpan<byte> point)
    {
        var figures = default(Figures);
        var fields = new WireReader(point);
        while (fields.Next())
        {
            if (fields.Field == OtlpFields.DataPoint.TimeUnixNano)
            {
                figures.Time = fields.ReadFixed64();
            }
            else if (fields.Field == _layout.Flags)
            {
                figures.Flags = fields.ReadVarint();
            }
            else if (IsNumber)
            {
                ReadNumber(ref fields, ref figures);
            }
            else
            {
                ReadSummary(ref fields, ref figures);
            }
        }

        _isBroken |= fields.IsBroken;
        return figures;
    }

    static void ReadNumber(ref WireReader fields, ref Figures figures)
    {
        switch (fields.Field)
        {
            case OtlpFields.NumberDataPoint.AsDouble:
                figures.Number = fields.ReadDouble();
                break;
            case OtlpFields.NumberDataPoint.AsInt:
                figures.Number = (long)fields.ReadFixed64();
                break;
            default:
                break;
        }
    }

    readonly void ReadSummary(ref WireReader fields, ref Figures figures)
    {
        if (fields.Field == OtlpFields.DataPoint.Count)
        {
            figures.Count = fields.ReadFixed64();
        }
        else if (fields.Field == OtlpFields.DataPoint.Sum)
        {
            figures.Sum = fields.ReadDouble();
        }
        else if (fields.Field == _layout.Min)
        {
            figures.Min = fields.ReadDouble();
        }
        else if (fields.Field == _layout.Max)
        {
            figures.Max = fields.ReadDouble();
        }
    }

    PointFault? CheckTime(ulong time)
    {
        _timestamp = (long)(time / NanosecondsPerMillisecond);
        return time == 0 ? new(FaultKind.Timestamp, "it has no time (timeUnixNano)")
            : _intake.Accepted.Check(_timestamp) is { } fault ? new(FaultKind.Timestamp, $"its time {fault}")
            : null;
    }

    PointFault? SetTags(ReadOnlySpan<byte> point) =>
        _tags.Set(point, _layout.Attributes) is { } fault ? new(FaultKind.Tags, $"an attribute {fault}") : null;

    readonly PointFault? AddNumber(double? number)
    {
        if (number is not { } value || !double.IsFinite(value))
        {
            return new(FaultKind.Value, number is null ? "it has no value (asDouble or asInt)" : "its value is not finite");
        }

        Add([], value);
        return null;
    }

    PointFault? AddAll(ReadOnlySpan<byte> point, Figures figures)
    {
        var buckets = _kind switch
        {
            MetricKind.Histogram => PointBuckets.ReadExplicit(point, figures.Count, _buckets),
            MetricKind.ExponentialHistogram => PointBuckets.ReadExponential(point, figures.Count, _buckets),
            _ => PointBuckets.ReadQuantiles(point, _buckets),
        };
        _isBroken |= buckets.IsBroken;
        if (buckets.Fault is { } fault)
        {
            return new(FaultKind.Histogram, fault);
        }

        var isSummary = _kind == MetricKind.Summary;
        foreach (var (bound, count) in buckets.Buckets)
        {
            // That of a quantile, when nothing was seen of late.
            if (!double.IsNaN(count))
            {
                AddBound(isSummary ? [] : "_bucket"u8, isSummary ? "quantile"u8 : "le"u8, bound, count);
            }
        }

        if (!isSummary)
        {
            AddBound("_bucket"u8, "le"u8, double.PositiveInfinity, figures.Count);
        }

        Add("_count"u8, figures.Count);
        AddIfFinite("_sum"u8, isSummary ? figures.Sum ?? 0 : figures.Sum);
        AddIfFinite("_min"u8, figures.Min);
        AddIfFinite("_max"u8, figures.Max);
        return null;
    }

    readonly void AddBound(ReadOnlySpan<byte> suffix, ReadOnlySpan<byte> key, double bound, double value)
    {
        var length = _block.Tags.Length;
        _block.Tags.Add(key, DecimalNumber.Write(bound, _bound, "+Inf"u8));
        Add(suffix, value);
        _block.Tags.Truncate(length);
    }

    readonly void AddIfFinite(ReadOnlySpan<byte> suffix, double? value)
    {
        if (value is not { } number)
        {
            return;
        }

        if (double.IsFinite(number))
        {
            Add(suffix, number);
        }
        else
        {
            _intake.Warning ??= "The sum, the minimum or the maximum of a histogram or a summary is not finite and makes no sample.";
        }
    }

    readonly void Add(ReadOnlySpan<byte> suffix, double value)
    {
        suffix.CopyTo(_name[_nameLength..]);
        _block.Add(_name[..(_nameLength + suffix.Length)], value, _timestamp);
    }
}
