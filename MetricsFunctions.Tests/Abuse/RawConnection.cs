using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MetricsFunctions.Tests.Abuse;

/// <summary>A connection that sends whatever it likes, and tells how it was answered.</summary>
sealed class RawConnection : IDisposable
{
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    /// <summary>What the status line said; 0 when the connection ended without one.</summary>
    public int Status { get; private set; }

    /// <summary>The answer, as far as it came at once.</summary>
    public string Answer { get; private set; } = "";

    public static async Task<RawConnection> OpenAsync(IPEndPoint service)
    {
        var connection = new RawConnection();
        await connection._socket.ConnectAsync(service);
        return connection;
    }

    /// <summary>The head of a POST to <c>/api/metrics</c>.</summary>
    /// <param name="headers">Further headers, each with its line break.</param>
    public static byte[] Head(params string[] headers) => Head("/api/metrics", "application/json", headers);

    /// <summary>The head of a POST.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="mediaType">What the body is.</param>
    /// <param name="headers">Further headers, each with its line break.</param>
    public static byte[] Head(string path, string mediaType, params string[] headers) =>
        Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: service\r\nContent-Type: {mediaType}\r\n{string.Concat(headers)}\r\n");

    /// <summary>Sends bytes; answers <see langword="false"/> when the service does not take them any more.</summary>
    public async Task<bool> TrySendAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await _socket.SendAsync(bytes, stop)..];
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Whether an answer, or the end of the connection, is there to be read.</summary>
    public bool IsAnswered => _socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Waits for the answer, or for the end of the connection.</summary>
    /// <param name="stop">Ends the waiting with an exception.</param>
    public async Task<int> AnswerAsync(CancellationToken stop = default)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timeout.CancelAfter(Longest);
        try
        {
            var answer = new byte[16 * 1024];
            var length = await _socket.ReceiveAsync(answer, timeout.Token);
            Answer = Encoding.ASCII.GetString(answer, 0, length);
            Status = length > 12 && answer.AsSpan().StartsWith("HTTP/1.1 "u8) ? int.Parse(answer.AsSpan(9, 3), null) : 0;
        }
        catch (SocketException)
        {
            Status = 0;
        }

        return Status;
    }

    public void Dispose() => _socket.Dispose();
}
