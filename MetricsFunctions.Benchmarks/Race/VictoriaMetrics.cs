using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>VictoriaMetrics, a single node with its defaults.</summary>
sealed class VictoriaMetrics() : Racer("VictoriaMetrics", new DebianPackage("sid", "victoria-metrics", "usr/bin/victoria-metrics"))
{
    public override string Answer => "in memory: a kill loses the last seconds";

    public override string Disk => "its data folder, once it has written all that it had in memory, and merges no more";

    public override IReadOnlyList<ProtocolBody> Protocols { get; } = [ProtocolBody.LineProtocol with { Path = "/write?precision=ms" }];

    public override async Task<long> CountAsync(CancellationToken stop)
    {
        await GetAsync("/internal/force_flush", stop);
        return await CountWithPromQlAsync("cpu_load_value", stop);
    }

    protected override Task StartAsync(CancellationToken stop) =>
        AddAsync("/health", stop, "-storageDataPath", Folder, "-httpListenAddr", Root.Authority);

    // Samples that can be queried are not on disk yet.
    protected override async Task<bool> IsMergingAsync(CancellationToken stop) => (await GetAsync("/metrics", stop)).Split('\n').Any(line =>
        (line.StartsWith("vm_active_merges{", StringComparison.Ordinal) || (line.StartsWith("vm_rows{", StringComparison.Ordinal) && line.Contains("inmemory", StringComparison.Ordinal)))
        && !line.EndsWith(" 0", StringComparison.Ordinal));
}
