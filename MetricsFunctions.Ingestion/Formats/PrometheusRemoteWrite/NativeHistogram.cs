using MetricsFunctions.Ingestion.Formats.Protobuf;

namespace MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;

/// <summary>
/// A native histogram (<see href="https://prometheus.io/docs/specs/native_histograms/"/>) as a classic one: how much there is up to each
/// bound. Of buckets with exponential bounds, of which there are endlessly many, both bounds of those that have something in them, so that a
/// quantile can be told inside of them; of custom ones all.
/// </summary>
ref struct NativeHistogram
{
    const string TooManyBuckets = "has more than 1000 buckets";
    const int CustomSchema = -53;
    const int LeastSchema = -9;
    const int MostSchema = 52;

    // Sums of floats are not exact.
    const double Tolerance = 1e-9;

    bool _isFloat;

    // Which buckets there may be.
    record struct Shape(int Schema, double Threshold, double Zeros);

    /// <summary>Reads a histogram.</summary>
    /// <param name="message">The message <c>Histogram</c>, which is the same in both versions.</param>
    /// <param name="room"><see cref="ClassicHistogram.Room"/> of them.</param>
    public NativeHistogram(ReadOnlySpan<byte> message, Span<Bucket> room)
    {
        var shape = ReadFigures(message);
        if (IsBroken || IsStale)
        {
            return;
        }

        Fault = Check(shape);
        if (Fault is not null)
        {
            return;
        }

        var negative = new NativeBuckets(message, (int)Field.NegativeSpans, _isFloat);
        var positive = new NativeBuckets(message, (int)Field.PositiveSpans, _isFloat);
        if (shape.Schema == CustomSchema)
        {
            ReadCustom(negative, shape.Zeros, positive, new RepeatedField(message, (int)Field.CustomValues, WireType.Fixed64), room);
        }
        else
        {
            ReadExponential(negative, shape, positive, room);
        }
    }

    enum Field
    {
        None = 0,
        CountInt = 1,
        CountFloat = 2,
        Sum = 3,
        Schema = 4,
        ZeroThreshold = 5,
        ZeroCountInt = 6,
        ZeroCountFloat = 7,
        NegativeSpans = 8,
        PositiveSpans = 11,
        Timestamp = 15,
        CustomValues = 16,
    }

    /// <summary>Whether it cannot be read.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>What is wrong with it: a clause.</summary>
    public string? Fault { get; private set; }

    /// <summary>How many observations there are.</summary>
    public double Count { get; private set; }

    /// <summary>The sum of the observations.</summary>
    public double Sum { get; private set; }

    /// <summary>Whether it says only that its series has ended.</summary>
    public readonly bool IsStale => BitConverter.DoubleToUInt64Bits(Sum) == StaleMarker.Bits;

    /// <summary>Its time in Unix milliseconds.</summary>
    public long Timestamp { get; private set; }

    /// <summary>The buckets in the order of their bounds, without the one that has no bound.</summary>
    public ReadOnlySpan<Bucket> Buckets { get; private set; }

    Shape ReadFigures(ReadOnlySpan<byte> message)
    {
        var shape = default(Shape);
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch ((Field)fields.Field)
            {
                case Field.CountInt:
                    (Count, _isFloat) = (fields.ReadVarint(), false);
                    break;
                case Field.CountFloat:
                    (Count, _isFloat) = (fields.ReadDouble(), true);
                    break;
                case Field.Sum:
                    Sum = fields.ReadDouble();
                    break;
                case Field.Schema:
                    shape.Schema = fields.ReadZigZag32();
                    break;
                case Field.ZeroThreshold:
                    shape.Threshold = fields.ReadDouble();
                    break;
                case Field.ZeroCountInt:
                    shape.Zeros = fields.ReadVarint();
                    break;
                case Field.ZeroCountFloat:
                    shape.Zeros = fields.ReadDouble();
                    break;
                case Field.Timestamp:
                    Timestamp = (long)fields.ReadVarint();
                    break;
                default:
                    break;
            }
        }

        IsBroken = fields.IsBroken;
        return shape;
    }

    readonly string? Check(Shape shape) =>
        !(Count >= 0) || !(shape.Zeros >= 0) || !double.IsFinite(Count) || !double.IsFinite(shape.Zeros) ? "must have counts that are finite and not negative"
        : shape.Schema == CustomSchema ? null
        : shape.Schema is < LeastSchema or > MostSchema ? "has a schema that is neither from -9 to 52 nor -53"
        : shape.Threshold is not (>= 0 and <= double.MaxValue) ? "must have a zero_threshold that is finite and not negative"
        : null;

    void ReadExponential(NativeBuckets negative, Shape shape, NativeBuckets positive, Span<Bucket> room)
    {
        var below = CountPopulated(negative);
        if (below + CountPopulated(positive) > ClassicHistogram.MaxBuckets)
        {
            Fault ??= TooManyBuckets;
        }

        if (Fault is not null)
        {
            return;
        }

        SetBuckets(ClassicHistogram.BoundsOf(negative, below, shape.Threshold, shape.Zeros, positive, shape.Schema, room), 0);
    }

    void ReadCustom(NativeBuckets negative, double zeros, NativeBuckets positive, RepeatedField bounds, Span<Bucket> room)
    {
        if (CountPopulated(negative) > 0 || zeros > 0)
        {
            Fault ??= "has a zero bucket or negative ones besides its custom ones";
        }

        var rows = 0;
        var isThere = positive.Next(out var index, out var count);
        while (bounds.Next(out var bits))
        {
            var bound = BitConverter.UInt64BitsToDouble(bits);
            if (rows == ClassicHistogram.MaxBuckets)
            {
                Fault ??= TooManyBuckets;
                return;
            }

            if (!double.IsFinite(bound) || (rows > 0 && bound <= room[rows - 1].Bound))
            {
                Fault ??= "must have custom_values that are finite, each greater than the one before";
                return;
            }

            var isNext = isThere && index == rows;
            room[rows++] = new Bucket(bound, isNext ? count : 0);
            isThere = isNext ? positive.Next(out index, out count) : isThere;
        }

        // Behind the last bound there is one more, which has none.
        var rest = 0d;
        if (isThere && index == rows)
        {
            rest = count;
            isThere = positive.Next(out _, out _);
        }

        IsBroken |= bounds.IsBroken || positive.IsBroken;
        Fault ??= positive.Fault ?? (isThere ? "has a bucket that its custom_values do not bound" : null);
        SetBuckets(room[..rows], rest);
    }

    int CountPopulated(NativeBuckets buckets)
    {
        var populated = 0;
        while (buckets.Next(out _, out _))
        {
            populated++;
        }

        IsBroken |= buckets.IsBroken;
        Fault ??= buckets.Fault;
        return populated;
    }

    // What is behind the last bound is the rest.
    void SetBuckets(Span<Bucket> rows, double rest)
    {
        Buckets = ClassicHistogram.Cumulate(rows, out var bounded);
        var total = bounded + rest;
        if (total > Count * (1 + Tolerance))
        {
            Fault ??= "has more in its buckets than its count says";
        }

        // What is not a number is in no bucket, and makes the sum none.
        if (!_isFloat && total < Count && !double.IsNaN(Sum))
        {
            Fault ??= "has less in its buckets than its count says";
        }
    }
}
