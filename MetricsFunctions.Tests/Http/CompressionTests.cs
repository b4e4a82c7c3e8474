using System.Net;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Json;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Tests.Http;

public sealed class CompressionTests(CompressionTests.SmallLimits host) : IClassFixture<CompressionTests.SmallLimits>
{
    const int MaxBodyBytes = 1024 * 1024;

    public sealed class SmallLimits : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxBodyBytes"] = $"{MaxBodyBytes}",
        };
    }

    public static TheoryData<string> Encodings { get; } = ["gzip", "deflate", "br", "zstd", "snappy"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_compressed_body_is_read(string encoding)
    {
        foreach (var chunked in new[] { false, true })
        {
            var one = Encoding.UTF8.GetBytes($$"""{"metric_name": "one {{encoding}}", "metric_value": 1}""");
            using var response = await host.PostAsync(Bodies.Compress(encoding, one), Bodies.Json, encoding, chunked);
            Assert.Equal("""{"message":"ok"}""", await response.Content.ReadAsStringAsync());

            using var many = await host.PostAsync(Bodies.Compress(encoding, Lines($"many {encoding}", 15_000)), Bodies.Ndjson, encoding.ToUpperInvariant(), chunked);
            Assert.Equal("""{"message":"ok","accepted":15000}""", await many.Content.ReadAsStringAsync());
        }

        Assert.Equal("2", await CountAsync($"one {encoding}"));
        Assert.Equal("30000", await CountAsync($"many {encoding}"));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_compressed_body_that_is_cut_off_is_a_400_wherever_the_cut_is(string encoding)
    {
        // Cut behind a whole line, so that what is left decodes to good NDJSON.
        var whole = Bodies.Compress(encoding, Lines($"cut {encoding}", 1000));
        foreach (var length in Enumerable.Range(0, 16).Select(i => whole.Length * i / 16).Append(whole.Length - 1))
        {
            using var response = await host.PostAsync(whole[..length], Bodies.Ndjson, encoding);
            Assert.True(HttpStatusCode.BadRequest == response.StatusCode, $"{length} of {whole.Length} bytes: {response.StatusCode}");
        }

        Assert.Equal("0", await CountAsync($"cut {encoding}"));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_corrupt_compressed_body_is_a_400(string encoding)
    {
        var random = new Random(1);
        var whole = Bodies.Compress(encoding, Lines($"corrupt {encoding}", 1000));
        for (var i = 0; i < 20; i++)
        {
            // The beginning decides what the rest means; a flip anywhere else may only make another name or value of it.
            var corrupt = whole.ToArray();
            corrupt[random.Next(2)] ^= (byte)(1 << random.Next(8));
            using var response = await host.PostAsync(corrupt, Bodies.Ndjson, encoding);
            Assert.True(response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.OK, $"{response.StatusCode}");
        }

        using var plain = await host.PostAsync(Lines($"corrupt {encoding}", 10), Bodies.Ndjson, encoding);
        Assert.Equal(HttpStatusCode.BadRequest, plain.StatusCode);
        Assert.Contains("Content-Encoding", await plain.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_compression_bomb_is_a_413(string encoding)
    {
        // Within the limit as sent, far beyond it after decompression; snappy reaches a twentieth at best. What is no JSON would be a 400 sooner.
        var bomb = Bodies.Compress(encoding, [.. Enumerable.Repeat((byte)'\n', (encoding == "snappy" ? 10 : 200) * MaxBodyBytes)]);
        Assert.InRange(bomb.Length, 1, MaxBodyBytes);
        foreach (var mediaType in new[] { Bodies.Json, Bodies.Ndjson })
        {
            using var response = await host.PostAsync(bomb, mediaType, encoding);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        }
    }

    [Fact]
    public async Task Nothing_is_decompressed_beyond_the_limit()
    {
        var endless = new EndlessStream();
        var intake = new SampleIntake();
        await using var body = new BodyStream(endless, MaxBodyBytes, isDecoded: true, hash: null, new BodyBudget(MaxBodyBytes).Open());
        await Assert.ThrowsAsync<BodyException>(() => PieceReader.ReadAsync(body, 0, new NdjsonFormat(), intake, CancellationToken.None));
        Assert.InRange(endless.Read, MaxBodyBytes, MaxBodyBytes + 2 * PieceReader.PieceBytes);
    }

    sealed class EndlessStream : MemoryStream
    {
        public new long Read { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            buffer.Span.Fill((byte)'\n');
            Read += buffer.Length;
            return ValueTask.FromResult(buffer.Length);
        }
    }

    [Fact]
    public async Task The_limit_is_met_to_the_byte_after_decompression()
    {
        foreach (var (bytes, status) in new[] { (MaxBodyBytes, HttpStatusCode.OK), (MaxBodyBytes + 1, HttpStatusCode.RequestEntityTooLarge) })
        {
            var body = Encoding.UTF8.GetBytes("""{"metric_name": "limit", "metric_value": 1}""".PadRight(bytes));
            using var compressed = await host.PostAsync(Bodies.Compress("gzip", body), Bodies.Json, "gzip");
            Assert.Equal(status, compressed.StatusCode);
            using var plain = await host.PostAsync(body, Bodies.Json, chunked: true);
            Assert.Equal(status, plain.StatusCode);
        }
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadRequest)]
    [InlineData("00", HttpStatusCode.BadRequest)]
    [InlineData("FFFFFFFF0F", HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("FFFFFFFFFFFFFFFFFF01", HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("FFFFFFFFFFFFFFFFFFFF01", HttpStatusCode.BadRequest)]
    [InlineData("80804000", HttpStatusCode.BadRequest)]
    [InlineData("8080400061", HttpStatusCode.BadRequest)]
    [InlineData("02047B7D7D", HttpStatusCode.BadRequest)]
    [InlineData("010061FE0100", HttpStatusCode.BadRequest)]
    [InlineData("FF060000734E61507059", HttpStatusCode.BadRequest)]
    public async Task A_snappy_block_that_lies_of_its_length_is_refused(string block, HttpStatusCode status)
    {
        using var response = await host.PostAsync(Convert.FromHexString(block), Bodies.Ndjson, "snappy");
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task A_snappy_block_that_lies_of_its_length_costs_no_memory()
    {
        // Of a gigabyte, which the limit allows, only the length is there.
        const int Gigabyte = 1 << 30;
        var before = GC.GetAllocatedBytesForCurrentThread();
        await using var body = new SnappyBlockStream(new MemoryStream([0x80, 0x80, 0x80, 0x80, 4, 0, (byte)'a']), Gigabyte, new BodyBudget(2L * Gigabyte).Open());
        var e = await Assert.ThrowsAsync<BodyException>(async () => await body.ReadExactlyAsync(new byte[1]));
        Assert.Equal(BodyFault.Corrupt, e.Fault);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public async Task Gzip_of_several_members_is_one_body()
    {
        byte[] body = [.. Bodies.Compress("gzip", Lines("members", 10)), .. Bodies.Compress("gzip", Lines("members", 20))];
        using var response = await host.PostAsync(body, Bodies.Ndjson, "gzip");
        Assert.Equal("""{"message":"ok","accepted":30}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_body_without_end_that_decompresses_to_nothing_is_a_413()
    {
        byte[] empty = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var body = Enumerable.Repeat(empty, 2 * MaxBodyBytes / empty.Length).SelectMany(member => member).ToArray();
        using var response = await host.PostAsync(body, Bodies.Ndjson, "gzip", chunked: true);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Theory]
    [InlineData("compress")]
    [InlineData("gzip, br")]
    [InlineData("*")]
    public async Task An_encoding_that_is_not_supported_is_a_415_that_names_those_that_are(string encoding)
    {
        using var response = await host.PostAsync(Lines("encodings", 1), Bodies.Ndjson, encoding);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Contains("gzip, deflate, br, zstd, snappy;", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    static byte[] Lines(string name, int count) => Encoding.UTF8.GetBytes(string.Concat(
        Enumerable.Range(0, count).Select(i => $"{{\"metric_name\": \"{name}\", \"metric_value\": {i}}}\n")));

    Task<string> CountAsync(string name) => host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}'");
}
