using System.IO.Compression;
using System.Text;
using System.Text.Json;
using K4os.Compression.LZ4.Streams;

namespace MetricsFunctions.Tests.Http;

/// <summary>Bodies of every shape and encoding, and what the service says to them.</summary>
static class Bodies
{
    public const string Json = "application/json";
    public const string Ndjson = "application/x-ndjson";
    public const string Text = "text/plain";

    public static Task<HttpResponseMessage> PostAsync(this IngestionHost host, string body, string? mediaType) =>
        host.PostAsync(Encoding.UTF8.GetBytes(body), mediaType);

    public static async Task<HttpResponseMessage> PostAsync(
        this IngestionHost host, byte[] body, string? mediaType, string? encoding = null, bool chunked = false, string path = "/api/metrics", string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Headers.TransferEncodingChunked = chunked;
        if (mediaType is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        }

        if (encoding is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        }

        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        return await host.Http.SendAsync(request);
    }

    /// <summary>The pointers of a 400, and how many faults there are in all.</summary>
    public static async Task<(string[] Pointers, int Count)> ErrorsAsync(this HttpResponseMessage response)
    {
        using var problem = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        return (
            [.. problem.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()!)],
            problem.RootElement.GetProperty("errorCount").GetInt32());
    }

    public static byte[] Compress(string encoding, ReadOnlySpan<byte> body)
    {
        if (encoding.Equals("snappy", StringComparison.OrdinalIgnoreCase))
        {
            return Snappier.Snappy.CompressToArray(body);
        }

        var compressed = new MemoryStream();
        using (Stream encoder = encoding switch
        {
            "gzip" or "x-gzip" => new GZipStream(compressed, CompressionLevel.Optimal),
            "deflate" or "zlib" => new ZLibStream(compressed, CompressionLevel.Optimal),
            "br" => new BrotliStream(compressed, CompressionLevel.Optimal),
            "lz4" => LZ4Stream.Encode(compressed),
            "x-snappy-framed" => new Snappier.SnappyStream(compressed, CompressionMode.Compress),
            _ => new ZstdSharp.CompressionStream(compressed),
        })
        {
            encoder.Write(body);
        }

        return compressed.ToArray();
    }
}
