using System.Globalization;
using System.Text;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

/// <summary>What a request of remote write means, found the plain way: a list of fields for each message. Slow, and easy to believe.</summary>
sealed class PlainWrites
{
    static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly AcceptedTime _accepted;
    SentCounts _sent;

    /// <summary>The samples that are stored when the request can be read.</summary>
    public List<string> Rows { get; } = [];

    /// <summary>Which series have a fault.</summary>
    public SortedSet<int> Faulty { get; } = [];

    /// <summary>How many samples and histograms are refused.</summary>
    public int Refused { get; private set; }

    /// <summary>Whether the request cannot be read.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Whether a histogram cannot be read, which is not seen when it has another fault.</summary>
    public bool HasBrokenHistogram { get; private set; }

    public int Skipped { get; private set; }

    public SentCounts Sent => _sent;

    /// <summary>A field; its value is null where it cannot be read.</summary>
    sealed record Field(int Number, int Type, ulong Bits, byte[]? Bytes);

    public PlainWrites(byte[] body, int version, AcceptedTime accepted)
    {
        _accepted = accepted;
        var (seriesField, otherField, histogramsField, exemplarsField) = version == 1 ? (1, 5, 4, 3) : (5, 1, 3, 4);
        var (fields, isBroken) = Read(body);
        IsBroken = isBroken || fields.Exists(field => field.Number == otherField);
        var symbols = version == 1 ? [] : fields.TakeWhile(field => field.Number != 4 || field.Type == 2).Where(field => field.Number == 4 && field.Bytes is not null).Select(field => field.Bytes!).ToList();
        var index = 0;
        foreach (var field in fields)
        {
            var isTyped = field.Number == seriesField || (version == 2 && field.Number == 4);
            if ((isTyped && field.Type != 2) || (field.Type == 2 && field.Bytes is null))
            {
                IsBroken = true;
                break;
            }

            if (field.Number == seriesField)
            {
                var refused = ReadSeries(field.Bytes!, symbols, version, histogramsField, exemplarsField);
                Refused += refused;
                if (refused > 0)
                {
                    Faulty.Add(index);
                }

                index++;
            }
        }
    }

    int ReadSeries(byte[] message, List<byte[]> symbols, int version, int histogramsField, int exemplarsField)
    {
        var (fields, isBroken) = Read(message);
        IsBroken |= isBroken;
        var labels = isBroken ? null : version == 1 ? LabelsOf(fields) : LabelsOf(fields, symbols);
        var names = labels?.Where(label => TextOf(label.Name) == "__name__").ToList() ?? [];
        var tags = labels?.Where(label => TextOf(label.Name) != "__name__" && label.Value.Length > 0).ToList() ?? [];
        var isGood = names.Count == 1 && IsText(names[0].Value, 1, 255)
            && tags.Count <= 100
            && tags.All(tag => IsText(tag.Name, 1, 255) && IsValue(tag.Value))
            && tags.Select(tag => TextOf(tag.Name)).Distinct().Count() == tags.Count;
        var metric = isGood ? TextOf(names[0].Value) : "";
        var texts = isGood ? tags.Select(tag => (TextOf(tag.Name), TextOf(tag.Value))).ToList() : [];

        var (rows, sent, skipped) = (Rows.Count, _sent, Skipped);
        var (points, refused) = (0, 0);
        foreach (var field in fields)
        {
            if (field.Number == 2 || field.Number == histogramsField)
            {
                IsBroken |= field.Type != 2;
                points++;
                refused += field.Bytes is { } point && (field.Number == 2 ? ReadSample(point, metric, texts) : ReadHistogram(point, metric, texts)) ? 0 : 1;
            }
            else if (field.Number == exemplarsField)
            {
                _sent.Exemplars++;
            }
        }

        if (isGood)
        {
            return refused;
        }

        Rows.RemoveRange(rows, Rows.Count - rows);
        (_sent, Skipped) = (sent, skipped);
        return points;
    }

    List<(byte[] Name, byte[] Value)>? LabelsOf(List<Field> fields)
    {
        var labels = new List<(byte[] Name, byte[] Value)>();
        foreach (var field in fields.Where(field => field.Number == 1))
        {
            if (field.Bytes is null || Typed(field.Bytes, (1, 2), (2, 2)) is not { } parts)
            {
                IsBroken = true;
                return null;
            }

            labels.Add((parts.LastOrDefault(part => part.Number == 1)?.Bytes ?? [], parts.LastOrDefault(part => part.Number == 2)?.Bytes ?? []));
        }

        return labels;
    }

    List<(byte[] Name, byte[] Value)>? LabelsOf(List<Field> fields, List<byte[]> symbols)
    {
        var references = Varints(fields, 1);
        IsBroken |= references is null;
        return references is null || references.Count % 2 == 1 || references.Any(reference => reference >= (ulong)symbols.Count)
            ? null
            : [.. references.Chunk(2).Select(pair => (symbols[(int)pair[0]], symbols[(int)pair[1]]))];
    }

    bool ReadSample(byte[] message, string metric, List<(string, string)> tags)
    {
        var fields = Typed(message, (1, 1), (2, 0));
        if (fields is null)
        {
            IsBroken = true;
            return false;
        }

        var bits = Last(fields, 1);
        var timestamp = (long)Last(fields, 2);
        if (!double.IsFinite(BitConverter.UInt64BitsToDouble(bits)))
        {
            _sent.Samples++;
            Skip(bits);
            return true;
        }

        if (_accepted.Check(timestamp) is not null)
        {
            return false;
        }

        _sent.Samples++;
        Add(metric, tags, timestamp, BitConverter.UInt64BitsToDouble(bits));
        return true;
    }

    bool ReadHistogram(byte[] message, string metric, List<(string, string)> tags)
    {
        var fields = Typed(message, (1, 0), (2, 1), (3, 1), (4, 0), (5, 1), (6, 0), (7, 1), (15, 0));
        if (fields is null)
        {
            IsBroken = true;
            return false;
        }

        var sum = BitConverter.UInt64BitsToDouble(Last(fields, 3));
        if (Last(fields, 3) == 0x7FF0000000000002)
        {
            _sent.Histograms++;
            Skip(Last(fields, 3));
            return true;
        }

        var isFloat = fields.LastOrDefault(field => field.Number is 1 or 2)?.Number == 2;
        var count = isFloat ? BitConverter.UInt64BitsToDouble(Last(fields, 2)) : Last(fields, 1);
        var zeroField = fields.LastOrDefault(field => field.Number is 6 or 7);
        var zeros = zeroField?.Number == 7 ? BitConverter.UInt64BitsToDouble(zeroField.Bits) : zeroField?.Bits ?? 0;
        var threshold = BitConverter.UInt64BitsToDouble(Last(fields, 5));
        var schema = Fold((uint)Last(fields, 4));
        var timestamp = (long)Last(fields, 15);
        var negative = BucketsOf(fields, 8, isFloat);
        var positive = BucketsOf(fields, 11, isFloat);
        HasBrokenHistogram |= negative is null || positive is null || Doubles(fields, 16) is null;
        if (negative is null || positive is null || !double.IsFinite(count) || count < 0 || !double.IsFinite(zeros) || zeros < 0 || _accepted.Check(timestamp) is not null)
        {
            return false;
        }

        // Every bucket between two bounds, from the lowest up.
        List<(double Lower, double Upper, double Count)> buckets;
        List<double> bounds;
        if (schema == -53)
        {
            var custom = Doubles(fields, 16);
            if (custom is null || custom.Count > 1000 || zeros > 0 || negative.Count > 0 || custom.Any(bound => !double.IsFinite(bound))
                || custom.Zip(custom.Skip(1)).Any(pair => pair.First >= pair.Second) || positive.Any(bucket => bucket.Index < 0 || bucket.Index > custom.Count))
            {
                return false;
            }

            bounds = custom;
            buckets = [.. positive.Select(bucket => (0d, bucket.Index == custom.Count ? double.PositiveInfinity : custom[(int)bucket.Index], bucket.Count))];
        }
        else
        {
            if (schema is < -9 or > 52 || !double.IsFinite(threshold) || threshold < 0 || negative.Count + positive.Count > 1000)
            {
                return false;
            }

            double Bound(long index) => Math.Pow(2, index * Math.Pow(2, -schema));
            buckets =
            [
                .. negative.AsEnumerable().Reverse().Select(bucket => (-Bound(bucket.Index), -Bound(bucket.Index - 1), bucket.Count)),
                .. zeros > 0 ? new[] { (-threshold, threshold, zeros) } : [],
                .. positive.Select(bucket => (Bound(bucket.Index - 1), Bound(bucket.Index), bucket.Count)),
            ];
            bounds = [];
            foreach (var bound in buckets.SelectMany(bucket => new[] { bucket.Lower, bucket.Upper }).Where(double.IsFinite))
            {
                if (bounds.Count == 0 || bound > bounds[^1])
                {
                    bounds.Add(bound);
                }
            }
        }

        var inBuckets = buckets.Sum(bucket => bucket.Count);
        if (inBuckets > count * (1 + 1e-9) || (!isFloat && inBuckets < count && !double.IsNaN(sum)) || Encoding.UTF8.GetByteCount(metric) + "_bucket".Length > 255
            || tags.Count == 100 || tags.Exists(tag => tag.Item1 == "le"))
        {
            return false;
        }

        _sent.Histograms++;
        foreach (var bound in bounds)
        {
            var text = (bound + 0d).ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
            Add(metric + "_bucket", [.. tags, ("le", text)], timestamp, buckets.Where(bucket => bucket.Upper <= bound).Sum(bucket => bucket.Count));
        }

        Add(metric + "_bucket", [.. tags, ("le", "+Inf")], timestamp, count);
        Add(metric + "_count", tags, timestamp, count);
        if (double.IsFinite(sum))
        {
            Add(metric + "_sum", tags, timestamp, sum);
        }
        else
        {
            Skipped++;
        }

        return true;
    }

    /// <summary>The buckets that have something in them.</summary>
    static List<(long Index, double Count)>? BucketsOf(List<Field> histogram, int spansField, bool isFloat)
    {
        var indices = new List<long>();
        var next = 0L;
        var isFirst = true;
        foreach (var field in histogram.Where(field => field.Number == spansField))
        {
            if (field.Bytes is null || Typed(field.Bytes, (1, 0), (2, 0)) is not { } span)
            {
                return null;
            }

            var offset = Fold((uint)Last(span, 1));
            var length = (uint)Last(span, 2);
            if ((offset < 0 && !isFirst) || length > 100_000)
            {
                return null;
            }

            next += offset;
            indices.AddRange(Enumerable.Range(0, (int)length).Select(i => next + i));
            next += length;
            isFirst = false;
        }

        List<double>? counts;
        if (isFloat)
        {
            counts = Doubles(histogram, spansField + 2);
        }
        else
        {
            var sum = (Int128)0;
            counts = Varints(histogram, spansField + 1)?.ConvertAll(delta =>
            {
                sum += delta % 2 == 0 ? delta / 2 : -(Int128)(delta / 2) - 1;
                sum = sum > long.MaxValue ? -1 : sum;
                return (double)sum;
            });
        }

        return counts is null || counts.Count != indices.Count || counts.Any(count => !double.IsFinite(count) || count < 0)
            ? null
            : [.. indices.Zip(counts).Where(bucket => bucket.Second > 0)];
    }

    static int Fold(uint bits) => bits % 2 == 0 ? (int)(bits / 2) : -(int)(bits / 2) - 1;

    static ulong Last(List<Field> fields, int number) => fields.LastOrDefault(field => field.Number == number)?.Bits ?? 0;

    /// <summary>The fields of a message where those that are known are of their types.</summary>
    static List<Field>? Typed(byte[] message, params (int Number, int Type)[] known)
    {
        var (fields, isBroken) = Read(message);
        return isBroken || fields.Exists(field => known.Any(one => one.Number == field.Number && one.Type != field.Type)) ? null : fields;
    }

    static List<ulong>? Varints(List<Field> fields, int number) => Repeated(fields, number, 0, bytes =>
    {
        var values = new List<ulong>();
        for (var at = 0; at < bytes.Length;)
        {
            if (Varint(bytes, ref at) is not { } value)
            {
                return null;
            }

            values.Add(value);
        }

        return values;
    });

    static List<double>? Doubles(List<Field> fields, int number) =>
        Repeated(fields, number, 1, bytes => bytes.Length % 8 == 0 ? [.. bytes.Chunk(8).Select(chunk => BitConverter.ToUInt64(chunk))] : null)?.ConvertAll(BitConverter.UInt64BitsToDouble);

    static List<ulong>? Repeated(List<Field> fields, int number, int type, Func<byte[], List<ulong>?> unpack)
    {
        var values = new List<ulong>();
        foreach (var field in fields.Where(field => field.Number == number))
        {
            if (field.Type == type)
            {
                values.Add(field.Bits);
            }
            else if (field.Type == 2 && unpack(field.Bytes!) is { } unpacked)
            {
                values.AddRange(unpacked);
            }
            else
            {
                return null;
            }
        }

        return values;
    }

    /// <summary>The fields of a message up to where it is broken; the number of the last one may be all there is.</summary>
    static (List<Field> Fields, bool IsBroken) Read(byte[] message)
    {
        var fields = new List<Field>();
        for (var at = 0; at < message.Length;)
        {
            if (Varint(message, ref at) is not { } tag || tag > uint.MaxValue || tag / 8 == 0)
            {
                return (fields, true);
            }

            var bits = 0UL;
            byte[]? bytes = null;
            var isWhole = true;
            switch (tag % 8)
            {
                case 0:
                    var varint = Varint(message, ref at);
                    (bits, isWhole) = (varint ?? 0, varint is not null);
                    break;
                case 1 or 5:
                    var size = tag % 8 == 1 ? 8 : 4;
                    isWhole = message.Length - at >= size;
                    bits = isWhole && size == 8 ? BitConverter.ToUInt64(message, at) : 0;
                    at += size;
                    break;
                case 2:
                    var length = Varint(message, ref at);
                    isWhole = length <= (ulong)(message.Length - at);
                    bytes = isWhole ? message[at..(at + (int)length!)] : null;
                    at += isWhole ? (int)length! : 0;
                    break;
                default:
                    isWhole = false;
                    break;
            }

            fields.Add(new Field((int)(tag / 8), (int)(tag % 8), bits, bytes));
            if (!isWhole)
            {
                return (fields, true);
            }
        }

        return (fields, false);
    }

    static ulong? Varint(byte[] bytes, ref int at)
    {
        var end = Array.FindIndex(bytes, at, value => value < 128);
        if (end < 0 || end - at >= 10)
        {
            return null;
        }

        var value = bytes[at..(end + 1)].Reverse().Aggregate(System.Numerics.BigInteger.Zero, (sum, next) => (sum * 128) + (next % 128));
        at = end + 1;
        return (ulong)(value & ulong.MaxValue);
    }

    void Skip(ulong bits)
    {
        Skipped++;
        _sent.StaleMarkers += bits == 0x7FF0000000000002 ? 1 : 0;
    }

    void Add(string name, List<(string Key, string Value)> tags, long timestamp, double value)
    {
        var sorted = tags.OrderBy(tag => Utf8.GetBytes(tag.Key), Comparer<byte[]>.Create((one, other) => one.AsSpan().SequenceCompareTo(other)));
        Rows.Add(Reading.Row(name, string.Join(',', sorted.Select(tag => $"{tag.Key}={tag.Value}")), timestamp, value));
    }

    static string TextOf(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    static bool IsText(byte[] bytes, int least, int most) =>
        Decode(bytes) is { } text && bytes.Length >= least && bytes.Length <= most && !text.Any(char.IsControl) && text.Trim() == text;

    static bool IsValue(byte[] bytes) => bytes.Length <= 4096 && Decode(bytes) is not null;

    static string? Decode(byte[] bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
