using MetricsFunctions.Ingestion.Formats.Protobuf;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>What a data point has more than one sample of: the buckets of a histogram, or the quantiles of a summary.</summary>
readonly ref struct PointBuckets
{
    const string WrongCount = "its count is not what is in its buckets";
    const string TooManyBuckets = "it has more than 1000 buckets";

    /// <summary>In the order of their bounds, without the one that has no bound.</summary>
    public ReadOnlySpan<Bucket> Buckets { get; private init; }

    /// <summary>Why they cannot be stored.</summary>
    public string? Fault { get; private init; }

    /// <summary>Whether something is no protobuf.</summary>
    public bool IsBroken { get; private init; }

    /// <summary>Reads those with explicit bounds.</summary>
    /// <param name="point">The message <c>HistogramDataPoint</c>.</param>
    /// <param name="count">What it says to be in all of them.</param>
    /// <param name="room">Where to put them.</param>
    public static PointBuckets ReadExplicit(ReadOnlySpan<byte> point, ulong count, Span<Bucket> room)
    {
        const string WrongNumber = "it must have one more of bucketCounts than of explicitBounds, or neither";
        var counts = new RepeatedField(point, OtlpFields.HistogramDataPoint.BucketCounts, WireType.Fixed64);
        var bounds = new RepeatedField(point, OtlpFields.HistogramDataPoint.ExplicitBounds, WireType.Fixed64);
        var rows = 0;
        var total = UInt128.Zero;
        var last = double.NegativeInfinity;
        while (bounds.Next(out var bits))
        {
            var bound = BitConverter.UInt64BitsToDouble(bits);
            if (!counts.Next(out var inBucket))
            {
                return new PointBuckets { Fault = WrongNumber, IsBroken = counts.IsBroken };
            }

            // Some senders have infinity as the last bound, which goes without saying.
            if (!(bound > last))
            {
                return new PointBuckets { Fault = "each of its explicitBounds must be greater than the one before" };
            }

            last = bound;
            total += inBucket;
            if (double.IsPositiveInfinity(bound))
            {
                continue;
            }

            if (rows == ClassicHistogram.MaxBuckets)
            {
                return new PointBuckets { Fault = TooManyBuckets };
            }

            room[rows++] = new Bucket(bound, inBucket);
        }

        var hasRest = counts.Next(out var rest);
        var isWrong = (!hasRest && last > double.NegativeInfinity) || counts.Next(out _);
        return new PointBuckets
        {
            Buckets = ClassicHistogram.Cumulate(room[..rows], out _),
            Fault = isWrong ? WrongNumber : hasRest && total + rest != count ? WrongCount : null,
            IsBroken = counts.IsBroken || bounds.IsBroken,
        };
    }

    /// <summary>Reads those with exponential bounds.</summary>
    /// <param name="point">The message <c>ExponentialHistogramDataPoint</c>.</param>
    /// <param name="count">What it says to be in all of them.</param>
    /// <param name="room">Where to put them.</param>
    public static PointBuckets ReadExponential(ReadOnlySpan<byte> point, ulong count, Span<Bucket> room)
    {
        var (scale, zeros, threshold) = (0, 0UL, 0d);
        ReadOnlySpan<byte> positive = [];
        ReadOnlySpan<byte> negative = [];
        var fields = new WireReader(point);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case OtlpFields.ExponentialHistogramDataPoint.Scale:
                    scale = fields.ReadZigZag32();
                    break;
                case OtlpFields.ExponentialHistogramDataPoint.ZeroCount:
                    zeros = fields.ReadFixed64();
                    break;
                case OtlpFields.ExponentialHistogramDataPoint.Positive:
                    positive = fields.ReadBytes();
                    break;
                case OtlpFields.ExponentialHistogramDataPoint.Negative:
                    negative = fields.ReadBytes();
                    break;
                case OtlpFields.ExponentialHistogramDataPoint.ZeroThreshold:
                    threshold = fields.ReadDouble();
                    break;
                default:
                    break;
            }
        }

        var below = new ExponentialBuckets(negative);
        var above = new ExponentialBuckets(positive);
        var fault = threshold is not (>= 0 and <= double.MaxValue) ? "its zeroThreshold must be finite and not negative"
            : below.Populated + above.Populated > ClassicHistogram.MaxBuckets ? TooManyBuckets
            : below.Total + zeros + above.Total != count ? WrongCount
            : null;
        return new PointBuckets
        {
            Buckets = fault is not null
                ? []
                : ClassicHistogram.Cumulate(ClassicHistogram.BoundsOf(below, below.Populated, threshold, zeros, above, scale, room), out _),
            Fault = fault,
            IsBroken = fields.IsBroken || below.IsBroken || above.IsBroken,
        };
    }

    /// <summary>Reads quantiles; of one of which nothing was seen of late, the value is not a number.</summary>
    /// <param name="point">The message <c>SummaryDataPoint</c>.</param>
    /// <param name="room">Where to put them.</param>
    public static PointBuckets ReadQuantiles(ReadOnlySpan<byte> point, Span<Bucket> room)
    {
        var rows = 0;
        var last = -1d;
        var isBroken = false;
        var fields = new WireReader(point);
        while (fields.Next())
        {
            if (fields.Field != OtlpFields.SummaryDataPoint.QuantileValues)
            {
                continue;
            }

            var quantile = ReadQuantile(fields.ReadBytes(), ref isBroken);
            var fault = !(quantile.Bound > last && quantile.Bound is >= 0 and <= 1) ? "its quantiles must be from 0 to 1, each greater than the one before"
                : rows == ClassicHistogram.MaxBuckets ? "it has more than 1000 quantiles"
                : double.IsInfinity(quantile.Count) ? "the value of a quantile is infinite"
                : null;
            if (fault is not null)
            {
                return new PointBuckets { Fault = fault, IsBroken = isBroken };
            }

            last = quantile.Bound;
            room[rows++] = quantile;
        }

        return new PointBuckets { Buckets = room[..rows], IsBroken = isBroken || fields.IsBroken };
    }

    static Bucket ReadQuantile(ReadOnlySpan<byte> message, ref bool isBroken)
    {
        var (quantile, value) = (0d, 0d);
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case OtlpFields.ValueAtQuantile.Quantile:
                    // A negative zero is no other quantile.
                    quantile = fields.ReadDouble() + 0d;
                    break;
                case OtlpFields.ValueAtQuantile.Value:
                    value = fields.ReadDouble();
                    break;
                default:
                    break;
            }
        }

        isBroken |= fields.IsBroken;
        return new Bucket(quantile, value);
    }
}
