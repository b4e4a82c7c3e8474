using System.Runtime.InteropServices;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The machine that figures come from.</summary>
static class Machine
{
    public static string Description =>
        $"{Environment.ProcessorCount} cores of {Processor()}, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GB of memory, {RuntimeInformation.OSDescription}";

    static string Processor()
    {
        const string Model = "model name";
        const string CpuInfo = "/proc/cpuinfo";
        var line = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith(Model, StringComparison.Ordinal)) : null;
        return line?.Split(':')[1].Trim() ?? $"{RuntimeInformation.ProcessArchitecture}";
    }
}
