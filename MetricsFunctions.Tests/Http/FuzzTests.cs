using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using CsCheck;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Tests.Faults;
using MetricsFunctions.Tests.Formats;
using MetricsFunctions.Tests.Formats.Metrics;
using MetricsFunctions.Tests.Http.Encodings;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Http;

/// <summary>
/// Bodies of every protocol in every encoding, with faults in every field of either: each is answered as plain readers say, on a connection that goes
/// on, and never with a 500. Ten million of them:
/// <c>TMPDIR=/dev/shm FUZZ_BODIES=10000000 dotnet test MetricsFunctions.Tests -c Release --filter "FullyQualifiedName~FuzzTests" --logger "console;verbosity=detailed"</c>.
/// </summary>
public sealed class FuzzTests(FuzzTests.Host host, ITestOutputHelper output) : IClassFixture<FuzzTests.Host>
{
    const int Senders = 32;
    const int MostFailures = 20;

    // To make a body and to judge it takes longer than to send it.
    const int TimesTwisted = 4;
    const int TimesSent = 4;

    static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    static readonly (string?[] Names, Func<byte[], Random, byte[]> Write, Func<byte[], Decoded> Read)[] Encodings =
    [
        ([null, "identity", "", "identity, IDENTITY"], (body, _) => body, sent => new Decoded(sent)),
        (["gzip", "x-gzip", "GZip", "identity, gzip", ",gzip,"], GzipStreams.Write, GzipStreams.Read),
        (["deflate", "zlib"], ZlibStreams.Write, ZlibStreams.Read),
        (["br"], BrotliStreams.Write, BrotliStreams.Read),
        (["zstd"], ZstdStreams.Write, ZstdStreams.Read),
        (["snappy"], SnappyStreams.Write, SnappyStreams.Read),
        (["x-snappy-framed", "snappy"], SnappyStreams.WriteFramed, SnappyStreams.Read),
        (["lz4"], Lz4Streams.Write, Lz4Streams.Read),
    ];

    static readonly string[] UnknownEncodings = ["bogus", "gzip, gzip", "gzip, br", "*", "gzip;q=1", "snappy-framed"];
    static readonly string[] UnknownMediaTypes = ["application/xml", "no media type", "application/jsonx", "text/html; charset=utf-8", "application/*", ";"];
    static readonly string[] UnknownPrecisions = ["x", "day&x=", "M", "0", "%00"];

    readonly ConcurrentQueue<string> _failures = new();
    readonly ConcurrentDictionary<(string Protocol, int Status), int> _answers = new();
    int _connections;
    int _closed;
    long _longest;

    /// <summary>A host at the time of the generated samples.</summary>
    public sealed class Host : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxSampleAge"] = "365",
            ["Ingestion:SingleInstance"] = "true",
            ["Ingestion:WriteTimeout"] = "00:00:50",
        };

        protected override void Configure(IServiceCollection services)
        {
            services.AddSingleton<TimeProvider>(new At(GenBody.Now));
            if (Fuzz.IsLong)
            {
                // ClickHouse would be most of the time.
                services.AddSingleton<ISampleStore, StoreOfAnything>();
            }
        }

        sealed class At(DateTimeOffset now) : TimeProvider
        {
            public override DateTimeOffset GetUtcNow() => now;
        }

        sealed class StoreOfAnything : ISampleStore
        {
            public Task InsertAsync(ReadOnlySequence<byte> rows, string token, CancellationToken cancellationToken) => Task.CompletedTask;

            public Task<bool> HasAsync(RowMark mark, string token, CancellationToken cancellationToken) => Task.FromResult(true);

            public Task ProbeAsync(CancellationToken cancellationToken) => Task.CompletedTask;

            public Task WaitForOthersAsync(CancellationToken cancellationToken) => Task.CompletedTask;

            public Task ReadRequestIdsAsync(DateTimeOffset since, Action<UInt128> tell, CancellationToken cancellationToken) => Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Whatever_is_sent_is_answered_as_plain_readers_say()
    {
        var count = Fuzz.Bodies(3_000);
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(() => SendAsync(sender, count / Senders))));

        output.WriteLine($"{count} bodies in {watch.Elapsed.TotalSeconds:0} s, {count / watch.Elapsed.TotalSeconds:0} a second; the longest took {Stopwatch.GetElapsedTime(0, _longest).TotalSeconds:0.0} s");
        output.WriteLine($"{_connections} connections, {_closed} of them closed by the service; at most {ResidentMemory.PeakMegabytes(Environment.ProcessId)} MB for service and senders in one process");
        foreach (var protocol in _answers.GroupBy(answer => answer.Key.Protocol).OrderBy(protocol => protocol.Key))
        {
            output.WriteLine($"{protocol.Key}: {string.Join(", ", protocol.OrderBy(answer => answer.Key.Status).Select(answer => $"{answer.Value} × {answer.Key.Status}"))}");
        }

        Assert.True(_failures.IsEmpty, string.Join('\n', _failures));

        // Whatever a body is, the next request goes over the same connection, unless the answer says that it is closed.
        Assert.InRange(_connections, 1, Senders + _closed);

        // Good and bad ones of every protocol, or the bodies prove little.
        foreach (var protocol in FuzzedProtocol.All)
        {
            int[] statuses = [.. _answers.Where(answer => answer.Key.Protocol == protocol.Name).Select(answer => answer.Key.Status)];
            Assert.Contains(statuses, status => status is 200 or 204);
            Assert.Contains(400, statuses);
        }
    }

    async Task SendAsync(int sender, int count)
    {
        using var handler = new SocketsHttpHandler
        {
            MaxConnectionsPerServer = 1,
            ConnectCallback = async (context, cancellationToken) =>
            {
                Interlocked.Increment(ref _connections);
                var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
            },
        };
        using var http = new HttpClient(handler) { BaseAddress = host.Http.BaseAddress, Timeout = Longest };
        var random = new Random(sender);
        for (var sent = 0; sent < count && _failures.Count < MostFailures;)
        {
            var protocol = FuzzedProtocol.All[random.Next(FuzzedProtocol.All.Count)];
            var body = protocol.Bodies.Generate(new PCG((uint)sender, (ulong)sent), null, out _);
            for (var twists = 0; twists < TimesTwisted; twists++)
            {
                var twisted = random.OneIn(2) ? protocol.Twist(body, random) : body;
                var verdict = protocol.Judge(twisted);
                for (var times = 0; times < TimesSent; times++, sent++)
                {
                    await SendAsync(http, protocol, twisted, verdict, random);
                }
            }
        }
    }

    async Task SendAsync(HttpClient http, FuzzedProtocol protocol, byte[] body, Verdict verdict, Random random)
    {
        var (names, write, decode) = Encodings[random.Next(Encodings.Length)];
        var sent = write(body, random);
        sent = random.OneIn(20) ? random.Damage([.. sent]) : sent;
        var isSnappy = protocol.MayBeSnappy && names[0] is null;
        var (decoded, isDoubtful) = isSnappy ? SnappyStreams.Read(sent) : decode(sent);
        verdict = isDoubtful ? Verdict.Doubtful
            : (decoded ?? (isSnappy ? sent : null)) is not { } read ? Verdict.Corrupt
            : read.AsSpan().SequenceEqual(body) ? verdict
            : protocol.Judge(read);
        if (isSnappy && decoded is null)
        {
            // As a block of Snappy, which it may be as well, it can be too large.
            verdict = verdict with { Statuses = [.. verdict.Statuses, 413] };
        }

        var encoding = names[random.Next(names.Length)];
        var mediaType = protocol.MediaTypes[random.Next(protocol.MediaTypes.Length)];
        var path = protocol.Paths[random.Next(protocol.Paths.Length)];
        if (random.OneIn(50))
        {
            (encoding, verdict) = (UnknownEncodings[random.Next(UnknownEncodings.Length)], Verdict.Unsupported);
        }

        if (random.OneIn(50) && path.Contains("precision=", StringComparison.Ordinal) && path.Contains("write", StringComparison.Ordinal))
        {
            (path, verdict) = (path.Replace("precision=", $"precision={UnknownPrecisions[random.Next(UnknownPrecisions.Length)]}", StringComparison.Ordinal), Verdict.Refused);
        }
        else if (random.OneIn(50) && !protocol.Name.StartsWith("line", StringComparison.Ordinal))
        {
            (mediaType, verdict) = (UnknownMediaTypes[random.Next(UnknownMediaTypes.Length)], Verdict.Unsupported);
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(sent) };
        request.Headers.TransferEncodingChunked = random.OneIn(2);
        if (mediaType is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        }

        if (encoding is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        }

        var begin = Stopwatch.GetTimestamp();
        string failure;
        try
        {
            using var response = await http.SendAsync(request);
            var status = (int)response.StatusCode;
            var text = await response.Content.ReadAsStringAsync();
            InterlockedMax(ref _longest, Stopwatch.GetTimestamp() - begin);
            _answers.AddOrUpdate((protocol.Name, status), 1, (_, answers) => answers + 1);
            if (response.Headers.ConnectionClose is true)
            {
                Interlocked.Increment(ref _closed);
            }

            var isCounted = verdict.Accepted is { } accepted && text.Contains("accepted", StringComparison.Ordinal);
            if (verdict.Statuses.Contains(status) && (!isCounted || text == $$"""{"message":"ok","accepted":{{verdict.Accepted}}}"""))
            {
                return;
            }

            failure = $"{status} {text}";
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            failure = e.ToString();
        }

        _failures.Enqueue($"{protocol.Name}: {failure} and not {string.Join(", ", verdict.Statuses)} {verdict.Accepted} to {path} {mediaType} {encoding} {Convert.ToBase64String(sent)}");
    }

    static void InterlockedMax(ref long most, long value)
    {
        for (var before = Interlocked.Read(ref most); value > before; before = Interlocked.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, before);
        }
    }
}
