using System.Net.Sockets;
using System.Text;
using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.Standalone;

/// <summary>What the web server makes of connections, byte by byte.</summary>
public sealed class ConnectionTests(ConnectionTests.Service service) : IClassFixture<ConnectionTests.Service>
{
    const string Sample = """{"metric_name": "connected", "metric_value": 1}""";
    const string Json = "Content-Type: application/json\r\n";
    const string Key = "Authorization: Bearer the-key\r\n";
    const string Expect = "Expect: 100-continue\r\n";

    static int _number;

    readonly string _name = $"connected_{Interlocked.Increment(ref _number)}";

    /// <summary>The real process, with a key and room for few connections.</summary>
    public sealed class Service : IAsyncLifetime
    {
        public const int MostConnections = 20;

        internal Installation Installation { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Installation = await Installation.StartAsync(
            ("Ingestion__AllowAnonymous", "false"),
            ("Ingestion__ApiKeys__0", "the-key"),
            ("Kestrel__Limits__MaxConcurrentConnections", $"{MostConnections}"),
            ("Kestrel__Limits__KeepAliveTimeout", "00:00:02"));

        public ValueTask DisposeAsync() => Installation.DisposeAsync();
    }

    [Theory]
    [InlineData(401, "POST /api/metrics", Json + "Content-Length: 1000\r\n")]
    [InlineData(404, "POST /api/metric", Json + Key + "Content-Length: 1000\r\n")]
    [InlineData(405, "PUT /api/metrics", Json + Key + "Content-Length: 1000\r\n")]
    [InlineData(413, "POST /api/metrics", Json + Key + "Content-Length: 100000000000\r\n")]
    [InlineData(413, "POST /api/metrics", Json + Key + "Content-Length: 33554433\r\n")]
    [InlineData(415, "POST /api/metrics", "Content-Type: text/html\r\n" + Key + "Transfer-Encoding: chunked\r\n")]
    [InlineData(415, "POST /api/metrics", Json + Key + "Content-Encoding: compress\r\nContent-Length: 1000\r\n")]
    [InlineData(400, "POST /api/metrics", Json + Key + "Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 1000\r\n")]
    public async Task Who_asks_before_sending_is_told_at_once_that_it_need_not(int status, string request, string headers)
    {
        using var connection = await ConnectAsync();
        await SendAsync(connection, $"{request} HTTP/1.1\r\nHost: service\r\n{headers}{Expect}\r\n");
        var answer = await ReadAsync(connection, untilEnd: false);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nConnection: close\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_asks_before_sending_is_told_to_and_then_answered()
    {
        using var connection = await ConnectAsync();
        await SendAsync(connection, Post(headers: Expect, body: "", length: NamedSample.Length));
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", await ReadAsync(connection, untilEnd: false));
        await SendAsync(connection, NamedSample);
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", await ReadAsync(connection, untilEnd: false), StringComparison.Ordinal);
        Assert.Equal("1", await CountAsync());
    }

    [Fact]
    public async Task Who_was_told_to_send_is_told_of_what_is_wrong_with_it()
    {
        using var connection = await ConnectAsync();
        await SendAsync(connection, Post(headers: Expect, body: "", length: 2));
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", await ReadAsync(connection, untilEnd: false));
        await SendAsync(connection, "{}");
        var answer = await ReadAsync(connection, untilEnd: false);
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Connection: close", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(20, 1)]
    [InlineData(3, 50_000)]
    public async Task Who_ends_its_side_of_the_connection_has_its_answers_and_its_samples_stored_once(int requests, int samples)
    {
        var body = samples == 1 ? NamedSample : $"[{string.Join(',', Enumerable.Repeat(NamedSample, samples))}]";
        using var connection = await ConnectAsync();
        await SendAsync(connection, string.Concat(Enumerable.Repeat(Post(headers: "", body), requests)));
        connection.Shutdown(SocketShutdown.Send);
        var answers = await ReadAsync(connection, untilEnd: true);
        Assert.Equal(requests, answers.Split("HTTP/1.1 200 OK\r\n").Length - 1);
        Assert.Equal($"{requests * samples}", await CountAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("POST /api/metrics HTT")]
    [InlineData("POST /api/metrics HTTP/1.1\r\nHost: service\r\n" + Json + Key + "Content-Length: 100\r\n\r\n{")]
    [InlineData("POST /api/metrics HTTP/1.1\r\nHost: service\r\n" + Json + Key + "Transfer-Encoding: chunked\r\n\r\n5\r\n{")]
    public async Task Who_ends_its_side_before_the_request_is_whole_is_not_waited_for(string beginning)
    {
        using var connection = await ConnectAsync();
        await SendAsync(connection, beginning);
        connection.Shutdown(SocketShutdown.Send);
        Assert.DoesNotContain("200 OK", await ReadAsync(connection, untilEnd: true), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_breaks_off_is_no_defect_of_the_service()
    {
        for (var i = 0; i < 200; i++)
        {
            using var connection = await ConnectAsync();
            await SendAsync(connection, Post(headers: "", body: new string(' ', i % 2 == 0 ? 1 : 70_000), length: 100_000));
            connection.Close(0);
        }

        // Until it has seen all of them end, there may be too many connections.
        await Wait.UntilAsync(async () => !await IsClosedAsync());
        Assert.DoesNotContain("nobody foresaw", service.Installation.Process.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, "User-Agent: caf\u00e9\r\n")]
    [InlineData(200, "Idempotency-Key: \u00fc\r\n")]
    [InlineData(401, "Authorization: Bearer \u00fc\r\n")]
    public async Task Headers_may_have_bytes_beyond_ASCII(int status, string header)
    {
        using var connection = await ConnectAsync();
        await SendAsync(connection, Post(header, NamedSample, key: header.StartsWith("Auth", StringComparison.Ordinal) ? "" : Key));
        Assert.StartsWith($"HTTP/1.1 {status} ", await ReadAsync(connection, untilEnd: false), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_absolute_URL_may_name_another_host_than_the_header()
    {
        using var connection = await ConnectAsync();
        await SendAsync(connection, Post(headers: "", NamedSample, path: "http://metrics.example.org/api/metrics"));
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", await ReadAsync(connection, untilEnd: false), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_connection_too_many_is_closed_until_others_have_been_idle_for_too_long()
    {
        var idle = new List<Socket>();
        try
        {
            await Wait.UntilAsync(async () =>
            {
                idle.Add(await ConnectAsync());
                return await IsClosedAsync();
            });

            // The line for each of them would be an attack by itself.
            Assert.DoesNotContain("maximum number", service.Installation.Process.Output, StringComparison.Ordinal);
            await Wait.UntilAsync(async () => !await IsClosedAsync());
        }
        finally
        {
            idle.ForEach(connection => connection.Dispose());
        }
    }

    string NamedSample => Sample.Replace("connected", _name, StringComparison.Ordinal);

    static string Post(string headers, string body, int? length = null, string path = "/api/metrics", string key = Key) =>
        $"POST {path} HTTP/1.1\r\nHost: service\r\n{Json}{key}{headers}Content-Length: {length ?? body.Length}\r\n\r\n{body}";

    async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(service.Installation.Service);
        return socket;
    }

    async Task<bool> IsClosedAsync()
    {
        using var connection = await ConnectAsync();
        try
        {
            await SendAsync(connection, Post(headers: "", NamedSample));
            return await ReadAsync(connection, untilEnd: false) == "";
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return true;
        }
    }

    static async Task SendAsync(Socket connection, string text)
    {
        using var stream = new NetworkStream(connection);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
    }

    static async Task<string> ReadAsync(Socket connection, bool untilEnd)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var answer = new StringBuilder();
        var bytes = new byte[16 * 1024];
        try
        {
            int length;
            do
            {
                length = await connection.ReceiveAsync(bytes, timeout.Token);
                answer.Append(Encoding.Latin1.GetString(bytes, 0, length));
            }
            while (length > 0 && untilEnd);
        }
        catch (SocketException) when (untilEnd)
        {
            // An end, too.
        }

        return answer.ToString();
    }

    Task<string> CountAsync() => service.Installation.QueryAsync($"SELECT count() FROM metrics.samples WHERE metric_name = '{_name}'");
}
