using System.IO.Compression;
using MetricsFunctions.Ingestion.Memory;
using Microsoft.AspNetCore.Http;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// The compressions that a body can come in, by their names in <c>Content-Encoding</c> (RFC 9110 section 8.4.1, RFC 8878; <c>snappy</c> is
/// Prometheus' name, <c>zlib</c>, <c>x-snappy-framed</c> and <c>lz4</c> are those of OpenTelemetry's Collector).
/// </summary>
static class ContentEncoding
{
    // RFC 9659: the largest window that a receiver has to provide for, 8 MiB.
    const int LargestZstdWindow = 23;
    const int ZstdBuffer = 16 * 1024;

    // RFC 7932.
    const int LargestBrotliWindow = 16 * 1024 * 1024;

    static readonly Dictionary<string, Func<Stream, long, MemoryBudget.Room?, Stream>> Decoders = new(StringComparer.OrdinalIgnoreCase)
    {
        ["gzip"] = (body, _, room) => GZip(body, room),
        ["deflate"] = (body, _, room) => ZLib(body, room),
        ["br"] = (body, _, room) => Brotli(body, room),
        ["zstd"] = (body, _, room) => Zstd(body, room),
        ["snappy"] = (body, maxBytes, room) => new SnappyBody(body, maxBytes, room),
        ["lz4"] = (body, _, room) => new Lz4Body(body, room),
        ["x-gzip"] = (body, _, room) => GZip(body, room),
        ["zlib"] = (body, _, room) => ZLib(body, room),
        ["x-snappy-framed"] = (body, maxBytes, room) => new SnappyBody(body, maxBytes, room),
    };

    static readonly string Names = string.Join(", ", Decoders.Keys);

    static readonly Problem Unknown = new(
        StatusCodes.Status415UnsupportedMediaType, $"Content-Encoding must be one of {Names}; or send the body as it is, without this header.")
    {
        AcceptEncoding = Names,
        Reason = "unsupported_encoding",
    };

    /// <summary>
    /// Makes .NET refuse a stream that was cut off, which would pass for one that ended. To be called before anyone decompresses anything:
    /// .NET looks at the switch once.
    /// </summary>
    public static void RefuseCutOffStreams() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    /// <summary>Answers <see langword="null"/> for a request whose body can be read.</summary>
    public static Problem? Check(HttpRequest request) => NameOf(request) is not { } name || Decoders.ContainsKey(name) ? null : Unknown;

    /// <summary>Whether the request says that its body is sent as it is.</summary>
    public static bool IsIdentity(HttpRequest request) => NameOf(request) is null;

    /// <summary>Answers the body as it was before it was compressed, which may be in Snappy where the request says nothing.</summary>
    /// <param name="request">A request that passed <see cref="Check"/>.</param>
    /// <param name="body">Its body.</param>
    /// <param name="maxBytes">How long it may be then.</param>
    /// <param name="room">What the request has of the memory.</param>
    public static Stream Decode(HttpRequest request, Stream body, long maxBytes, MemoryBudget.Room? room) =>
        NameOf(request) is { } name ? Decoders[name](body, maxBytes, room) : new SnappyBody(body, maxBytes, room, mayBePlain: true);

    /// <summary>Answers what a decoder's exception says is wrong with the body, if it says so.</summary>
    public static BodyFault? FaultOf(Exception exception) => exception switch
    {
        ZstdException { Code: ZSTD_ErrorCode.ZSTD_error_frameParameter_windowTooLarge } => BodyFault.LargeWindow,
        ZstdException { Code: ZSTD_ErrorCode.ZSTD_error_dictionary_wrong } => BodyFault.Dictionary,

        InvalidDataException or InvalidOperationException or ZstdException or EndOfStreamException => BodyFault.Corrupt,

        // The one thing that zlib cannot do; the exception's own type is not public.
        IOException { Source: "System.IO.Compression" } => BodyFault.Dictionary,
        _ => null,
    };

    // RFC 9110 section 5.6.1: elements of a list may be empty.
    static string? NameOf(HttpRequest request)
    {
        if (request.Headers.ContentEncoding.Count == 0)
        {
            return null;
        }

        var names = request.Headers.ContentEncoding.ToString()
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(name => !name.Equals("identity", StringComparison.OrdinalIgnoreCase))
            .ToArray();
        return names is [] ? null : string.Join(", ", names);
    }

    static WindowBody GZip(Stream body, MemoryBudget.Room? room) =>
        new(new ExactBody(body, exact => new GZipStream(exact, CompressionMode.Decompress)), window: 0, room);

    static WindowBody ZLib(Stream body, MemoryBudget.Room? room) =>
        new(new ExactBody(body, exact => new ZLibStream(exact, CompressionMode.Decompress)), window: 0, room);

    static WindowBody Brotli(Stream body, MemoryBudget.Room? room) =>
        new(new ExactBody(body, exact => new BrotliStream(exact, CompressionMode.Decompress)), LargestBrotliWindow, room);

    static WindowBody Zstd(Stream body, MemoryBudget.Room? room)
    {
        var stream = new DecompressionStream(body, ZstdBuffer, checkEndOfStream: true, leaveOpen: true);
        stream.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, LargestZstdWindow);
        return new WindowBody(stream, 1 << LargestZstdWindow, room);
    }
}
