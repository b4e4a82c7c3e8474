namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What is wrong with a request's samples: the first <see cref="MaxListed"/> faults with their places, and the count of all.</summary>
public sealed class Refusals
{
    /// <summary>Most faults that are listed.</summary>
    public const int MaxListed = 100;

    // Most requests have none.
    List<Refusal>? _listed;

    /// <summary>The first faults, in the order of their samples in the body.</summary>
    public IReadOnlyList<Refusal> Listed => _listed ?? [];

    /// <summary>Number of all faults.</summary>
    public int Count { get; private set; }

    /// <summary>Whether further faults are only counted: their descriptions need not be made.</summary>
    public bool IsFull => Count >= MaxListed;

    /// <summary>Which sample of the body the next faults are about, from 0; <see langword="null"/> when the body is one sample.</summary>
    public int? Item { get; set; }

    /// <summary>Notes a fault.</summary>
    /// <param name="place">Where in the sample: a JSON pointer (RFC 6901); empty for the whole of it.</param>
    /// <param name="detail">What is wrong, without the sender's own values.</param>
    public void Add(string place, string detail)
    {
        if (!IsFull)
        {
            (_listed ??= []).Add(new Refusal(Item, place, detail));
        }

        Count++;
    }

    /// <summary>Forgets the latest faults, for what will be read again.</summary>
    /// <param name="count">How many stay.</param>
    public void Rewind(int count)
    {
        Count = count;
        _listed?.RemoveRange(Math.Min(count, _listed.Count), _listed.Count - Math.Min(count, _listed.Count));
    }

    /// <summary>Adds the faults that were found in other samples of the same body.</summary>
    /// <param name="other">The other faults.</param>
    public void Append(Refusals other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Count > 0)
        {
            _listed = [.. Listed.Concat(other.Listed).OrderBy(refusal => refusal.Item).Take(MaxListed)];
            Count += other.Count;
        }
    }

    /// <summary>Forgets everything, for the next request.</summary>
    public void Clear()
    {
        _listed?.Clear();
        Count = 0;
        Item = null;
    }
}

/// <summary>One fault of a request.</summary>
/// <param name="Item">In which sample of the body, from 0; <see langword="null"/> when the body is one sample.</param>
/// <param name="Place">Where in the sample: a JSON pointer (RFC 6901); empty for the whole of it.</param>
/// <param name="Detail">What is wrong.</param>
public readonly record struct Refusal(int? Item, string Place, string Detail)
{
    /// <summary>Where: a JSON pointer into the body as sent; empty for the whole body.</summary>
    public string Path => Item is { } item ? $"/{item}{Place}" : Place;
}
