using MetricsFunctions.Ingestion.Formats.Protobuf;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// The buckets on one side of zero of an exponential histogram. The sender counts them from one less than
/// <see cref="IExponentialBuckets.Next"/> does: its bucket 0 begins at 1.
/// </summary>
ref struct ExponentialBuckets : IExponentialBuckets
{
    RepeatedField _counts;
    long _index;

    /// <summary>Counts the buckets.</summary>
    /// <param name="message">The message <c>Buckets</c>.</param>
    public ExponentialBuckets(ReadOnlySpan<byte> message)
    {
        var fields = new WireReader(message);
        while (fields.Next())
        {
            if (fields.Field == OtlpFields.Buckets.Offset)
            {
                _index = fields.ReadZigZag32();
            }
        }

        var counts = new RepeatedField(message, OtlpFields.Buckets.BucketCounts, WireType.Varint);
        while (counts.Next(out var count))
        {
            Populated += count > 0 ? 1 : 0;
            Total += count;
        }

        IsBroken = fields.IsBroken || counts.IsBroken;
        _counts = new RepeatedField(message, OtlpFields.Buckets.BucketCounts, WireType.Varint);
    }

    /// <summary>How many have something in them.</summary>
    public int Populated { get; }

    /// <summary>How much is in all of them.</summary>
    public UInt128 Total { get; }

    /// <summary>Whether something is no protobuf.</summary>
    public bool IsBroken { get; }

    /// <inheritdoc/>
    public bool Next(out long index, out double count)
    {
        while (_counts.Next(out var inBucket))
        {
            _index++;
            if (inBucket > 0)
            {
                (index, count) = (_index, inBucket);
                return true;
            }
        }

        (index, count) = (0, 0);
        return false;
    }
}
