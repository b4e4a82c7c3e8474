using System.Runtime.CompilerServices;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What is wrong with a request's samples: the first <see cref="MaxListed"/> faults with their places, and how many there are of each kind.</summary>
sealed class Refusals
{
    /// <summary>Most faults that are listed.</summary>
    public const int MaxListed = 100;

    // Most requests have none.
    List<Refusal>? _listed;
    Counts _counts;

    /// <summary>The first faults, in the order of their samples in the body.</summary>
    public IReadOnlyList<Refusal> Listed => _listed ?? [];

    /// <summary>How much is refused: what the sender's protocol counts, or in JSON the faults.</summary>
    public int Count { get; private set; }

    /// <summary>Whether further faults are only counted: their descriptions need not be made.</summary>
    public bool IsFull => _listed?.Count >= MaxListed;

    /// <summary>Whether the body cannot be read as a whole, so that nothing of it counts.</summary>
    public bool IsOfBody { get; private set; }

    /// <summary>Which sample of the body the next faults are about, from 0; <see langword="null"/> when the body is one sample.</summary>
    public int? Item { get; set; }

    /// <summary>How far the faults go now, for <see cref="Rewind"/>.</summary>
    public Mark End => new(Count, _listed?.Count ?? 0, _counts);

    /// <summary>How much is refused for faults of a kind.</summary>
    /// <param name="kind">The kind.</param>
    public int CountOf(FaultKind kind) => _counts[(int)kind];

    /// <summary>Notes a fault.</summary>
    /// <param name="kind">What it is about.</param>
    /// <param name="place">Where in the sample: a JSON pointer (RFC 6901); empty for the whole of it.</param>
    /// <param name="detail">What is wrong, without the sender's own values.</param>
    /// <param name="count">How much is refused for it.</param>
    public void Add(FaultKind kind, string place, string detail, int count = 1)
    {
        if (!IsFull)
        {
            (_listed ??= []).Add(new Refusal(kind, Item, place, detail));
        }

        Count += count;
        _counts[(int)kind] += count;
    }

    /// <summary>Refuses the body as a whole.</summary>
    /// <param name="kind">What the fault is about.</param>
    /// <param name="detail">What is wrong.</param>
    public void RefuseBody(FaultKind kind, string detail)
    {
        IsOfBody = true;
        Add(kind, "", detail);
    }

    /// <summary>Forgets the latest faults, for what will be read again.</summary>
    /// <param name="end">Where those that stay end.</param>
    public void Rewind(Mark end)
    {
        (Count, _counts) = (end.Count, end.Counts);
        _listed?.RemoveRange(end.Listed, _listed.Count - end.Listed);
    }

    /// <summary>Says of the faults so far, which were those of the only sample, that they are those of the first one of several.</summary>
    public void NumberFirst()
    {
        for (var i = 0; i < Listed.Count; i++)
        {
            _listed![i] = _listed[i] with { Item = 0 };
        }
    }

    /// <summary>Adds the faults that were found in other samples of the same body.</summary>
    /// <param name="other">The other faults.</param>
    public void Append(Refusals other)
    {
        if (other.Count > 0)
        {
            _listed = [.. Listed.Concat(other.Listed).OrderBy(refusal => refusal.Item).Take(MaxListed)];
            IsOfBody |= other.IsOfBody;
            Count += other.Count;
            for (var kind = 0; kind < Kinds; kind++)
            {
                _counts[kind] += other._counts[kind];
            }
        }
    }

    /// <summary>Forgets everything, for the next request.</summary>
    public void Clear()
    {
        _listed?.Clear();
        _counts = default;
        Count = 0;
        IsOfBody = false;
        Item = null;
    }

    const int Kinds = (int)FaultKind.Size + 1;

    /// <summary>By kind.</summary>
    [InlineArray(Kinds)]
    public struct Counts
    {
        int _first;
    }

    /// <summary>How far faults go.</summary>
    public readonly struct Mark
    {
        public Mark(int count, int listed, Counts counts) => (Count, Listed, Counts) = (count, listed, counts);

        public int Count { get; }

        public int Listed { get; }

        public Counts Counts { get; }
    }
}

/// <summary>One fault of a request.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Item">In which sample of the body, from 0; <see langword="null"/> when the body is one sample.</param>
/// <param name="Place">Where in the sample: a JSON pointer (RFC 6901); empty for the whole of it.</param>
/// <param name="Detail">What is wrong.</param>
readonly record struct Refusal(FaultKind Kind, int? Item, string Place, string Detail)
{
    /// <summary>Where: a JSON pointer into the body as sent; empty for the whole body.</summary>
    public string Path => Item is { } item ? $"/{item}{Place}" : Place;
}
