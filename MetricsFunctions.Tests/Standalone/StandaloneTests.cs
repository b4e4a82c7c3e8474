using System.Diagnostics;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using MetricsFunctions.Tests.EmbeddedClickHouse;

namespace MetricsFunctions.Tests.Standalone;

public sealed partial class StandaloneTests : IDisposable
{
    readonly TemporaryFolder _data = new();
    readonly int _port = Ports.Free();
    readonly int _clickHousePort = Ports.Free();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task The_printed_curl_line_stores_a_row_that_outlives_a_restart()
    {
        using (var first = Start())
        {
            await first.StartedAsync();
            var curl = CurlLine().Match(first.Output).Value;
            Assert.Equal("""{"message":"ok"}""", await ShellAsync(curl));
            Assert.Equal("cpu_load\t0.42", await ClickHouseSql.QueryAsync(_clickHousePort, "SELECT metric_name, metric_value FROM metrics.samples"));
            Assert.Equal(0, await first.TerminateAsync());
        }

        using var second = Start();
        await second.StartedAsync();
        Assert.Equal("cpu_load\t0.42", await ClickHouseSql.QueryAsync(_clickHousePort, "SELECT metric_name, metric_value FROM metrics.samples"));
        Assert.Equal(0, await second.TerminateAsync());
    }

    [Fact]
    public async Task The_printed_dashboard_link_draws_what_is_stored()
    {
        using var standalone = Start();
        await standalone.StartedAsync();
        await ShellAsync(CurlLine().Match(standalone.Output).Value);

        var link = new Uri(DashboardLink().Match(standalone.Output).Value);
        using var state = System.Text.Json.JsonDocument.Parse(Convert.FromBase64String(link.Fragment[1..]));
        Assert.Equal("default", state.RootElement.GetProperty("user").GetString());
        var parameters = string.Concat(state.RootElement.GetProperty("params").EnumerateObject().Select(p => $"&param_{p.Name}={p.Value.GetString()}"));
        using var http = new HttpClient();
        foreach (var query in state.RootElement.GetProperty("queries").EnumerateArray())
        {
            var url = new Uri($"{state.RootElement.GetProperty("host").GetString()}/?default_format=TSV&enable_http_compression=1&add_http_cors_header=1&user=default{parameters}");
            using var response = await http.PostAsync(url, new StringContent(query.GetProperty("query").GetString()!));
            var rows = await response.Content.ReadAsStringAsync();
            Assert.True(response.IsSuccessStatusCode, rows);
            Assert.NotEmpty(rows);
        }
    }

    [Fact]
    public async Task SIGTERM_ends_it_with_0_and_leaves_no_ClickHouse_behind()
    {
        using var standalone = Start();
        await standalone.StartedAsync();
        var children = Children(standalone.Id);
        Assert.NotEmpty(children);

        Assert.Equal(0, await standalone.TerminateAsync());
        Assert.All(children, child => Assert.False(ServerProgram.IsRunning(child)));
        Assert.False(await CanConnectAsync(_clickHousePort));
    }

    [Fact]
    public async Task Kill_9_leaves_no_ClickHouse_behind()
    {
        using var standalone = Start();
        await standalone.StartedAsync();
        var children = Children(standalone.Id);
        Assert.NotEmpty(children);

        await standalone.KillAsync();
        await Wait.UntilAsync(() => Task.FromResult(children.TrueForAll(child => !ServerProgram.IsRunning(child))));
        Assert.False(await CanConnectAsync(_clickHousePort));
    }

    [Theory]
    [InlineData("true", "1")]
    [InlineData("false", "0")]
    public async Task Its_ClickHouse_syncs_what_it_writes_when_told_to(string told, string does)
    {
        using var standalone = Start(("EmbeddedClickHouse__Fsync", told));
        await standalone.StartedAsync();
        Assert.Equal($"fsync_after_insert\t{does}\nfsync_part_directory\t{does}", await ClickHouseSql.QueryAsync(
            _clickHousePort, "SELECT name, value FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', 'fsync_part_directory') ORDER BY name"));
        Assert.Equal(0, await standalone.TerminateAsync());
    }

    // Before it knows what a former process has stored, which takes a second at least.
    [Fact]
    public async Task Stopped_at_once_it_does_not_complain_of_its_own_ClickHouse()
    {
        using var standalone = Start();
        await standalone.StartedAsync();
        Assert.Equal(0, await standalone.TerminateAsync());
        Assert.DoesNotContain("cannot be stored", standalone.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_stops_with_an_error_when_its_ClickHouse_dies()
    {
        using var standalone = Start();
        await standalone.StartedAsync();
        foreach (var child in Children(standalone.Id))
        {
            Process.GetProcessById(child).Kill();
        }

        Assert.Equal(1, await standalone.ExitedAsync());
        Assert.Contains("The embedded ClickHouse ended by itself", standalone.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_are_JSON_on_demand_a_line_for_each_change_and_nothing_else_is_printed()
    {
        // A ClickHouse that is not there, so that there is something to log.
        using var standalone = Start(
            ("Logging__Console__FormatterName", "json"), ("ConnectionStrings__ClickHouse", $"Host=127.0.0.1;Port={_clickHousePort}"), ("Ingestion__WriteTimeout", "00:00:01"));
        await Wait.UntilAsync(() => Task.FromResult(Events().Contains(102)));
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_port}") };
        for (var i = 0; i < 5; i++)
        {
            using var body = new StringContent("""{"metric_name": "m", "metric_value": 1}""", System.Text.Encoding.UTF8, "application/json");
            using var refused = await http.PostAsync(new Uri("/api/metrics", UriKind.Relative), body);
            Assert.Equal(503, (int)refused.StatusCode);
        }

        await Wait.UntilAsync(() => Task.FromResult(Events().Contains(1)));
        Assert.Equal(0, await standalone.TerminateAsync());
        Assert.Equal([102, 1], Events());

        // Whatever is no JSON ends the test here.
        List<int> Events() =>
        [
            .. standalone.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(line => System.Text.Json.Nodes.JsonNode.Parse(line)!["EventId"]!.GetValue<int>()),
        ];
    }

    // Settings that cannot work, and what the line on stderr must say to mend them.
    public static TheoryData<string, string, string> BadSettings { get; } = new()
    {
        { "Ingestion__AllowAnonymous", "false", "Set Ingestion:ApiKeys" },
        { "Ingestion__AllowAnonymous", "perhaps", "Ingestion:AllowAnonymous" },
        { "Ingestion__ApiKeys__0", " ", "Ingestion:ApiKeys:0 is empty" },
        { "Ingestion__AllowedOrigins__0", "https://app.example.org/", "Ingestion:AllowedOrigins:0 is no origin as browsers tell it." },
        { "Ingestion__MaxBodyBytes", "1", "Ingestion:MaxBodyBytes is 1" },
        { "Ingestion__MaxSampleAge", "4000.00:00:00", "Ingestion:MaxSampleAge" },
        { "Ingestion__MaxBodyByte", "10000", "MaxBodyByte" },
        { "ConnectionStrings__ClickHouse", "nonsense", "ConnectionStrings:ClickHouse cannot be read" },
        { "ConnectionStrings__ClickHouse", "Host=localhost;Port=many", "ConnectionStrings:ClickHouse cannot be read" },
        { "EmbeddedClickHouse__HttpPort", "123456", "EmbeddedClickHouse:HttpPort" },
        { "EmbeddedClickHouse__HttpPort", "0", "EmbeddedClickHouse:HttpPort is 0" },
        { "EmbeddedClickHouse__Fsync", "perhaps", "EmbeddedClickHouse:Fsync" },
    };

    [Theory]
    [MemberData(nameof(BadSettings))]
    public async Task A_setting_that_cannot_work_is_told_in_one_line(string setting, string value, string message)
    {
        using var standalone = Start((setting, value));
        Assert.Equal(1, await standalone.ExitedAsync());
        var line = Assert.Single(standalone.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.StartsWith("MetricsFunctions cannot start: ", line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Urls", "http://127.0.0.1:{0}", "")]
    [InlineData("EmbeddedClickHouse__HttpPort", "{0}", "EmbeddedClickHouse:HttpPort")]
    public async Task A_port_in_use_is_told_in_one_line(string setting, string value, string message)
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var port = $"{((System.Net.IPEndPoint)listener.LocalEndpoint).Port}";
        using var standalone = Start((setting, string.Format(null, System.Text.CompositeFormat.Parse(value), port)));
        Assert.Equal(1, await standalone.ExitedAsync());
        var line = Assert.Single(standalone.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.StartsWith("MetricsFunctions cannot start: ", line, StringComparison.Ordinal);
        Assert.Contains(port, line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_of_its_ClickHouse_that_cannot_be_read_is_told_in_one_line()
    {
        // A folder in its place, because permissions do not bind root.
        var file = Directory.CreateDirectory(Path.Combine(_data.Path, "admin.password")).FullName;
        using var standalone = Start();
        Assert.Equal(1, await standalone.ExitedAsync());
        var line = Assert.Single(standalone.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.StartsWith($"MetricsFunctions cannot start: {file} cannot be read (", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_demo_scripts_work_against_it()
    {
        using var standalone = Start();
        await standalone.StartedAsync();
        Assert.Contains("""200 {"message":"ok"}""", await ShellAsync($"'{Repository.Root}/demo/check' http://127.0.0.1:{_port}"), StringComparison.Ordinal);

        using var generate = Process.Start(Path.Combine(Repository.Root, "demo", "generate"), $"http://127.0.0.1:{_port}");
        await Wait.UntilAsync(async () => await ClickHouseSql.QueryAsync(
            _clickHousePort, "SELECT uniq(metric_name) FROM metrics.samples WHERE metric_name LIKE 'demo\\_%' AND metric_name != 'demo_check'") == "4");
        generate.Kill();
        await generate.WaitForExitAsync();
    }

    [Fact]
    public async Task The_check_script_fails_when_nobody_is_there() =>
        Assert.Contains("WRONG", await ShellAsync($"! '{Repository.Root}/demo/check' http://127.0.0.1:{_port} 2>&1"), StringComparison.Ordinal);

    StandaloneProcess Start(params (string, string)[] settings) => StandaloneProcess.Start(
    [
        ("Urls", $"http://127.0.0.1:{_port}"),
        ("EmbeddedClickHouse__DataPath", _data.Path),
        ("EmbeddedClickHouse__HttpPort", $"{_clickHousePort}"),
        ("EmbeddedClickHouse__TcpPort", $"{Ports.Free()}"),
        ("Ingestion__AllowAnonymous", "true"),
        .. settings,
    ]);

    // The health check of the container image. The second service has no ClickHouse.
    [Fact]
    public async Task The_probe_ends_with_0_only_while_samples_can_be_stored()
    {
        var url = $"http://127.0.0.1:{_port}/api/health/ready";
        Assert.Equal(1, await ProbeAsync(url));

        using (var standalone = Start())
        {
            await standalone.StartedAsync();
            Assert.Equal(0, await ProbeAsync(url));
        }

        using var unready = Start(("ConnectionStrings__ClickHouse", $"Host=127.0.0.1;Port={Ports.Free()}"));
        await unready.StartedAsync();
        Assert.Equal(1, await ProbeAsync(url));
    }

    static async Task<int> ProbeAsync(string url)
    {
        using var probe = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "MetricsFunctions.Standalone"), ["probe", url]))!;
        await probe.WaitForExitAsync();
        return probe.ExitCode;
    }

    static async Task<string> ShellAsync(string command)
    {
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardOutput = true })!;
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, $"{command}: {output}");
        return output.Trim();
    }

    static List<int> Children(int parent)
    {
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-o", "pid=", "--ppid", $"{parent}"]) { RedirectStandardOutput = true })!;
        var children = ps.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return [.. children.Select(int.Parse)];
    }

    static async Task<bool> CanConnectAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(System.Net.IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [GeneratedRegex("curl http.*(?=\r?\n)")]
    private static partial Regex CurlLine();

    [GeneratedRegex(@"http\S+/dashboard#\S+")]
    private static partial Regex DashboardLink();
}
