using System.Globalization;
using System.Runtime.InteropServices;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The machine that figures come from.</summary>
static class Machine
{
    public static string Description =>
        $"{Environment.ProcessorCount} cores of {Processor()}, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GB of memory, {RuntimeInformation.OSDescription}";

    /// <summary>What all its cores have worked since it started; on Linux.</summary>
    public static TimeSpan BusyTime
    {
        get
        {
            // "cpu", then hundredths of a second: user, nice, system, idle, waiting, two kinds of interrupts.
            var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..8]
                .Select(ticks => long.Parse(ticks, CultureInfo.InvariantCulture)).ToArray();
            return TimeSpan.FromMilliseconds(10 * (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]));
        }
    }

    static string Processor()
    {
        const string Model = "model name";
        const string CpuInfo = "/proc/cpuinfo";
        var line = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith(Model, StringComparison.Ordinal)) : null;
        return line?.Split(':')[1].Trim() ?? $"{RuntimeInformation.ProcessArchitecture}";
    }
}
