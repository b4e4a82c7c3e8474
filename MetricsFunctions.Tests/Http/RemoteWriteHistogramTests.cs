using System.Net;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

public sealed class RemoteWriteHistogramTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    static Proto Span(int offset, uint length) => new Proto().ZigZag(1, offset).Varint(2, (ulong)length);

    // Of integers, with a bucket on each side of zero, at zero, and a gap.
    static Proto Exponential => new Proto()
        .Varint(1, 11ul).Double(3, 12.5).ZigZag(4, 0).Double(5, 0.001).Varint(6, 2ul)
        .Message(8, Span(0, 2)).PackedZigZag(9, [1, 1])
        .Message(11, Span(0, 2)).Message(11, Span(1, 1)).PackedZigZag(12, [1, 2, -1])
        .Varint(14, 2ul).Varint(15, Now);

    static Proto Floats => new Proto()
        .Double(2, 3).Double(3, -1.5).ZigZag(4, 1).Double(5, 0).Double(7, 0.5)
        .Message(11, Span(0, 4)).PackedDoubles(13, [0.25, 0, 2.25, 0]).Varint(15, Now);

    static Proto Custom => new Proto()
        .Varint(1, 3ul).Double(3, double.NaN).ZigZag(4, -53).Message(11, Span(1, 3)).PackedZigZag(12, [2, -2, 1])
        .Varint(15, Now).PackedDoubles(16, [-0.5, 0.5, 1]);

    public static TheoryData<string, string, string> Histograms { get; } = new()
    {
        { "exponential", "-2 0, -1 2, -0.5 3, -0.001 3, 0.001 5, 0.5 5, 1 6, 2 9, 4 9, 8 11, +Inf 11", "11 12.5" },
        { "floats", "0 0.5, 0.7071067811865476 0.5, 1 0.75, 1.4142135623730951 0.75, 2 3, +Inf 3", "3 -1.5" },
        { "custom", "-0.5 0, 0.5 2, 1 2, +Inf 3", "3" },
    };

    [Theory]
    [MemberData(nameof(Histograms))]
    public async Task A_native_histogram_becomes_a_classic_one(string kind, string buckets, string rest)
    {
        var histogram = kind switch { "exponential" => Exponential, "floats" => Floats, _ => Custom };
        foreach (var version in new[] { 1, 2 })
        {
            var name = $"{kind}{version}";
            using var response = await PostAsync(version, new Series(("__name__", name), ("job", "j")) { Histograms = [histogram] });
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            Assert.Equal(kind == "custom", response.Headers.Contains("X-Skipped-Samples"));
            if (version == 2)
            {
                Assert.Equal("0", Assert.Single(response.Headers.GetValues("X-Prometheus-Remote-Write-Samples-Written")));
                Assert.Equal("1", Assert.Single(response.Headers.GetValues("X-Prometheus-Remote-Write-Histograms-Written")));
            }

            const string Where = "tags['job'] = 'j' AND timestamp = fromUnixTimestamp64Milli({0})";
            var where = string.Format(null, System.Text.CompositeFormat.Parse(Where), Now);
            Assert.Equal(buckets, await host.QueryAsync($"""
                SELECT arrayStringConcat(arrayMap(bucket -> bucket.2 || ' ' || bucket.3, arraySort(groupArray((toFloat64(tags['le']), tags['le'], toString(metric_value))))), ', ')
                FROM metrics.samples WHERE metric_name = '{name}_bucket' AND {where}
                """));
            Assert.Equal(rest, await host.QueryAsync($"""
                SELECT arrayStringConcat(arrayMap(sample -> sample.2, arraySort(groupArray((metric_name, toString(metric_value))))), ' ')
                FROM metrics.samples WHERE metric_name IN ('{name}_count', '{name}_sum') AND {where} AND length(tags) = 1
                """));
        }
    }

    public static TheoryData<string, string> Faults { get; } = new()
    {
        { "more buckets than spans", "has another number of buckets than its spans say" },
        { "fewer buckets than spans", "has another number of buckets than its spans say" },
        { "endless span", "has another number of buckets than its spans say" },
        { "overlap", "has spans that overlap" },
        { "negative count", "has a bucket whose count is negative or not finite" },
        { "infinite count", "has a bucket whose count is negative or not finite" },
        { "less in the count", "has more in its buckets than its count says" },
        { "more in the count", "has less in its buckets than its count says" },
        { "NaN observations", "must have counts that are finite and not negative" },
        { "schema", "has a schema that is neither from -9 to 52 nor -53" },
        { "threshold", "must have a zero_threshold that is finite and not negative" },
        { "many", "has more than 1000 buckets" },
        { "many custom", "has more than 1000 buckets" },
        { "unsorted", "must have custom_values that are finite, each greater than the one before" },
        { "unbounded", "has a bucket that its custom_values do not bound" },
        { "custom zero", "has a zero bucket or negative ones besides its custom ones" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_histogram_that_cannot_be_is_refused_by_itself(string kind, string message)
    {
        var histogram = kind switch
        {
            "more buckets than spans" => Exponential.PackedZigZag(12, [1]),
            "fewer buckets than spans" => Exponential.Message(11, Span(0, 1)),
            "endless span" => Exponential.Message(11, Span(0, uint.MaxValue)),
            "overlap" => Exponential.Message(11, Span(-1, 1)).PackedZigZag(12, [1]),
            "negative count" => Exponential.Message(11, Span(0, 1)).PackedZigZag(12, [-3]),
            "infinite count" => Floats.Message(11, Span(0, 1)).Double(13, double.PositiveInfinity),
            "less in the count" => Exponential.Varint(1, 10ul),
            "more in the count" => Exponential.Varint(1, 99ul),
            "NaN observations" => Floats.Double(2, double.NaN),
            "schema" => Exponential.ZigZag(4, -10),
            "threshold" => Exponential.Double(5, -1),
            "many" => Exponential.Message(11, Span(0, 999)).PackedZigZag(12, Enumerable.Repeat(0L, 999)),
            "many custom" => Custom.PackedDoubles(16, Enumerable.Range(2, 998).Select(i => (double)i)),
            "unsorted" => Custom.PackedDoubles(16, [1]),
            "unbounded" => Custom.Message(11, Span(0, 1)).PackedZigZag(12, [1]),
            _ => Custom.Varint(6, 1ul),
        };
        foreach (var version in new[] { 1, 2 })
        {
            var name = $"refused_{kind.Replace(' ', '_')}_{version}";
            using var response = await PostAsync(version, Series.Of(name, 1, Now), new Series(("__name__", name)) { Histograms = [Custom, histogram] });
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal(
                $"The rest of the request is stored. 1 sample is refused: timeseries[1].histograms[1] {message}\n", await response.Content.ReadAsStringAsync());
            Assert.Equal("1", await host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}_count'"));
        }
    }

    [Fact]
    public async Task A_histogram_needs_room_in_its_name_and_its_tags()
    {
        foreach (var (labels, message) in new ((string, string)[], string)[]
        {
            ([("__name__", new string('n', 249))], "makes samples with names of more than 255 bytes: name_bucket, name_count and name_sum"),
            ([("__name__", "refused"), ("le", "1")], "needs a label le for its buckets, which is given twice"),
            ([("__name__", "refused"), .. Enumerable.Range(0, 100).Select(i => ($"l{i}", "v"))], "needs a label le for its buckets, which is one tag too many: at most 100 are allowed"),
        })
        {
            using var response = await PostAsync(1, new Series(labels) { Histograms = [Exponential] });
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.EndsWith($" 1 sample is refused: timeseries[0].histograms[0] {message}\n", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_thousand_buckets_are_stored()
    {
        var histogram = new Proto().Varint(1, 1000ul).Double(3, 1).ZigZag(4, 8).Message(11, Span(-500, 1000)).PackedZigZag(12, [1, .. Enumerable.Repeat(0L, 999)]).Varint(15, Now);
        using var response = await PostAsync(2, new Series(("__name__", "thousand")) { Histograms = [histogram] });
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("1002\t1000\t1002", await host.QueryAsync("SELECT count(), max(metric_value), uniqExact(tags['le']) FROM metrics.samples WHERE metric_name = 'thousand_bucket'"));
    }

    [Fact]
    public async Task A_request_may_be_half_a_million_rows_and_another_one_too()
    {
        // A hundred buckets side by side have 101 bounds, and beside these there are infinity, the count and the sum.
        var histogram = new Proto().Varint(1, 100ul).Double(3, 1).ZigZag(4, 3).Message(11, Span(0, 100)).PackedZigZag(12, [1, .. Enumerable.Repeat(0L, 99)]).Varint(15, Now);
        var series = Enumerable.Range(0, 5000).Select(i => new Series(("__name__", "wide"), ("instance", $"{i}")) { Histograms = [histogram] }).ToArray();
        await Task.WhenAll(StoreAsync(series), StoreAsync([.. series.Select(one => one with { Labels = [.. one.Labels, ("twin", "b")] })]));
        Assert.Equal("1040000", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE startsWith(metric_name, 'wide_')"));
    }

    // One fills the queue, and the other is sent again until there is room.
    Task StoreAsync(Series[] series) => Wait.UntilAsync(async () =>
    {
        using var response = await PostAsync(2, series);
        Assert.Contains(response.StatusCode, new[] { HttpStatusCode.NoContent, HttpStatusCode.ServiceUnavailable });
        return response.StatusCode == HttpStatusCode.NoContent;
    });

    Task<HttpResponseMessage> PostAsync(int version, params Series[] series) => version == 1
        ? host.PostAsync(Series.Version1(series), "application/x-protobuf", path: "/api/v1/write")
        : host.PostAsync(Series.Version2(series), "application/x-protobuf;proto=io.prometheus.write.v2.Request", path: "/api/v1/write");
}
