using System.Globalization;
using System.Net;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

public sealed class RemoteWriteTests(RemoteWriteTests.SmallLimits host) : IClassFixture<RemoteWriteTests.SmallLimits>
{
    const int MaxBodyBytes = 4 * 1024 * 1024;
    const string Path = "/api/v1/write";
    const string Version1 = "application/x-protobuf";
    const string Version2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    const string RestrictedKey = "restricted-key";
    const ulong StaleMarker = 0x7FF0000000000002;

    static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    public sealed class SmallLimits : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxBodyBytes"] = $"{MaxBodyBytes}",
            ["Ingestion:ApiKeys:0:Key"] = RestrictedKey,
            ["Ingestion:ApiKeys:0:Name"] = "restricted",
            ["Ingestion:ApiKeys:0:Prefixes:0"] = "app_",
        };
    }

    public static TheoryData<string> Versions { get; } = [Version1, Version2];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Each_sample_is_a_row_with_the_labels_of_its_series_as_tags(string version)
    {
        var name = $"rows{version.Length}";
        Series[] series =
        [
            Series.Of(name, 0.42, Now, ("zone", "b"), ("host", "a1"), ("empty", "")) with { IsBackwards = true },
            new(("__name__", name), ("instance", "Größe 🚀")) { Samples = [Series.Sample(2, Now - 1000), Series.Sample(-0.0, Now - 5000)] },
            new(("__name__", $"{name}:nothing")),
        ];
        using var response = await PostAsync(version, series);

        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        AssertWritten(response, version, samples: 3, histograms: 0);
        Assert.Equal(
            $"{name}\t{{'instance':'Größe 🚀'}}\t{Now - 5000}\t-0\n{name}\t{{'instance':'Größe 🚀'}}\t{Now - 1000}\t2\n{name}\t{{'host':'a1','zone':'b'}}\t{Now}\t0.42",
            await RowsAsync(name));
    }

    [Theory]
    [InlineData("application/x-protobuf", 1)]
    [InlineData("application/x-protobuf;proto=prometheus.WriteRequest", 1)]
    [InlineData("Application/X-Protobuf; Proto=\"prometheus.WriteRequest\"", 1)]
    [InlineData("application/x-protobuf;proto=io.prometheus.write.v2.Request", 2)]
    [InlineData("application/x-protobuf; charset=utf-8; proto=io.prometheus.write.v2.Request", 2)]
    public async Task The_media_type_tells_the_version(string mediaType, int version)
    {
        var series = Series.Of("media", version, Now);
        using var response = await PostAsync(mediaType, version == 1 ? Series.Version1(series) : Series.Version2(series));
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(version == 2, response.Headers.Contains("X-Prometheus-Remote-Write-Samples-Written"));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-protobuf;proto=prometheus.ReadRequest")]
    [InlineData("application/x-protobuf;proto=")]
    [InlineData("application/protobuf")]
    public async Task Another_media_type_is_a_415_that_names_those_there_are(string mediaType)
    {
        using var response = await host.PostAsync(Bodies.Compress("snappy", Series.Version1(Series.Of("media", 1, Now))), mediaType, "snappy", path: Path);
        Assert.Contains("application/x-protobuf;proto=io.prometheus.write.v2.Request for 2.0", await TextAsync(response, HttpStatusCode.UnsupportedMediaType), StringComparison.Ordinal);
        Assert.Equal(
            "application/x-protobuf;proto=prometheus.WriteRequest, application/x-protobuf;proto=io.prometheus.write.v2.Request",
            Assert.Single(response.Headers.NonValidated["Accept"]));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task The_message_of_the_other_version_is_a_400_and_not_an_empty_one(string version)
    {
        var series = Series.Of("other_version", 1, Now);
        using var response = await PostAsync(version, version == Version2 ? Series.Version1(series, series) : Series.Version2(series, series));
        Assert.EndsWith(" nothing of it is stored. the message is not the one that the Content-Type names, but that of the other version of remote write\n", await TextAsync(response), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Every_encoding_is_taken_and_none(string version)
    {
        foreach (var encoding in new[] { "snappy", "Snappy", "gzip", "zstd", null })
        {
            var body = version == Version2 ? Series.Version2(Series.Of($"encoded{version.Length}", 1, Now)) : Series.Version1(Series.Of($"encoded{version.Length}", 1, Now));
            foreach (var chunked in new[] { false, true })
            {
                using var response = await host.PostAsync(encoding is null ? body : Bodies.Compress(encoding, body), version, encoding, chunked, Path);
                Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            }
        }

        // The same samples each time.
        Assert.Equal("1", await CountAsync($"encoded{version.Length}"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task What_is_no_number_is_skipped_and_counted_and_the_rest_is_stored(string version)
    {
        var name = $"skipped{version.Length}";
        var stale = BitConverter.UInt64BitsToDouble(StaleMarker);
        using var response = await PostAsync(
            version,
            new Series(("__name__", name))
            {
                Samples = [Series.Sample(1, Now), Series.Sample(stale, Now + 1), Series.Sample(double.NaN, Now + 2), Series.Sample(double.PositiveInfinity, Now + 3)],
                Histograms = [new Proto().Varint(1, 0ul).Double(3, stale).Varint(15, Now)],
            },
            Series.Of(name, double.NegativeInfinity, Now));
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        AssertWritten(response, version, samples: 5, histograms: 1);
        Assert.Equal("5", Assert.Single(response.Headers.GetValues("X-Skipped-Samples")));
        Assert.Equal("2", Assert.Single(response.Headers.GetValues("X-Skipped-Stale-Markers")));
        Assert.Equal($"{name}\t{{}}\t{Now}\t1", await RowsAsync(name));

        using var nothing = await PostAsync(version, Series.Of(name, stale, Now));
        Assert.Equal(HttpStatusCode.NoContent, nothing.StatusCode);
        using var all = await PostAsync(version, Series.Of(name, 2, Now + 4));
        Assert.False(all.Headers.Contains("X-Skipped-Samples"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Metadata_exemplars_and_unknown_fields_are_read_over(string version)
    {
        var name = $"over{version.Length}";
        var exemplar = new Proto().Message(1, new Proto().Text(1, "trace_id").Text(2, "x")).Double(2, 1).Varint(3, Now);
        var series = Series.Of(name, 1, Now) with
        {
            Extra = version == Version2
                ? new Proto().Message(4, exemplar).Message(5, new Proto().Varint(1, 1ul).Varint(3, 0ul)).Varint(6, Now).Fixed32(99, 1)
                : new Proto().Message(3, exemplar).Fixed32(99, 1),
        };
        var body = version == Version2 ? Series.Version2(series) : Series.Version1(series);
        using var response = await PostAsync(version, [.. body, .. new Proto().Message(3, new Proto().Varint(1, 1ul).Text(2, name).Text(4, "Help")).Double(98, 1).ToArray()]);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        AssertWritten(response, version, samples: 1, histograms: 0, exemplars: 1);
        Assert.Equal("1", await CountAsync(name));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_request_without_series_is_stored(string version)
    {
        foreach (var body in new[] { [], new Proto().Message(3, new Proto().Varint(1, 1ul).Text(2, "m").Text(4, "Help")).ToArray() })
        {
            using var response = await PostAsync(version, body);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            AssertWritten(response, version, samples: 0, histograms: 0);
        }
    }

    public static TheoryData<string, string> Faults { get; } = new()
    {
        { "no name", "timeseries[1] must have the label __name__" },
        { "empty name", "timeseries[1].labels[0] is the name and must not be empty" },
        { "two names", "timeseries[1].labels[1] is the name once more" },
        { "twice", "timeseries[1].labels[2] is given twice" },
        { "long", "timeseries[1].labels[1] must be at most 4096 bytes of UTF-8" },
        { "long key", "timeseries[1].labels[1] must have a key of at most 255 bytes of UTF-8" },
        { "many", "timeseries[1].labels[101] is one tag too many: at most 100 are allowed" },
        { "old", "timeseries[1].samples[1].timestamp is older than the stored history reaches (Ingestion:MaxSampleAge)" },
        { "new", "timeseries[1].samples[1].timestamp is more than 10 minutes ahead of the server's clock" },
        { "no time", "timeseries[1].samples[1].timestamp is older than the stored history reaches (Ingestion:MaxSampleAge)" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_fault_is_a_400_with_its_place_and_the_rest_is_stored(string kind, string message)
    {
        var (refused, stored) = message.Contains("labels", StringComparison.Ordinal) || kind == "no name" ? ("2 samples are", 2) : ("1 sample is", 3);
        foreach (var version in new[] { Version1, Version2 })
        {
            (string, string) name = ("__name__", $"partly_{kind.Replace(' ', '_')}{version.Length}");
            var good = Series.Of(name.Item2, 1, Now);
            Series Labelled(params (string, string)[] labels) => good with { Labels = labels, Samples = [Series.Sample(2, Now), Series.Sample(3, Now)] };
            Series Sampled(Proto sample) => good with { Samples = [Series.Sample(1, Now), sample] };
            var faulty = kind switch
            {
                "no name" => Labelled(("a", "1")),
                "empty name" => Labelled(("__name__", "")),
                "two names" => Labelled(name, name),
                "twice" => Labelled(("a", "1"), name, ("a", "2")),
                "long" => Labelled(name, ("a", new string('x', 4097))),
                "long key" => Labelled(name, (new string('k', 256), "x")),
                "many" => Labelled([name, .. Enumerable.Range(0, 101).Select(i => ($"l{i}", "v"))]),
                "old" => Sampled(Series.Sample(2, Now - 1826L * 86_400_000)),
                "new" => Sampled(Series.Sample(2, Now + 700_000)),
                _ => Sampled(new Proto().Double(1, 1)),
            };
            using var response = await PostAsync(version, good, faulty, good);
            Assert.Equal($"The rest of the request is stored. {refused} refused: {message}\n", await TextAsync(response));
            AssertWritten(response, version, stored, histograms: 0);
            Assert.Equal($"{stored}\t{stored}", await host.QueryAsync($"SELECT count(), sum(metric_value) FROM metrics.samples WHERE metric_name = '{name.Item2}'"));
        }
    }

    [Theory]
    [InlineData("broken sample")]
    [InlineData("mistyped")]
    public async Task What_is_no_protobuf_refuses_the_request(string kind)
    {
        var good = Series.Of("unreadable", 1, Now);
        var broken = kind == "mistyped" ? new Proto().Varint(1, 1ul).Varint(2, Now) : new Proto().Append([0x09, 1, 2]);
        foreach (var version in new[] { Version1, Version2 })
        {
            using var response = await PostAsync(version, good, good with { Samples = [Series.Sample(1, Now), broken] }, good);
            Assert.Equal(
                "The request was refused as a whole; nothing of it is stored. timeseries[1] is no time series: its protobuf is broken, or a field is of another type than it should be\n",
                await TextAsync(response));
            AssertWritten(response, version, samples: 0, histograms: 0);
        }

        Assert.Equal("0", await CountAsync("unreadable"));
    }

    [Fact]
    public async Task A_request_of_nothing_good_says_so()
    {
        using var response = await PostAsync(Version2, Series.Of("", 1, Now));
        Assert.Equal("Nothing of the request is stored. 1 sample is refused: timeseries[0].labels[0] is the name and must not be empty\n", await TextAsync(response));
        AssertWritten(response, Version2, samples: 0, histograms: 0);
    }

    [Theory]
    [InlineData(new ulong[] { 1 }, "timeseries[0].labels[1] has a name and no value: labels_refs must come in pairs")]
    [InlineData(new ulong[] { 1, 9 }, "timeseries[0].labels[1] refers to a symbol that there is not")]
    [InlineData(new ulong[] { ulong.MaxValue, 1 }, "timeseries[0].labels[1] refers to a symbol that there is not")]
    public async Task A_reference_to_nowhere_is_a_400(ulong[] references, string message)
    {
        using var response = await PostAsync(Version2, Series.Of("references", 1, Now) with { References = references });
        Assert.EndsWith($" 1 sample is refused: {message}\n", await TextAsync(response), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_body_that_is_cut_off_is_a_400_wherever_the_cut_is(string version)
    {
        var series = Series.Of("cut", 1, Now, ("host", "a"));
        var whole = version == Version2 ? Series.Version2(series) : Series.Version1(series);
        for (var length = 1; length < whole.Length; length++)
        {
            // Between symbols, a cut makes a body of symbols alone.
            using var response = await PostAsync(version, whole[..length]);
            Assert.True(response.StatusCode == HttpStatusCode.BadRequest || (version == Version2 && response.Headers.GetValues("X-Prometheus-Remote-Write-Samples-Written").Single() == "0"), $"{length}: {response.StatusCode}");
        }

        Assert.Equal("0", await CountAsync("cut"));
    }

    [Fact]
    public async Task All_faults_are_told_one_a_line()
    {
        using var response = await PostAsync(Version1, [.. Series.Version1(Series.Of("", 1, Now), Series.Of("a", 1, 0) with { Labels = [] }), 0xFF]);
        Assert.Equal(
            """
            The request was refused as a whole; nothing of it is stored. timeseries[0].labels[0] is the name and must not be empty
            timeseries[1] must have the label __name__
            timeseries[2] and what is behind it cannot be read: the protobuf is broken, cut off, or another message

            """,
            await TextAsync(response));
    }

    [Fact]
    public async Task Other_refusals_are_a_line_of_text()
    {
        using var encoding = await host.PostAsync([1], Version1, "compress", path: Path);
        Assert.Contains("gzip, deflate, br, zstd, snappy, ", await TextAsync(encoding, HttpStatusCode.UnsupportedMediaType), StringComparison.Ordinal);

        using var method = await host.Http.GetAsync(new Uri(Path, UriKind.Relative));
        Assert.Equal("This path takes POST.\n", await TextAsync(method, HttpStatusCode.MethodNotAllowed));
        Assert.Equal(["POST"], method.Content.Headers.Allow);

        using var tooLarge = await host.PostAsync(new byte[MaxBodyBytes + 1], Version1, path: Path);
        await TextAsync(tooLarge, HttpStatusCode.RequestEntityTooLarge);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task The_same_request_again_stores_once_and_another_one_again(string version)
    {
        var name = $"again{version.Length}";
        for (var i = 0; i < 3; i++)
        {
            foreach (var value in new[] { 1, 2 })
            {
                using var response = await PostAsync(version, Series.Of(name, value, Now));
                Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            }
        }

        Assert.Equal("2", await CountAsync(name));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_restricted_key_writes_what_begins_with_its_prefixes(string version)
    {
        foreach (var (name, status) in new[] { ("app_a", HttpStatusCode.NoContent), ("other_a", HttpStatusCode.BadRequest) })
        {
            var series = Series.Of(name, version.Length, Now);
            using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = new ByteArrayContent(version == Version2 ? Series.Version2(series) : Series.Version1(series)) };
            request.Headers.Authorization = new("Bearer", RestrictedKey);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", version);
            using var response = await host.Http.SendAsync(request);
            Assert.Equal(status, response.StatusCode);
            Assert.Equal(
                status == HttpStatusCode.BadRequest,
                (await response.Content.ReadAsStringAsync()).EndsWith(": timeseries[0].labels[0] is the name and must begin with a prefix that the API key may write\n", StringComparison.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_large_request_is_stored_whole(string version)
    {
        const int Count = 20_000;
        var name = $"large{version.Length}";
        var series = Enumerable.Range(0, Count / 100).Select(i => Series.Of(name, 0, Now, ("series", $"{i}")) with
        {
            Samples = [.. Enumerable.Range(0, 100).Select(sample => Series.Sample(sample, Now - (sample * 15_000)))],
        });
        using var response = await PostAsync(version, [.. series]);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        AssertWritten(response, version, samples: Count, histograms: 0);
        Assert.Equal($"{Count}\t{Count / 100 * 4950}", await host.QueryAsync($"SELECT count(), sum(metric_value) FROM metrics.samples WHERE metric_name = '{name}'"));
    }

    Task<HttpResponseMessage> PostAsync(string version, params Series[] series) =>
        PostAsync(version, version == Version2 ? Series.Version2(series) : Series.Version1(series));

    Task<HttpResponseMessage> PostAsync(string mediaType, byte[] body) => host.PostAsync(Bodies.Compress("snappy", body), mediaType, "snappy", path: Path);

    static async Task<string> TextAsync(HttpResponseMessage response, HttpStatusCode status = HttpStatusCode.BadRequest)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("text/plain; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        return await response.Content.ReadAsStringAsync();
    }

    static void AssertWritten(HttpResponseMessage response, string version, int samples, int histograms, int exemplars = 0)
    {
        foreach (var (kind, count) in new[] { ("Samples", samples), ("Histograms", histograms), ("Exemplars", exemplars) })
        {
            var isTold = response.Headers.TryGetValues($"X-Prometheus-Remote-Write-{kind}-Written", out var told);
            Assert.Equal(version == Version2, isTold);
            Assert.Equal(count.ToString(CultureInfo.InvariantCulture), isTold ? Assert.Single(told!) : $"{count}");
        }
    }

    Task<string> RowsAsync(string name) => host.QueryAsync(
        $"SELECT metric_name, tags, toUnixTimestamp64Milli(timestamp), metric_value FROM metrics.samples WHERE startsWith(metric_name, '{name}') ORDER BY timestamp, metric_value");

    Task<string> CountAsync(string name) => host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}'");
}
