using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Standalone;

namespace MetricsFunctions.Tests.Faults;

/// <summary>SIGTERM under load, as every deployment of a new version brings it.</summary>
public sealed class TerminationTests(ITestOutputHelper output)
{
    const int Senders = 100;

    /// <summary>
    /// Every answer is a 200. After the last one a connection is refused, or it ends before the first byte of an answer: the kernel takes
    /// connections that the server never sees, and a sender may use an idle connection in the moment in which the server closes it. HTTP
    /// has no way to tell it more, so what counts is that such a request was not taken. Nobody sends again here, and exactly the samples
    /// that were answered 200 are stored.
    /// </summary>
    /// <param name="keepAlive">Whether a sender keeps its connection, or has one for each request.</param>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Under_load_a_request_is_answered_200_and_stored_or_not_taken(bool keepAlive)
    {
        // No time-out on a busy machine: it would be a 503, and rightly so.
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"));
        for (var round = 0; round < Rounds.Or(1); round++)
        {
            var acknowledged = new int[Senders];
            var sending = Enumerable.Range(0, Senders).Select(async number =>
            {
                using var sender = new Sender(installation.Service, keepAlive);
                var sample = Sample($"{round}/{number}");
                var answer = new Answer(Ending.Answered, 200);
                while (answer.Status == 200)
                {
                    // With and without a key, because the two wait in different places.
                    answer = await sender.PostAsync(sample, number % 2 == 0 ? $"{Guid.NewGuid()}" : null);
                    acknowledged[number] += answer.Status == 200 ? 1 : 0;
                }

                return answer;
            }).ToList();
            var goal = Senders * Random.Shared.Next(1, 10);
            await Wait.UntilAsync(() => Task.FromResult(acknowledged.Sum() >= goal));

            Assert.Equal(0, await installation.Process.TerminateAsync());

            var last = (await Task.WhenAll(sending)).CountBy(answer => (answer.Ending, answer.Status)).ToDictionary();
            output.WriteLine($"{acknowledged.Sum()} answered 200, then {string.Join(", ", last)}");
            Assert.Subset(new HashSet<(Ending, int)> { (Ending.Refused, 0), (Ending.Unanswered, 0) }, last.Keys.ToHashSet());
            Assert.Equal(
                string.Join('\n', acknowledged.Select((count, number) => $"{number}\t{count}")),
                await installation.QueryAsync($"""
                    SELECT toUInt32(splitByChar('/', tags['sender'])[2]) AS number, count() FROM metrics.samples
                    WHERE startsWith(tags['sender'], '{round}/') GROUP BY number ORDER BY number
                    """));
            await installation.StartServiceAsync();
        }
    }

    [Fact]
    public async Task A_request_that_was_taken_before_is_stored_and_answered_200()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"));
        await using var taken = await TakenRequest.SendAsync(installation.Service, Sample("taken"));
        var terminated = installation.Process.TerminateAsync();
        await Wait.UntilAsync(() => IsRefusedAsync(installation.Service));
        await taken.SendBodyAsync();

        Assert.Equal("HTTP/1.1 200 OK", await taken.StatusLineAsync());
        Assert.Equal(0, await terminated);
        Assert.Equal("1", await installation.QueryAsync("SELECT count() FROM metrics.samples WHERE tags['sender'] = 'taken'"));
    }

    /// <summary>.NET's host would cut it off after its own time-out, by default 30 seconds, and nobody could tell whether it is stored.</summary>
    [Fact]
    public async Task A_request_that_waits_for_ClickHouse_is_answered_also_when_it_takes_longer_than_the_host_waits()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:30"), ("DOTNET_shutdownTimeoutSeconds", "1"));
        await using var taken = await TakenRequest.SendAsync(installation.Service, Sample("waiting"));
        await installation.FreezeClickHouseAsync();
        await taken.SendBodyAsync();
        var terminated = installation.Process.TerminateAsync();
        await Wait.UntilAsync(() => IsRefusedAsync(installation.Service));
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        await installation.ThawClickHouseAsync();

        Assert.Equal("HTTP/1.1 200 OK", await taken.StatusLineAsync());
        Assert.Equal(0, await terminated);
        Assert.Equal("1", await installation.QueryAsync("SELECT count() FROM metrics.samples WHERE tags['sender'] = 'waiting'"));
    }

    /// <summary>A sender that trickles, and a ClickHouse that has got an INSERT with a key and does not answer: the two that take longest.</summary>
    [Fact]
    public async Task It_ends_in_time_whatever_it_waits_for()
    {
        var options = new IngestionOptions { BodyTimeout = TimeSpan.FromSeconds(1), WriteTimeout = TimeSpan.FromSeconds(2) };
        await using var installation = await Installation.StartAsync(
            ("Ingestion__BodyTimeout", $"{options.BodyTimeout}"),
            ("Ingestion__WriteTimeout", $"{options.WriteTimeout}"),
            ("Ingestion__SingleInstance", "true"),
            ("DOTNET_shutdownTimeoutSeconds", "1"));
        using var sender = new Sender(installation.Service);
        Assert.Equal(200, (await sender.PostAsync(Sample("before"), "before")).Status);
        await installation.FreezeClickHouseAsync();
        var waiting = sender.PostAsync(Sample("waiting"), "waiting");
        await using var trickling = await TakenRequest.SendAsync(installation.Service, Sample(new string('s', 4000)));
        var trickle = trickling.TrickleAsync();

        var watch = Stopwatch.StartNew();
        Assert.Equal(0, await installation.Process.TerminateAsync());
        output.WriteLine($"ended after {watch.Elapsed.TotalSeconds:0.0} s");
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, Shutdown.Longest(options));
        Assert.Equal(503, (await waiting).Status);
        await trickle;
    }

    [Fact]
    public void Whatever_stops_it_gives_it_the_time()
    {
        var longest = Shutdown.Longest(new IngestionOptions()).TotalSeconds;
        Assert.InRange(longest, 0, Seconds("docker-compose.yml", @"\n  metrics:\n(?:    .*\n)*?    stop_grace_period: (\d+)s\n"));
        const string Deployment = "deploy/kubernetes/deployment.yaml";
        var pause = Seconds(Deployment, @"preStop:(?:.*\n)*? +seconds: (\d+)\n");
        Assert.InRange(longest + pause, 0, Seconds(Deployment, @"terminationGracePeriodSeconds: (\d+)\n"));
        Assert.Equal(longest, Seconds("docs/deploy.md", @"`docker stop --time`\): (\d+) seconds with the defaults"));

        static int Seconds(string file, string pattern) =>
            int.Parse(Regex.Match(File.ReadAllText(Path.Combine(Repository.Root, file)), pattern).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    /// <summary>A request whose headers the service has certainly read: it asked for the body.</summary>
    sealed class TakenRequest(NetworkStream stream, string sample) : IAsyncDisposable
    {
        readonly StreamReader _answer = new(stream);

        public static async Task<TakenRequest> SendAsync(IPEndPoint service, string sample)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(service);
            var request = new TakenRequest(new NetworkStream(socket, ownsSocket: true), sample);
            await request.SendHeadersAsync();
            return request;
        }

        public ValueTask SendBodyAsync() => stream.WriteAsync(Encoding.ASCII.GetBytes(sample));

        // Just fast enough for the server, until it has enough.
        public async Task TrickleAsync()
        {
            try
            {
                foreach (var piece in sample.Chunk(300))
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(piece));
                    await Task.Delay(TimeSpan.FromSeconds(1));
                }
            }
            catch (IOException)
            {
                // It has.
            }
        }

        public async Task<string?> StatusLineAsync() => await _answer.ReadLineAsync();

        public ValueTask DisposeAsync() => stream.DisposeAsync();

        async Task SendHeadersAsync()
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /api/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {sample.Length}\r\nExpect: 100-continue\r\n\r\n"));
            Assert.Equal("HTTP/1.1 100 Continue", await StatusLineAsync());
            Assert.Equal("", await StatusLineAsync());
        }
    }

    static string Sample(string sender) => $$$"""{"metric_name": "terminated", "metric_value": 1, "tags": {"sender": "{{{sender}}}"}}""";

    static async Task<bool> IsRefusedAsync(IPEndPoint service)
    {
        using var sender = new Sender(service);
        try
        {
            await sender.ConnectAsync();
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
