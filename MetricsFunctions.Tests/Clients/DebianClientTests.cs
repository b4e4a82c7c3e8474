using System.Diagnostics;
using MetricsFunctions.Tests.Http;

namespace MetricsFunctions.Tests.Clients;

/// <summary>Programs that Debian ships send here as to InfluxDB, with nothing but the address and an API key set.</summary>
public sealed class DebianClientTests(ApiKeyTests.TwoKeys host) : IClassFixture<ApiKeyTests.TwoKeys>, IDisposable
{
    const string ApiKey = "old-key";

    static readonly string[] IcingaFolders = ["Data", "Cache", "Log", "Spool", "InitRun"];

    readonly TemporaryFolder _folder = new();

    int Port => host.Http.BaseAddress!.Port;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Icinga_writes_with_both_of_its_writers()
    {
        const string Templates = """
            host_template = { measurement = "icinga1", tags = { host = "$host.name$" } }
              service_template = { measurement = "icinga1", tags = { host = "$host.name$", service = "$service.name$" } }
            """;
        var configuration = Write("icinga2.conf", $$"""
            object CheckerComponent "checker" { }

            object CheckCommand "numbers" {
              command = [ "/bin/echo", "OK|load=0.42;1;2 'disk /'=12MB" ]
            }

            object Host "a1" {
              check_command = "numbers"
              check_interval = 1s
            }

            object Service "room one" {
              host_name = "a1"
              check_command = "numbers"
              check_interval = 1s
            }

            object InfluxdbWriter "1" {
              host = "127.0.0.1"
              port = {{Port}}
              basic_auth = { username = "any", password = "{{ApiKey}}" }
              {{Templates}}
              flush_interval = 1s
              enable_send_thresholds = true
            }

            object Influxdb2Writer "2" {
              host = "127.0.0.1"
              port = {{Port}}
              organization = "any"
              bucket = "any"
              auth_token = "{{ApiKey}}"
              {{Templates.Replace("icinga1", "icinga2", StringComparison.Ordinal)}}
              flush_interval = 1s
              enable_send_metadata = true
            }
            """);

        // Otherwise it becomes another user, and writes into the folders of the service.
        var folders = string.Join(' ', IcingaFolders.Select(folder => $"-D {folder}Dir={_folder.Path}"));
        using var icinga = Start("icinga2", "icinga2-bin", $"daemon -c {configuration} {folders} -D RunAsUser=$(id -un) -D RunAsGroup=$(id -gn)");
        string[] written =
        [
            .. Lines("icinga1", "disk /", 12e6), .. Lines("icinga1", "load", 0.42), .. Lines("icinga1.crit", "load", 2), .. Lines("icinga1.warn", "load", 1),
            .. Lines("icinga2", "disk /", 12e6), .. Lines("icinga2", "load", 0.42),
        ];
        await icinga.UntilAsync(async () => await host.QueryAsync($"""
            SELECT count() FROM (SELECT 1 FROM metrics.samples WHERE metric_name LIKE 'icinga%' AND mapContains(tags, 'metric') GROUP BY metric_name, tags HAVING count() > 1)
            """) == $"{written.Length}");
        Assert.Equal(
            string.Join('\n', written.Order(StringComparer.Ordinal)),
            await host.QueryAsync("SELECT DISTINCT metric_name, tags, metric_value FROM metrics.samples WHERE metric_name LIKE 'icinga%' AND mapContains(tags, 'metric') ORDER BY metric_name, toString(tags)"));
        Assert.Equal("0\t1", await host.QueryAsync("SELECT minIf(metric_value, metric_name = 'icinga2.state'), minIf(metric_value, metric_name = 'icinga2.reachable') FROM metrics.samples"));
        Assert.DoesNotContain("warning", icinga.Output, StringComparison.Ordinal);

        static string[] Lines(string name, string metric, double value) =>
        [
            FormattableString.Invariant($"{name}\t{{'host':'a1','metric':'{metric}'}}\t{value}"),
            FormattableString.Invariant($"{name}\t{{'host':'a1','metric':'{metric}','service':'room one'}}\t{value}"),
        ];
    }

    [Fact]
    public async Task Glances_finds_its_database_and_writes()
    {
        var configuration = Write("glances.conf", $"""
            [influxdb]
            host=127.0.0.1
            port={Port}
            user=any
            password={ApiKey}
            db=glances
            """);
        using var glances = Start("glances", "glances python3-influxdb", $"-C {configuration} --export influxdb --quiet --time 1");
        await glances.UntilAsync(async () => await host.QueryAsync("""
            SELECT count() FROM (SELECT 1 FROM metrics.samples WHERE metric_name IN ('cpu.total', 'load.min1', 'mem.percent') AND tags['hostname'] != '' GROUP BY metric_name HAVING count() > 1)
            """) == "3");
        Assert.Equal("1", await host.QueryAsync("SELECT min(metric_value > 0 AND metric_value < 100) FROM metrics.samples WHERE metric_name = 'mem.percent'"));
    }

    [Fact]
    public async Task What_influx_imports_is_stored()
    {
        var at = DateTimeOffset.UtcNow.AddDays(-1).ToUnixTimeSeconds();
        var lines = Write("import.txt", $"""
            # DDL
            CREATE DATABASE pirates
            CREATE RETENTION POLICY oneday ON pirates DURATION 1d REPLICATION 1

            # DML
            # CONTEXT-DATABASE: pirates
            # CONTEXT-RETENTION-POLICY: oneday

            treasures,captain_id=dread\ pirate\  value=801 {at}
            treasures,captain_id=flint value=29,map="yes" {at + 1}
            treasures,captain_id=tetra map="no" {at + 2}

            """);
        using var influx = Start("influx", "influxdb-client", $"-host 127.0.0.1 -port {Port} -username any -password {ApiKey} -import -path {lines} -precision s");
        await influx.ExitedAsync();
        Assert.Contains("Processed 2 commands", influx.Output, StringComparison.Ordinal);
        Assert.Contains("Failed 0 inserts", influx.Output, StringComparison.Ordinal);
        Assert.Equal(
            $"{{'captain_id':'dread pirate '}}\t801\t{at}\n{{'captain_id':'flint'}}\t29\t{at + 1}",
            await host.QueryAsync("SELECT tags, metric_value, toUnixTimestamp(timestamp) FROM metrics.samples WHERE metric_name = 'treasures' ORDER BY timestamp"));
    }

    string Write(string name, string text)
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllText(path, text);
        return path;
    }

    static ClientProcess Start(string program, string packages, string arguments)
    {
        ClientProcess.SkipUnlessInstalled(program, $"apt-get install {packages}");
        return new ClientProcess(new ProcessStartInfo("sh", ["-c", $"exec {program} {arguments}"]));
    }
}
