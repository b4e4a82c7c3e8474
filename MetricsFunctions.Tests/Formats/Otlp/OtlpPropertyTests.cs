using System.Text;
using System.Text.Json;
using CsCheck;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Otlp;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Formats.Metrics;

namespace MetricsFunctions.Tests.Formats.Otlp;

/// <summary>Whatever the request, the reader of OTLP finds in it what <see cref="PlainOtlp"/> does, in either encoding.</summary>
public sealed class OtlpPropertyTests
{
    static readonly AcceptedTime Accepted = new(GenBody.Now, TimeSpan.FromDays(365));

    [Fact]
    public void Protobuf_means_what_a_plain_reader_says() => Gen.Select(GenOtlp.Protobuf, GenBody.Pieces).Sample(
        (body, pieces) => AssertEqual(PlainMessage.OfProtobuf("Request", body), Reading.InPieces(new OtlpProtobufFormat(), body, Accepted, pieces)),
        iter: Fuzz.Bodies(600),
        print: input => $"{Convert.ToBase64String(input.Item1)} {string.Join(',', input.Item2)}");

    [Fact]
    public void JSON_means_what_a_plain_reader_says() => Gen.Select(GenOtlp.Json, GenBody.Pieces).Sample(
        (body, pieces) =>
        {
            var found = Reading.InPieces(new OtlpJsonFormat(), body, Accepted, pieces);
            if (TryParse(body, out var request))
            {
                AssertEqual(request, found);
                Assert.Equal(request is null, found.Refusals.IsOfBody);
            }
        },
        iter: Fuzz.Bodies(600),
        print: input => $"{Encoding.UTF8.GetString(input.Item1)} {string.Join(',', input.Item2)}");

    [Fact]
    public void Both_encodings_mean_the_same() => Gen.Select(GenOtlp.Requests, Gen.Bool, Gen.Bool).Sample(
        (request, isPacked, areNumbers) =>
        {
            var protobuf = Reading.InPieces(new OtlpProtobufFormat(), request.ToProtobuf("Request", isPacked), Accepted, []);
            var json = Reading.InPieces(new OtlpJsonFormat(), Encoding.UTF8.GetBytes(request.ToJson("Request", areNumbers)), Accepted, []);
            Assert.False(json.Refusals.IsOfBody);
            Assert.Equal(protobuf.Refusals.Listed, json.Refusals.Listed);
            Assert.Equal(protobuf.Tally, json.Tally);
            Assert.Equal(Reading.RowsOf(protobuf.Block), Reading.RowsOf(json.Block));
        },
        iter: Fuzz.Bodies(400),
        print: input => input.Item1.ToJson("Request", areIntegersNumbers: true));

    [Fact]
    public void Cut_off_anywhere_it_is_refused_or_less() => GenOtlp.Requests.Sample(
        request =>
        {
            var json = Encoding.UTF8.GetBytes(request.ToJson("Request", areIntegersNumbers: false));
            for (var length = 0; length < json.Length; length += 1 + json.Length / 20)
            {
                Assert.True(Reading.InPieces(new OtlpJsonFormat(), json[..length], Accepted, []).Refusals.IsOfBody);
            }
        },
        iter: Fuzz.Bodies(100));

    [Fact]
    public void A_NUL_anywhere_in_JSON_is_refused() => Gen.Select(GenOtlp.Requests, Gen.Int[0, int.MaxValue]).Sample(
        (request, place) =>
        {
            var json = Encoding.UTF8.GetBytes(request.ToJson("Request", areIntegersNumbers: false));
            json[place % json.Length] = 0;
            Assert.True(Reading.InPieces(new OtlpJsonFormat(), json, Accepted, []).Refusals.IsOfBody);
        },
        iter: Fuzz.Bodies(200));

    static readonly Dictionary<string, Func<int, PlainMessage>> Repetitive = new()
    {
        { "scopes", n => Request(Attributes(n), [.. Enumerable.Range(0, n).Select(i => Scope(Of(("name", $"s{i}")), Gauge(Point())))]) },
        { "scopes of few attributes", n => Request(Attributes(90), [.. Enumerable.Range(0, n).Select(i => Scope(Of(("name", $"s{i}")), Gauge(Point())))]) },
        { "metrics", n => Request(Attributes(90), Scope([], [.. Enumerable.Range(0, n).Select(i => i % 2 == 0 ? Gauge(Point()) : Of(("summary", Of(("dataPoints", Of(Time))))))])) },
        { "points", n => Request(Attributes(n), Scope([], Gauge([.. Enumerable.Repeat(Point(), n)]))) },
        { "points with keys that meet", n => Request(Attributes(n), Scope([], Gauge([.. Enumerable.Repeat(Point("a.b", "a_b"), n)]))) },
        { "points with keys that meet, of few attributes", n => Request(Attributes(90), Scope([], Gauge([.. Enumerable.Repeat(Point("a.b", "a_b"), n)]))) },
        { "points with one attribute too many", n => Request(Attributes(100), Scope([], Gauge([.. Enumerable.Repeat(Point("a"), n)]))) },
        { "points in place of the resource's", n => Request(Attributes(90), Scope([], Gauge([.. Enumerable.Repeat(Point("r1", "r2"), n)]))) },
        { "attributes of a point", n => Request([], Scope([], Gauge(Point([.. Enumerable.Range(0, n).Select(i => $"a{i}")])))) },
        { "attributes of a scope", n => Request([], Scope(Of([.. Enumerable.Range(0, n).Select(i => Attribute($"a{i % 50}"))]), Gauge(Point()))) },
    };

    public static TheoryData<string> Repetitions { get; } = [.. Repetitive.Keys];

    // How often the tags change, and the objects that are made for it, say how much there was to do, on a machine of any speed.
    [Theory]
    [MemberData(nameof(Repetitions))]
    public void Ten_times_the_body_is_ten_times_the_work(string repeated)
    {
        const int Few = 300;
        var request = Repetitive[repeated];
        var (changes, bytes) = Work(request(Few));
        var (tenfoldChanges, tenfoldBytes) = Work(request(10 * Few));
        Assert.InRange(tenfoldChanges, 0, 20 * changes + 1000);
        Assert.InRange(tenfoldBytes, 0, 20 * bytes + 100_000);
    }

    static (int Changes, long Bytes) Work(PlainMessage request)
    {
        var body = request.ToProtobuf("Request", isPacked: true);
        var intake = new SampleIntake();
        var (changes, bytes) = (0, 0L);
        for (var i = 0; i < 3; i++)
        {
            // The memory of the rows comes from the pool, but for the first time.
            intake.TryReset();
            intake.Begin(Accepted, default);
            (changes, bytes) = (intake.Block.Tags.Version, GC.GetAllocatedBytesForCurrentThread());
            new OtlpProtobufFormat().Read(body, isLast: true, intake);
            Assert.False(intake.Refusals.IsOfBody);
        }

        return (intake.Block.Tags.Version - changes, GC.GetAllocatedBytesForCurrentThread() - bytes);
    }

    static PlainMessage Of(params ReadOnlySpan<(string, object)> fields) => [.. fields];

    static PlainMessage Request(PlainMessage resource, params IEnumerable<PlainMessage> scopes) =>
        Of(("resourceMetrics", Of([("resource", resource), .. scopes.Select(scope => ("scopeMetrics", (object)scope))])));

    static PlainMessage Attributes(int count) => Of([.. Enumerable.Range(0, count).Select(i => Attribute($"r{i}"))]);

    static (string, object) Time => ("timeUnixNano", (Int128)GenBody.Now.ToUnixTimeMilliseconds() * 1_000_000);

    static (string, object) Attribute(string key) => ("attributes", Of(("key", key), ("value", Of(("stringValue", "v")))));

    static PlainMessage Scope(PlainMessage scope, params IEnumerable<PlainMessage> metrics) =>
        Of([("scope", scope), .. metrics.Select(metric => ("metrics", (object)Of([("name", "m"), .. metric])))]);

    static PlainMessage Gauge(params IEnumerable<PlainMessage> points) => Of(("gauge", Of([.. points.Select(point => ("dataPoints", (object)point))])));

    static PlainMessage Point(params IEnumerable<string> keys) => Of(
        [.. keys.Select(Attribute), Time, ("asInt", (Int128)1)]);

    [Fact]
    public void A_data_point_costs_no_object()
    {
        var point = Of(
            ("attributes", Of(("key", "http.route"), ("value", Of(("stringValue", "/a"))))),
            ("timeUnixNano", (Int128)GenBody.Now.ToUnixTimeMilliseconds() * 1_000_000),
            ("count", (Int128)3),
            ("bucketCounts", (Int128)1),
            ("bucketCounts", (Int128)2),
            ("explicitBounds", 0.5));
        var points = Enumerable.Repeat(("dataPoints", (object)point), 1000);
        var metric = Of(("name", "m"), ("unit", "s"), ("histogram", Of([.. points, ("aggregationTemporality", (Int128)2)])));
        var request = Of(("resourceMetrics", Of(("scopeMetrics", Of(("metrics", metric))))));
        AssertLean(new OtlpProtobufFormat(), request.ToProtobuf("Request", isPacked: true));
        AssertLean(new OtlpJsonFormat(), Encoding.UTF8.GetBytes(request.ToJson("Request", areIntegersNumbers: false)));

        static void AssertLean(SampleFormat format, byte[] body)
        {
            var intake = new SampleIntake();
            for (var i = 0; i < 5; i++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                intake.TryReset();
                intake.Begin(Accepted, default);
                format.Read(body, isLast: true, intake);
                Assert.Equal(3000, intake.Block.Count);

                // Memory of the pool, which a collection may have emptied, is allocated now and then; a point's would be each time.
                if (GC.GetAllocatedBytesForCurrentThread() - before < 10_000)
                {
                    return;
                }
            }

            Assert.Fail("Every time it was read, it cost more than 10 bytes a data point.");
        }
    }

    static void AssertEqual(PlainMessage? request, SampleIntake found)
    {
        if (request is null)
        {
            return;
        }

        var plain = new PlainOtlp(request, Accepted);
        Assert.False(found.Refusals.IsOfBody);
        Assert.Equal(plain.Rejected, found.Refusals.Count);
        Assert.Equal(plain.Skipped, found.Tally.Skipped);
        Assert.Equal(plain.Rows.Order(StringComparer.Ordinal), Reading.RowsOf(found.Block).Order(StringComparer.Ordinal));
    }

    // Texts that are no Unicode make a whole body unreadable for the other reader, and ours leaves out what has them.
    static bool TryParse(byte[] body, out PlainMessage? request)
    {
        request = null;
        try
        {
            using var json = JsonDocument.Parse(Encoding.UTF8.GetString(body).Contains('\uFFFD', StringComparison.Ordinal) ? [] : body);
            request = PlainMessage.OfJson("Request", json.RootElement);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
