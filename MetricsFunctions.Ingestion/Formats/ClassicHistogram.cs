namespace MetricsFunctions.Ingestion.Formats;

/// <summary>The buckets on one side of zero of a histogram with exponential bounds.</summary>
interface IExponentialBuckets
{
    /// <summary>Goes to the next bucket that has something in it, away from zero.</summary>
    /// <param name="index">Which it is: it holds what is above 2^((index - 1) / 2^scale) up to 2^(index / 2^scale).</param>
    /// <param name="count">What is in it.</param>
    bool Next(out long index, out double count);
}

/// <summary>
/// Histograms as classic ones, which Prometheus and Grafana know how to draw: how much there is up to each bound. Of buckets with exponential bounds,
/// of which there are endlessly many, both bounds of those that have something in them, so that a quantile can be told inside of them.
/// </summary>
static class ClassicHistogram
{
    /// <summary>How many buckets a histogram may have.</summary>
    public const int MaxBuckets = 1000;

    /// <summary>Room that any histogram has enough of: both bounds of each bucket, and of the one around zero.</summary>
    public const int Room = (2 * MaxBuckets) + 2;

    /// <summary>Writes the bounds of exponential buckets in their order, each with what is in the bucket that ends there.</summary>
    /// <typeparam name="TBuckets">How they were sent.</typeparam>
    /// <param name="negative">Those below zero.</param>
    /// <param name="negatives">How many those are.</param>
    /// <param name="threshold">How far the bucket around zero reaches to both sides.</param>
    /// <param name="zeros">What is in it.</param>
    /// <param name="positive">Those above zero.</param>
    /// <param name="scale">How fine they are.</param>
    /// <param name="room">Where to put them.</param>
    public static Span<Bucket> BoundsOf<TBuckets>(
        TBuckets negative, int negatives, double threshold, double zeros, TBuckets positive, int scale, Span<Bucket> room)
        where TBuckets : IExponentialBuckets, allows ref struct
    {
        // The negative ones go away from zero, and so down.
        var rows = 2 * negatives;
        for (var left = rows; negative.Next(out var index, out var count);)
        {
            room[--left] = new Bucket(-BoundOf(index - 1, scale), count);
            room[--left] = new Bucket(-BoundOf(index, scale), 0);
        }

        if (zeros > 0)
        {
            room[rows++] = new Bucket(-threshold, 0);
            room[rows++] = new Bucket(threshold, zeros);
        }

        while (positive.Next(out var index, out var count))
        {
            room[rows++] = new Bucket(BoundOf(index - 1, scale), 0);
            room[rows++] = new Bucket(BoundOf(index, scale), count);
        }

        return room[..rows];
    }

    /// <summary>
    /// Makes of what is in each bucket what is in it and in all below, in place. The upper bound of a bucket is the lower one of the next, or lies in the
    /// bucket around zero, and some are the same as doubles: each is there once. What has no finite bound is counted alone.
    /// </summary>
    /// <param name="buckets">The buckets in the order of their bounds.</param>
    /// <param name="total">What is in all of them.</param>
    public static ReadOnlySpan<Bucket> Cumulate(Span<Bucket> buckets, out double total)
    {
        var kept = 0;
        total = 0;
        foreach (var (bound, count) in buckets)
        {
            total += count;
            if (kept > 0 && bound <= buckets[kept - 1].Bound)
            {
                for (var at = kept - 1; at >= 0 && buckets[at].Bound >= bound; at--)
                {
                    buckets[at] = buckets[at] with { Count = buckets[at].Count + count };
                }
            }
            else if (double.IsFinite(bound))
            {
                // A negative zero is no other bound.
                buckets[kept++] = new Bucket(bound + 0d, total);
            }
        }

        return buckets[..kept];
    }

    static double BoundOf(long index, int scale) => Math.Pow(2, Math.ScaleB(index, -scale));
}
