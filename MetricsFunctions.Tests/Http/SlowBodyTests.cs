using System.Diagnostics;
using System.Net;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Abuse;

namespace MetricsFunctions.Tests.Http;

/// <summary>A sender is waited for so long and no longer, and what the service itself takes never counts against it.</summary>
public sealed class SlowBodyTests(SlowBodyTests.Patient patient, SlowBodyTests.Impatient impatient)
    : IClassFixture<SlowBodyTests.Patient>, IClassFixture<SlowBodyTests.Impatient>
{
    const string Sample = """{"metric_name": "slow", "metric_value": 1}""";

    static readonly TimeSpan BodyTimeout = TimeSpan.FromSeconds(6);
    static readonly TimeSpan LongestPause = BodyTimeout * 2 / 3;
    static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(3);

    // Timers are milliseconds early.
    static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    /// <summary>A host that waits as long as others do.</summary>
    public sealed class Patient : IngestionHost;

    /// <summary>A host that waits less for senders than these may wait for it.</summary>
    public sealed class Impatient : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:BodyTimeout"] = $"{BodyTimeout}",
            ["Ingestion:WriteTimeout"] = $"{WriteTimeout}",
        };
    }

    // Longer than the 5 s after which the server by itself wants 240 bytes a second.
    [Fact]
    public async Task A_body_that_trickles_is_stored_when_it_is_here_in_time()
    {
        using var connection = await BeginAsync(patient, Sample.Length);
        foreach (var piece in Sample.Chunk(4))
        {
            await Task.Delay(TimeSpan.FromSeconds(0.8), TestContext.Current.CancellationToken);
            await connection.TrySendAsync(Encoding.ASCII.GetBytes(piece), CancellationToken.None);
        }

        Assert.Equal(200, await connection.AnswerAsync());
    }

    [Fact]
    public async Task A_sender_that_stops_is_a_408()
    {
        var watch = Stopwatch.StartNew();
        using var connection = await BeginAsync(impatient, Sample.Length);
        await AssertTooSlowAsync(connection);
        Assert.InRange(watch.Elapsed, LongestPause - Tolerance, BodyTimeout);
    }

    [Fact]
    public async Task A_body_that_trickles_without_end_is_a_408()
    {
        var watch = Stopwatch.StartNew();
        using var connection = await BeginAsync(impatient, 100_000);
        while (!connection.IsAnswered)
        {
            await connection.TrySendAsync(" "u8.ToArray(), CancellationToken.None);
            await Task.Delay(TimeSpan.FromSeconds(0.2), TestContext.Current.CancellationToken);
        }

        await AssertTooSlowAsync(connection);
        Assert.InRange(watch.Elapsed, BodyTimeout - Tolerance, 2 * BodyTimeout);
    }

    [Theory]
    [InlineData(Bodies.Json)]
    [InlineData(Bodies.Ndjson)]
    public async Task A_body_that_waits_for_its_turn_is_the_service_s_own_slowness(string mediaType)
    {
        var body = Encoding.ASCII.GetBytes(Sample.PadRight(2 * PieceReader.PieceBytes, mediaType == Bodies.Json ? ' ' : '\n'));
        using var turns = new Turns();
        using var response = await impatient.PostAsync(body, mediaType);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        var answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("within 3 s (Ingestion:WriteTimeout)", answer, StringComparison.Ordinal);
    }

    static async Task<RawConnection> BeginAsync(IngestionHost host, int length)
    {
        var connection = await RawConnection.OpenAsync(IPEndPoint.Parse(host.Http.BaseAddress!.Authority));
        await connection.TrySendAsync(RawConnection.Head($"Content-Length: {length}\r\n"), CancellationToken.None);
        return connection;
    }

    static async Task AssertTooSlowAsync(RawConnection connection)
    {
        Assert.Equal(408, await connection.AnswerAsync());
        Assert.Contains("6 s in all, and 4 s at a stretch (Ingestion:BodyTimeout)", connection.Answer, StringComparison.Ordinal);
    }

    /// <summary>All turns of large bodies, until they are given back.</summary>
    sealed class Turns : SampleFormat, IDisposable
    {
        readonly CountdownEvent _begun = new(PieceReader.Cores);
        readonly ManualResetEventSlim _isOver = new();
        readonly Task[] _held;

        public Turns()
        {
            _held = [.. Enumerable.Range(0, PieceReader.Cores).Select(_ => Task.Run(HoldAsync))];
            Assert.True(_begun.Wait(TimeSpan.FromSeconds(60)));
        }

        public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
        {
            _begun.Signal();
            _isOver.Wait();
            return 0;
        }

        public void Dispose()
        {
            _isOver.Set();
            Task.WaitAll(_held);
            _begun.Dispose();
            _isOver.Dispose();
        }

        async Task HoldAsync() => await PieceReader.ReadInTurnAsync(default, isLast: true, this, new SampleIntake(), CancellationToken.None);
    }
}
