using MetricsFunctions.Ingestion.Memory;
using Microsoft.Extensions.ObjectPool;

namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What becomes of a request's body while it is read: the samples, or what is wrong with them. Used again for the next request.</summary>
sealed class SampleIntake : IResettable
{
    int _skipped;

    /// <summary>The samples. Where a request is stored as a whole or not at all, they count only when nothing is refused.</summary>
    public SampleBlock Block { get; } = new();

    /// <summary>What is wrong.</summary>
    public Refusals Refusals { get; } = new();

    /// <summary>The span of time that the samples may lie in.</summary>
    public AcceptedTime Accepted { get; private set; }

    /// <summary>The names that the samples may have.</summary>
    public AcceptedNames Names { get; private set; }

    /// <summary>Where the request's memory is taken from, if that has a bound.</summary>
    public MemoryBudget.Room? Room { get; private set; }

    /// <summary>Whether the sender is gone, so that nobody wants to know any more.</summary>
    public CancellationToken Aborted { get; set; }

    /// <summary>Index of the sample to be read next.</summary>
    public int NextItem { get; set; }

    /// <summary>Whether the body is a list of samples, be it of one, and not just a sample.</summary>
    public bool IsList { get; set; }

    /// <summary>What the body has brought so far.</summary>
    public Tally Tally => new(Block.Count, IsList, _skipped) { Sent = Sent, Warning = Warning };

    /// <summary>What the body has as its sender counts it, for a protocol that tells it so.</summary>
    public SentCounts Sent { get; set; }

    /// <summary>What the sender should know although nothing is refused for it, as a sentence without its own values.</summary>
    public string? Warning { get; set; }

    /// <summary>Whether the rest of the body need not be read: it tells nothing more, or there is no memory for it.</summary>
    public bool IsOver { get => field || Room?.Fault is not null; set; }

    /// <summary>Where the reader of a JSON text is.</summary>
    public JsonPlace Place { get; set; }

    /// <summary>Leaves values out that are no samples and no faults either.</summary>
    /// <param name="count">How many.</param>
    public void Skip(int count = 1) => _skipped += count;

    /// <summary>Begins a request, or a part of its body.</summary>
    /// <param name="accepted">The span of time that the samples may lie in, around the time of receipt.</param>
    /// <param name="names">The names that they may have.</param>
    public void Begin(AcceptedTime accepted, AcceptedNames names) => Begin(accepted, names, null);

    /// <summary>Begins a request, or a part of its body, which takes its memory from the request's.</summary>
    public void Begin(AcceptedTime accepted, AcceptedNames names, MemoryBudget.Room? room)
    {
        (Accepted, Names, Room) = (accepted, names, room);
        Block.Begin(accepted.Now, room);
    }

    /// <summary>Takes over what became of another part of the same body.</summary>
    /// <param name="part">The other part.</param>
    public void Append(SampleIntake part)
    {
        Block.Append(part.Block);
        Refusals.Append(part.Refusals);
        IsList |= part.IsList;
        _skipped += part._skipped;
        Warning ??= part.Warning;
    }

    /// <summary>Ends the body: one that has nothing in it, not even an empty list, is refused.</summary>
    public void End()
    {
        if (!IsList && Block.Count == 0 && Refusals.Count == 0)
        {
            Refusals.RefuseBody(FaultKind.Syntax, "is empty: samples with metric_name and metric_value are expected");
        }
    }

    /// <summary>Empties it for the next request.</summary>
    public bool TryReset()
    {
        Refusals.Clear();
        (NextItem, Place, IsList, IsOver) = (0, JsonPlace.Start, false, false);
        (_skipped, Warning) = (0, null);
        Sent = default;
        (Room, Aborted) = (null, default);
        return Block.TryReset();
    }
}
