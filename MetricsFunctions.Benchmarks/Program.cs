using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Running;
using MetricsFunctions.Benchmarks.ColdStart;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.Benchmarks.Growth;
using MetricsFunctions.Benchmarks.Instances;
using MetricsFunctions.Benchmarks.Merges;
using MetricsFunctions.Benchmarks.Micro;
using MetricsFunctions.Benchmarks.Race;
using MetricsFunctions.EmbeddedClickHouse;

const string Usage = """
    Usage: dotnet run -c Release --project MetricsFunctions.Benchmarks -- <what>

      micro [options]     the hot loops, with BenchmarkDotNet and its options
      compare [options]   the service against ClickHouse itself, Flask and a bare endpoint; writes docs/benchmarks.md,
                          and fails when a bar is missed
        --rounds N          rounds, of which the median counts (default: 3)
        --seconds N         length of one load (default: 10)
        --parts-seconds N   length of the load under which the parts of the table are counted (default: 60)
        --data DIR          an existing folder to make ClickHouse's data folder in (default: the temporary folder)
      race [options]      the service against InfluxDB, VictoriaMetrics, Prometheus and PostgreSQL, of Debian's packages; writes docs/race.md,
                          and fails when a bar is missed; --rounds, --seconds and --data as above
      merges [options]    small INSERTs with their merges, by the settings of the table; prints a table; options as above
      instances [options] 1, 2, 4 and 8 instances of the service on one ClickHouse, with ClickHouse:AsyncInsert off and on; prints the tables
                          of docs/scale.md, and fails when a bar is missed; options as above, but for --parts-seconds (default: 120)
      cold-start [options] from the start of the service to its first stored sample, against a bare ASP.NET Core app's first answer; prints
                          a table, and fails when the bar is missed
        --rounds N          starts of each (default: 15)
      growth [options]    INSERTs, panels and disk with more and more stored samples of a year; prints tables, and fails when the bar is missed
        --rows N            stored samples of the last stage, from 1000000; those before have a tenth of it each (default: 100000000)
        --requests N        requests of one sample into the filled and into empty tables each (default: 600)
        --seconds N         length of one load (default: 5)
        --data DIR          an existing folder to make ClickHouse's data folders in, 20 bytes a sample (default: the temporary folder)
    """;

switch (args)
{
    case ["micro", .. var options]:
        var summaries = BenchmarkRunner.Run(
            [typeof(JsonSampleReaderBenchmarks), typeof(ApiKeyBenchmarks), typeof(InfluxLineBenchmarks), typeof(RemoteWriteBenchmarks), typeof(OtlpReaderBenchmarks)], args: options);
        return summaries.All(summary => !summary.HasCriticalValidationErrors && summary.Reports.All(report => report.Success)) ? 0 : 1;

    case ["compare", .. var options] when CompareOptions.TryParse(options, partsSeconds: 60, out var parsed):
        return await RunAsync(async stop =>
        {
            var docs = Directory.CreateDirectory(Path.Combine(RepositoryRoot(), "docs"));
            await DebianPackages.RequireAsync(stop);
            var report = await Comparison.RunAsync(parsed, stop);
            await File.WriteAllTextAsync(Path.Combine(docs.FullName, "benchmarks.md"), $"{report}", stop);
            Console.WriteLine($"\n{report}");
            return report.Bars.All(bar => bar.IsMet);
        });

    case ["race", .. var options] when LoadOptions.TryParse(options, out var parsed):
        return await RunAsync(async stop =>
        {
            var docs = Directory.CreateDirectory(Path.Combine(RepositoryRoot(), "docs"));
            await DebianPackages.RequireAsync(stop);
            var report = await RaceComparison.RunAsync(parsed, stop);
            await File.WriteAllTextAsync(Path.Combine(docs.FullName, "race.md"), $"{report}", stop);
            Console.WriteLine($"\n{report}");
            return report.Bars.All(bar => bar.IsMet);
        });

    case ["merges", .. var options] when LoadOptions.TryParse(options, out var parsed):
        return await RunAsync(async stop =>
        {
            await using var clickHouse = await FreshClickHouse.StartAsync(parsed.Data, stop);
            Console.WriteLine($"\n{await new MergeComparison(parsed, clickHouse, stop).RunAsync()}");
            return true;
        });

    case ["instances", .. var options] when CompareOptions.TryParse(options, partsSeconds: 120, out var parsed):
        return await RunAsync(async stop =>
        {
            await DebianPackages.RequireAsync(stop);
            var report = await InstancesComparison.RunAsync(parsed, stop);
            Console.WriteLine($"\n{report}");
            return report.Bars.All(bar => bar.IsMet);
        });

    case ["cold-start", .. var options] when ColdStartOptions.TryParse(options, out var parsed):
        return await RunAsync(async stop =>
        {
            var (report, isMet) = await ColdStartComparison.RunAsync(RepositoryRoot(), parsed, stop);
            Console.WriteLine($"\n{report}");
            return isMet;
        });

    case ["growth", .. var options] when GrowthOptions.TryParse(options, out var parsed):
        return await RunAsync(async stop =>
        {
            await DebianPackages.RequireAsync(stop);
            var report = await GrowthComparison.RunAsync(parsed, stop);
            Console.WriteLine(report);
            return report.Bars.All(bar => bar.IsMet);
        });

    case [BareEndpoint.Command, .. var options]:
        await BareEndpoint.RunAsync(options);
        return 0;

    case [PostgreSqlEndpoint.Command, var connection, .. var options]:
        await PostgreSqlEndpoint.RunAsync(connection, options);
        return 0;

    default:
        Console.Error.WriteLine(Usage);
        return 1;
}

static async Task<int> RunAsync(Func<CancellationToken, Task<bool>> measure)
{
    // What was started has to end with us, also on Ctrl+C.
    using var stop = new CancellationTokenSource();
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    try
    {
        RequireOptimized();
        return await measure(stop.Token) ? 0 : 1;
    }
    catch (Exception e) when (e is ComparisonException or ClickHouseStartException || stop.IsCancellationRequested)
    {
        Console.Error.WriteLine(stop.IsCancellationRequested ? "Stopped." : e.Message);
        return 1;
    }

    void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        stop.Cancel();
    }
}

static void RequireOptimized()
{
    if (typeof(BareEndpoint).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true })
    {
        throw new ComparisonException("This is a debug build, which measures nothing of interest: run it with -c Release.");
    }
}

static string RepositoryRoot()
{
    for (var folder = Environment.CurrentDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
    {
        if (File.Exists(Path.Combine(folder, "MetricsFunctions.sln")))
        {
            return folder;
        }
    }

    throw new ComparisonException("Run this inside the repository.");
}
