using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// What makes a request the same as another, which is stored once however often it is sent: the API key, the path, the
/// <c>Idempotency-Key</c> and the body, as it was before it was compressed. One that differs in any of them is another request.
/// </summary>
static class RequestIdentity
{
    /// <summary>Header that tells requests apart whose samples are alike.</summary>
    public const string KeyHeader = "Idempotency-Key";

    /// <summary>Begins the hash of a request; its body is still to be added.</summary>
    /// <param name="request">The request.</param>
    /// <param name="protocol">What it speaks.</param>
    /// <param name="apiKey">The API key that it carries.</param>
    /// <returns>None for a request that is stored as often as it is sent.</returns>
    public static IncrementalHash? Begin(HttpRequest request, Protocol protocol, ApiKey? apiKey)
    {
        string? key = request.Headers[KeyHeader];
        if (key is null && !protocol.IsKeyedByContent)
        {
            return null;
        }

        var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, apiKey is null ? [] : apiKey.Hash);
        Append(hash, Encoding.UTF8.GetBytes(request.Path.Value ?? ""));
        Append(hash, Encoding.UTF8.GetBytes(key ?? ""));
        return hash;
    }

    /// <summary>The identity of a request whose whole body was added; not 0.</summary>
    /// <param name="hash">What <see cref="Begin"/> answered.</param>
    /// <param name="accepted">
    /// How many of its samples are accepted. A moment later they can be more, when one is no longer ahead of the clock: it must not pass for stored.
    /// </param>
    public static UInt128 End(IncrementalHash hash, int accepted)
    {
        hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(ref accepted)));
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetCurrentHash(digest);
        return UInt128.Max(BinaryPrimitives.ReadUInt128LittleEndian(digest), 1);
    }

    // With its length in front, so that no part can pass for another.
    static void Append(IncrementalHash hash, ReadOnlySpan<byte> part)
    {
        var length = part.Length;
        hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(ref length)));
        hash.AppendData(part);
    }
}
