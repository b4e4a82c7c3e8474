using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>Series whose values move as those of a metric do: each is a random walk, rounded to two decimals, and the same in every run.</summary>
/// <param name="agent">Who collects them.</param>
/// <param name="series">How many they are.</param>
sealed class MovingSeries(int agent, int series)
{
    readonly Random _random = new(agent);
    readonly double[] _values = [.. Enumerable.Range(0, series).Select(i => 20 + i % 60)];

    /// <summary>The next sample of each.</summary>
    public IEnumerable<AgentSample> Collect(long time) => AgentSample.Collect(agent, _values.Length, time)
        .Select((sample, i) => sample with { Value = _values[i] = Math.Round(_values[i] + _random.NextDouble() - 0.5, 2) });
}
