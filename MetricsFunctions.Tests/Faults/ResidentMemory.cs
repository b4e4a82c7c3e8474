using System.Globalization;

namespace MetricsFunctions.Tests.Faults;

/// <summary>The memory of another process, as the kernel counts it (proc(5)).</summary>
static class ResidentMemory
{
    public static int Megabytes(int processId) => Read(processId, "VmRSS:");

    /// <summary>The most that was ever resident.</summary>
    public static int PeakMegabytes(int processId) => Read(processId, "VmHWM:");

    /// <summary>Lets the peak begin anew with what is resident.</summary>
    public static void ForgetPeak(int processId) => File.WriteAllText($"/proc/{processId}/clear_refs", "5");

    static int Read(int processId, string name)
    {
        var line = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return int.Parse(line.AsSpan(name.Length).Trim().TrimEnd("kB"), CultureInfo.InvariantCulture) / 1024;
    }
}
