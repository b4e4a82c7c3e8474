using System.Net.Http.Headers;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>Processor time of samples that came in one way.</summary>
/// <param name="What">How they came.</param>
/// <param name="Samples">How many.</param>
/// <param name="Service">What the service took.</param>
/// <param name="ClickHouse">What ClickHouse took, until it had merged them.</param>
sealed record ProcessorCost(string What, long Samples, TimeSpan Service, TimeSpan ClickHouse);

/// <summary>How much of a core a sample takes: what the model of docs/scale.md is made of.</summary>
/// <param name="server">Its tables are emptied.</param>
/// <param name="seconds">Length of one load.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class ProcessorComparison(GrowthServer server, int seconds, CancellationToken stop)
{
    public const int Agents = 8;
    public const int SeriesOfAgent = 5_000;
    public const int Collections = 50;
    public const int Interval = 10;

    /// <summary>Single samples on few and on many connections, and large bodies.</summary>
    public async Task<IReadOnlyList<ProcessorCost>> MeasureAsync() =>
    [
        await MeasureAsync("one sample a request, 64 connections", () => SingleAsync(64)),
        await MeasureAsync("one sample a request, 1,024 connections", () => SingleAsync(1024)),
        await MeasureAsync(FormattableString.Invariant($"{SeriesOfAgent:N0} samples a request, each a series of its own, every {Interval} s"), CollectionsAsync),
    ];

    async Task<ProcessorCost> MeasureAsync(string what, Func<Task<long>> sendAsync)
    {
        await new StoredSamples(server.Client, stop).EmptyAsync();
        await server.CalmAsync(stop);
        var before = server.ProcessorTime;
        var samples = await sendAsync();
        await server.CalmAsync(stop);
        var after = server.ProcessorTime;
        return new ProcessorCost(what, samples, after.Service - before.Service, after.ClickHouse - before.ClickHouse);
    }

    async Task<long> SingleAsync(int connections) => (await Wrk.RunAsync(server.Service, connections, seconds, stop)).Requests;

    async Task<long> CollectionsAsync()
    {
        using var http = new HttpClient();
        var end = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var collection = Collections; collection > 0; collection--)
        {
            var time = end - collection * Interval * 1000;
            await Parallel.ForAsync(0, Agents, stop, async (agent, cancel) =>
            {
                using var content = new ByteArrayContent(ProtocolBody.Ndjson.Write([.. AgentSample.Collect(agent, SeriesOfAgent, time)]));
                content.Headers.ContentType = new MediaTypeHeaderValue(ProtocolBody.Ndjson.MediaType);
                using var response = await http.PostAsync(server.Service.Url, content, cancel);
                if (!response.IsSuccessStatusCode)
                {
                    throw new ComparisonException($"{server.Service.Name} answered {response.StatusCode}: {await response.Content.ReadAsStringAsync(cancel)}");
                }
            });
        }

        return (long)Agents * SeriesOfAgent * Collections;
    }
}
