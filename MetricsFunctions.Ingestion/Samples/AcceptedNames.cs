namespace MetricsFunctions.Ingestion.Samples;

/// <summary>The names that a request's samples may have: those of the rules, and with a restricted API key only some of them.</summary>
readonly struct AcceptedNames
{
    // None: every name is accepted.
    readonly byte[][]? _prefixes;

    /// <summary>Accepts names that begin with one of these.</summary>
    /// <param name="prefixes">The beginnings in UTF-8; <see langword="null"/> for every name.</param>
    public AcceptedNames(byte[][]? prefixes) => _prefixes = prefixes;

    /// <summary>
    /// Answers <see langword="null"/> for an acceptable name: 1 to <see cref="SampleRules.MaxNameBytes"/> bytes of clean text, with a prefix
    /// that the sender may write. Otherwise a clause that follows the field's name.
    /// </summary>
    /// <param name="name">The name in UTF-8, unescaped.</param>
    public string? Check(ReadOnlySpan<byte> name) => name.Length switch
    {
        0 => "must not be empty",
        > SampleRules.MaxNameBytes => "must be at most 255 bytes of UTF-8",
        _ => SampleRules.CheckText(name) ?? (_prefixes is null || HasPrefix(name) ? null : "must begin with a prefix that the API key may write"),
    };

    /// <summary>Whether the same names are accepted.</summary>
    /// <param name="other">Other names.</param>
    public bool IsSame(AcceptedNames other) =>
        _prefixes is null || other._prefixes is null
            ? _prefixes == other._prefixes
            : _prefixes.Length == other._prefixes.Length && _prefixes.Zip(other._prefixes).All(pair => pair.First.SequenceEqual(pair.Second));

    bool HasPrefix(ReadOnlySpan<byte> name)
    {
        foreach (var prefix in _prefixes!)
        {
            if (name.StartsWith(prefix))
            {
                return true;
            }
        }

        return false;
    }
}
