using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MetricsFunctions.Tests.Standalone;

/// <summary>
/// What strangers learn from the answers of the real process: nothing of the server's make or its insides, also where it is developed. And
/// nobody keeps an answer, or takes it for another type than it is.
/// </summary>
public sealed class AnswerTests
{
    const string Key = "Authorization: Bearer the-key\r\n";

    static readonly string[] Requests =
    [
        "GET / HTTP/1.1\r\n\r\n",
        "GET /api HTTP/1.1\r\n\r\n",
        "GET /api/unknown HTTP/1.1\r\n\r\n",
        "GET /api/%ff/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n\r\n",
        "GET /api/metrics HTTP/1.1\r\n\r\n",
        "GET /api/health HTTP/1.1\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\n\r\n",
        "GET /api/health/ready HTTP/1.1\r\n\r\n",
        "GET /api/ping HTTP/1.1\r\n\r\n",
        "DELETE /api/health/live HTTP/1.1\r\n\r\n",
        "TRACE /api/metrics HTTP/1.1\r\n\r\n",
        "POST /api/query?q=CREATE+DATABASE+d HTTP/1.1\r\nContent-Length: 0\r\n" + Key + "\r\n",
        Post("/api/metrics", "", "{}"),
        Post("/api/metrics", Key + "Content-Type: application/json\r\n", "{}"),
        Post("/api/metrics", Key + "Content-Type: application/json\r\n", """{"metric_name": "m", "metric_value": 1}"""),
        Post("/api/metrics", Key + "Content-Type: ;;;\r\n", "{}"),
        Post("/api/metrics", Key + "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "not gzip"),
        Post("/api/write?precision=%ff", Key, "m f=1"),
        Post("/api/v2/write", Key, "m f=1"),
        Post("/api/v1/write", Key + "Content-Type: application/x-protobuf\r\n", "no protobuf"),
        Post("/api/v1/write", Key + "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n", "no snappy"),
        Post("/api/query", Key + "Content-Type: multipart/form-data\r\n", "x"),
        Post("/api/query", Key + "Content-Type: multipart/form-data; boundary=b\r\n", "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nCREATE"),
        Post("/api/query", Key + "Content-Type: multipart/form-data; boundary=b\r\n", "--b\r\nx"),
        Post("/api/query", Key + "Content-Type: application/x-www-form-urlencoded; charset=unknown\r\n", "q=%ff%zz&&&=" + new string('&', 5000)),
    ];

    // The server refuses them before anyone else sees them.
    static readonly string[] Malformed =
    [
        "GET /api/health/live HTTP/9.9\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET /api/%00 HTTP/1.1\r\n\r\n",
        "GET http://[ HTTP/1.1\r\n\r\n",
        "GET /" + new string('x', 20_000) + " HTTP/1.1\r\n\r\n",
        "GET /api/health/live HTTP/1.1\r\nX: " + new string('x', 40_000) + "\r\n\r\n",
        "POST /api/metrics HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ];

    [Theory]
    [InlineData("Production")]
    [InlineData("Development")]
    public async Task No_answer_tells_what_is_inside(string environment)
    {
        var port = Ports.Free();
        using var standalone = StandaloneProcess.Start(
            ("ASPNETCORE_ENVIRONMENT", environment),
            ("Urls", $"http://127.0.0.1:{port}"),
            ("Ingestion__AllowAnonymous", "false"),
            ("Ingestion__ApiKeys__0", "the-key"),
            ("Ingestion__WriteTimeout", "00:00:00.2"),
            ("ConnectionStrings__ClickHouse", "Host=127.0.0.1;Port=1;Username=someone;Password=hidden"));
        await standalone.StartedAsync();
        foreach (var request in Requests)
        {
            var answer = await AssertDiscreetAsync(port, request);
            foreach (var header in new[] { "Cache-Control: no-store", "X-Content-Type-Options: nosniff" })
            {
                Assert.True(answer.Contains($"\r\n{header}\r\n", StringComparison.OrdinalIgnoreCase), request + answer);
            }
        }

        foreach (var request in Malformed)
        {
            Assert.StartsWith("HTTP/1.1 4", (await AssertDiscreetAsync(port, request)).Replace("HTTP/1.1 505", "HTTP/1.1 4", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        Assert.Equal(0, await standalone.TerminateAsync());
    }

    static async Task<string> AssertDiscreetAsync(int port, string request)
    {
        var answer = await SendAsync(port, request.Replace("HTTP/1.1\r\n", "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", StringComparison.Ordinal));
        Assert.StartsWith("HTTP/1.1 ", answer, StringComparison.Ordinal);
        Assert.False(answer.StartsWith("HTTP/1.1 500", StringComparison.Ordinal), request + answer);
        foreach (var told in new[] { "\nServer:", "X-Powered-By", "Kestrel", "ASP.NET", "Exception", "   at ", ".cs", "someone", "hidden", "127.0.0.1:1" })
        {
            Assert.DoesNotContain(told, answer, StringComparison.OrdinalIgnoreCase);
        }

        return answer;
    }

    /// <summary>Sends a request as it is, and answers what came until the connection ended.</summary>
    internal static async Task<string> SendAsync(int port, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        var stream = client.GetStream();
        var answer = new MemoryStream();
        try
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(request));
            await stream.CopyToAsync(answer).WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (IOException) when (answer.Length > 0)
        {
            // The server resets a connection whose request it did not read to its end.
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }

    static string Post(string path, string headers, string body) =>
        $"POST {path} HTTP/1.1\r\n{headers}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";
}
