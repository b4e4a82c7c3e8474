using System.Globalization;
using System.Runtime.InteropServices;
using ClickHouse.Driver;
using MetricsFunctions.Benchmarks.Compare;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Ingestion.Storage;

namespace MetricsFunctions.Benchmarks.ColdStart;

/// <summary>From the start of a process to its first answer: the service with a ClickHouse that runs already, against a bare endpoint.</summary>
static class ColdStartComparison
{
    const string Service = "the service";
    const string Bare = "bare ASP.NET Core app";

    /// <summary>Publishes all, starts each in turn, round after round, and answers the report and whether its bar is met.</summary>
    /// <exception cref="ComparisonException">Something failed, or a sample that was acknowledged is not stored.</exception>
    public static async Task<(string Report, bool IsMet)> RunAsync(string root, ColdStartOptions options, CancellationToken stop)
    {
        var folder = Directory.CreateTempSubdirectory("metrics-functions-");
        try
        {
            await using var server = await ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = Folder("data") }, stop);
            using var client = new ClickHouseClient(server.ConnectionString);
            await Schema.ApplyAsync(client, stop);

            // As the Dockerfile publishes it.
            string[] image = ["--runtime", $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}", "--no-self-contained"];
            const string BareProject = "MetricsFunctions.Benchmarks/ColdStart/Bare";
            Starter[] starters =
            [
                new(Service, "MetricsFunctions.Standalone", [.. image, "-p:InstallChdb=false"],
                    ("ConnectionStrings__ClickHouse", server.ConnectionString), ("Ingestion__AllowAnonymous", "true")) { Stores = true },
                new(Bare, BareProject, []),
                new($"{Bare} with ReadyToRun", BareProject, [.. image, "-p:PublishReadyToRun=true"]),
            ];
            foreach (var starter in starters)
            {
                Console.WriteLine($"Publishing {starter.Name}");
                await starter.PublishAsync(root, Folder(starter.Name), stop);
            }

            var samples = new StoredSamples(client, stop);
            var measured = starters.ToDictionary(starter => starter.Name, _ => new List<(double Answered, double Listening)>());
            for (var round = 0; round <= options.Rounds; round++)
            {
                Console.WriteLine(round == 0 ? "Warming up" : $"Round {round} of {options.Rounds}");
                foreach (var starter in starters)
                {
                    await samples.EmptyAsync();
                    var took = await starter.MeasureAsync(Folder(starter.Name), stop);
                    var stored = await samples.CountAsync();
                    if (starter.Stores && stored != 1)
                    {
                        throw new ComparisonException($"{starter.Name} acknowledged 1 sample, and {stored} are stored.");
                    }

                    if (round > 0)
                    {
                        measured[starter.Name].Add(took);
                    }
                }
            }

            var version = await client.ExecuteScalarAsync("SELECT version()", cancellationToken: stop);
            var (service, bare) = (Median(Answered(Service)), Median(Answered(Bare)));
            var bar = new Bar(
                "cold start to the first stored sample", $"{Text(service)} ms", $"{Bare}, to its first 200: {Text(bare)} ms", service / bare, Limit: 2, Aim: 1.3);
            return (
                $"""
                {Bar.Head}
                {bar}

                | from the start of the process, ms | port open | first 200 | published, MB |
                |---|--:|--:|--:|
                {string.Join('\n', starters.Select(starter => $"| {starter.Name} | {Spread(Listening(starter.Name))} | {Spread(Answered(starter.Name))} | {Size(starter)} |"))}

                Medians of {options.Rounds} starts, in brackets the lowest and highest, after one that does not count; {DateTime.UtcNow.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)}.
                The machine: {Machine.Description}, .NET {Environment.Version}, ClickHouse {version}.
                """,
                bar.IsMet);

            string Folder(string name) => Directory.CreateDirectory(Path.Combine(folder.FullName, name)).FullName;

            double[] Answered(string name) => [.. measured[name].Select(one => one.Answered).Order()];

            double[] Listening(string name) => [.. measured[name].Select(one => one.Listening).Order()];

            string Size(Starter starter) =>
                (new DirectoryInfo(Folder(starter.Name)).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) / 1e6).ToString("0.0", CultureInfo.InvariantCulture);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static string Spread(double[] ascending) => $"{Text(Median(ascending))} ({Text(ascending[0])}–{Text(ascending[^1])})";

    static double Median(double[] ascending) => (ascending[(ascending.Length - 1) / 2] + ascending[ascending.Length / 2]) / 2;

    static string Text(double milliseconds) => milliseconds.ToString("0", CultureInfo.InvariantCulture);
}
