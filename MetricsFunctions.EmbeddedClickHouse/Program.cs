using System.Runtime.InteropServices;
using MetricsFunctions.EmbeddedClickHouse;

const string Usage = """
    A ClickHouse server on this machine, without an installation.

    Usage: dotnet run --project MetricsFunctions.EmbeddedClickHouse -- [options]

      --data DIR          folder of the data, created when missing (default: clickhouse-data)
      --http-port PORT    HTTP interface on 127.0.0.1 (default: 8123; 0: a free port)
      --tcp-port PORT     native protocol on 127.0.0.1 (default: 9000; 0: a free port)
      --help              this text

    Ctrl+C or SIGTERM stops it.
    """;

if (args is [Engine.Command, var configurationPath, var dataPath, var httpPort, var tcpPort])
{
    return Engine.Run(configurationPath, dataPath, httpPort, tcpPort);
}

if (args.Contains("--help"))
{
    Console.WriteLine(Usage);
    return 0;
}

var options = new ClickHouseServerOptions { DataPath = "clickhouse-data", HttpPort = 8123, TcpPort = 9000 };
for (var i = 0; i < args.Length; i += 2)
{
    var value = i + 1 < args.Length ? args[i + 1] : "";
    var isPort = ushort.TryParse(value, out var port);
    switch (args[i])
    {
        case "--data" when value.Length > 0:
            options = options with { DataPath = value };
            break;
        case "--http-port" when isPort:
            options = options with { HttpPort = port };
            break;
        case "--tcp-port" when isPort:
            options = options with { TcpPort = port };
            break;
        case "--data":
            return Fail("--data needs a folder.");
        case "--http-port" or "--tcp-port":
            return Fail($"{args[i]} needs a port, 0 to 65535.");
        default:
            return Fail($"{args[i]} is not an option; --help lists them.");
    }
}

using var stop = new CancellationTokenSource();
PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT, PosixSignal.SIGHUP];
var registrations = Array.ConvertAll(signals, signal => PosixSignalRegistration.Create(signal, context =>
{
    context.Cancel = true;
    stop.Cancel();
}));

try
{
    await using var server = await ClickHouseServer.StartAsync(options, stop.Token);
    Console.WriteLine(
        $"ClickHouse is ready: http://127.0.0.1:{server.HttpPort}/play, native protocol on port {server.TcpPort}, "
        + $"data in {server.DataPath}, process {server.ProcessId}. "
        + $"The user {Admin.User} may write, with the password in {Path.Combine(server.DataPath, Admin.PasswordFile)}; default may read without one.");
    var exitCode = await server.Exited.WaitAsync(stop.Token);
    return Fail($"ClickHouse ended by itself with exit code {exitCode}; its log is {Path.Combine(server.DataPath, Engine.LogFile)}.");
}
catch (OperationCanceledException)
{
    return 0;
}
catch (ClickHouseStartException e)
{
    return Fail(e.Message);
}
finally
{
    Array.ForEach(registrations, registration => registration.Dispose());
}

static int Fail(string message)
{
    Console.Error.WriteLine(message);
    return 1;
}
