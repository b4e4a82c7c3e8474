using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.EmbeddedClickHouse;

namespace MetricsFunctions.Benchmarks.Instances;

/// <summary>Instances of the service on one ClickHouse, each a process of its own.</summary>
/// <param name="clickHouse">Where they write to.</param>
/// <param name="asyncInsert">Whether ClickHouse gathers their INSERTs.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class InstanceSet(ClickHouseServer clickHouse, bool asyncInsert, CancellationToken stop) : IAsyncDisposable
{
    readonly List<Contender> _contenders = [];
    readonly List<ChildProcess> _processes = [];

    /// <summary>Those that run.</summary>
    public IReadOnlyList<Contender> Contenders => _contenders;

    /// <summary>What they have taken of all cores so far.</summary>
    public TimeSpan ProcessorTime => _processes.Aggregate(TimeSpan.Zero, (sum, process) => sum + process.ProcessorTime);

    /// <summary>Starts more of them, until there are so many.</summary>
    public async Task GrowAsync(int count)
    {
        while (_contenders.Count < count)
        {
            var contender = Compare.Contenders.Standalone(
                clickHouse, $"instance {_contenders.Count + 1}", [InstancesComparison.Connections], rows: 1, ("ClickHouse__AsyncInsert", $"{asyncInsert}"));
            _processes.Add((await Comparison.StartAsync(contender, stop))!);
            _contenders.Add(contender);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }
    }
}
