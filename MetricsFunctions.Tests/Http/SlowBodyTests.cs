using System.Diagnostics;
using System.Net;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Tests.Abuse;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace MetricsFunctions.Tests.Http;

/// <summary>A sender is waited for so long and no longer, and what the service itself takes never counts against it.</summary>
public sealed class SlowBodyTests(SlowBodyTests.Timed host) : IClassFixture<SlowBodyTests.Timed>
{
    const string Sample = """{"metric_name": "slow", "metric_value": 1}""";

    static readonly TimeSpan BodyTimeout = TimeSpan.FromSeconds(30);
    static readonly TimeSpan LongestPause = BodyTimeout * 2 / 3;
    static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(300);

    // The time goes on in steps, while the service does what it does in no time.
    static readonly TimeSpan Step = TimeSpan.FromSeconds(0.5);

    /// <summary>A host whose time is the test's.</summary>
    public sealed class Timed : IngestionHost
    {
        public FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:BodyTimeout"] = $"{BodyTimeout}",
            ["Ingestion:WriteTimeout"] = $"{WriteTimeout}",
        };

        protected override void Configure(IServiceCollection services) => services.AddSingleton<TimeProvider>(Time);
    }

    [Fact]
    public async Task A_body_that_trickles_is_stored_when_it_is_here_in_time()
    {
        using var connection = await BeginAsync(Sample.Length);
        foreach (var piece in Sample.Chunk(4))
        {
            host.Time.Advance(2 * Step);
            await connection.TrySendAsync(Encoding.ASCII.GetBytes(piece), CancellationToken.None);
        }

        Assert.Equal(200, await connection.AnswerAsync());
    }

    // For longer than the 5 s after which the server by itself wants 240 bytes a second; its time goes on as ours does.
    [Fact]
    public async Task The_server_s_own_clock_cuts_no_body_off()
    {
        using var connection = await BeginAsync(Sample.Length);
        await connection.TrySendAsync(Encoding.ASCII.GetBytes(Sample[..4]), CancellationToken.None);
        var watch = Stopwatch.StartNew();
        await Wait.UntilAsync(() => Task.FromResult(connection.IsAnswered || watch.Elapsed > TimeSpan.FromSeconds(7)));
        await connection.TrySendAsync(Encoding.ASCII.GetBytes(Sample[4..]), CancellationToken.None);
        Assert.Equal(200, await connection.AnswerAsync());
    }

    [Fact]
    public async Task A_sender_that_stops_is_a_408()
    {
        using var connection = await BeginAsync(Sample.Length);
        var waited = await AdvanceUntilAnsweredAsync(connection, () => Task.CompletedTask);
        await AssertTooSlowAsync(connection);
        Assert.InRange(waited, LongestPause, BodyTimeout - Step);
    }

    [Fact]
    public async Task A_body_that_trickles_without_end_is_a_408()
    {
        using var connection = await BeginAsync(100_000);
        var waited = await AdvanceUntilAnsweredAsync(connection, () => connection.TrySendAsync(" "u8.ToArray(), CancellationToken.None));
        await AssertTooSlowAsync(connection);
        Assert.InRange(waited, BodyTimeout, 2 * BodyTimeout);
    }

    [Theory]
    [InlineData(Bodies.Json)]
    [InlineData(Bodies.Ndjson)]
    public async Task A_body_that_waits_for_its_turn_is_the_service_s_own_slowness(string mediaType)
    {
        var body = Encoding.ASCII.GetBytes(Sample.PadRight(2 * PieceReader.PieceBytes, mediaType == Bodies.Json ? ' ' : '\n'));
        using var turns = new Turns();
        var answer = host.PostAsync(body, mediaType);
        await Wait.UntilAsync(() =>
        {
            host.Time.Advance(10 * Step);
            return Task.FromResult(answer.IsCompleted);
        });
        using var response = await answer;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Contains("within 300 s (Ingestion:WriteTimeout)", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    // Answers how long the service's clock went on.
    async Task<TimeSpan> AdvanceUntilAnsweredAsync(RawConnection connection, Func<Task> eachStepAsync)
    {
        var begin = host.Time.GetTimestamp();
        await Wait.UntilAsync(async () =>
        {
            host.Time.Advance(Step);
            await eachStepAsync();
            return connection.IsAnswered;
        });
        return host.Time.GetElapsedTime(begin);
    }

    async Task<RawConnection> BeginAsync(int length)
    {
        var connection = await RawConnection.OpenAsync(IPEndPoint.Parse(host.Http.BaseAddress!.Authority));
        await connection.TrySendAsync(RawConnection.Head($"Content-Length: {length}\r\n"), CancellationToken.None);
        return connection;
    }

    static async Task AssertTooSlowAsync(RawConnection connection)
    {
        Assert.Equal(408, await connection.AnswerAsync());
        Assert.Contains("30 s in all, and 20 s at a stretch (Ingestion:BodyTimeout)", connection.Answer, StringComparison.Ordinal);
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
