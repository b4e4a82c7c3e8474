using System.Text;
using CsCheck;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.Otlp;

/// <summary>Generates requests of OTLP: good ones, those with every kind of fault, and those with bytes changed at random.</summary>
static class GenOtlp
{
    static readonly Gen<string> Text = Gen.Frequency(
        (12, Gen.OneOfConst("a", "GET", "/users/{id}", "Größe 🚀", "a;b", "x\"y\\z")),
        (1, Gen.OneOfConst("", " ", "a ", "\n", "a\u0000", "\u007f", "\u0085", "\u00a0a")),
        (1, Gen.OneOfConst(127, 128, 255, 256, 4095, 4096, 4097, 5000).Select(length => new string('v', length)))).Select(Latin1);

    static readonly Gen<string> Key = Gen.Frequency(
        (12, Gen.OneOfConst("route", "http.request.method", "service.name", "service.instance.id", "host.name", "k8s.pod.name")),
        (4, Gen.OneOfConst("host_name", "host..name", "service_name", "le", "quantile", "temporality", "otel.scope.name", "otel_scope_version", "telemetry.sdk.name", "process.pid", "process.command_args", "2xx", "_a", "__a", "a__b", "Größe", "name", "version")),
        (1, Gen.OneOfConst("", ".", " ", "\n", "🚀")),
        (1, Gen.OneOfConst(64, 243, 244, 245, 254, 255, 256, 300).Select(length => new string('k', length)))).Select(Latin1);

    static readonly Gen<double> Number = Gen.Frequency(
        (8, Gen.OneOfConst(0d, -0d, 1, 0.42, -3.5, 12, 1e15, 1e16, 1e-5)),
        (2, Gen.Double),
        (1, Gen.OneOfConst(double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, double.MaxValue)));

    static readonly Gen<Int128> Count = Gen.Frequency(
        (8, Gen.Int[0, 5].Select(count => (Int128)count)),
        (1, Gen.ULong.Select(count => (Int128)count)));

    static readonly Gen<PlainMessage> AnyValue = Gen.Recursive<PlainMessage>((depth, any) => Gen.Frequency(
        (10, Text.Select(text => Of(("stringValue", text)))),
        (1, Gen.Bool.Select(value => Of(("boolValue", (Int128)(value ? 1 : 0))))),
        (1, Gen.Long.Select(value => Of(("intValue", (Int128)value)))),
        (1, Number.Select(value => Of(("doubleValue", value)))),
        (1, Gen.Byte.Array[0, 5].Select(bytes => Of(("bytesValue", Encoding.Latin1.GetString(bytes))))),
        (1, Gen.Const(new PlainMessage())),
        (1, depth > 3 ? Gen.Const(new PlainMessage()) : any.Array[0, 3].Select(values => Of(("arrayValue", Of([.. values.Select(value => ("values", (object)value))]))))),
        (1, depth > 3 ? Gen.Const(new PlainMessage()) : Gen.Select(Key, any).Array[0, 3].Select(pairs => Of(("kvlistValue", Of([.. pairs.Select(pair => ("values", (object)Of(("key", pair.Item1), ("value", pair.Item2))))])))))));

    // Nested as deep as is read, and deeper.
    static readonly Gen<PlainMessage> Deep = Gen.Int[11, 14].Select(depth =>
        Enumerable.Range(0, depth).Aggregate(new PlainMessage(), (inner, i) => i % 3 == 0 ? Of(("arrayValue", Of(("values", Of([.. inner]))))) : Of(("arrayValue", Of(("values", inner))))));

    static readonly Gen<PlainMessage> KeyValue = Gen.Select(Key, Gen.Frequency((40, AnyValue), (1, Deep)), (key, value) => Of(("key", key), ("value", value)));

    static readonly Gen<PlainMessage[]> Attributes = Gen.Frequency(
        (12, KeyValue.Array[0, 3]),
        (1, Gen.OneOf(Gen.Int[48, 52], Gen.Int[97, 102]).Select(count => Enumerable.Range(0, count).Select(i => Of(("key", $"k{i}"), ("value", Of(("stringValue", "v"))))).ToArray())));

    static readonly Gen<Int128> Time = Gen.Frequency(
        (20, Gen.Long[-60_000_000_000, 60_000_000_000].Select(offset => (Int128)(GenBody.Now.ToUnixTimeMilliseconds() * 1_000_000 + offset))),
        (1, Gen.OneOfConst((Int128)0, 1, ulong.MaxValue, long.MaxValue, (Int128)GenBody.Now.AddMinutes(11).ToUnixTimeMilliseconds() * 1_000_000)));

    static readonly Gen<(string, object)[]> Head = Gen.Select(
        Attributes,
        Time,
        Gen.Frequency((20, Gen.Const(-1L)), (1, Gen.Long[0, 3])),
        (attributes, time, flags) => ((string, object)[])[
            .. attributes.Select(attribute => ("attributes", (object)attribute)),
            ("timeUnixNano", time),
            .. flags < 0 ? [] : new (string, object)[] { ("flags", (Int128)flags) }]);

    static readonly Gen<PlainMessage> NumberPoint = Gen.Select(
        Head,
        Gen.Frequency((10, Number.Select(value => ("asDouble", (object)value))), (10, Gen.OneOf(Gen.Long, Gen.Long[-9, 9]).Select(value => ("asInt", (object)(Int128)value)))).Array[0, 2],
        (head, values) => Of([.. head, .. values]));

    static readonly Gen<(string, object)[]> Parts = Gen.Select(
        Count,
        Gen.Select(Gen.OneOfConst("sum", "min", "max"), Number, (name, value) => (name, (object)value)).Array[0, 3],
        (count, parts) => ((string, object)[])[("count", count), .. parts]);

    static readonly Gen<bool> Mostly = Gen.Frequency((20, Gen.Const(true)), (1, Gen.Const(false)));

    static readonly Gen<PlainMessage> HistogramPoint = Gen.Select(
        Head,
        Parts,
        Gen.Frequency((10, Gen.Double[-10, 10].Array[0, 5].Select(bounds => bounds.Order().Distinct().ToArray())), (2, Gen.OneOfConst(new[] { 1, double.PositiveInfinity }, [double.PositiveInfinity], [double.PositiveInfinity, double.PositiveInfinity])), (1, Number.Array[0, 4]), (1, Gen.Int[999, 1001].Select(count => Enumerable.Range(0, count).Select(i => (double)i).ToArray()))),
        Gen.Frequency((20, Gen.Const(1)), (1, Gen.Int[-1, 2])),
        Count,
        Mostly,
        (head, parts, bounds, more, factor, isRight) =>
        {
            var counts = Enumerable.Range(0, Math.Max(bounds.Length + more, 0)).Select(i => (factor * i) & 7).ToArray();
            return Of([
                .. head,
                .. parts,
                .. counts.Select(count => ("bucketCounts", (object)count)),
                .. bounds.Select(bound => ("explicitBounds", (object)bound)),
                .. isRight ? [("count", (object)(counts.Aggregate((Int128)0, (sum, count) => sum + count) & ulong.MaxValue))] : Array.Empty<(string, object)>()]);
        });

    static readonly Gen<PlainMessage> Buckets = Gen.Select(
        Gen.Frequency((10, Gen.Int[-20, 20]), (1, Gen.Int)),
        Gen.Frequency((10, Count.Array[0, 6]), (1, Gen.Int[499, 501].Select(count => Enumerable.Repeat((Int128)1, count).ToArray()))),
        (offset, counts) => Of([("offset", (Int128)offset), .. counts.Select(count => ("bucketCounts", (object)count))]));

    static readonly Gen<PlainMessage> ExponentialPoint = Gen.Select(
        Head,
        Parts,
        Gen.Frequency((10, Gen.Int[-4, 20]), (1, Gen.Int[-1100, 1100])),
        Count,
        Gen.Frequency((10, Gen.OneOfConst(0, 1e-3, 1)), (1, Number)),
        Gen.Select(Gen.OneOfConst("positive", "positive", "negative"), Buckets, (name, buckets) => (name, (object)buckets)).Array[0, 2],
        Mostly,
        (head, parts, scale, zeros, threshold, buckets, isRight) => Of([
            .. head,
            .. parts,
            ("scale", (Int128)scale),
            ("zeroCount", zeros),
            ("zeroThreshold", threshold),
            .. buckets,
            .. isRight ? [("count", (object)(buckets.GroupBy(side => side.Item1).SelectMany(side => ((PlainMessage)side.Last().Item2).All<Int128>("bucketCounts")).Aggregate(zeros, (sum, count) => sum + count) & ulong.MaxValue))] : Array.Empty<(string, object)>()]));

    static readonly Gen<PlainMessage> SummaryPoint = Gen.Select(
        Head,
        Parts.Select(parts => parts.Where(part => part.Item1 is "count" or "sum").ToArray()),
        Gen.Select(Gen.Frequency((10, Gen.OneOfConst(new[] { 0, 0.5, 0.99 }, [1], [])), (1, Number.Array[0, 3])), Number.Array[3], (quantiles, values) => quantiles.Select((quantile, i) => Of(("quantile", quantile), ("value", values[i]))).ToArray()),
        (head, parts, quantiles) => Of([.. head, .. parts, .. quantiles.Select(quantile => ("quantileValues", (object)quantile))]));

    static readonly Gen<Int128> Temporality = Gen.Frequency((20, Gen.OneOfConst((Int128)1, 2)), (1, Gen.OneOfConst((Int128)0, 3, -1, ((Int128)1 << 32) + 1)));

    static readonly Gen<(string, object)> Data = Gen.Frequency(
        (3, Points(NumberPoint).Select(points => ("gauge", (object)points))),
        (3, Gen.Select(Points(NumberPoint), Temporality, Gen.Bool, (points, temporality, isMonotonic) => ("sum", (object)Of([.. points, ("aggregationTemporality", temporality), ("isMonotonic", (Int128)(isMonotonic ? 1 : 0))])))),
        (2, Gen.Select(Points(HistogramPoint), Temporality, (points, temporality) => ("histogram", (object)Of([.. points, ("aggregationTemporality", temporality)])))),
        (2, Gen.Select(Points(ExponentialPoint), Temporality, (points, temporality) => ("exponentialHistogram", (object)Of([.. points, ("aggregationTemporality", temporality)])))),
        (2, Points(SummaryPoint).Select(points => ("summary", (object)points))));

    static readonly Gen<PlainMessage> Metric = Gen.Select(
        Gen.Frequency((12, Gen.OneOfConst("http.server.request.duration", "requests", "requests_total", "cpu.ratio", "seconds", "2xx", "a:b")), (1, Gen.OneOfConst("", "温", "Größe", "total", "ratio", "__a__b__")), (1, Gen.OneOfConst(240, 248, 249, 255, 256, 700).Select(length => new string('n', length)))).Select(Latin1),
        Gen.Frequency((6, Gen.OneOfConst("", "s", "By", "1", "{request}")), (1, Gen.OneOfConst("By/s", "{a}/h", "%", "1/m", "ms{x}", "{", "}", "{{a}b}s", "requests per second", "温/s", "/", " s / s ", "x/y/z"))).Select(Latin1),
        Data.Array[1, 1],
        Gen.Frequency((20, Gen.Const(0)), (1, Gen.Const(1))),
        (name, unit, data, without) => Of([("name", name), ("unit", unit), .. data.Skip(without)]));

    static readonly Gen<PlainMessage> ScopeMetrics = Gen.Select(
        Gen.Select(Text, Text, Attributes, (name, version, attributes) => Of([("name", name), ("version", version), .. attributes.Select(attribute => ("attributes", (object)attribute))])).Array[0, 1],
        Metric.Array[0, 3],
        Gen.Frequency((10, Gen.Const("")), (3, Text)),
        (scopes, metrics, schemaUrl) => Of([("schemaUrl", schemaUrl), .. scopes.Select(scope => ("scope", (object)scope)), .. metrics.Select(metric => ("metrics", (object)metric))]));

    static readonly Gen<PlainMessage> ResourceMetrics = Gen.Select(
        Attributes.Select(attributes => Of([.. attributes.Select(attribute => ("attributes", (object)attribute))])).Array[0, 1],
        ScopeMetrics.Array[0, 2],
        (resources, scopes) => Of([.. resources.Select(resource => ("resource", (object)resource)), .. scopes.Select(scope => ("scopeMetrics", (object)scope))]));

    /// <summary>Requests, their fields in any order.</summary>
    public static readonly Gen<PlainMessage> Requests = Gen.Select(
        ResourceMetrics.Array[0, 3],
        Gen.Int,
        (metrics, seed) => Shuffled(Of([.. metrics.Select(metric => ("resourceMetrics", (object)metric))]), new Random(seed)));

    public static readonly Gen<byte[]> Protobuf = GenBody.Mutated(Gen.Select(Requests, Gen.Bool, (request, isPacked) => request.ToProtobuf("Request", isPacked)));

    public static readonly Gen<byte[]> Json = GenBody.Mutated(Gen.Select(Requests, Gen.Bool, (request, areNumbers) => request.ToJson("Request", areNumbers)));

    static Gen<PlainMessage> Points(Gen<PlainMessage> point) => point.Array[0, 3].Select(points => Of([.. points.Select(value => ("dataPoints", (object)value))]));

    // Of a list the order stays: it means something.
    static PlainMessage Shuffled(PlainMessage message, Random random)
    {
        var groups = message.GroupBy(field => field.Name).ToArray();
        random.Shuffle(groups);
        return Of([.. groups.SelectMany(group => group).Select(field => (field.Name, field.Value is PlainMessage inner ? Shuffled(inner, random) : field.Value))]);
    }

    static PlainMessage Of(params ReadOnlySpan<(string, object)> fields) => [.. fields];

    static string Latin1(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
