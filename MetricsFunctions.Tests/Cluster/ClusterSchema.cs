using System.Diagnostics;

namespace MetricsFunctions.Tests.Cluster;

/// <summary>What <c>clickhouse/cluster/schema</c> prints.</summary>
static class ClusterSchema
{
    public static string[] Statements(params string[] arguments)
    {
        using var script = Process.Start(
            new ProcessStartInfo(Path.Combine(Repository.Root, "clickhouse", "cluster", "schema"), arguments) { RedirectStandardOutput = true })!;
        var sql = script.StandardOutput.ReadToEnd();
        script.WaitForExit();
        Assert.Equal(0, script.ExitCode);
        return sql.Split(";\n", StringSplitOptions.RemoveEmptyEntries);
    }
}
