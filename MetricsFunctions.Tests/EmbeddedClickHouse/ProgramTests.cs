using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.EmbeddedClickHouse;

public sealed partial class ProgramTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task SIGTERM_stops_it_with_exit_code_0_and_nothing_on_stderr()
    {
        using var program = Start();
        var ready = Ready().Match(await program.ReadyAsync());
        Assert.True(ready.Success);
        Assert.Equal(Path.Combine(_folder.Path, "admin.password"), ready.Groups["password"].Value);
        Assert.Equal("1", await ClickHouseSql.QueryAsync(int.Parse(ready.Groups["http"].Value, CultureInfo.InvariantCulture), "SELECT 1"));

        program.Terminate();

        var (exitCode, output, errors) = await program.ExitedAsync();
        Assert.Equal(0, exitCode);
        Assert.Empty(output);
        Assert.Empty(errors);
        Assert.False(ServerProgram.IsRunning(int.Parse(ready.Groups["process"].Value, CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Kill_9_of_the_parent_ends_the_server()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks at /proc.");
        using var program = Start();
        await program.ReadyAsync();
        var server = Assert.Single(program.Children);
        Assert.True(ServerProgram.IsRunning(server));

        program.Kill();

        await Wait.UntilAsync(() => Task.FromResult(!ServerProgram.IsRunning(server)));
    }

    [Fact]
    public async Task Kill_9_of_the_parent_ends_a_server_that_is_still_starting()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks at /proc.");
        using var program = Start();
        int[] children = [];
        await Wait.UntilAsync(() => Task.FromResult((children = program.Children).Length > 0));

        program.Kill();

        await Wait.UntilAsync(() => Task.FromResult(!ServerProgram.IsRunning(children[0])));
        Assert.Empty((await program.ExitedAsync()).Output);
    }

    [Fact]
    public async Task A_server_that_dies_ends_the_program_with_an_error()
    {
        using var program = Start();
        var ready = Ready().Match(await program.ReadyAsync());
        using (var server = System.Diagnostics.Process.GetProcessById(int.Parse(ready.Groups["process"].Value, CultureInfo.InvariantCulture)))
        {
            server.Kill();
        }

        var (exitCode, _, errors) = await program.ExitedAsync();
        Assert.Equal(1, exitCode);
        Assert.Equal([$"ClickHouse ended by itself with exit code 137; its log is {_folder.Path}/clickhouse.log."], errors);
    }

    [Theory]
    [InlineData("--port 1", "--port is not an option; --help lists them.")]
    [InlineData("--data", "--data needs a folder.")]
    [InlineData("--http-port", "--http-port needs a port, 0 to 65535.")]
    [InlineData("--http-port 65536", "--http-port needs a port, 0 to 65535.")]
    [InlineData("--tcp-port nine", "--tcp-port needs a port, 0 to 65535.")]
    public async Task Bad_arguments_are_told_in_one_line(string arguments, string message)
    {
        using var program = ServerProgram.Start(arguments.Split(' '));
        var (exitCode, output, errors) = await program.ExitedAsync();
        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Equal([message], errors);
    }

    [Fact]
    public async Task Help_lists_the_options()
    {
        using var program = ServerProgram.Start("--help");
        var (exitCode, output, errors) = await program.ExitedAsync();
        Assert.Equal(0, exitCode);
        Assert.Contains("--http-port PORT", output, StringComparison.Ordinal);
        Assert.Empty(errors);
    }

    [Fact]
    public async Task A_port_in_use_is_told_in_one_line()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        using var program = ServerProgram.Start("--data", _folder.Path, "--http-port", $"{port}", "--tcp-port", "0");

        var (exitCode, output, errors) = await program.ExitedAsync();
        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Equal([$"Port {port} on 127.0.0.1 is in use: stop the process that has it, or choose another with --http-port or EmbeddedClickHouse:HttpPort."], errors);
    }

    [Fact]
    public async Task A_missing_library_is_told_in_one_line()
    {
        using var copy = new TemporaryFolder();
        Directory.CreateDirectory(Path.Combine(copy.Path, "server"));
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory, $"{ServerProgram.Name}*"))
        {
            File.Copy(file, Path.Combine(copy.Path, Path.GetFileName(file)));
        }

        var configuration = Path.Combine(copy.Path, $"{ServerProgram.Name}.runtimeconfig.json");
        await File.WriteAllTextAsync(configuration, (await File.ReadAllTextAsync(configuration)).Replace("libchdb.so", "none.so", StringComparison.Ordinal));

        using var program = ServerProgram.StartIn(copy.Path, "--data", _folder.Path, "--http-port", "0", "--tcp-port", "0");

        var (exitCode, _, errors) = await program.ExitedAsync();
        Assert.Equal(1, exitCode);
        Assert.Equal(
            ["The chDB library is not installed: install Node.js with npm and build again, or set ConnectionStrings:ClickHouse to a ClickHouse server of your own."],
            errors);
    }

    ServerProgram Start() => ServerProgram.Start("--data", _folder.Path, "--http-port", "0", "--tcp-port", "0");

    [GeneratedRegex(@"^ClickHouse is ready: http://127\.0\.0\.1:(?<http>\d+)/play, native protocol on port \d+, data in .+, process (?<process>\d+)\. The user admin may write, with the password in (?<password>.+); default may read without one\.$")]
    private static partial Regex Ready();
}
