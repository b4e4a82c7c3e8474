using System.Diagnostics;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The same samples in every protocol, in bodies as agents send them, in turn.</summary>
/// <param name="service">Where the service takes samples.</param>
/// <param name="samples">To empty and count.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class ProtocolComparison(Uri service, StoredSamples samples, CancellationToken stop)
{
    public const int Rows = 5_000;
    public const int BodyCount = 100;
    public const int Connections = 8;
    public const int WarmUps = 1;
    public const int Runs = 5;

    /// <summary>Sends them to a service that has just been started.</summary>
    public async Task<IReadOnlyList<ProtocolMeasurement>> MeasureAsync()
    {
        var rates = ProtocolBody.All.ToDictionary(protocol => protocol, _ => new List<double>());
        for (var run = -WarmUps; run < Runs; run++)
        {
            foreach (var protocol in ProtocolBody.All)
            {
                var rate = await SendAsync(protocol);
                if (run >= 0)
                {
                    rates[protocol].Add(rate);
                }
            }
        }

        return [.. rates.Select(entry => new ProtocolMeasurement(entry.Key, [.. entry.Value.Order()]))];
    }

    async Task<double> SendAsync(ProtocolBody protocol)
    {
        // No two are alike: a body that comes again is stored once in some protocols. Made beforehand, as it is the service that is measured.
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var bodies = Enumerable.Range(0, BodyCount).Select(body => protocol.Write([.. AgentSample.Collect(agent: body % Connections, Rows, now - body)])).ToArray();
        await samples.EmptyAsync();

        using var http = new HttpClient();
        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(
            bodies,
            new ParallelOptions { MaxDegreeOfParallelism = Connections, CancellationToken = stop },
            async (body, cancel) => await protocol.SendAsync(http, service, body, cancel));
        var took = watch.Elapsed.TotalSeconds;

        var stored = await samples.CountAsync();
        return stored == BodyCount * Rows
            ? stored / took
            : throw new ComparisonException($"{BodyCount * Rows:N0} samples were sent as {protocol.Name}, and {stored:N0} are stored.");
    }
}

/// <summary>What became of a protocol.</summary>
/// <param name="Protocol">What was spoken.</param>
/// <param name="Rates">Samples a second, in ascending order.</param>
sealed record ProtocolMeasurement(ProtocolBody Protocol, double[] Rates);
