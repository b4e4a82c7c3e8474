using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace MetricsFunctions.Standalone;

/// <summary>How connections are taken, where the section <c>Kestrel</c> of the settings does not say otherwise.</summary>
static class Connections
{
    // One that has sent a part of a body, and is not read on, costs some 150 kB: all of them together fit into 1 GiB beside what else there is.
    const int Most = 4096;

    // A stream costs as much as a connection.
    const int MostStreams = 16;

    // What may have arrived and not been read. Kestrel's megabyte would be all of the memory at a thousand connections.
    const int MostUnread = 64 * 1024;

    // HTTP/2 has no other buffer, and a sender waits a round trip for each of these.
    const int MostUnreadByStreams = 256 * 1024;

    /// <summary>Sets up the web server.</summary>
    public static void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;

        // RFC 9110 section 5.5: bytes beyond ASCII are data like any other. As UTF-8 some of them would be a bare 400.
        kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;

        // RFC 9112 section 3.2.2: the host of an absolute URL counts, and not the one beside it.
        kestrel.AllowHostHeaderOverride = true;
        kestrel.Limits.MaxConcurrentConnections = Most;
        kestrel.Limits.Http2.MaxStreamsPerConnection = MostStreams;
        kestrel.Limits.Http2.InitialConnectionWindowSize = MostUnreadByStreams;
        kestrel.Limits.Http2.InitialStreamWindowSize = MostUnreadByStreams;
        kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(HalfOpenTransport.Use));
    }

    /// <summary>Sets up its sockets.</summary>
    public static void Configure(SocketTransportOptions sockets) => sockets.MaxReadBufferSize = MostUnread;
}
