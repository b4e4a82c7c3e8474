using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace MetricsFunctions.Tests.Storage;

/// <summary>Another address for a server, which counts the connections to it.</summary>
sealed class CountingRelay : IAsyncDisposable
{
    readonly TcpListener _listener;
    readonly CancellationTokenSource _stop = new();
    readonly int _target;
    readonly Task _accepting;
    readonly ConcurrentDictionary<TcpClient, bool> _open = new();
    int _connections;

    /// <summary>Starts it.</summary>
    /// <param name="address">Where it listens.</param>
    /// <param name="target">The port on 127.0.0.1 that it passes everything on to.</param>
    public CountingRelay(IPEndPoint address, int target)
    {
        _target = target;
        _listener = new TcpListener(address);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>How many connections there have been.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>How many there are now.</summary>
    public int Open => _open.Count;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(PassOnAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
                Interlocked.Increment(ref _connections);
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    async Task PassOnAsync(TcpClient client)
    {
        _open.TryAdd(client, true);
        try
        {
            using (client)
            using (var server = new TcpClient { NoDelay = true })
            {
                client.NoDelay = true;
                await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                await Task.WhenAny(
                    client.GetStream().CopyToAsync(server.GetStream(), _stop.Token), server.GetStream().CopyToAsync(client.GetStream(), _stop.Token));
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // Either side may leave.
        }
        finally
        {
            _open.TryRemove(client, out _);
        }
    }
}
