namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The comparison cannot be made, or what it measured does not count. The message says why and what to do.</summary>
sealed class ComparisonException(string message) : Exception(message);
