using System.Diagnostics;
using System.Globalization;
using ClickHouse.Driver;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.EmbeddedClickHouse;
using CompareOptions = MetricsFunctions.Benchmarks.Compare.CompareOptions;

namespace MetricsFunctions.Benchmarks.Instances;

/// <summary>More and more instances of the service on one ClickHouse, each under a load of its own.</summary>
sealed class InstancesComparison
{
    /// <summary>Connections to each instance.</summary>
    public const int Connections = 64;

    /// <summary>How many instances the bars are about.</summary>
    public const int Several = 4;

    /// <summary>How many are measured, fewest first: those of one step stay for the next.</summary>
    public static readonly int[] Counts = [1, 2, Several, 8];

    readonly CompareOptions _options;
    readonly ClickHouseServer _server;
    readonly ClickHouseClient _clickHouse;
    readonly StoredSamples _samples;
    readonly CancellationToken _stop;

    InstancesComparison(CompareOptions options, ClickHouseServer server, ClickHouseClient clickHouse, CancellationToken stop)
    {
        _options = options;
        _server = server;
        _clickHouse = clickHouse;
        _samples = new StoredSamples(clickHouse, stop);
        _stop = stop;
    }

    /// <summary>Starts everything, measures, and stops everything.</summary>
    /// <exception cref="ComparisonException">Something failed, or samples were lost or doubled.</exception>
    public static async Task<InstancesReport> RunAsync(CompareOptions options, CancellationToken stop)
    {
        await using var fresh = await FreshClickHouse.StartAsync(options.Data, stop);
        return await new InstancesComparison(options, fresh.Server, fresh.Client, stop).MeasureAsync();
    }

    async Task<InstancesReport> MeasureAsync()
    {
        var measurements = new List<InstancesMeasurement>();
        for (var round = 1; round <= _options.Rounds; round++)
        {
            foreach (var asyncInsert in new[] { false, true })
            {
                Console.WriteLine($"Round {round} of {_options.Rounds}: ClickHouse:AsyncInsert {(asyncInsert ? "on" : "off")}");
                await using var instances = new InstanceSet(_server, asyncInsert, _stop);
                foreach (var count in Counts)
                {
                    await instances.GrowAsync(count);
                    await LoadAsync(instances, Comparison.WarmUpSeconds);
                    await SettledCountAsync();
                    var measurement = await MeasureAsync(instances, asyncInsert);
                    measurements.Add(measurement);
                    Console.WriteLine($"  {count} instances: {measurement.RequestsPerSecond,8:N0} requests/s, median {measurement.MedianLatency:N2} ms, {measurement.PartsPerSecond:N0} parts/s");
                }
            }
        }

        Console.WriteLine($"Parts of the table under {_options.PartsSeconds} s of load: {Several} instances");
        return new InstancesReport
        {
            Options = _options,
            ClickHouseVersion = $"{await _clickHouse.ExecuteScalarAsync("SELECT version()", cancellationToken: _stop)}",
            Measurements = measurements,
            MostParts = await MostPartsAsync(),
        };
    }

    async Task<InstancesMeasurement> MeasureAsync(InstanceSet instances, bool asyncInsert)
    {
        await _samples.EmptyAsync();
        using var clickHouse = Process.GetProcessById(_server.ProcessId);
        var since = await ScalarAsync("SELECT toUnixTimestamp64Micro(now64(6))");
        var before = (ClickHouse: clickHouse.TotalProcessorTime, Instances: instances.ProcessorTime, Machine: Machine.BusyTime);
        var watch = Stopwatch.StartNew();
        var loads = await LoadAsync(instances, _options.Seconds);
        var elapsed = watch.Elapsed;
        clickHouse.Refresh();
        var after = (ClickHouse: clickHouse.TotalProcessorTime, Instances: instances.ProcessorTime, Machine: Machine.BusyTime);
        var stored = await StoredAsync(loads);

        await _clickHouse.ExecuteNonQueryAsync("SYSTEM FLUSH LOGS part_log", cancellationToken: _stop);
        var parts = await ScalarAsync($"""
            SELECT count() FROM system.part_log
            WHERE event_type = 'NewPart' AND database = 'metrics' AND table = 'samples' AND event_time_microseconds >= fromUnixTimestamp64Micro({since})
            """);

        // wrk makes its requests before it begins, which is work for the machine and not for those that are loaded.
        var seconds = loads.Max(load => load.Requests / load.RequestsPerSecond);
        return new InstancesMeasurement(
            loads.Length,
            asyncInsert,
            loads.Sum(load => load.RequestsPerSecond),
            loads.Max(load => load.MedianLatency),
            loads.Max(load => load.P99Latency),
            parts / seconds,
            (double)stored / parts,
            (after.ClickHouse - before.ClickHouse).TotalSeconds / seconds,
            (after.Instances - before.Instances).TotalSeconds / seconds,
            (after.Machine - before.Machine).TotalSeconds / elapsed.TotalSeconds);
    }

    async Task<long> MostPartsAsync()
    {
        await using var instances = new InstanceSet(_server, asyncInsert: false, _stop);
        await instances.GrowAsync(Several);
        await _samples.EmptyAsync();
        var loading = LoadAsync(instances, _options.PartsSeconds);
        var highest = 0L;
        while (!loading.IsCompleted)
        {
            highest = Math.Max(highest, await _samples.CountPartsAsync());
            await Task.WhenAny(loading, Task.Delay(TimeSpan.FromMilliseconds(500)));
        }

        await StoredAsync(await loading);
        return highest;
    }

    Task<Load[]> LoadAsync(InstanceSet instances, int seconds) =>
        Task.WhenAll(instances.Contenders.Select(instance => Wrk.RunAsync(instance, Connections, seconds, _stop)));

    /// <summary>Makes sure that each sample is stored once, and answers how many there are.</summary>
    async Task<long> StoredAsync(Load[] loads)
    {
        var answered = loads.Sum(load => load.Requests);
        var stored = await SettledCountAsync();

        // wrk ends without waiting for the last answer of each connection.
        return stored >= answered && stored <= answered + (loads.Length * Connections)
            ? stored
            : throw new ComparisonException($"{loads.Length} instances acknowledged {answered:N0} samples, and {stored:N0} are stored.");
    }

    // What was under way when wrk ended is stored a moment later, and would count as the next load's.
    async Task<long> SettledCountAsync()
    {
        for (var count = await _samples.CountAsync(); ;)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), _stop);
            var now = await _samples.CountAsync();
            if (now == count)
            {
                return count;
            }

            count = now;
        }
    }

    async Task<long> ScalarAsync(string sql) =>
        Convert.ToInt64(await _clickHouse.ExecuteScalarAsync(sql, cancellationToken: _stop), CultureInfo.InvariantCulture);
}
