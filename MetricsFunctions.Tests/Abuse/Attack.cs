using System.Globalization;
using System.Net;
using System.Text;
using MetricsFunctions.Tests.Http;

namespace MetricsFunctions.Tests.Abuse;

/// <summary>A way to misuse the service.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Connections">How many do it at once.</param>
/// <param name="Statuses">How it may be answered; 0 is a connection that is closed without an answer.</param>
/// <param name="RequestAsync">Does it once, and tells how it was answered; <see langword="null"/> when it was told to stop before.</param>
sealed record Attack(string Name, int Connections, int[] Statuses, Func<IPEndPoint, CancellationToken, Task<int?>> RequestAsync)
{
    const int Megabyte = 1024 * 1024;

    // All of the largest are read to their end, whoever is told to stop.
    static readonly int LargeBody = Attacked.IsLong ? 30 : 4;

    static readonly byte[] Blanks = Enumerable.Repeat((byte)0x20, 64 * Megabyte).ToArray();
    static readonly byte[] ManyHeaders = RawConnection.Head([.. Enumerable.Range(0, 2_000).Select(i => $"X-Header-{i}: {new string('x', 200)}\r\n")]);
    static readonly byte[] Deep = WithLength(Encoding.ASCII.GetBytes(new string('[', 10 * Megabyte)));
    static readonly byte[] LongString = WithLength(Encoding.ASCII.GetBytes($$"""{"metric_name": "{{new string('x', 30 * Megabyte)}}"}"""));
    static readonly byte[] ManySamples = WithLength(Encoding.ASCII.GetBytes(
        $"[{string.Join(',', Enumerable.Repeat("""{"metric_name":"abuse","metric_value":1}""", LargeBody * Megabyte / 41))}]"));
    static readonly byte[] GzipBomb = Bodies.Compress("gzip", Blanks);
    static readonly byte[] BrotliBomb = Bodies.Compress("br", Blanks);
    static readonly byte[] ZstdBomb = Bodies.Compress("zstd", Blanks);

    static int _series;

    /// <summary>Every one, by its name.</summary>
    public static IReadOnlyDictionary<string, Attack> All { get; } = new Attack[]
    {
        // A byte a second keeps a connection busy for as long as it is let.
        new("bodies that trickle", 200, [408], TrickleAsync),
        new("connections without a request", 2_000, [0, 408], (service, stop) => WaitAsync(service, [], stop)),
        new("heads that do not end", 500, [0, 408], (service, stop) => WaitAsync(service, "POST /api/metrics HTTP/1.1\r\nHost: service\r\nX-"u8.ToArray(), stop)),
        new("floods of headers", 16, [431, 0], (service, _) => SendAsync(service, ManyHeaders)),
        new("a length that is not kept to", 100, [400, 408], (service, stop) => WaitAsync(service, [.. RawConnection.Head("Content-Length: 1000\r\n"), .. "{"u8], stop)),
        new("a length of 100 GB", 16, [413], (service, _) => SendAsync(service, RawConnection.Head("Content-Length: 100000000000\r\n"))),
        new("chunks that are none", 16, [400], (service, _) => SendAsync(service, [.. RawConnection.Head("Transfer-Encoding: chunked\r\n"), .. "zz\r\n"u8])),
        new("deep JSON", 4, [400], (service, _) => SendAsync(service, Deep)),
        new("30 MB of JSON in one string", 2, [400], (service, _) => SendAsync(service, LongString)),
        new($"{LargeBody} MB of samples in each of 32 bodies", 32, [200, 503], (service, _) => SendAsync(service, ManySamples)),
        new("gzip bombs", 4, [413, 503], (service, _) => SendAsync(service, WithLength(GzipBomb, "Content-Encoding: gzip\r\n"))),
        new("brotli bombs", 4, [413, 503], (service, _) => SendAsync(service, WithLength(BrotliBomb, "Content-Encoding: br\r\n"))),
        new("Zstandard bombs", 4, [413, 503], (service, _) => SendAsync(service, WithLength(ZstdBomb, "Content-Encoding: zstd\r\n"))),
        new("100,000 new series a second", 1, [200], NewSeriesAsync),
    }.ToDictionary(attack => attack.Name);

    /// <summary>The worst body of each protocol, by its name.</summary>
    public static IReadOnlyDictionary<string, Attack> Worst { get; } =
        WorstBody.All.Select(body => OfWorst($"the worst body of {body.Protocol}", 64, body)).ToDictionary(attack => attack.Name);

    /// <summary>The worst bodies of all protocols in turn.</summary>
    public static Attack AllWorst { get; } = OfWorst("all the worst bodies", 1_024, [.. WorstBody.All]);

    // What becomes of one is a matter of what there is room for.
    static Attack OfWorst(string name, int connections, params WorstBody[] bodies)
    {
        var next = 0;
        return new Attack(name, connections, [200, 204, 400, 413, 503], (service, stop) =>
            SendAsync(service, bodies[(uint)Interlocked.Increment(ref next) % bodies.Length].Request(), stop));
    }

    static byte[] WithLength(byte[] body, params string[] headers) =>
        [.. RawConnection.Head([$"Content-Length: {body.Length}\r\n", .. headers]), .. body];

    // Those who are told to stop wait for no answer.
    static async Task<int?> SendAsync(IPEndPoint service, byte[] request, CancellationToken stop = default)
    {
        using var connection = await RawConnection.OpenAsync(service);
        try
        {
            await connection.TrySendAsync(request, stop);
            return await connection.AnswerAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
    }

    static async Task<int?> WaitAsync(IPEndPoint service, byte[] beginning, CancellationToken stop)
    {
        using var connection = await RawConnection.OpenAsync(service);
        await connection.TrySendAsync(beginning, CancellationToken.None);
        while (!connection.IsAnswered)
        {
            if (stop.IsCancellationRequested)
            {
                return null;
            }

            await Task.Delay(200, CancellationToken.None);
        }

        return await connection.AnswerAsync(CancellationToken.None);
    }

    static async Task<int?> TrickleAsync(IPEndPoint service, CancellationToken stop)
    {
        using var connection = await RawConnection.OpenAsync(service);
        await connection.TrySendAsync(RawConnection.Head("Content-Length: 100000\r\n"), CancellationToken.None);
        while (!connection.IsAnswered && await connection.TrySendAsync(" "u8.ToArray(), CancellationToken.None))
        {
            if (stop.IsCancellationRequested)
            {
                return null;
            }

            await Task.Delay(1000, CancellationToken.None);
        }

        return await connection.AnswerAsync(CancellationToken.None);
    }

    // Each sample is a series of its own: in bodies of 10,000, ten a second.
    static async Task<int?> NewSeriesAsync(IPEndPoint service, CancellationToken stop)
    {
        const int Rows = 10_000;
        var first = Interlocked.Add(ref _series, Rows);
        var body = string.Join(',', Enumerable.Range(first, Rows).Select(i => string.Create(
            CultureInfo.InvariantCulture, $$$"""{"metric_name":"abuse","metric_value":1,"tags":{"user":"{{{i}}}"}}""")));
        var pause = Task.Delay(100, CancellationToken.None);
        var status = await SendAsync(service, WithLength(Encoding.ASCII.GetBytes($"[{body}]")), CancellationToken.None);
        await pause;
        return status;
    }
}
