namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What is wrong with a request's samples: the first <see cref="MaxListed"/> faults with their places, and the count of all.</summary>
public sealed class Refusals
{
    /// <summary>Most faults that are listed.</summary>
    public const int MaxListed = 100;

    // Most requests have none.
    List<Refusal>? _listed;

    /// <summary>The first faults, in the order they were found.</summary>
    public IReadOnlyList<Refusal> Listed => _listed ?? [];

    /// <summary>Number of all faults.</summary>
    public int Count { get; private set; }

    /// <summary>Notes a fault.</summary>
    /// <param name="place">Where: a JSON pointer (RFC 6901) into the body as sent.</param>
    /// <param name="detail">What is wrong, without the sender's own values.</param>
    public void Add(string place, string detail)
    {
        Count++;
        if (Count <= MaxListed)
        {
            (_listed ??= []).Add(new Refusal(place, detail));
        }
    }
}

/// <summary>One fault of a request.</summary>
/// <param name="Place">Where: a JSON pointer (RFC 6901) into the body as sent; empty for the whole body.</param>
/// <param name="Detail">What is wrong.</param>
public readonly record struct Refusal(string Place, string Detail);
