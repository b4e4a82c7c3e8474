using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// The compressions that a body can come in, by their names in <c>Content-Encoding</c> (RFC 9110 section 8.4.1, RFC 8878; <c>snappy</c> is
/// Prometheus' name).
/// </summary>
static class ContentEncoding
{
    // RFC 9659: the largest window that a receiver has to provide for, 8 MiB.
    const int LargestZstdWindow = 23;
    const int ZstdBuffer = 128 * 1024;

    static readonly Dictionary<string, Func<Stream, long, BodyBudget.Room, Stream>> Decoders = new(StringComparer.OrdinalIgnoreCase)
    {
        ["gzip"] = (body, _, _) => new GZipStream(body, CompressionMode.Decompress),
        ["deflate"] = (body, _, _) => new ZLibStream(body, CompressionMode.Decompress),
        ["br"] = (body, _, _) => new BrotliStream(body, CompressionMode.Decompress),
        ["zstd"] = (body, _, _) => Zstd(body),
        ["snappy"] = (body, maxBytes, room) => new SnappyBlockStream(body, maxBytes, room),
    };

    /// <summary>
    /// Makes .NET refuse a stream that was cut off, which would pass for one that ended. To be called before anyone decompresses anything:
    /// .NET looks at the switch once.
    /// </summary>
    public static void RefuseCutOffStreams() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    /// <summary>Answers <see langword="null"/> for a request whose body can be read.</summary>
    public static Problem? Check(HttpRequest request) =>
        IsIdentity(request) || Decoders.ContainsKey(request.Headers.ContentEncoding.ToString())
            ? null
            : new Problem(
                StatusCodes.Status415UnsupportedMediaType,
                $"Content-Encoding must be one of {string.Join(", ", Decoders.Keys)}; or send the body as it is, without this header.")
            {
                Reason = "unsupported_encoding",
            };

    /// <summary>Whether the body is sent as it is.</summary>
    public static bool IsIdentity(HttpRequest request) =>
        request.Headers.ContentEncoding is { Count: 0 } or [""]
        || string.Equals(request.Headers.ContentEncoding, "identity", StringComparison.OrdinalIgnoreCase);

    /// <summary>Answers the body as it was before it was compressed.</summary>
    /// <param name="request">A request that passed <see cref="Check"/>.</param>
    /// <param name="body">Its body.</param>
    /// <param name="maxBytes">How long it may be then.</param>
    /// <param name="room">What it takes of the memory for all bodies.</param>
    public static Stream Decode(HttpRequest request, Stream body, long maxBytes, BodyBudget.Room room) =>
        Decoders[request.Headers.ContentEncoding.ToString()](body, maxBytes, room);

    /// <summary>Whether a decoder's exception says that the body is not what its encoding promises.</summary>
    public static bool IsCorrupt(Exception exception) =>
        exception is InvalidDataException or InvalidOperationException or ZstdException or EndOfStreamException;

    static DecompressionStream Zstd(Stream body)
    {
        var stream = new DecompressionStream(body, ZstdBuffer, checkEndOfStream: true, leaveOpen: true);
        stream.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, LargestZstdWindow);
        return stream;
    }
}
