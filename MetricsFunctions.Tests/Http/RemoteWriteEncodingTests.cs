using System.Net;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Tests.Formats.PrometheusRemoteWrite;

namespace MetricsFunctions.Tests.Http;

/// <summary>Remote write from senders that do not say what Prometheus' own receiver does not ask.</summary>
public sealed class RemoteWriteEncodingTests(IngestionHost host) : IClassFixture<IngestionHost>
{
    const string Path = "/api/v1/write";
    const string Version1 = "application/x-protobuf";
    const string Version2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

    static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    public static TheoryData<string?, string?, string?> Ways { get; } = new MatrixTheoryData<string?, string?, string?>(
        [null, "", Version1, Version2], ["snappy", "x-snappy-framed", null], [null, "", "identity"]);

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_body_is_read_without_being_declared(string? mediaType, string? compression, string? declared)
    {
        foreach (var chunked in new[] { false, true })
        {
            var name = $"undeclared_{mediaType}_{compression}_{declared}_{chunked}";
            var series = Series.Of(name, 1, Now, ("host", "a"));
            var message = mediaType == Version2 ? Series.Version2(series) : Series.Version1(series);
            using var response = await host.PostAsync(compression is null ? message : Bodies.Compress(compression, message), mediaType, declared, chunked, Path);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            Assert.Equal(mediaType == Version2, response.Headers.Contains("X-Prometheus-Remote-Write-Samples-Written"));
            Assert.Equal("1", await host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}'"));
        }
    }

    [Fact]
    public async Task The_same_message_is_stored_once_however_it_is_sent()
    {
        var message = Series.Version1(Series.Of("undeclared_once", 1, Now));
        var block = Bodies.Compress("snappy", message);
        foreach (var (body, encoding) in new[] { (message, null), (block, null), (block, "snappy"), (Bodies.Compress("lz4", message), "lz4") })
        {
            using var response = await host.PostAsync(body, null, encoding, path: Path);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }

        Assert.Equal("1", await host.QueryAsync("SELECT count() FROM metrics.samples WHERE metric_name = 'undeclared_once'"));
    }

    // Nothing, text, a block that is cut off, frames that are.
    [Theory]
    [InlineData("", HttpStatusCode.NoContent)]
    [InlineData("68656C6C6F", HttpStatusCode.BadRequest)]
    [InlineData("2DB00A2B0A0F0A085F5F6E61", HttpStatusCode.BadRequest)]
    [InlineData("FF060000734E61507059012B0000F543", HttpStatusCode.BadRequest)]
    [InlineData("FFFFFFFF0F00", HttpStatusCode.RequestEntityTooLarge)]
    public async Task A_body_that_is_nothing_of_all_is_refused(string body, HttpStatusCode status)
    {
        using var response = await host.PostAsync(Convert.FromHexString(body), Version1, path: Path);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Another_path_takes_nothing_for_snappy()
    {
        using var response = await host.PostAsync(Bodies.Compress("snappy", """{"metric_name": "undeclared", "metric_value": 1}"""u8), Bodies.Json);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    // Of every length about those that its first bytes, taken for a block's, announce.
    [Fact]
    public async Task A_message_never_passes_for_a_block_nor_a_block_for_a_message()
    {
        for (var length = 1; length <= 200; length++)
        {
            var series = Series.Of(new string('m', length), length % 3, length % 2 == 0 ? Now : 1);
            foreach (var message in new[] { Series.Version1(series), Series.Version1(series, series), Series.Version2(series), Series.Version2(series, series) })
            {
                foreach (var body in new[] { message, Bodies.Compress("snappy", message) })
                {
                    await using var read = new SnappyBody(new MemoryStream(body), 1 << 20, room: null, mayBePlain: true);
                    var whole = new MemoryStream();
                    await read.CopyToAsync(whole);
                    Assert.Equal(message, whole.ToArray());
                }
            }
        }
    }
}
