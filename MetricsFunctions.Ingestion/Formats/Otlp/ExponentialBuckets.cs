using MetricsFunctions.Ingestion.Formats.Protobuf;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// The buckets on one side of zero of an exponential histogram that have something in them: a bucket of index i holds what is above
/// 2^(i / 2^scale) up to 2^((i + 1) / 2^scale).
/// </summary>
ref struct ExponentialBuckets
{
    readonly int _scale;
    RepeatedField _counts;
    long _index;

    /// <summary>Counts the buckets.</summary>
    /// <param name="message">The message <c>Buckets</c>.</param>
    /// <param name="scale">How fine they are.</param>
    public ExponentialBuckets(ReadOnlySpan<byte> message, int scale)
    {
        _scale = scale;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            if (fields.Field == 1)
            {
                _index = PointReader.DecodeZigZag(fields.ReadVarint());
            }
        }

        var counts = new RepeatedField(message, 2, WireType.Varint);
        while (counts.Next(out var count))
        {
            Populated += count > 0 ? 1 : 0;
            Total += count;
        }

        IsBroken = fields.IsBroken || counts.IsBroken;
        _counts = new RepeatedField(message, 2, WireType.Varint);
    }

    /// <summary>How many have something in them.</summary>
    public int Populated { get; }

    /// <summary>How much is in all of them.</summary>
    public UInt128 Total { get; }

    /// <summary>Whether something is no protobuf.</summary>
    public bool IsBroken { get; }

    /// <summary>Goes to the next bucket that has something in it, away from zero.</summary>
    /// <param name="lower">The bound nearer to zero.</param>
    /// <param name="upper">The other one.</param>
    /// <param name="count">What is in it.</param>
    public bool Next(out double lower, out double upper, out ulong count)
    {
        while (_counts.Next(out count))
        {
            _index++;
            if (count > 0)
            {
                (lower, upper) = (Bound(_index - 1), Bound(_index));
                return true;
            }
        }

        (lower, upper) = (0, 0);
        return false;
    }

    readonly double Bound(long index) => Math.Pow(2, Math.ScaleB(index, -_scale));
}
