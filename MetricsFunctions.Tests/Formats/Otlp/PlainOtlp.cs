using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.Otlp;

/// <summary>What becomes of a request, found the plain way: rule by rule as docs/protocols.md has them.</summary>
sealed partial class PlainOtlp
{
    static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly AcceptedTime _accepted;

    /// <summary>The samples.</summary>
    public List<string> Rows { get; } = [];

    /// <summary>How many data points are not stored.</summary>
    public int Rejected { get; private set; }

    /// <summary>How many have nothing to store.</summary>
    public int Skipped { get; private set; }

    public PlainOtlp(PlainMessage request, AcceptedTime accepted)
    {
        _accepted = accepted;
        foreach (var resourceMetrics in request.All<PlainMessage>("resourceMetrics"))
        {
            foreach (var scopeMetrics in resourceMetrics.All<PlainMessage>("scopeMetrics"))
            {
                foreach (var metric in scopeMetrics.All<PlainMessage>("metrics"))
                {
                    Read(resourceMetrics.Last<PlainMessage>("resource") ?? [], scopeMetrics.Last<PlainMessage>("scope") ?? [], scopeMetrics.Last<string>("schemaUrl") ?? "", metric);
                }
            }
        }
    }

    void Read(PlainMessage resource, PlainMessage scope, string schemaUrl, PlainMessage metric)
    {
        var (kind, value) = metric.LastOrDefault(field => field.Name is "gauge" or "sum" or "histogram" or "exponentialHistogram" or "summary");
        foreach (var point in (value as PlainMessage)?.All<PlainMessage>("dataPoints") ?? [])
        {
            if ((point.Last<Int128>("flags") & 1) != 0)
            {
                Skipped++;
                continue;
            }

            var data = (PlainMessage)value!;
            var temporality = kind is "gauge" or "summary" ? 2 : (int)(uint)(data.Last<Int128>("aggregationTemporality") & uint.MaxValue);
            var bound = kind switch { "gauge" or "sum" => "", "summary" => "quantile", _ => "le" };
            var name = NameOf(metric.Last<string>("name") ?? "", metric.Last<string>("unit") ?? "", kind, data.Last<Int128>("isMonotonic") != 0);
            var time = point.Last<Int128>("timeUnixNano");
            var rows = time == 0 || temporality is not (1 or 2) || name.Length == 0
                || name.Length + (bound.Length > 0 ? "_bucket".Length : 0) > 255 || _accepted.Check((long)(time / 1_000_000)) is not null
                ? null
                : kind is "gauge" or "sum" ? NumberOf(point) : SamplesOf(kind, point);
            if (rows is null || TagsOf(resource, scope, schemaUrl, point, temporality == 1, bound) is not { } tags)
            {
                Rejected++;
                continue;
            }

            foreach (var (suffix, at, number) in rows)
            {
                var all = at is null ? tags : [.. tags, (bound, at)];
                Rows.Add(Text(Reading.Row(name + suffix, string.Join(',', all.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key}={tag.Value}")), (long)(time / 1_000_000), number)));
            }
        }
    }

    static string NameOf(string name, string unit, string kind, bool isMonotonic)
    {
        var words = string.Join('_', Word().Matches(name).Select(match => match.Value));
        if (words.Length == 0)
        {
            return "";
        }

        var last = kind == "sum" && isMonotonic ? "total" : kind == "gauge" && unit == "1" ? "ratio" : "";
        words = last.Length == 0 ? words : Regex.Replace(words, $"(^|_){last}$", "");
        var parts = Braces().Replace(unit, "").Split('/', 2);
        words = WithUnit(words, UnitOf(parts[0].Trim(' '), "s seconds ms milliseconds By bytes 1  % percent"));
        words = parts.Length < 2 ? words : WithUnit(words, UnitOf(parts[1].Trim(' '), "s second h hour m minute") is { Length: > 0 } below ? "per_" + below : "");
        words = last.Length == 0 ? words : words.Length == 0 ? last : $"{words}_{last}";
        return char.IsAsciiDigit(words[0]) ? "_" + words : words;

        static string UnitOf(string unit, string known) =>
            known.Split(' ').Chunk(2).FirstOrDefault(pair => pair[0] == unit && unit.Length > 0)?[1] ?? string.Join('_', Word().Matches(unit).Select(match => match.Value));

        static string WithUnit(string words, string unit) =>
            unit.Length == 0 || $"_{words}_".Contains($"_{unit}_", StringComparison.Ordinal) ? words : words.Length == 0 ? unit : $"{words}_{unit}";
    }

    static List<(string, string?, double)>? NumberOf(PlainMessage point)
    {
        var value = point.LastOrDefault(field => field.Name is "asDouble" or "asInt").Value;
        var number = value is Int128 integer ? (double)(long)integer : value as double?;
        return number is { } finite && double.IsFinite(finite) ? [("", null, finite)] : null;
    }

    static List<(string Suffix, string? Bound, double Value)>? SamplesOf(string kind, PlainMessage point)
    {
        var rows = kind switch
        {
            "histogram" => BucketsOf([.. point.All<Int128>("bucketCounts")], [.. point.All<double>("explicitBounds")], point.Last<Int128>("count")),
            "exponentialHistogram" => ExponentialBucketsOf(point),
            _ => QuantilesOf([.. point.All<PlainMessage>("quantileValues")]),
        };
        if (rows is null)
        {
            return null;
        }

        var count = (double)(ulong)point.Last<Int128>("count");
        rows.Add(("_count", null, count));
        if (kind != "summary")
        {
            rows.Add(("_bucket", "+Inf", count));
        }

        foreach (var part in new[] { "sum", "min", "max" })
        {
            if ((point.Has(part) || (kind == "summary" && part == "sum")) && double.IsFinite(point.Last<double>(part)))
            {
                rows.Add(($"_{part}", null, point.Last<double>(part)));
            }
        }

        return rows;
    }

    static List<(string, string?, double)>? BucketsOf(Int128[] counts, double[] bounds, Int128 count)
    {
        var isSorted = bounds.Zip(bounds.Skip(1)).All(pair => pair.First < pair.Second) && bounds.All(bound => bound > double.NegativeInfinity);
        var finite = bounds.Count(double.IsFinite);
        return isSorted && finite <= 1000 && (counts.Length == 0 ? bounds.Length == 0 : counts.Length == bounds.Length + 1 && counts.Aggregate((Int128)0, (sum, inBucket) => sum + inBucket) == count)
            ? [.. bounds.Take(finite).Select((bound, i) => ("_bucket", (string?)NumberText(bound + 0d, "+Inf"), counts.Take(i + 1).Aggregate(0d, (sum, inBucket) => sum + (double)inBucket)))]
            : null;
    }

    static List<(string, string?, double)>? ExponentialBucketsOf(PlainMessage point)
    {
        var scale = (int)point.Last<Int128>("scale");
        var threshold = point.Last<double>("zeroThreshold");
        var zeros = point.Last<Int128>("zeroCount");
        var (below, above) = (Side("negative"), Side("positive"));
        if (!(threshold >= 0 && double.IsFinite(threshold)) || below.Count + above.Count > 1000
            || below.Concat(above).Aggregate(zeros, (sum, bucket) => sum + bucket.Count) != point.Last<Int128>("count"))
        {
            return null;
        }

        // What lies in each stretch of the line, from the left.
        List<(double Lower, double Upper, Int128 Count)> stretches =
            [.. below.Select(bucket => (-bucket.Upper, -bucket.Lower, bucket.Count)).Reverse(), .. zeros > 0 ? [(-threshold, threshold, zeros)] : Array.Empty<(double, double, Int128)>(), .. above];
        // Of bounds that are the same, or out of order because zero takes up what is below its threshold, the first.
        var bounds = new List<double>();
        foreach (var bound in stretches.SelectMany(stretch => new[] { stretch.Lower, stretch.Upper }).Where(double.IsFinite))
        {
            if (bounds.Count == 0 || bound > bounds[^1])
            {
                bounds.Add(bound + 0d);
            }
        }

        return [.. bounds.Select(bound => ("_bucket", (string?)NumberText(bound, "+Inf"), UpTo(bound)))];

        double UpTo(double bound) => stretches.Where(stretch => stretch.Upper <= bound).Aggregate(0d, (sum, stretch) => sum + (double)stretch.Count);

        List<(double Lower, double Upper, Int128 Count)> Side(string name)
        {
            var buckets = point.Last<PlainMessage>(name) ?? [];
            var offset = (long)buckets.Last<Int128>("offset");
            return [.. buckets.All<Int128>("bucketCounts").Select((count, i) => (Bound(offset + i), Bound(offset + i + 1), count)).Where(bucket => bucket.Item3 > 0)];
        }

        double Bound(long index) => index == 0 ? 1 : Math.Pow(2, index * Math.Pow(2, -(double)scale));
    }

    static List<(string, string?, double)>? QuantilesOf(PlainMessage[] quantiles)
    {
        var all = quantiles.Select(quantile => (At: quantile.Last<double>("quantile") + 0d, Value: quantile.Last<double>("value"))).ToList();
        return all.Count <= 1000 && all.All(quantile => quantile.At is >= 0 and <= 1 && !double.IsInfinity(quantile.Value)) && all.Zip(all.Skip(1)).All(pair => pair.First.At < pair.Second.At)
            ? [.. all.Where(quantile => !double.IsNaN(quantile.Value)).Select(quantile => ("", (string?)NumberText(quantile.At, "+Inf"), quantile.Value))]
            : null;
    }

    static List<(string Key, string Value)>? TagsOf(PlainMessage resource, PlainMessage scope, string schemaUrl, PlainMessage point, bool isDelta, string bound)
    {
        var scopeParts = new[] { ("otel_scope_name", scope.Last<string>("name")), ("otel_scope_version", scope.Last<string>("version")), ("otel_scope_schema_url", schemaUrl) };
        var ofResource = resource.All<PlainMessage>("attributes").Where(attribute => !(attribute.Last<string>("key") ?? "").StartsWith("telemetry.", StringComparison.Ordinal)).ToList();
        if (ofResource.Exists(attribute => attribute.Last<string>("key") == "process.pid" && Tag(attribute) is not null))
        {
            ofResource.RemoveAll(attribute => (attribute.Last<string>("key") ?? "").StartsWith("process.command", StringComparison.Ordinal) && Tag(attribute) is null);
        }

        // In the order of their precedence.
        List<List<(string Key, string Sent, string Value)?>> sets =
        [
            isDelta ? [("temporality", "", "delta")] : [],
            [.. point.All<PlainMessage>("attributes").Select(attribute => Tag(attribute))],
            [.. scopeParts.Where(part => part.Item2 is { Length: > 0 }).Select(part => IsValue(part.Item2!) ? (part.Item1, "", part.Item2!) : ((string, string, string)?)null)],
            [.. ofResource.Select(attribute => Tag(attribute))],
            [.. scope.All<PlainMessage>("attributes").Where(attribute => !scopeParts.Any(part => part.Item1 == KeyOf(attribute, "otel_scope_"))).Select(attribute => Tag(attribute, "otel_scope_"))],
        ];
        // What the points of a scope share has to fit by itself.
        return sets.Exists(set => set.Contains(null)) || Fit(sets[2..], "") is null ? null : Fit(sets, bound);
    }

    static List<(string Key, string Value)>? Fit(List<List<(string Key, string Sent, string Value)?>> sets, string bound)
    {
        var tags = new Dictionary<string, string>();
        foreach (var same in sets.SelectMany(set => set.GroupBy(tag => tag!.Value.Key)).Where(same => same.Key != bound || bound.Length == 0))
        {
            tags.TryAdd(same.Key, string.Join(';', same.OrderBy(tag => tag!.Value.Sent, StringComparer.Ordinal).Select(tag => tag!.Value.Value)));
        }

        return tags.Count <= 100 - (bound.Length > 0 ? 1 : 0) && tags.Values.All(value => value.Length <= 4096) ? [.. tags.Select(tag => (tag.Key, tag.Value))] : null;
    }

    static string KeyOf(PlainMessage attribute, string prefix)
    {
        var sent = attribute.Last<string>("key") ?? "";
        var key = sent.Length == 0 ? "" : prefix + (prefix.Length == 0 && char.IsAsciiDigit(sent[0]) ? "key_" : "") + NoLetters().Replace(sent, "_");
        return Underscores().Replace(key, "_");
    }

    static (string Key, string Sent, string Value)? Tag(PlainMessage attribute, string prefix = "")
    {
        var key = KeyOf(attribute, prefix);
        var value = TextOf(attribute.Last<PlainMessage>("value") ?? [], 0);
        return value is not null && key.Length is > 0 and <= 255 && IsValue(value) ? (key, attribute.Last<string>("key") ?? "", value) : null;
    }

    static string? TextOf(PlainMessage any, int depth)
    {
        if (depth > 12)
        {
            return null;
        }

        var quote = depth > 0 ? "\"" : "";
        var (kind, value) = any.LastOrDefault();
        switch (value)
        {
            case string text when kind == "stringValue":
                return depth == 0 ? text : Quoted(text);
            case string bytes:
                return quote + Convert.ToBase64String(Encoding.Latin1.GetBytes(bytes)) + quote;
            case double number:
                return double.IsFinite(number) ? NumberText(number, "") : quote + NumberText(number, "Infinity") + quote;
            case Int128 integer:
                return kind == "boolValue" ? integer == 0 ? "false" : "true" : $"{integer}";
            case PlainMessage list when kind == "arrayValue":
                var items = list.All<PlainMessage>("values").Select(item => TextOf(item, depth + 1)).ToList();
                return items.Contains(null) ? null : $"[{string.Join(',', items)}]";
            case PlainMessage map:
                var pairs = map.All<PlainMessage>("values").Select(pair => (Key: pair.Last<string>("key") ?? "", Value: TextOf(pair.Last<PlainMessage>("value") ?? [], depth + 1))).ToList();
                return pairs.Any(pair => pair.Value is null) ? null : $"{{{string.Join(',', pairs.Select(pair => $"{Quoted(pair.Key)}:{pair.Value}"))}}}";
            default:
                return depth == 0 ? "" : "null";
        }
    }

    static string Quoted(string text) =>
        $"\"{Escaped().Replace(text, match => match.Value[0] < ' ' ? $"\\u{(int)match.Value[0]:x4}" : "\\" + match.Value)}\"";

    static string NumberText(double number, string infinity) =>
        double.IsPositiveInfinity(number) ? infinity : number.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    static bool IsValue(string latin1)
    {
        try
        {
            Utf8.GetString(Encoding.Latin1.GetBytes(latin1));
            return latin1.Length <= 4096;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    static string Text(string latin1) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(latin1));

    [GeneratedRegex("[A-Za-z0-9:]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\{(?>[^{}]|(?<open>\{)|(?<-open>\}))*(?(open)\z|(?:\}|\z))")]
    private static partial Regex Braces();

    [GeneratedRegex("[^A-Za-z0-9_]")]
    private static partial Regex NoLetters();

    [GeneratedRegex("_+")]
    private static partial Regex Underscores();

    [GeneratedRegex("[\"\\\\\u0000-\u001f]")]
    private static partial Regex Escaped();
}
