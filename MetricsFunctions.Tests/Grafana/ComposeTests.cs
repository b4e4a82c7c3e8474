using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.Grafana;

/// <summary>What ties docker-compose.yml to the files of this repository; that it is a Compose file at all, <c>.ci/run</c> asks Compose itself.</summary>
public sealed partial class ComposeTests(ComposedClickHouse clickHouse) : IClassFixture<ComposedClickHouse>
{
    static readonly string Compose = File.ReadAllText(Path.Combine(Repository.Root, "docker-compose.yml"));

    static string[] Mounts { get; } = [.. Mount().Matches(Compose).Select(match => match.Groups["source"].Value)];

    // Docker makes an empty folder of a source that is not there, and says nothing.
    [Fact]
    public void Everything_that_is_mounted_exists()
    {
        Assert.NotEmpty(Mounts);
        Assert.All(Mounts, source => Assert.True(Path.Exists(Path.Combine(Repository.Root, source)), source));
    }

    // The files of these folders are mounted one by one, because the image has files of its own there.
    [Fact]
    public void ClickHouse_gets_every_file_that_the_tests_run_with()
    {
        foreach (var folder in new[] { "config.d", "users.d" })
        {
            var files = Directory.GetFiles(Path.Combine(Repository.Root, "clickhouse", folder));
            Assert.NotEmpty(files);
            Assert.All(files, file =>
                Assert.Contains($"- ./clickhouse/{folder}/{Path.GetFileName(file)}:/etc/clickhouse-server/{folder}/{Path.GetFileName(file)}:ro\n", Compose, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task ClickHouse_takes_the_settings_for_a_laptop() => Assert.Equal(
        "268435456\t0.8",
        await clickHouse.AsAdministratorAsync("""
            SELECT anyIf(value, name = 'mark_cache_size'), anyIf(value, name = 'max_server_memory_usage_to_ram_ratio') FROM system.server_settings
            """));

    [Fact]
    public void Ports_are_open_to_this_machine_alone()
    {
        var ports = Port().Matches(Compose);
        Assert.NotEmpty(ports);
        Assert.All(ports, port => Assert.StartsWith("127.0.0.1:", port.Groups["binding"].Value, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^ +- \./(?<source>[^:\n]+):/", RegexOptions.Multiline)]
    private static partial Regex Mount();

    [GeneratedRegex(@"^ +- (?<binding>[0-9.:]+:\d+)$", RegexOptions.Multiline)]
    private static partial Regex Port();
}
