using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace MetricsFunctions.Tests.Standalone;

/// <summary>Standalone in a folder of its own, as it is published, and started from another one that must not matter.</summary>
public sealed class InstalledTests : IDisposable
{
    readonly TemporaryFolder _program = new();
    readonly TemporaryFolder _elsewhere = new();

    public InstalledTests()
    {
        CopyFiles(AppContext.BaseDirectory, _program.Path);
        CopyFiles(Path.Combine(AppContext.BaseDirectory, "server"), Path.Combine(_program.Path, "server"));
    }

    public void Dispose()
    {
        _program.Dispose();
        _elsewhere.Dispose();
    }

    [Fact]
    public async Task Without_settings_it_is_where_the_documentation_says()
    {
        // A network of its own, because in this one somebody else may have the ports.
        string[] apart = ["--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"];
        using (var trial = Process.Start("unshare", [.. apart, "true"]))
        {
            await trial.WaitForExitAsync();
            Assert.SkipUnless(trial.ExitCode == 0, "This user may not make a network namespace (unshare --user --map-root-user --net).");
        }

        using var standalone = StandaloneProcess.Start(
            new ProcessStartInfo("unshare", [.. apart, Path.Combine(_program.Path, "MetricsFunctions.Standalone")]) { WorkingDirectory = _elsewhere.Path },
            ("Ingestion__AllowAnonymous", "true"));
        await standalone.StartedAsync();
        Assert.Contains("takes samples at http://localhost:7071/api/metrics", standalone.Output, StringComparison.Ordinal);
        Assert.Contains($"in {Path.Combine(_program.Path, "clickhouse-data")}", standalone.Output, StringComparison.Ordinal);

        string[] inside = ["--target", $"{standalone.Id}", "--user", "--net", "--preserve-credentials"];
        string[] sample = ["curl", "--silent", "http://localhost:7071/api/metrics", "--data", """{"metric_name": "m", "metric_value": 1}"""];
        Assert.Equal("""{"message":"ok"}""", await OutputOfAsync("nsenter", [.. inside, .. sample]));
        foreach (var query in new[] { "http://localhost:8123/?query=SELECT+count()+FROM+metrics.samples", "http://localhost:8123/?query=SELECT+tcpPort()-8999" })
        {
            Assert.Equal("1", await OutputOfAsync("nsenter", [.. inside, "curl", "--silent", query]));
        }

        // Neither of the start, nor of requests, nor of the end.
        Assert.Equal(0, await standalone.TerminateAsync());
        Assert.DoesNotContain("info:", standalone.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_elsewhere.Path));
    }

    [Theory]
    [InlineData("MetricsFunctions.Standalone")]
    [InlineData("dotnet", "MetricsFunctions.Standalone.dll")]
    public async Task Its_settings_and_what_they_name_are_beside_it(string command, string? argument = null)
    {
        var port = Ports.Free();
        await File.WriteAllTextAsync(Path.Combine(_program.Path, "key"), "the-key");
        await File.WriteAllTextAsync(Path.Combine(_program.Path, "appsettings.json"), JsonSerializer.Serialize(new
        {
            Urls = $"http://127.0.0.1:{port}",
            EmbeddedClickHouse = new { DataPath = "samples", HttpPort = Ports.Free(), TcpPort = Ports.Free() },
            Ingestion = new { ApiKeys = new[] { new { Name = "beside", KeyFile = "key" } } },
        }));
        var start = argument is null ? new ProcessStartInfo(Path.Combine(_program.Path, command)) : new ProcessStartInfo(command, [Path.Combine(_program.Path, argument)]);
        start.WorkingDirectory = _elsewhere.Path;
        using var standalone = StandaloneProcess.Start(start);
        await standalone.StartedAsync();

        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{port}/api/metrics") { Content = new StringContent("[]", null, "application/json") };
        request.Headers.Authorization = new("Bearer", "the-key");
        using var response = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(Directory.Exists(Path.Combine(_program.Path, "samples")));
        Assert.Equal(0, await standalone.TerminateAsync());
        Assert.Empty(Directory.EnumerateFileSystemEntries(_elsewhere.Path));
    }

    [Theory]
    [InlineData("{\n\"Ingestion\": {\"ApiKeys\": [token-of-someone]}}", "mend line 2.")]
    [InlineData("{\"Ingestion\": {\"ApiKeys\": [\"token-of-someone\"], \"apiKeys\": [\"token-of-someone\"]}}", "mend it.")]
    public async Task Settings_that_cannot_be_read_are_told_in_one_line_that_repeats_none(string settings, string advice)
    {
        await File.WriteAllTextAsync(Path.Combine(_program.Path, "appsettings.json"), settings);
        using var standalone = StandaloneProcess.Start(new ProcessStartInfo(Path.Combine(_program.Path, "MetricsFunctions.Standalone")) { WorkingDirectory = _elsewhere.Path });
        Assert.Equal(1, await standalone.ExitedAsync());
        var line = Assert.Single(standalone.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.StartsWith("MetricsFunctions cannot start: ", line, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_program.Path, "appsettings.json"), line, StringComparison.Ordinal);
        Assert.EndsWith(advice, line, StringComparison.Ordinal);
        Assert.DoesNotContain("token", line, StringComparison.Ordinal);
    }

    // Those that .NET itself knows come before the defaults, too.
    [Fact]
    public async Task ASPNETCORE_URLS_is_heard()
    {
        var url = $"http://127.0.0.1:{Ports.Free()}";
        using var standalone = StandaloneProcess.Start(
            new ProcessStartInfo(Path.Combine(_program.Path, "MetricsFunctions.Standalone")) { WorkingDirectory = _elsewhere.Path },
            ("ASPNETCORE_URLS", url), ("Ingestion__AllowAnonymous", "true"), ("ConnectionStrings__ClickHouse", "Host=127.0.0.1;Port=1"));
        await standalone.StartedAsync();
        Assert.Contains($"takes samples at {url}/api/metrics", standalone.Output, StringComparison.Ordinal);
    }

    static void CopyFiles(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from).Where(file => !Path.GetFileName(file).StartsWith("appsettings.", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    static async Task<string> OutputOfAsync(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Trim();
    }
}
