using System.Net;
using System.Text;
using K4os.Compression.LZ4.Streams;
using K4os.Hash.xxHash;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Formats.Metrics;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;
using ZstdSharp;
using ZstdSharp.Unsafe;

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

    static readonly string[] Names = ["gzip", "deflate", "br", "zstd", "snappy", "lz4", "x-gzip", "zlib", "x-snappy-framed"];

    public static TheoryData<string> Encodings { get; } = [.. Names];

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
        for (var i = 0; i < 40; i++)
        {
            // The beginning decides what the rest means; a flip anywhere else may only make another name or value of it.
            var corrupt = whole.ToArray();
            corrupt[random.Next(i < 20 ? 2 : whole.Length)] ^= (byte)(1 << random.Next(8));
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
        // Within the limit as sent, far beyond it after decompression; Snappy reaches a twentieth at best. What is no JSON would be a 400 sooner.
        var bomb = Bodies.Compress(encoding, [.. Enumerable.Repeat((byte)'\n', (encoding.Contains("snappy", StringComparison.Ordinal) ? 10 : 200) * MaxBodyBytes)]);
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
        using var turn = new ReadingTurn(CancellationToken.None);
        await using var body = new BodyStream(endless, MaxBodyBytes, isDecoded: true, hash: null);
        await Assert.ThrowsAsync<BodyException>(() => PieceReader.ReadAsync(body, 0, new NdjsonFormat(), intake, turn, CancellationToken.None));
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
    [InlineData("24907B226D65747269635F6E616D65223A2261222C226D65747269635F76616C7565223A317D0A", HttpStatusCode.BadRequest)]
    [InlineData("FF060000734E61507059", HttpStatusCode.BadRequest)]
    public async Task A_snappy_block_that_lies_of_its_length_is_refused(string block, HttpStatusCode status)
    {
        using var response = await host.PostAsync(Convert.FromHexString(block), Bodies.Ndjson, "snappy");
        Assert.Equal(status, response.StatusCode);
    }

    // A block, and a chunk of one in frames.
    [Theory]
    [InlineData("808080800400" + "61")]
    [InlineData("FF060000734E61507059" + "000B0000" + "00000000" + "808080800400" + "61")]
    public async Task A_snappy_block_that_lies_of_its_length_costs_no_memory(string block)
    {
        // Of a gigabyte, which the limit allows, only the length is there.
        const int Gigabyte = 1 << 30;
        var before = GC.GetAllocatedBytesForCurrentThread();
        await using var body = new SnappyBody(new MemoryStream(Convert.FromHexString(block)), Gigabyte, room: null);
        var e = await Assert.ThrowsAsync<BodyException>(async () => await body.ReadExactlyAsync(new byte[1]));
        Assert.Equal(BodyFault.Corrupt, e.Fault);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Theory]
    [InlineData("gzip", true)]
    [InlineData("zstd", true)]
    [InlineData("lz4", true)]
    [InlineData("x-snappy-framed", true)]
    [InlineData("deflate", false)]
    [InlineData("br", false)]
    [InlineData("snappy", false)]
    public async Task Several_streams_are_one_body_where_their_format_says_so(string encoding, bool isOne)
    {
        byte[] body = [.. Bodies.Compress(encoding, Lines($"streams {encoding}", 10)), .. Bodies.Compress(encoding, Lines($"streams {encoding}", 20))];
        using var response = await host.PostAsync(body, Bodies.Ndjson, encoding);
        Assert.Equal(isOne ? HttpStatusCode.OK : HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(isOne ? "30" : "send nothing behind", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(isOne ? "30" : "0", await CountAsync($"streams {encoding}"));
    }

    // A header alone, and a whole stream.
    [Theory]
    [InlineData("deflate", "78BB00000000")]
    [InlineData("zlib", "78F9787009A5AB56CA45C8285929252AE92821CB2B5919D60200EA530C7B")]
    public async Task A_zlib_stream_with_a_dictionary_is_told_what_to_do(string encoding, string body)
    {
        using var response = await host.PostAsync(Convert.FromHexString(body), Bodies.Json, encoding);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("without one", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
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
        foreach (var path in new[] { "/api/metrics", "/write", "/api/v2/write", "/api/v3/write_lp", "/api/v1/write", "/v1/metrics" })
        {
            var mediaType = path.EndsWith("v1/write", StringComparison.Ordinal) || path == "/v1/metrics" ? "application/x-protobuf" : Bodies.Json;
            using var response = await host.PostAsync(Lines("encodings", 1), mediaType, encoding, path: path);
            Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
            Assert.Contains($"{string.Join(", ", Names)};", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.Equal(string.Join(", ", Names), Assert.Single(response.Headers.NonValidated["Accept-Encoding"]));
        }
    }

    [Theory]
    [InlineData("gzip,", "gzip")]
    [InlineData(", gzip", "gzip")]
    [InlineData("identity, GZIP ,,", "gzip")]
    [InlineData("", null)]
    [InlineData(" , ", null)]
    [InlineData("identity,", null)]
    public async Task Empty_elements_of_the_list_and_identity_mean_nothing(string header, string? encoding)
    {
        var body = Encoding.UTF8.GetBytes("""{"metric_name": "list", "metric_value": 1}""");
        using var response = await host.PostAsync(encoding is null ? body : Bodies.Compress(encoding, body), Bodies.Json, header);
        Assert.Equal("""{"message":"ok"}""", await response.Content.ReadAsStringAsync());
    }

    // Compressed with a window of 16 MiB, and with a dictionary.
    [Theory]
    [InlineData(23, false, HttpStatusCode.OK, "")]
    [InlineData(24, false, HttpStatusCode.BadRequest, "window log of at most 23")]
    [InlineData(22, true, HttpStatusCode.BadRequest, "without one")]
    public async Task A_zstd_frame_that_asks_for_too_much_is_told_what_to_do(int windowLog, bool hasDictionary, HttpStatusCode status, string advice)
    {
        using var compressor = new Compressor();
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_windowLog, windowLog);
        if (hasDictionary)
        {
            compressor.LoadDictionary(DictBuilder.TrainFromBuffer(Enumerable.Range(0, 1000).Select(i => Lines($"dictionary {i}", 3))));
        }

        var compressed = new MemoryStream();
        await using (var encoder = new CompressionStream(compressed, compressor))
        {
            await encoder.WriteAsync(Lines("zstd", 3));
        }

        using var response = await host.PostAsync(compressed.ToArray(), Bodies.Ndjson, "zstd");
        Assert.Equal(status, response.StatusCode);
        Assert.Contains(advice, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Framed_snappy_is_read_where_a_block_is_declared()
    {
        // Of several chunks, one to be skipped, the beginning once more, and a byte that nothing compresses.
        byte[] body = [.. Bodies.Compress("x-snappy-framed", Lines("framed", 5000)), 0xFE, 2, 0, 0, 1, 2, .. Bodies.Compress("x-snappy-framed", "\n"u8)];
        using var response = await host.PostAsync(body, Bodies.Ndjson, "snappy");
        Assert.Equal("""{"message":"ok","accepted":5000}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Nothing_is_lost_behind_a_chunk_of_snappy_that_is_to_be_skipped()
    {
        for (var length = 0; length < 20; length++)
        {
            byte[] body =
            [
                .. Bodies.Compress("x-snappy-framed", Lines($"skipped {length}", 1)),
                0xFD, (byte)length, 0, 0, .. new byte[length],
                .. Bodies.Compress("x-snappy-framed", Lines($"skipped {length}", 2)),
            ];
            using var response = await host.PostAsync(body, Bodies.Ndjson, "x-snappy-framed");
            Assert.Equal("""{"message":"ok","accepted":3}""", await response.Content.ReadAsStringAsync());
        }
    }

    // Behind whole chunks: half a header, a chunk that is cut off, too short for a checksum, of an unknown kind, with a wrong checksum, of over 64 KiB.
    [Theory]
    [InlineData("01")]
    [InlineData("010800000000")]
    [InlineData("01030000000000")]
    [InlineData("00030000000000")]
    [InlineData("00040000" + "00000000")]
    [InlineData("02050000" + "00000000" + "0A")]
    [InlineData("01050000" + "00000000" + "0A")]
    [InlineData("000B0000" + "00000000" + "818004" + "000A0A0A")]
    public async Task Framed_snappy_that_is_corrupt_is_a_400(string chunks)
    {
        byte[] body = [.. Bodies.Compress("x-snappy-framed", Lines("corrupt frames", 1)), .. Convert.FromHexString(chunks)];
        using var response = await host.PostAsync(body, Bodies.Ndjson, "snappy");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("Content-Encoding", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    public static TheoryData<bool, int, bool> Frames { get; } =
        new MatrixTheoryData<bool, int, bool>([false, true], [64 * 1024, 1024 * 1024, 4 * 1024 * 1024], [false, true]);

    [Theory]
    [MemberData(nameof(Frames))]
    public async Task Every_kind_of_LZ4_frame_is_read(bool isLinked, int blockBytes, bool hasChecksums)
    {
        var name = $"lz4 {isLinked} {blockBytes} {hasChecksums}";
        var body = new MemoryStream();
        foreach (var lines in new[] { Lines(name, 10_000), [], Lines(name, 10) })
        {
            var settings = new LZ4EncoderSettings { ChainBlocks = isLinked, BlockSize = blockBytes, ContentChecksum = hasChecksums, BlockChecksum = hasChecksums };
            await using var frame = LZ4Stream.Encode(body, settings, leaveOpen: true);
            await frame.WriteAsync(lines);
        }

        using var response = await host.PostAsync(body.ToArray(), Bodies.Ndjson, "lz4");
        Assert.Equal("""{"message":"ok","accepted":10010}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_LZ4_frame_that_is_to_be_skipped_is_skipped()
    {
        byte[] body = [0x5F, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3, .. Bodies.Compress("lz4", Lines("lz4 skipped", 2))];
        using var response = await host.PostAsync(body, Bodies.Ndjson, "lz4");
        Assert.Equal("""{"message":"ok","accepted":2}""", await response.Content.ReadAsStringAsync());
    }

    // A frame of one block that is not compressed: flags, what it says of its length, and the checksums of the block and of all, or none.
    [Theory]
    [InlineData(0x7C, 0, 0, 0, HttpStatusCode.OK)]
    [InlineData(0x7C, 1, 0, 0, HttpStatusCode.BadRequest)]
    [InlineData(0x7C, 0, 1, 0, HttpStatusCode.BadRequest)]
    [InlineData(0x7C, 0, 0, 1, HttpStatusCode.BadRequest)]
    [InlineData(0x7E, 0, 0, 0, HttpStatusCode.BadRequest)]
    [InlineData(0xFC, 0, 0, 0, HttpStatusCode.BadRequest)]
    public async Task What_an_LZ4_frame_says_of_itself_has_to_be_true(byte flags, byte offLength, uint offBlockSum, uint offSum, HttpStatusCode status)
    {
        var lines = Lines("lz4 sums", 1);
        byte[] head = [flags, 0x40, .. BitConverter.GetBytes((long)lines.Length + offLength)];
        byte[] body =
        [
            4, 0x22, 0x4D, 0x18, .. head, (byte)(XXH32.DigestOf(head, 0, head.Length) >> 8),
            .. BitConverter.GetBytes((uint)lines.Length | 0x80000000), .. lines, .. BitConverter.GetBytes(XXH32.DigestOf(lines, 0, lines.Length) + offBlockSum),
            0, 0, 0, 0, .. BitConverter.GetBytes(XXH32.DigestOf(lines, 0, lines.Length) + offSum),
        ];
        using var response = await host.PostAsync(body, Bodies.Ndjson, "lz4");
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task An_LZ4_frame_with_a_dictionary_is_told_what_to_do()
    {
        byte[] head = [0x61, 0x40, 1, 0, 0, 0];
        byte[] body = [4, 0x22, 0x4D, 0x18, .. head, (byte)(XXH32.DigestOf(head, 0, head.Length) >> 8), 0, 0, 0, 0];
        using var response = await host.PostAsync(body, Bodies.Ndjson, "lz4");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("without one", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10, 20)]
    [InlineData(10_000, 1)]
    public async Task An_LZ4_frame_takes_memory_for_what_can_be_in_it_and_not_for_what_it_announces(int lines, int readAtOnce)
    {
        const int LargestBlock = 4 * 1024 * 1024;
        var frame = new MemoryStream();
        await using (var encoder = LZ4Stream.Encode(frame, new LZ4EncoderSettings { BlockSize = LargestBlock }, leaveOpen: true))
        {
            await encoder.WriteAsync(Lines("memory", lines));
        }

        var memory = new MemoryBudget(LargestBlock);
        for (var i = 1; i <= readAtOnce; i++)
        {
            await ReadAsync();
        }

        if (readAtOnce == 1)
        {
            using var other = memory.Open();
            other.Take(LargestBlock / 2);
            await Assert.ThrowsAsync<NoRoomException>(ReadAsync);
        }

        async Task ReadAsync()
        {
            await using var body = new Lz4Body(new MemoryStream(frame.ToArray()), memory.Open());
            await body.ReadExactlyAsync(new byte[100]);
        }
    }

    static byte[] Lines(string name, int count) => Encoding.UTF8.GetBytes(string.Concat(
        Enumerable.Range(0, count).Select(i => $"{{\"metric_name\": \"{name}\", \"metric_value\": {i}}}\n")));

    Task<string> CountAsync(string name) => host.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{name}'");
}
