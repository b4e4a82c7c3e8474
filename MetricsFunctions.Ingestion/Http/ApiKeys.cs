using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Who may send: anyone with one of the configured keys, in any of the three headers that agents can set.</summary>
public sealed class ApiKeys
{
    readonly bool _allowAnonymous;
    readonly byte[][] _hashes;

    /// <summary>Takes the keys of a configuration.</summary>
    /// <param name="options">The keys, and whether to ask for one at all.</param>
    public ApiKeys(IOptions<IngestionOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _allowAnonymous = options.Value.AllowAnonymous;
        _hashes = [.. options.Value.ApiKeys.Select(Hash)];
    }

    /// <summary>Answers <see langword="null"/> for a request that may pass.</summary>
    internal Problem? Check(HttpRequest request)
    {
        if (KeyOf(request) is not { } key)
        {
            return _allowAnonymous ? null : Unauthorized("The request carries no API key. Send it as Authorization: Bearer, Authorization: Token or X-Api-Key.");
        }

        return _hashes.Length == 0 || IsKnown(key) ? null : Unauthorized("The API key is not one of the configured ones.");
    }

    static string? KeyOf(HttpRequest request)
    {
        if (request.Headers["X-Api-Key"] is [{ Length: > 0 } header])
        {
            return header;
        }

        return request.Headers.Authorization is [{ } authorization]
            && authorization.Split(' ', 2) is [var scheme, var key]
            && (scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) || scheme.Equals("Token", StringComparison.OrdinalIgnoreCase))
            ? key.Trim()
            : null;
    }

    // Hashes of equal length, and every one compared, so that time tells nothing about the keys.
    bool IsKnown(string key)
    {
        var hash = Hash(key);
        var known = false;
        foreach (var expected in _hashes)
        {
            known |= CryptographicOperations.FixedTimeEquals(expected, hash);
        }

        return known;
    }

    static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    static Problem Unauthorized(string detail) => new(StatusCodes.Status401Unauthorized, detail);
}
