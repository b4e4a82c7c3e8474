using MetricsFunctions.Ingestion.Formats.Protobuf;

namespace MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;

/// <summary>The buckets on one side of a native histogram: spans say which ones there are, and a list how much is in each.</summary>
ref struct NativeBuckets : IExponentialBuckets
{
    // Fields of BucketSpan.
    const int Offset = 1;
    const int Length = 2;

    readonly int _spansField;
    readonly bool _isFloat;
    WireReader _spans;
    RepeatedField _counts;
    bool _isBehindFirstSpan;
    uint _leftInSpan;
    long _index;
    long _last;

    /// <summary>Goes to the front of the buckets.</summary>
    /// <param name="histogram">The message <c>Histogram</c>.</param>
    /// <param name="spansField">Which field has the spans. The deltas of integers are in the next one, and the floats behind them.</param>
    /// <param name="isFloat">Whether the counts are floats.</param>
    public NativeBuckets(ReadOnlySpan<byte> histogram, int spansField, bool isFloat)
    {
        _spansField = spansField;
        _isFloat = isFloat;
        _spans = new WireReader(histogram);
        _counts = isFloat
            ? new RepeatedField(histogram, spansField + 2, WireType.Fixed64)
            : new RepeatedField(histogram, spansField + 1, WireType.Varint);
    }

    /// <summary>Whether something cannot be read.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>What is wrong, once <see cref="Next"/> has answered <see langword="false"/>.</summary>
    public string? Fault { get; private set; }

    /// <inheritdoc/>
    public bool Next(out long index, out double count)
    {
        while (NextCount(out index, out count))
        {
            if (count > 0)
            {
                return true;
            }
        }

        return false;
    }

    bool NextCount(out long index, out double count)
    {
        const string Mismatch = "has another number of buckets than its spans say";
        (index, count) = (0, 0);
        var hasCount = _counts.Next(out var bits);
        while (_leftInSpan == 0 && NextSpan())
        {
        }

        IsBroken |= _counts.IsBroken;
        if (!hasCount || _leftInSpan == 0)
        {
            Fault ??= hasCount || _leftInSpan > 0 ? Mismatch : null;
            return false;
        }

        _leftInSpan--;
        index = _index++;
        if (_isFloat)
        {
            count = BitConverter.UInt64BitsToDouble(bits);
        }
        else
        {
            _last += WireReader.DecodeZigZag(bits);
            count = _last;
        }

        if (count >= 0 && double.IsFinite(count))
        {
            return true;
        }

        Fault = "has a bucket whose count is negative or not finite";
        return false;
    }

    bool NextSpan()
    {
        while (_spans.Next())
        {
            if (_spans.Field != _spansField || !_spans.TryReadBytes(out var span))
            {
                continue;
            }

            var offset = 0;
            var fields = new WireReader(span);
            while (fields.Next())
            {
                switch (fields.Field)
                {
                    case Offset:
                        offset = fields.ReadZigZag32();
                        break;
                    case Length:
                        _leftInSpan = (uint)fields.ReadVarint();
                        break;
                    default:
                        break;
                }
            }

            IsBroken |= fields.IsBroken;
            if (offset < 0 && _isBehindFirstSpan)
            {
                Fault = "has spans that overlap";
            }

            _index += offset;
            _isBehindFirstSpan = true;
            return Fault is null;
        }

        IsBroken |= _spans.IsBroken;
        return false;
    }
}
