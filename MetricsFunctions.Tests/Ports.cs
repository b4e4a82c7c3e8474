using System.Net;
using System.Net.Sockets;

namespace MetricsFunctions.Tests;

/// <summary>
/// Ports for servers that come and go. None that the kernel hands out: while its server is down, one of the many connections of these
/// tests would take it, or even connect to itself. And none twice, for tests that run beside each other.
/// </summary>
static class Ports
{
    const int First = 10_000;
    const int Count = 20_000;

    static int _taken = Random.Shared.Next(Count);

    public static int Free()
    {
        while (true)
        {
            var port = First + (Interlocked.Increment(ref _taken) % Count);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
            }
        }
    }
}
