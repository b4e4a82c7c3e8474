using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace MetricsFunctions.Tests.Faults;

/// <summary>How a request ended for its sender.</summary>
enum Ending
{
    /// <summary>With a whole answer.</summary>
    Answered,

    /// <summary>Nobody took the connection.</summary>
    Refused,

    /// <summary>The connection was closed or reset before the first byte of an answer.</summary>
    Unanswered,

    /// <summary>The connection was closed or reset within an answer.</summary>
    BrokenOff,
}

/// <summary>What a sender got for a request.</summary>
sealed record Answer(Ending Ending, int Status = 0, string? RetryAfter = null, string Body = "")
{
    /// <summary>What is wrong, for an answer that is a problem.</summary>
    public string? Detail => !Body.StartsWith('{') ? null : JsonNode.Parse(Body)?["detail"]?.GetValue<string>();
}

/// <summary>A request that is sent, and sent again, byte for byte.</summary>
sealed record SentRequest(string Path, string ContentType, byte[] Body, string? IdempotencyKey = null, string? ContentEncoding = null)
{
    /// <summary>JSON for <c>/api/metrics</c>.</summary>
    public static SentRequest Json(string json, string? idempotencyKey) => new("/api/metrics", "application/json", Encoding.UTF8.GetBytes(json), idempotencyKey);
}

/// <summary>
/// Sends requests one after the other and tells exactly what became of each. A client library would not: it sends again by itself what
/// it takes for safe, and hides which connection ended when.
/// </summary>
/// <param name="service">Where to send to.</param>
/// <param name="keepAlive">Whether the connection serves many requests, or each request has its own.</param>
sealed class Sender(IPEndPoint service, bool keepAlive = true) : IDisposable
{
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    NetworkStream? _stream;
    StreamReader? _reader;

    /// <summary>Posts JSON to <c>/api/metrics</c>, over a new connection when there is none.</summary>
    public Task<Answer> PostAsync(string json, string? idempotencyKey = null) => PostAsync(SentRequest.Json(json, idempotencyKey));

    /// <summary>Posts a request, over a new connection when there is none.</summary>
    public async Task<Answer> PostAsync(SentRequest request)
    {
        var answer = await SendAsync(request).WaitAsync(Longest);
        if (!keepAlive || answer.Ending != Ending.Answered)
        {
            Dispose();
        }

        return answer;
    }

    public async Task ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(service);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        _stream = new NetworkStream(socket, ownsSocket: true);
        _reader = new StreamReader(_stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, bufferSize: 1024);
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _stream = null;
    }

    async Task<Answer> SendAsync(SentRequest request)
    {
        try
        {
            if (_stream is null)
            {
                await ConnectAsync();
            }
        }
        catch (SocketException)
        {
            return new Answer(Ending.Refused);
        }

        var answering = false;
        try
        {
            await _stream!.WriteAsync(BytesOf(request));
            var status = await ReadLineAsync();
            answering = true;
            return await ReadAnswerAsync(int.Parse(status.Split(' ')[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return new Answer(answering ? Ending.BrokenOff : Ending.Unanswered);
        }
    }

    byte[] BytesOf(SentRequest request)
    {
        var key = request.IdempotencyKey is null ? "" : $"Idempotency-Key: {request.IdempotencyKey}\r\n";
        var encoding = request.ContentEncoding is null ? "" : $"Content-Encoding: {request.ContentEncoding}\r\n";
        var connection = keepAlive ? "" : "Connection: close\r\n";
        var head = $"POST {request.Path} HTTP/1.1\r\nHost: {service}\r\nContent-Type: {request.ContentType}\r\nContent-Length: {request.Body.Length}\r\n{key}{encoding}{connection}\r\n";
        return [.. Encoding.UTF8.GetBytes(head), .. request.Body];
    }

    async Task<Answer> ReadAnswerAsync(int status)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await ReadLineAsync() is { Length: > 0 } line)
        {
            headers[line[..line.IndexOf(':', StringComparison.Ordinal)]] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }

        var body = status == 204 ? ""
            : headers.TryGetValue("Content-Length", out var length) ? await ReadAsync(int.Parse(length, CultureInfo.InvariantCulture))
            : await ReadChunksAsync();
        if (headers.GetValueOrDefault("Connection") == "close")
        {
            Dispose();
        }

        return new Answer(Ending.Answered, status, headers.GetValueOrDefault("Retry-After"), body);
    }

    async Task<string> ReadChunksAsync()
    {
        var body = new StringBuilder();
        while (int.Parse(await ReadLineAsync(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var length and > 0)
        {
            body.Append(await ReadAsync(length));
            await ReadLineAsync();
        }

        await ReadLineAsync();
        return body.ToString();
    }

    // Answers are ASCII: a byte is a character.
    async Task<string> ReadAsync(int length)
    {
        var text = new char[length];
        return await _reader!.ReadBlockAsync(text) == length ? new string(text) : throw new EndOfStreamException();
    }

    async Task<string> ReadLineAsync() => await _reader!.ReadLineAsync() ?? throw new EndOfStreamException();
}
