using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ClickHouse.Driver;
using MetricsFunctions.EmbeddedClickHouse;

namespace MetricsFunctions.Tests.EmbeddedClickHouse;

public sealed class ClickHouseServerTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_answers_on_free_ports()
    {
        await using var server = await StartAsync();

        Assert.Equal("1\tUTC", await QueryAsync(server, "SELECT 1, serverTimezone()"));
        Assert.Equal($"Host=127.0.0.1;Port={server.HttpPort};Username=admin;Password={server.AdminPassword}", server.ConnectionString);
        Assert.Equal(_folder.Path, server.DataPath);
        Assert.True(ServerProgram.IsRunning(server.ProcessId));
        Assert.False(server.Exited.IsCompleted);

        // The native protocol knows a lost HTTP client when it sees one.
        using var native = new TcpClient();
        await native.ConnectAsync(IPAddress.Loopback, server.TcpPort, TestContext.Current.CancellationToken);
        await native.GetStream().WriteAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        using var answer = new StreamReader(native.GetStream());
        Assert.Contains("is for clickhouse-client", await answer.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Merges_give_way_to_INSERTs()
    {
        await using var server = await StartAsync();
        await Wait.UntilAsync(() => Task.FromResult(
            NicenessOfMerges(server.ProcessId) is { Length: > 0 } threads && threads.All(niceness => niceness == 5)));
    }

    static int[] NicenessOfMerges(int process) =>
    [
        .. Directory.EnumerateDirectories($"/proc/{process}/task")
            .Select(thread => StatOf(thread).Split(' '))
            .Where(fields => fields is [_, "(MergeMutate)", ..])
            .Select(fields => int.Parse(fields[18], CultureInfo.InvariantCulture)),
    ];

    static string StatOf(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "stat"));
        }
        catch (IOException)
        {
            // It has ended since it was listed.
            return "";
        }
    }

    [Fact]
    public async Task Data_outlive_a_stop()
    {
        await using var server = await StartAsync();
        await QueryAsync(server, "CREATE TABLE numbers (n UInt64) ENGINE = MergeTree ORDER BY n");
        await QueryAsync(server, "INSERT INTO numbers SELECT number FROM numbers(1000)");
        var (httpPort, tcpPort) = (server.HttpPort, server.TcpPort);

        await server.StopAsync();
        Assert.Equal(0, await server.Exited);
        await server.RestartAsync(TestContext.Current.CancellationToken);

        Assert.Equal((httpPort, tcpPort), (server.HttpPort, server.TcpPort));
        Assert.Equal("1000", await QueryAsync(server, "SELECT count() FROM numbers"));
    }

    [Fact]
    public async Task Data_outlive_a_kill()
    {
        await using var server = await StartAsync();
        await QueryAsync(server, "CREATE TABLE numbers (n UInt64) ENGINE = MergeTree ORDER BY n");
        await QueryAsync(server, "INSERT INTO numbers SELECT number FROM numbers(1000)");
        var killed = server.ProcessId;

        await server.KillAsync();
        Assert.Equal(137, await server.Exited);
        await server.RestartAsync(TestContext.Current.CancellationToken);

        Assert.NotEqual(killed, server.ProcessId);
        Assert.Equal("1000", await QueryAsync(server, "SELECT count() FROM numbers"));
    }

    [Fact]
    public async Task Its_query_log_outlives_a_restart()
    {
        await using var server = await StartAsync();
        for (var starts = 1; starts <= 2; starts++)
        {
            await QueryAsync(server, "SELECT 'looked for'");
            await QueryAsync(server, "SYSTEM FLUSH LOGS");
            Assert.Equal($"{starts}", await QueryAsync(
                server, "SELECT count() FROM system.query_log WHERE type = 'QueryFinish' AND query = 'SELECT \\'looked for\\''"));
            await server.RestartAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_stop_writes_what_is_still_in_memory_although_a_client_keeps_its_connection()
    {
        await using var server = await StartAsync();
        await QueryAsync(server, "CREATE TABLE numbers (n UInt64) ENGINE = MergeTree ORDER BY n");
        await QueryAsync(server, "CREATE TABLE memory AS numbers ENGINE = Buffer(default, numbers, 1, 3600, 3600, 1000, 1000, 1000000, 1000000)");
        await QueryAsync(server, "INSERT INTO memory VALUES (1)");
        // The HttpClient that asks this keeps its connection.
        Assert.Equal("0", await QueryAsync(server, "SELECT count() FROM numbers"));

        await server.RestartAsync(TestContext.Current.CancellationToken);

        Assert.Equal("1", await QueryAsync(server, "SELECT count() FROM numbers"));
    }

    [Fact]
    public async Task A_SIGTERM_meant_for_its_host_leaves_it_running()
    {
        await using var server = await StartAsync();
        ServerProgram.Terminate(server.ProcessId);
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal("1", await QueryAsync(server, "SELECT 1"));
        }

        await server.StopAsync();
        Assert.Equal(0, await server.Exited);
    }

    [Fact]
    public async Task Stopping_twice_and_after_a_kill_does_nothing()
    {
        var server = await StartAsync();
        await server.KillAsync();
        await server.StopAsync();
        await server.KillAsync();
        await server.DisposeAsync();
        await server.DisposeAsync();
        Assert.Equal(137, await server.Exited);
    }

    [Fact]
    public async Task It_outlives_clients_that_send_nonsense_and_vanish()
    {
        await using var server = await StartAsync();
        foreach (var port in new[] { server.HttpPort, server.TcpPort })
        {
            for (var i = 0; i < 100; i++)
            {
                using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
                client.Send(Enumerable.Repeat((byte)0xff, 1000).ToArray());
                client.LingerState = new LingerOption(enable: true, seconds: 0);
            }
        }

        Assert.Equal("1", await QueryAsync(server, "SELECT 1"));
        Assert.False(server.Exited.IsCompleted);
    }

    [Fact]
    public async Task The_password_of_admin_is_that_in_the_data_folder_at_each_start()
    {
        await using var server = await StartAsync();
        var password = server.AdminPassword;
        Assert.Equal($"{password}\n", await File.ReadAllTextAsync(Path.Combine(_folder.Path, Admin.PasswordFile), TestContext.Current.CancellationToken));
        Assert.Equal("admin", await QueryAsync(server, "SELECT currentUser()"));
        await server.RestartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(password, server.AdminPassword);
        Assert.Equal("admin", await QueryAsync(server, "SELECT currentUser()"));

        await File.WriteAllTextAsync(Path.Combine(_folder.Path, Admin.PasswordFile), "it's; another=\n", TestContext.Current.CancellationToken);
        await server.RestartAsync(TestContext.Current.CancellationToken);
        using var client = new ClickHouseClient(server.ConnectionString);
        Assert.Equal("admin", await client.ExecuteScalarAsync("SELECT currentUser()", cancellationToken: TestContext.Current.CancellationToken));
        using var http = new HttpClient();
        using var former = await http.GetAsync(
            new Uri($"http://127.0.0.1:{server.HttpPort}/?user=admin&password={password}&query=SELECT+1"), TestContext.Current.CancellationToken);
        Assert.False(former.IsSuccessStatusCode);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("tcp")]
    public async Task A_port_in_use_is_told_with_the_setting_to_change(string protocol)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var options = new ClickHouseServerOptions { DataPath = _folder.Path };
        options = protocol == "http" ? options with { HttpPort = port } : options with { TcpPort = port };
        var setting = protocol == "http" ? "HttpPort" : "TcpPort";

        Assert.Equal(
            $"Port {port} on 127.0.0.1 is in use: stop the process that has it, or choose another with --{protocol}-port or EmbeddedClickHouse:{setting}.",
            await StartFailureAsync(options));
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_written_is_told()
    {
        // Below a file, because the permissions of a folder do not bind root.
        var file = Path.Combine(_folder.Path, "file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        var message = await StartFailureAsync(new ClickHouseServerOptions { DataPath = Path.Combine(file, "data") });
        Assert.StartsWith($"The data folder {file}/data cannot be written (", message, StringComparison.Ordinal);
        Assert.EndsWith("): choose another with --data or EmbeddedClickHouse:DataPath.", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_folder_in_use_is_told()
    {
        await using var server = await StartAsync();
        Assert.Equal(
            $"The data folder {_folder.Path} is in use by another server: stop that one, or choose another folder with --data or EmbeddedClickHouse:DataPath.",
            await StartFailureAsync(new ClickHouseServerOptions { DataPath = _folder.Path }));
        Assert.Equal("1", await QueryAsync(server, "SELECT 1"));
    }

    [Fact]
    public async Task A_damaged_data_folder_is_told_in_one_line()
    {
        var metadata = Directory.CreateDirectory(Path.Combine(_folder.Path, "metadata")).FullName;
        await File.WriteAllTextAsync(Path.Combine(metadata, "damaged.sql"), "nonsense", TestContext.Current.CancellationToken);
        var message = await StartFailureAsync(new ClickHouseServerOptions { DataPath = _folder.Path });
        Assert.StartsWith("ClickHouse did not start: Code: 62. DB::Exception: Syntax error", message, StringComparison.Ordinal);
        Assert.EndsWith($"(log: {_folder.Path}/clickhouse.log)", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public async Task A_start_that_is_given_up_leaves_nothing_running()
    {
        using var giveUp = new CancellationTokenSource();
        var start = ClickHouseServer.StartAsync(new ClickHouseServerOptions { DataPath = _folder.Path }, giveUp.Token);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => start);

        // It would still hold the folder.
        await using var server = await StartAsync();
        Assert.Equal("1", await QueryAsync(server, "SELECT 1"));
    }

    Task<ClickHouseServer> StartAsync() => ClickHouseServer.StartAsync(
        new ClickHouseServerOptions { DataPath = _folder.Path, HttpPort = Ports.Free(), TcpPort = Ports.Free() }, TestContext.Current.CancellationToken);

    static async Task<string> StartFailureAsync(ClickHouseServerOptions options) =>
        (await Assert.ThrowsAsync<ClickHouseStartException>(() => ClickHouseServer.StartAsync(options, TestContext.Current.CancellationToken))).Message;

    static Task<string> QueryAsync(ClickHouseServer server, string sql) => ClickHouseSql.QueryAsync(server, sql);
}
