namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>One way to take samples, ready to be started.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Url">Where it takes samples.</param>
/// <param name="Connections">How many connections to load it with, heaviest first: the first load is also what warms it up.</param>
sealed record Contender(string Name, Uri Url, int[] Connections)
{
    /// <summary>What is sent; each %s is the value.</summary>
    public string Sample { get; init; } = """{"metric_name": "cpu_load", "metric_value": %s}""";

    /// <summary>How many samples that is, one a line.</summary>
    public int Rows { get; init; } = 1;

    /// <summary>What it is sent as.</summary>
    public string MediaType => Rows == 1 ? "application/json" : "application/x-ndjson";

    /// <summary>Whether a success means that the sample is in <c>metrics.samples</c>.</summary>
    public bool Stores { get; init; } = true;

    /// <summary>Starts its process; <see langword="null"/> for ClickHouse, which runs anyway.</summary>
    public Func<ChildProcess>? Start { get; init; }
}
