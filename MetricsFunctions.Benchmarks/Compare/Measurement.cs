namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>One load of one contender.</summary>
/// <param name="Contender">Who was loaded.</param>
/// <param name="Connections">By how many connections.</param>
/// <param name="Load">What the clients saw.</param>
/// <param name="PeakMemory">The most resident memory of its process, in bytes; 0 when it has none of its own.</param>
sealed record Measurement(Contender Contender, int Connections, Load Load, long PeakMemory);
