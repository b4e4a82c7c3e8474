using System.Buffers.Binary;
using System.Numerics;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// The order in which <c>metrics.samples</c> keeps rows: by name, hour, tags and time. ClickHouse sorts what it is given, at several times
/// the price, because it compares texts where there are numbers here; what is sorted already it only looks through.
/// </summary>
static class TableOrder
{
    const int HourMilliseconds = 60 * 60 * 1000;

    /// <summary>Sorts rows.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="rows">Becomes the numbers of all rows in the table's order, or in their own where that would take too much.</param>
    public static void Sort(SampleColumns samples, Span<int> rows)
    {
        for (var row = 0; row < rows.Length; row++)
        {
            rows[row] = row;
        }

        var timestamps = samples.Timestamps.Values;
        var (firstHour, lastHour) = (long.MaxValue, long.MinValue);
        foreach (var timestamp in timestamps)
        {
            var hour = HourOf(timestamp);
            (firstHour, lastHour) = (Math.Min(firstHour, hour), Math.Max(lastHour, hour));
        }

        // All that a row is sorted by is one number: the places of its name and tags in the order of those, its hour, and the rest of its time.
        var restBits = BitsOf(HourMilliseconds);
        var tagBits = BitsOf(samples.TagSets.Count);
        var hourBits = BitsOf(lastHour - firstHour + 1);
        if (BitsOf(samples.Names.Count) + hourBits + tagBits + restBits > 8 * sizeof(ulong))
        {
            return;
        }

        using var names = new Rented<int>(samples.Names.Count);
        using var tagSets = new Rented<int>(samples.TagSets.Count);
        using var keys = new Rented<ulong>(rows.Length);
        Rank(samples.Names, names.Span);
        Rank(samples, tagSets.Span);
        for (var row = 0; row < rows.Length; row++)
        {
            var hour = HourOf(timestamps[row]);
            var key = (ulong)names[samples.NameOf.Values[row]];
            key = (key << hourBits) | (ulong)(hour - firstHour);
            key = (key << tagBits) | (uint)tagSets[samples.TagSetOf.Values[row]];
            keys[row] = (key << restBits) | (ulong)(timestamps[row] - (hour * HourMilliseconds));
        }

        keys.Span.Sort(rows);
    }

    static long HourOf(long timestamp) => (timestamp - (timestamp < 0 ? HourMilliseconds - 1 : 0)) / HourMilliseconds;

    // For numbers below this.
    static int BitsOf(long count) => 64 - BitOperations.LeadingZeroCount((ulong)count);

    // Each text's place in their order.
    static void Rank(Distinct<byte> texts, Span<int> ranks)
    {
        Rank(texts.Count, PrefixOf, (one, other) => texts[one].SequenceCompareTo(texts[other]), ranks);

        ulong PrefixOf(int number)
        {
            Span<byte> prefix = stackalloc byte[sizeof(ulong)];
            var text = texts[number];
            text[..Math.Min(text.Length, prefix.Length)].CopyTo(prefix);
            return BinaryPrimitives.ReadUInt64BigEndian(prefix);
        }
    }

    // Each set's place: they are compared tag by tag, and those by key and value.
    static void Rank(SampleColumns samples, Span<int> ranks)
    {
        var tagSets = samples.TagSets;
        using var keys = new Rented<int>(samples.Keys.Count);
        using var values = new Rented<int>(samples.Values.Count);
        Rank(samples.Keys, keys.Span);
        Rank(samples.Values, values.Span);
        var valueBits = BitsOf(samples.Values.Count);
        var bits = Math.Max(BitsOf(samples.Keys.Count) + valueBits, 1);
        Rank(tagSets.Count, PrefixOf, Compare, ranks);

        // As many tags as fit; 0 stands for none, which comes before any.
        ulong PrefixOf(int number)
        {
            var prefix = 0UL;
            var tags = tagSets[number];
            for (var i = 0; (i + 1) * bits <= 8 * sizeof(ulong); i++)
            {
                prefix = (prefix << bits) | (i < tags.Length ? RankOf(tags[i]) : 0);
            }

            return prefix;
        }

        int Compare(int one, int other)
        {
            var tags = tagSets[one];
            var otherTags = tagSets[other];
            for (var i = 0; i < tags.Length && i < otherTags.Length; i++)
            {
                if (tags[i] != otherTags[i])
                {
                    return RankOf(tags[i]).CompareTo(RankOf(otherTags[i]));
                }
            }

            return tags.Length - otherTags.Length;
        }

        ulong RankOf(Tag tag) => ((ulong)(keys[tag.Key] + 1) << valueBits) | (uint)values[tag.Value];
    }

    // Sorts by the beginnings of the values, and only those that begin alike by all of them.
    static void Rank(int count, Func<int, ulong> prefixOf, Comparison<int> compare, Span<int> ranks)
    {
        using var numbers = new Rented<int>(count);
        using var prefixes = new Rented<ulong>(count);
        for (var i = 0; i < count; i++)
        {
            (numbers[i], prefixes[i]) = (i, prefixOf(i));
        }

        prefixes.Span.Sort(numbers.Span);
        for (var begin = 0; begin < count;)
        {
            var end = begin + 1;
            while (end < count && prefixes[end] == prefixes[begin])
            {
                end++;
            }

            if (end - begin > 1)
            {
                numbers.Span[begin..end].Sort(compare);
            }

            begin = end;
        }

        for (var i = 0; i < count; i++)
        {
            ranks[numbers[i]] = i;
        }
    }
}
