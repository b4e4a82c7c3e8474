using System.Diagnostics;
using System.Text;
using ClickHouse.Driver;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The end-to-end comparison: every contender after the other, round after round, so that a drift of the machine meets them all.</summary>
sealed class Comparison
{
    /// <summary>Long enough for the runtime to have compiled what is hot.</summary>
    public const int WarmUpSeconds = 10;

    static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    readonly CompareOptions _options;
    readonly ClickHouseClient _clickHouse;
    readonly StoredSamples _samples;
    readonly CancellationToken _stop;

    Comparison(CompareOptions options, ClickHouseClient clickHouse, CancellationToken stop)
    {
        _options = options;
        _clickHouse = clickHouse;
        _samples = new StoredSamples(clickHouse, stop);
        _stop = stop;
    }

    /// <summary>Starts everything, measures, and stops everything.</summary>
    /// <exception cref="ComparisonException">Something failed, or a contender lost samples.</exception>
    public static async Task<Report> RunAsync(CompareOptions options, CancellationToken stop)
    {
        await using var fresh = await FreshClickHouse.StartAsync(options.Data, stop);
        return await new Comparison(options, fresh.Client, stop).MeasureAsync(new Contenders(fresh.Server));
    }

    async Task<Report> MeasureAsync(Contenders contenders)
    {
        var measurements = new List<Measurement>();
        for (var round = 1; round <= _options.Rounds; round++)
        {
            foreach (var contender in contenders.All)
            {
                Console.WriteLine($"Round {round} of {_options.Rounds}: {contender.Name}");
                await MeasureAsync(contender, measurements);
            }
        }

        Console.WriteLine($"Parts of the table under {_options.PartsSeconds} s of load: {contenders.Service.Name}");
        return new Report
        {
            Options = _options,
            ClickHouseVersion = $"{await _clickHouse.ExecuteScalarAsync("SELECT version()", cancellationToken: _stop)}",
            Contenders = contenders,
            Measurements = measurements,
            MostParts = await MostPartsAsync(contenders.Service),
            Batches = await MeasureBatchesAsync(contenders),
            Protocols = await MeasureProtocolsAsync(contenders.Service),
            AllocatedPerRow = BatchComparison.AllocatedPerRow(),
        };
    }

    async Task MeasureAsync(Contender contender, List<Measurement> measurements)
    {
        await using var process = await StartAsync(contender, _stop);
        await Wrk.RunAsync(contender, contender.Connections[0], WarmUpSeconds, _stop);
        foreach (var connections in contender.Connections)
        {
            var (load, memory) = await LoadAsync(
                contender, connections, _options.Seconds, TimeSpan.FromMilliseconds(100), () => Task.FromResult(process?.ResidentMemory ?? 0));
            measurements.Add(new Measurement(contender, connections, load, memory));
            Console.WriteLine($"  {connections,4} connections: {load.RequestsPerSecond,8:N0} requests/s, median {load.MedianLatency:N2} ms");
        }
    }

    async Task<IReadOnlyList<BatchMeasurement>> MeasureBatchesAsync(Contenders contenders)
    {
        var comparison = new BatchComparison(contenders, _samples, _stop);
        var measurements = new List<BatchMeasurement>();
        foreach (var batch in BatchComparison.All)
        {
            Console.WriteLine($"One body: {batch.Name}");
            await using var service = await StartAsync(contenders.Service, _stop);
            measurements.Add(await comparison.MeasureAsync(batch, service!));
        }

        return measurements;
    }

    async Task<IReadOnlyList<ProtocolMeasurement>> MeasureProtocolsAsync(Contender contender)
    {
        Console.WriteLine($"The same samples in every protocol: {contender.Name}");
        await using var process = await StartAsync(contender, _stop);
        return await new ProtocolComparison(contender.Url, _samples, _stop).MeasureAsync();
    }

    async Task<long> MostPartsAsync(Contender contender)
    {
        await using var process = await StartAsync(contender, _stop);
        var (_, parts) = await LoadAsync(contender, connections: 64, _options.PartsSeconds, TimeSpan.FromSeconds(1), _samples.CountPartsAsync);
        return parts;
    }

    /// <summary>Loads a contender, reads a gauge meanwhile, and makes sure that what was acknowledged is stored.</summary>
    /// <returns>The load, and the highest value of the gauge.</returns>
    async Task<(Load Load, long Highest)> LoadAsync(Contender contender, int connections, int seconds, TimeSpan interval, Func<Task<long>> gauge)
    {
        await _samples.EmptyAsync();

        var loading = Wrk.RunAsync(contender, connections, seconds, _stop);
        var watching = HighestAsync();
        await Task.WhenAll(loading, watching);

        var load = await loading;
        if (contender.Stores && await _samples.CountAsync() is var stored && stored < load.Requests * contender.Rows)
        {
            throw new ComparisonException($"{contender.Name} acknowledged {load.Requests * contender.Rows:N0} samples, and {stored:N0} are stored.");
        }

        return (load, await watching);

        async Task<long> HighestAsync()
        {
            var highest = 0L;
            while (!loading.IsCompleted)
            {
                highest = Math.Max(highest, await gauge());
                await Task.WhenAny(loading, Task.Delay(interval));
            }

            return highest;
        }
    }

    /// <summary>Starts a contender's process, if it has one, and returns when it takes samples.</summary>
    /// <exception cref="ComparisonException">It takes none.</exception>
    public static async Task<ChildProcess?> StartAsync(Contender contender, CancellationToken stop)
    {
        if (contender.Start?.Invoke() is not { } process)
        {
            return null;
        }

        try
        {
            await AnswersAsync(contender, process, stop);
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    static async Task AnswersAsync(Contender contender, ChildProcess process, CancellationToken stop)
    {
        using var http = new HttpClient();
        var sample = contender.Sample.Replace("%s", "0", StringComparison.Ordinal);
        for (var waited = Stopwatch.StartNew(); !process.HasExited && waited.Elapsed < StartTimeout; await Task.Delay(50, stop))
        {
            try
            {
                using var response = await http.PostAsync(contender.Url, new StringContent(sample, Encoding.UTF8, contender.MediaType), stop);
                if (response.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
        }

        throw new ComparisonException($"{contender.Name} takes no samples: {process.Output}");
    }
}
