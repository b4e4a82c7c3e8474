using System.Globalization;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>What a contender has taken of the machine.</summary>
/// <param name="Front">Processor time of the process that answers.</param>
/// <param name="Database">Processor time of all others.</param>
/// <param name="Memory">Bytes of memory that all have now; what several share counts once.</param>
readonly record struct Usage(TimeSpan Front, TimeSpan Database, long Memory)
{
    public TimeSpan ProcessorTime => Front + Database;
}

/// <summary>Processes with all that they started, as Linux tells of them in <c>/proc</c>.</summary>
static class ProcessTree
{
    // Ticks of the processor times: hundredths of a second.
    const long TicksPerTick = TimeSpan.TicksPerSecond / 100;

    /// <summary>What processes and their descendants have taken.</summary>
    /// <param name="front">The one that answers.</param>
    /// <param name="roots">Those that were started, it among them.</param>
    /// <param name="withMemory">Whether to look at the memory, which makes the kernel walk through all of it.</param>
    public static Usage Read(ChildProcess front, IReadOnlyList<ChildProcess> roots, bool withMemory)
    {
        var all = All().ToLookup(process => process.Parent);
        var (frontTime, databaseTime, memory) = (TimeSpan.Zero, TimeSpan.Zero, 0L);
        var rest = new Queue<OneProcess>(all.SelectMany(children => children).Where(process => roots.Any(root => root.Id == process.Id)));
        while (rest.TryDequeue(out var process))
        {
            (frontTime, databaseTime) = process.Id == front.Id ? (frontTime + process.Time, databaseTime) : (frontTime, databaseTime + process.Time);
            memory += withMemory ? Memory(process.Id) : 0;
            foreach (var child in all[process.Id])
            {
                rest.Enqueue(child);
            }
        }

        return new Usage(frontTime, databaseTime, memory);
    }

    static IEnumerable<OneProcess> All()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out var id) && Text(id, "stat") is { Length: > 0 } text)
            {
                // Behind the name, which may have spaces: state, parent; and the times of the process itself and of children that have ended.
                var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
                yield return new OneProcess(id, int.Parse(fields[1], CultureInfo.InvariantCulture), new TimeSpan(TicksPerTick * fields[11..15].Sum(Number)));
            }
        }
    }

    static long Memory(int id) => Text(id, "smaps_rollup").Split('\n').Where(line => line.StartsWith("Pss:", StringComparison.Ordinal))
        .Sum(line => 1024 * Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));

    static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    static string Text(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is another user's.
            return "";
        }
    }

    readonly record struct OneProcess(int Id, int Parent, TimeSpan Time);
}
