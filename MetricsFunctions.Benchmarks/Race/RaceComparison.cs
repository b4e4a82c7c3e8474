using System.Diagnostics;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>The service and others that do the same, on the same samples: each in turn, round after round.</summary>
sealed class RaceComparison
{
    public const int WarmUpSeconds = 5;
    public const int WarmUpConnections = 64;

    /// <summary>Samples of a large body.</summary>
    public const int Rows = 5_000;

    /// <summary>Connections for large bodies.</summary>
    public const int Agents = 8;

    /// <summary>Collections of an agent's series in one of its bodies.</summary>
    public const int CollectionsOfBody = 4;

    /// <summary>So many large bodies are sent, unless the time is over earlier.</summary>
    public const int Bodies = 400;

    /// <summary>Series that lie on disk in the end.</summary>
    public const int StoredSeries = 5_000;

    /// <summary>Samples of each of them, one every <see cref="StoredInterval"/>.</summary>
    public const int StoredCollections = 360;

    /// <summary>Time between samples of a series that lies on disk in the end.</summary>
    public static readonly TimeSpan StoredInterval = TimeSpan.FromSeconds(10);

    /// <summary>Connections for single samples.</summary>
    public static readonly int[] Connections = [1024, 64, 1];

    readonly LoadOptions _options;
    readonly CancellationToken _stop;

    RaceComparison(LoadOptions options, CancellationToken stop)
    {
        _options = options;
        _stop = stop;
    }

    /// <summary>Fetches who is missing, measures, and stops everything.</summary>
    /// <exception cref="ComparisonException">Something failed, or a contender lost samples.</exception>
    public static Task<RaceReport> RunAsync(LoadOptions options, CancellationToken stop) => new RaceComparison(options, stop).RunAsync();

    async Task<RaceReport> RunAsync()
    {
        var (service, influxDb) = (new Service(), new InfluxDb());
        var racers = new List<Racer>();
        var skipped = new List<string>();
        foreach (var racer in new Racer[] { service, influxDb, new VictoriaMetrics(), new Prometheus(), new PostgreSql() })
        {
            try
            {
                await racer.FetchAsync(_stop);
                racers.Add(racer);
            }
            catch (ComparisonException e)
            {
                Console.WriteLine($"Without {racer.Name}: {e.Message.TrimEnd()}");
                skipped.Add(racer.Name);
            }
        }

        var measurements = new List<RaceMeasurement>();
        for (var round = 1; round <= _options.Rounds; round++)
        {
            foreach (var racer in racers)
            {
                Console.WriteLine($"Round {round} of {_options.Rounds}: {racer.Name}");
                await WithAsync(racer, () => RaceAsync(racer, measurements));
            }
        }

        var bytes = new Dictionary<Racer, double>();
        foreach (var racer in racers)
        {
            Console.WriteLine($"On disk: {racer.Name}");
            await WithAsync(racer, async () => bytes[racer] = await StoreAsync(racer));
        }

        return new RaceReport
        {
            Options = _options,
            Service = service,
            InfluxDb = influxDb,
            Racers = racers,
            Skipped = skipped,
            Measurements = measurements,
            BytesOfSample = bytes,
        };
    }

    /// <summary>Has a contender run, in a folder of its own.</summary>
    async Task WithAsync(Racer racer, Func<Task> measureAsync)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_options.Data, $"metrics-functions-race-{Environment.ProcessId}"));
        try
        {
            await racer.StartAsync(folder.FullName, _stop);
            await measureAsync();
        }
        finally
        {
            await racer.StopAsync();
            folder.Delete(recursive: true);
        }
    }

    async Task RaceAsync(Racer racer, List<RaceMeasurement> measurements)
    {
        // The first answers may be refusals, of which wrk tells no more than their number.
        await SendBodiesAsync(racer, bodies: Agents * 10);
        foreach (var protocol in racer.Protocols)
        {
            await racer.SendAsync(protocol, protocol.Write([.. new MovingSeries(0, 1).Collect(Now)]), _stop);
            await SingleSamples.SendAsync(protocol, racer.Root, WarmUpConnections, WarmUpSeconds, _stop);
            await racer.RestAsync(_stop);
        }

        foreach (var heat in Heats(racer))
        {
            measurements.Add(await MeasureAsync(racer, heat));
        }
    }

    static IEnumerable<Heat> Heats(Racer racer) =>
    [
        .. Connections.Select(connections => new Heat(racer.Protocols[0], connections, Samples: 1)),
        .. racer.Protocols.Skip(1).Select(protocol => new Heat(protocol, 64, Samples: 1)),
        new Heat(racer.Protocols[0], Agents, Rows),
    ];

    async Task<RaceMeasurement> MeasureAsync(Racer racer, Heat heat)
    {
        var (stored, usage) = (await racer.CountAsync(_stop), racer.Read());
        var loading = heat.Samples == 1 ? SendSinglesAsync(racer, heat) : SendBodiesAsync(racer, Bodies);
        var peak = await PeakMemoryAsync(racer, loading);
        var (requests, requestsPerSecond) = await loading;
        await racer.RestAsync(_stop);
        var now = racer.Read();
        stored = await racer.CountAsync(_stop) - stored;

        // wrk ends without waiting for the last answer of each connection.
        var acknowledged = requests * heat.Samples;
        if (stored < acknowledged || stored > acknowledged + (heat.Samples == 1 ? heat.Connections : 0))
        {
            throw new ComparisonException($"{racer.Name} acknowledged {acknowledged:N0} samples, and {stored:N0} are stored.");
        }

        var measurement = new RaceMeasurement(
            racer,
            heat,
            requestsPerSecond,
            (now.ProcessorTime - usage.ProcessorTime).TotalMicroseconds / stored,
            (now.Database - usage.Database).TotalMicroseconds / stored,
            peak);
        Console.WriteLine(
            $"  {heat.Protocol.Name}, {heat.Connections,4} connections: {requestsPerSecond,9:N0} requests/s, {measurement.SamplesPerSecond,9:N0} samples/s, {measurement.Processor,6:N1} µs a sample, {stored:N0} of {acknowledged:N0} stored");
        return measurement;
    }

    async Task<(long Requests, double PerSecond)> SendSinglesAsync(Racer racer, Heat heat)
    {
        var load = await SingleSamples.SendAsync(heat.Protocol, racer.Root, heat.Connections, _options.Seconds, _stop);
        return (load.Requests, load.RequestsPerSecond);
    }

    /// <summary>Each agent sends its own series, body after body, so that those of a series come in the order of their times.</summary>
    async Task<(long Requests, double PerSecond)> SendBodiesAsync(Racer racer, int bodies)
    {
        // Made beforehand, as it is the contender that is measured.
        var now = Now;
        var ofAgents = Enumerable.Range(0, Agents).AsParallel().Select(agent =>
        {
            var series = new MovingSeries(agent, Rows / CollectionsOfBody);
            return Enumerable.Range(0, bodies / Agents).Select(body => racer.Protocols[0].Write(
                [.. Enumerable.Range(body * CollectionsOfBody, CollectionsOfBody).SelectMany(collection => series.Collect(now + collection))])).ToArray();
        }).ToArray();

        var limit = TimeSpan.FromSeconds(_options.Seconds);
        var watch = Stopwatch.StartNew();
        var sent = await Task.WhenAll(ofAgents.Select(async ofAgent =>
        {
            var count = 0L;
            for (; count < ofAgent.Length && watch.Elapsed < limit; count++)
            {
                await racer.SendAsync(racer.Protocols[0], ofAgent[count], _stop);
            }

            return count;
        }));
        return (sent.Sum(), sent.Sum() / watch.Elapsed.TotalSeconds);
    }

    static async Task<long> PeakMemoryAsync(Racer racer, Task loading)
    {
        var highest = 0L;
        while (!loading.IsCompleted)
        {
            highest = Math.Max(highest, racer.Read(withMemory: true).Memory);
            await Task.WhenAny(loading, Task.Delay(TimeSpan.FromMilliseconds(500)));
        }

        return highest;
    }

    /// <summary>Stores an hour of samples and answers how many bytes each takes.</summary>
    async Task<double> StoreAsync(Racer racer)
    {
        var series = new MovingSeries(0, StoredSeries);
        var begin = DateTimeOffset.UtcNow - StoredCollections * StoredInterval;
        for (var collection = 0; collection < StoredCollections; collection++)
        {
            var time = (begin + collection * StoredInterval).ToUnixTimeMilliseconds();
            await racer.SendAsync(racer.Protocols[0], racer.Protocols[0].Write([.. series.Collect(time)]), _stop);
        }

        await racer.SettleAsync(_stop);
        const long Sent = StoredSeries * StoredCollections;
        if (await racer.CountAsync(_stop) is var stored && stored != Sent)
        {
            throw new ComparisonException($"{Sent:N0} samples were sent to {racer.Name}, and {stored:N0} are stored.");
        }

        var bytes = (double)await racer.SizeAsync(_stop) / Sent;
        Console.WriteLine($"  {bytes:N2} bytes a sample");
        return bytes;
    }

    static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
}
