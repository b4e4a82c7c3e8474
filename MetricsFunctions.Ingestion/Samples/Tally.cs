namespace MetricsFunctions.Ingestion.Samples;

/// <summary>What a request brought, for its answer.</summary>
/// <param name="Samples">Number of samples.</param>
/// <param name="IsList">Whether they came as a list, be it of one.</param>
/// <param name="Skipped">Number of values that were left out because they are no samples, which is no fault.</param>
readonly record struct Tally(int Samples, bool IsList, int Skipped)
{
    /// <summary>The same as the sender counts it, in protocols where it wants to know.</summary>
    public SentCounts Sent { get; init; }

    /// <summary>What the sender should know although nothing is refused for it.</summary>
    public string? Warning { get; init; }
}
