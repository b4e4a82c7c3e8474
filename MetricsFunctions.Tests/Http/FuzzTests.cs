using System.Net;
using CsCheck;
using MetricsFunctions.Tests.Formats.InfluxLine;
using MetricsFunctions.Tests.Formats.Json;
using MetricsFunctions.Tests.Formats.Otlp;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

/// <summary>
/// Bodies of every shape, compressed and not, changed at random before and after: each is answered, and never with a 500. A million of them:
/// <c>FUZZ_BODIES=1000000 dotnet test MetricsFunctions.Tests --filter "FullyQualifiedName~Fuzz|FullyQualifiedName~Property"</c>.
/// </summary>
public sealed class FuzzTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    const int Senders = 16;

    static readonly (Gen<byte[]> Bodies, string MediaType, string Path)[] Shapes =
    [
        (GenBody.Json, Bodies.Json, "/api/metrics"),
        (GenBody.Lines, Bodies.Ndjson, "/api/metrics"),
        (GenBody.Guess, Bodies.Text, "/api/metrics"),
        (GenLines.Bodies, "text/plain", "/api/v2/write?precision=ms"),
        (GenWrites.Version1, "application/x-protobuf", "/api/v1/write"),
        (GenWrites.Version2, "application/x-protobuf;proto=io.prometheus.write.v2.Request", "/api/v1/write"),
        (GenOtlp.Protobuf, "application/x-protobuf", "/api/v1/metrics"),
        (GenOtlp.Json, Bodies.Json, "/api/v1/metrics"),
    ];

    // Read in one go, decoded, or from a stream.
    static readonly string?[] Encodings = [null, null, null, "gzip", "deflate", "br", "zstd", "snappy", "lz4", "x-snappy-framed"];

    [Fact]
    public async Task Whatever_is_sent_is_answered_as_the_contract_says()
    {
        var count = Fuzz.Bodies(3_000);
        var answered = new int[600];
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(async sender =>
        {
            var random = new Random(sender);
            for (var i = sender; i < count; i += Senders)
            {
                var (bodies, mediaType, path) = Shapes[random.Next(Shapes.Length)];
                var body = bodies.Generate(new PCG((uint)sender, (ulong)i), null, out _);
                var encoding = Encodings[random.Next(Encodings.Length)];
                var sent = encoding is null ? body : Bodies.Compress(encoding, body);
                for (var damage = encoding is not null && random.Next(2) == 0 ? random.Next(1, 4) : 0; damage > 0 && sent.Length > 0; damage--)
                {
                    // Every other one at the beginning, which decides what the rest means.
                    sent[random.Next(random.Next(2) == 0 ? Math.Min(8, sent.Length) : sent.Length)] = (byte)random.Next(256);
                }

                using var response = await host.PostAsync(sent, mediaType, encoding, chunked: random.Next(2) == 0, path)
                    .WaitAsync(TimeSpan.FromSeconds(60));
                Assert.True(
                    response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NoContent or HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge
                    || (response.StatusCode == HttpStatusCode.UnsupportedMediaType && bodies == GenBody.Guess),
                    $"{response.StatusCode} to {path} {encoding} {Convert.ToBase64String(sent)}");
                Interlocked.Increment(ref answered[(int)response.StatusCode]);
            }
        }));

        // All of them happen, or the bodies prove little.
        Assert.InRange(answered[200], count / 50, count);
        Assert.InRange(answered[204], count / 20, count);
        Assert.InRange(answered[400], count / 20, count);
    }
}
