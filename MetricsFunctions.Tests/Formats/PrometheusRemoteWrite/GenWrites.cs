using CsCheck;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

/// <summary>Generates requests of remote write: good ones, those with every kind of fault, and those with bytes changed at random.</summary>
static class GenWrites
{
    static readonly Gen<string> Text = Gen.Frequency(
        (20, Gen.OneOfConst("a", "up", "job", "instance", "http_requests_total", "le", "Größe 🚀")),
        (1, Gen.OneOfConst("", " ", "a ", "\n", "\u0085", "__name__", "\u00a0a")),
        (1, Gen.Select(Gen.OneOfConst(64, 247, 248, 249, 255, 256, 2048, 4096, 4097), Gen.OneOfConst("n", "ü"), (count, letter) => string.Concat(Enumerable.Repeat(letter, count)))));

    static readonly Gen<(string, string)> Label = Gen.Select(Text, Text);

    static readonly Gen<(string, string)[]> Labels = Gen.Frequency(
        (20, Gen.Select(Text, Gen.Select(Gen.Int[0, 8], Text, (key, value) => ($"l{key}", value)).Array[0, 3], (name, labels) => ((string, string)[])[("__name__", name), .. labels.DistinctBy(label => label.Item1)])),
        (3, Gen.Select(Label.Array[0, 3], Label.Array[0, 2], (before, behind) => ((string, string)[])[.. before, ("__name__", "m"), .. behind])),
        (1, Label.Array[0, 3]),
        (1, Gen.Int[98, 102].Select(count => ((string, string)[])[("__name__", "m"), .. Enumerable.Range(0, count).Reverse().Select(i => ($"l{i}", "v"))])));

    static readonly Gen<double> Value = Gen.Frequency(
        (10, Gen.OneOfConst(0, -0.0, 1, 0.42, -1e300, double.Epsilon)),
        (5, Gen.Double),
        (2, Gen.OneOfConst(double.NaN, double.PositiveInfinity, double.NegativeInfinity, BitConverter.UInt64BitsToDouble(0x7FF0000000000002), BitConverter.UInt64BitsToDouble(0x7FF0000000000001))));

    static readonly Gen<long> Timestamp = Gen.Frequency(
        (30, Gen.Long[-300L * 86_400_000, 500_000].Select(offset => GenBody.Now.ToUnixTimeMilliseconds() + offset)),
        (1, Gen.Long[-400L * 86_400_000, 700_000].Select(offset => GenBody.Now.ToUnixTimeMilliseconds() + offset)),
        (1, Gen.OneOfConst(0, -1, long.MinValue, long.MaxValue)));

    static readonly Gen<Proto> Odd = Gen.Select(Gen.Int[1, 20], Gen.Int[0, 4], Gen.Byte, (field, kind, value) => kind switch
    {
        0 => new Proto().Varint(field, (ulong)value),
        1 => new Proto().Double(field, value),
        2 => new Proto().Raw(field, [value]),
        3 => new Proto().Fixed32(field, value),
        _ => new Proto().Append([(byte)((field << 3) | 3)]),
    });

    static readonly Gen<Proto> Extra = Gen.Frequency((40, Gen.Const(new Proto())), (1, Odd));

    static readonly Gen<Proto> Sample = Gen.Select(Value, Timestamp, Extra, (value, timestamp, extra) =>
        (value == 1 ? new Proto().Varint(2, timestamp).Double(1, value) : Series.Sample(value, timestamp)).Append(extra.ToArray()));

    static readonly Gen<(int Offset, int Length)[]> Spans = Gen.Frequency(
        (10, Gen.Select(Gen.Int[-5, 5], Gen.Int[0, 4]).Array[0, 3].Select(spans => spans.Select((span, i) => (i == 0 ? span.Item1 : Math.Abs(span.Item1), span.Item2)).ToArray())),
        (1, Gen.Select(Gen.OneOf(Gen.Int[-5, 5], Gen.Int, Gen.Int[-5000, 5000]), Gen.Frequency((5, Gen.Int[0, 3]), (1, Gen.OneOfConst(499, 500, 501, 999, 1000, 1001)))).Array[0, 3]));

    static readonly Gen<Proto> Histogram = Gen.Select(
        Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool, Gen.Int[0, 30]),
        Gen.Frequency((20, Gen.Int[-9, 8]), (10, Gen.Const(-53)), (1, Gen.OneOfConst(-10, 52, 53, int.MinValue))),
        Spans,
        Spans,
        Gen.Frequency((1, Gen.Const(0)), (1, Gen.Int[0, 5])),
        Gen.Frequency((10, Gen.Double[-10, 10].Array[0, 8].Select(bounds => bounds.Distinct().Order().ToArray())), (1, Gen.OneOf(Value, Gen.Double[-10, 10]).Array[0, 8]), (1, Gen.OneOfConst(999, 1000, 1001).Select(count => Enumerable.Range(0, count).Select(i => (double)i).ToArray()))),
        Gen.Select(Value, Timestamp, Gen.OneOf(Gen.Const(0d), Gen.Const(1e-3), Gen.Double[0, 10], Value)),
        Gen.Select(Gen.Int[-2, 2], Extra),
        (flags, schema, negative, positive, zeros, custom, rest, change) => HistogramOf(flags, schema, negative, positive, zeros, custom, rest, change));

    static readonly Gen<Series> One = Gen.Select(
        Labels,
        Gen.Frequency((10, Sample.Array[0, 3]), (10, Sample.Array[1])),
        Gen.Frequency((2, Gen.Const(Array.Empty<Proto>())), (1, Histogram.Array[1, 2])),
        Extra,
        Gen.Frequency((10, Gen.Const(false)), (1, Gen.Const(true))),
        Gen.Frequency((40, Gen.Const(Array.Empty<ulong>())), (1, Gen.ULong[0, 5].Array[1, 3]), (1, Gen.ULong.Array[1, 2])),
        (labels, samples, histograms, extra, isBackwards, references) =>
            new Series(labels) { Samples = [.. samples], Histograms = [.. histograms], Extra = extra, IsBackwards = isBackwards, References = references });

    public static readonly Gen<byte[]> Version1 = GenBody.Mutated(Gen.Select(One.Array[0, 5], Extra, (series, extra) => (byte[])[.. Series.Version1(series), .. extra.ToArray()]));

    public static readonly Gen<byte[]> Version2 = GenBody.Mutated(Gen.Select(One.Array[0, 5], Extra, (series, extra) => (byte[])[.. Series.Version2(series), .. extra.ToArray()]));

    static Proto HistogramOf(
        (bool IsFloat, bool IsPacked, bool HasNegative, int Seed) flags,
        int schema,
        (int Offset, int Length)[] negative,
        (int Offset, int Length)[] positive,
        int zeros,
        double[] custom,
        (double Sum, long Timestamp, double Threshold) rest,
        (int Count, Proto Extra) change)
    {
        var random = new Random(flags.Seed);
        var isCustom = schema == -53;
        var proto = new Proto().Double(3, rest.Sum).ZigZag(4, schema).Double(5, rest.Threshold).Varint(15, rest.Timestamp);
        var total = isCustom && flags.Seed > 0 ? 0 : zeros;
        if (total > 0)
        {
            proto = flags.IsFloat ? proto.Double(7, total) : proto.Varint(6, (ulong)total);
        }

        foreach (var (field, spans) in new[] { (8, isCustom && flags.Seed > 1 ? [] : flags.HasNegative ? negative : []), (11, isCustom && flags.Seed > 2 ? [(0, custom.Length + (flags.Seed % 2))] : positive) })
        {
            proto = proto.Messages(field, spans.Select(span => new Proto().ZigZag(1, span.Item1).Varint(2, (ulong)span.Item2)));
            var counts = Enumerable.Range(0, spans.Sum(span => span.Item2) + (change.Count == 2 ? 1 : 0)).Select(_ => random.Next(4) == 0 ? 0 : random.Next(1, 10)).ToList();
            total += counts.Sum();
            var deltas = counts.Select((count, i) => (long)(i == 0 ? count : count - counts[i - 1])).ToList();
            if (flags.IsFloat)
            {
                proto = flags.IsPacked ? proto.PackedDoubles(field + 2, counts.ConvertAll(count => (double)count)) : counts.Aggregate(proto, (sum, count) => sum.Double(field + 2, count));
            }
            else
            {
                proto = flags.IsPacked ? proto.PackedZigZag(field + 1, deltas) : deltas.Aggregate(proto, (sum, delta) => sum.ZigZag(field + 1, delta));
            }
        }

        total += change.Count is -2 or 1 ? change.Count : 0;
        proto = flags.IsFloat ? proto.Double(2, total) : proto.Varint(1, (long)total);
        return (isCustom ? proto.PackedDoubles(16, custom) : proto).Append(change.Extra.ToArray());
    }
}
