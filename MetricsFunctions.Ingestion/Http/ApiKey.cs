using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.Extensions.Configuration;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>A key that requests may carry, and the names that its samples may have.</summary>
sealed class ApiKey
{
    /// <summary>Longest key.</summary>
    public const int MaxBytes = 512;

    const string Rule = "1 to 512 visible ASCII characters without a space";

    static readonly SearchValues<byte> Visible = SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(character => (byte)character)]);
    static readonly string[] Settings = ["Name", "Key", "Sha256", "KeyFile", "Prefixes"];
    static readonly string HashOfNothing = Convert.ToHexString(SHA256.HashData([]));

    readonly byte[] _hash;
    byte[]? _bytes;

    ApiKey(string name, AcceptedNames names, byte[] hash, byte[]? bytes)
    {
        Name = name;
        Names = names;
        _hash = hash;
        _bytes = bytes;
    }

    /// <summary>What it is called in the log.</summary>
    public string Name { get; }

    /// <summary>The names that its samples may have.</summary>
    public AcceptedNames Names { get; }

    /// <summary>Its SHA-256.</summary>
    public ReadOnlySpan<byte> Hash => _hash;

    /// <summary>Finds the key that was sent, in a time that does not tell how much of it is right.</summary>
    /// <param name="keys">Those there are.</param>
    /// <param name="sent">What was sent; empty when it cannot be a key.</param>
    public static ApiKey? Find(ApiKey[] keys, ReadOnlySpan<byte> sent)
    {
        if (sent.Length is 0 or > MaxBytes)
        {
            return null;
        }

        ApiKey? found = null;
        foreach (var key in keys)
        {
            if (key._bytes is { } bytes && AreEqual(bytes, sent))
            {
                found = key;
            }
        }

        if (found is not null)
        {
            return found;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(sent, hash);
        foreach (var key in keys)
        {
            if (CryptographicOperations.FixedTimeEquals(key._hash, hash))
            {
                found = key;
            }
        }

        // OpenSSL takes longer for a hash than all other checks of a request together, so a key that was right is hashed once.
        if (found is not null)
        {
            found._bytes = sent.ToArray();
        }

        return found;
    }

    /// <summary>Reads the configured keys: each a text, which is the key itself, or an object. No fault repeats what was set, which may be a key.</summary>
    /// <param name="section">The list.</param>
    /// <param name="faults">What is wrong with it, and what to set instead.</param>
    public static ApiKey[] ReadAll(IConfigurationSection? section, ICollection<string> faults)
    {
        var keys = new List<ApiKey>();
        if (!string.IsNullOrEmpty(section?.Value))
        {
            faults.Add($"{section.Path} is a text and must be a list. Set {section.Path}:0 (environment: Ingestion__ApiKeys__0=<key>).");
        }

        foreach (var entry in section?.GetChildren() ?? [])
        {
            if (Read(entry, faults) is not { } key)
            {
                continue;
            }

            if (keys.Find(other => other.Name == key.Name || other._hash.AsSpan().SequenceEqual(key._hash)) is { } other)
            {
                faults.Add($"{entry.Path} has the {(other.Name == key.Name ? "name" : "key")} of another one. Give each key a name of its own, and each name a key.");
                continue;
            }

            keys.Add(key);
        }

        return [.. keys];
    }

    /// <summary>Whether a configured key is read from a file.</summary>
    /// <param name="section">The list.</param>
    public static bool AnyFile(IConfigurationSection section) => section.GetChildren().Any(entry => entry["KeyFile"] is not null);

    /// <summary>Whether two lists have the same keys, which may write the same.</summary>
    public static bool AreSame(ApiKey[] some, ApiKey[] others) =>
        some.Length == others.Length && some.Zip(others).All(pair =>
            pair.First.Name == pair.Second.Name && pair.First._hash.AsSpan().SequenceEqual(pair.Second._hash) && pair.First.Names.IsSame(pair.Second.Names));

    static ApiKey? Read(IConfigurationSection entry, ICollection<string> faults)
    {
        var count = faults.Count;
        var unknown = entry.GetChildren().FirstOrDefault(setting => !Settings.Contains(setting.Key, StringComparer.OrdinalIgnoreCase));
        if (unknown is not null)
        {
            faults.Add($"{unknown.Path} is not a setting: a key has {string.Join(", ", Settings)}.");
            return null;
        }

        var names = new AcceptedNames(ReadPrefixes(entry.GetSection("Prefixes"), faults));
        var isObject = entry.GetChildren().Any();
        string?[] ways = [isObject ? entry["Key"] : entry.Value ?? "", entry["Sha256"], entry["KeyFile"]];
        if ((isObject && entry.Value is not null) || ways.Count(way => way is not null) != 1)
        {
            faults.Add($"{entry.Path} must have one of Key, Sha256 and KeyFile, or be the key itself.");
            return null;
        }

        var (bytes, hash, fault) = ways switch
        {
            [{ } text, _, _] => ReadText(text),
            [_, { } digits, _] => ReadHash(digits),
            _ => ReadKeyFile(ways[2]!),
        };
        if (fault is not null)
        {
            faults.Add($"{entry.Path}{fault}");
        }

        return faults.Count == count ? new ApiKey(entry["Name"] ?? entry.Key, names, hash ?? SHA256.HashData(bytes!), bytes) : null;
    }

    static (byte[]? Bytes, byte[]? Hash, string? Fault) ReadText(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return (bytes, null, string.IsNullOrWhiteSpace(text) ? " is empty. Set it to a key, or remove it."
            : !IsKey(bytes) ? $" cannot be sent in a header. Set it to a key of {Rule}."
            : null);
    }

    static (byte[]? Bytes, byte[]? Hash, string? Fault) ReadHash(string digits) =>
        digits.Equals(HashOfNothing, StringComparison.OrdinalIgnoreCase)
            ? (null, null, ":Sha256 is the hash of an empty text. Set it to that of a key: printf %s '<key>' | sha256sum.")
        : TryReadHash(digits, out var hash) ? (null, hash, null)
        : (null, null, ":Sha256 must be 64 hexadecimal digits. Make them: printf %s '<key>' | sha256sum.");

    static (byte[]? Bytes, byte[]? Hash, string? Fault) ReadKeyFile(string path)
    {
        var bytes = ReadFile(path);
        return (bytes, null, bytes is null ? ":KeyFile cannot be read. Set it to the path of a file that holds the key and that the service may read."
            : !IsKey(bytes) ? $":KeyFile does not hold a key. Write one of {Rule} into the file, with at most a line break behind it."
            : null);
    }

    static byte[][]? ReadPrefixes(IConfigurationSection section, ICollection<string> faults)
    {
        var prefixes = section.GetChildren().Select(prefix => Encoding.UTF8.GetBytes(prefix.Value ?? "")).ToArray();

        // An empty list is no list that lets everything pass.
        if (section.Value is not null || prefixes.Any(prefix => prefix.Length is 0 or > SampleRules.MaxNameBytes))
        {
            faults.Add($"{section.Path} must be a list of prefixes of 1 to 255 bytes. Set {section.Path}:0, or remove it to let the key write every name.");
        }

        return prefixes.Length > 0 ? prefixes : null;
    }

    static bool IsKey(ReadOnlySpan<byte> bytes) => bytes.Length is > 0 and <= MaxBytes && !bytes.ContainsAnyExcept(Visible);

    static bool TryReadHash(string digits, [NotNullWhen(true)] out byte[]? hash)
    {
        hash = new byte[SHA256.HashSizeInBytes];
        return digits.Length == 2 * hash.Length && Convert.FromHexString(digits, hash, out _, out _) == OperationStatus.Done;
    }

    // As CryptographicOperations.FixedTimeEquals, in a time that only the lengths tell; but that goes byte by byte, and there may be many keys.
    static bool AreEqual(ReadOnlySpan<byte> some, ReadOnlySpan<byte> others)
    {
        if (some.Length != others.Length)
        {
            return false;
        }

        var words = MemoryMarshal.Cast<byte, ulong>(some);
        var otherWords = MemoryMarshal.Cast<byte, ulong>(others);
        ulong difference = 0;
        for (var i = 0; i < words.Length; i++)
        {
            difference |= words[i] ^ otherWords[i];
        }

        for (var i = words.Length * sizeof(ulong); i < some.Length; i++)
        {
            difference |= (byte)(some[i] ^ others[i]);
        }

        return difference == 0;
    }

    static byte[]? ReadFile(string path)
    {
        try
        {
            // Enough for a key and a line break, and to tell that there is more.
            Span<byte> room = stackalloc byte[MaxBytes + 3];
            using var file = File.OpenRead(path);
            return room[..file.ReadAtLeast(room, room.Length, throwOnEndOfStream: false)].TrimEnd("\r\n"u8).ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
