using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>Reads the data points of metrics: a number is a sample, a histogram or a summary several, as they are in Prometheus.</summary>
ref struct PointReader
{
    /// <summary>Bytes of working memory that a reader needs.</summary>
    public const int Scratch = SeriesTags.Scratch + NameRoom + BoundRoom;

    /// <summary>Buckets of working memory that a reader needs.</summary>
    public const int ScratchBuckets = 2 * MaxBuckets + 2;

    const int MaxBuckets = 1000;
    const string WrongCount = "its count is not what is in its buckets";
    const string TooManyBuckets = "it has more than 1000 buckets";
    const int LongestSuffix = 7;
    const int NameRoom = MetricName.Room + LongestSuffix;
    const int BoundRoom = 32;
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

    // Where the kinds of points have what all of them have. Their time is 3; the count is 4 and the sum 5 where there is one.
    readonly record struct Layout(int Attributes, int Flags, int Min, int Max);

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
        _bound = scratch.Slice(SeriesTags.Scratch + NameRoom, BoundRoom);
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
            MetricKind.Histogram => new Layout(Attributes: 9, Flags: 10, Min: 11, Max: 12),
            MetricKind.ExponentialHistogram => new Layout(Attributes: 1, Flags: 10, Min: 12, Max: 13),
            _ => new Layout(Attributes: 7, Flags: 8, Min: 0, Max: 0),
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
        var isNumber = _kind is MetricKind.Gauge or MetricKind.Sum;
        var (time, flags, count) = (0UL, 0UL, 0UL);
        var (number, sum, min, max) = (default(double?), default(double?), default(double?), default(double?));
        var fields = new WireReader(point);
        while (fields.Next())
        {
            if (fields.Field == 3)
            {
                time = fields.ReadFixed64();
            }
            else if (fields.Field == _layout.Flags)
            {
                flags = fields.ReadVarint();
            }
            else if (isNumber && fields.Field == 4)
            {
                number = fields.ReadDouble();
            }
            else if (isNumber && fields.Field == 6)
            {
                number = (long)fields.ReadFixed64();
            }
            else if (!isNumber && fields.Field == 4)
            {
                count = fields.ReadFixed64();
            }
            else if (!isNumber && fields.Field == 5)
            {
                sum = fields.ReadDouble();
            }
            else if (fields.Field == _layout.Min)
            {
                min = fields.ReadDouble();
            }
            else if (fields.Field == _layout.Max)
            {
                max = fields.ReadDouble();
            }
        }

        _isBroken |= fields.IsBroken;
        if ((flags & NoRecordedValue) != 0)
        {
            _intake.Skip();
            return null;
        }

        if ((_metricFault ?? CheckTime(time) ?? SetTags(point)) is { } fault)
        {
            return fault;
        }

        if (isNumber)
        {
            return AddNumber(number);
        }

        var breach = _kind switch
        {
            MetricKind.Histogram => AddBuckets(point, count),
            MetricKind.ExponentialHistogram => AddExponentialBuckets(point, count),
            _ => AddQuantiles(point),
        };
        if (breach is not null)
        {
            return new(FaultKind.Histogram, breach);
        }

        if (_kind != MetricKind.Summary)
        {
            AddBound("_bucket"u8, "le"u8, double.PositiveInfinity, count);
        }

        Add("_count"u8, count);
        AddIfFinite("_sum"u8, _kind == MetricKind.Summary ? sum ?? 0 : sum);
        AddIfFinite("_min"u8, min);
        AddIfFinite("_max"u8, max);
        return null;
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

    string? AddBuckets(ReadOnlySpan<byte> point, ulong count)
    {
        const string WrongNumber = "it must have one more of bucketCounts than of explicitBounds, or neither";
        var counts = new RepeatedField(point, 6, WireType.Fixed64);
        var bounds = new RepeatedField(point, 7, WireType.Fixed64);
        var rows = 0;
        var cumulative = UInt128.Zero;
        var last = double.NegativeInfinity;
        while (bounds.Next(out var bits))
        {
            // A negative zero is no other bound.
            var bound = BitConverter.UInt64BitsToDouble(bits) + 0d;
            if (!counts.Next(out var inBucket))
            {
                _isBroken |= counts.IsBroken;
                return WrongNumber;
            }

            // Some senders have infinity as the last bound, which goes without saying.
            if (!(bound > last))
            {
                return "each of its explicitBounds must be greater than the one before";
            }

            last = bound;
            cumulative += inBucket;
            if (double.IsPositiveInfinity(bound))
            {
                continue;
            }

            if (rows == MaxBuckets)
            {
                return TooManyBuckets;
            }

            _buckets[rows++] = new Bucket(bound, (double)cumulative);
        }

        var hasRest = counts.Next(out var rest);
        var isWrong = (!hasRest && last > double.NegativeInfinity) || counts.Next(out _);
        _isBroken |= counts.IsBroken || bounds.IsBroken;
        if (isWrong)
        {
            return WrongNumber;
        }

        if (hasRest && cumulative + rest != count)
        {
            return WrongCount;
        }

        foreach (var bucket in _buckets[..rows])
        {
            AddBound("_bucket"u8, "le"u8, bucket.Bound, bucket.Cumulative);
        }

        return null;
    }

    // Of the buckets that have something in them, both bounds, so that a quantile can be told inside of them.
    string? AddExponentialBuckets(ReadOnlySpan<byte> point, ulong count)
    {
        var (scale, zeros, threshold) = (0, 0UL, 0d);
        ReadOnlySpan<byte> positive = [];
        ReadOnlySpan<byte> negative = [];
        var fields = new WireReader(point);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case 6:
                    scale = DecodeZigZag(fields.ReadVarint());
                    break;
                case 7:
                    zeros = fields.ReadFixed64();
                    break;
                case 8:
                    positive = fields.ReadBytes();
                    break;
                case 9:
                    negative = fields.ReadBytes();
                    break;
                case 14:
                    threshold = fields.ReadDouble();
                    break;
                default:
                    break;
            }
        }

        if (threshold is not (>= 0 and <= double.MaxValue))
        {
            return "its zeroThreshold must be finite and not negative";
        }

        var below = new ExponentialBuckets(negative, scale);
        var above = new ExponentialBuckets(positive, scale);
        _isBroken |= fields.IsBroken || below.IsBroken || above.IsBroken;
        if (below.Populated + above.Populated > MaxBuckets)
        {
            return TooManyBuckets;
        }

        if (below.Total + zeros + above.Total != count)
        {
            return WrongCount;
        }

        var rows = 2 * below.Populated;
        var cumulative = below.Total;
        for (var left = rows; below.Next(out var lower, out var upper, out var inBucket);)
        {
            _buckets[--left] = new Bucket(-lower, (double)cumulative);
            cumulative -= inBucket;
            _buckets[--left] = new Bucket(-upper, (double)cumulative);
        }

        cumulative = below.Total;
        if (zeros > 0)
        {
            _buckets[rows++] = new Bucket(-threshold, (double)cumulative);
            cumulative += zeros;
            _buckets[rows++] = new Bucket(threshold, (double)cumulative);
        }

        while (above.Next(out var lower, out var upper, out var inBucket))
        {
            _buckets[rows++] = new Bucket(lower, (double)cumulative);
            cumulative += inBucket;
            _buckets[rows++] = new Bucket(upper, (double)cumulative);
        }

        AddDistinct(_buckets[..rows]);
        return null;
    }

    // The upper bound of a bucket is the lower one of the next, and some are the same as doubles.
    readonly void AddDistinct(ReadOnlySpan<Bucket> buckets)
    {
        for (var i = 0; i < buckets.Length; i++)
        {
            var (bound, cumulative) = buckets[i];
            for (; i + 1 < buckets.Length && buckets[i + 1].Bound <= bound; i++)
            {
                cumulative = buckets[i + 1].Cumulative;
            }

            if (double.IsFinite(bound))
            {
                AddBound("_bucket"u8, "le"u8, bound + 0d, cumulative);
            }
        }
    }

    string? AddQuantiles(ReadOnlySpan<byte> point)
    {
        var rows = 0;
        var last = -1d;
        var fields = new WireReader(point);
        while (fields.Next())
        {
            if (fields.Field != 6)
            {
                continue;
            }

            var (quantile, value) = (0d, 0d);
            var parts = new WireReader(fields.ReadBytes());
            while (parts.Next())
            {
                if (parts.Field == 1)
                {
                    quantile = parts.ReadDouble() + 0d;
                }
                else if (parts.Field == 2)
                {
                    value = parts.ReadDouble();
                }
            }

            _isBroken |= parts.IsBroken;
            if (!(quantile > last && quantile is >= 0 and <= 1))
            {
                return "its quantiles must be from 0 to 1, each greater than the one before";
            }

            if (rows == MaxBuckets)
            {
                return "it has more than 1000 quantiles";
            }

            if (double.IsInfinity(value))
            {
                return "the value of a quantile is infinite";
            }

            last = quantile;
            _buckets[rows++] = new Bucket(quantile, value);
        }

        foreach (var (quantile, value) in _buckets[..rows])
        {
            // NaN says that nothing was seen of late.
            if (!double.IsNaN(value))
            {
                AddBound([], "quantile"u8, quantile, value);
            }
        }

        return null;
    }

    readonly void AddBound(ReadOnlySpan<byte> suffix, ReadOnlySpan<byte> key, double bound, double value)
    {
        var length = _block.Tags.Length;
        _block.Tags.Add(key, AttributeValue.Write(bound, _bound, "+Inf"u8));
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

    internal static int DecodeZigZag(ulong value) => (int)((uint)value >> 1) ^ -(int)(value & 1);
}
