using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.ColdStart;

/// <summary>A published program that takes samples, to be started anew for each measurement.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Project">Its project, relative to the root of the repository.</param>
/// <param name="Publish">How it is published, beyond the configuration.</param>
/// <param name="Environment">Its settings.</param>
sealed record Starter(string Name, string Project, string[] Publish, params (string Name, string Value)[] Environment)
{
    const string Body = """{"metric_name": "cpu_load", "metric_value": 1}""";

    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>Whether a success means that the sample is stored.</summary>
    public bool Stores { get; init; }

    /// <summary>Publishes it.</summary>
    /// <param name="root">Root of the repository.</param>
    /// <param name="folder">Where to.</param>
    /// <param name="stop">Stops in the middle.</param>
    /// <exception cref="ComparisonException">It does not build.</exception>
    public async Task PublishAsync(string root, string folder, CancellationToken stop)
    {
        await using var publish = ChildProcess.Start(
            new ProcessStartInfo(Dotnet, ["publish", Path.Combine(root, Project), "--configuration", "Release", "--output", folder, .. Publish]) { WorkingDirectory = root });
        if (await publish.ExitedAsync(stop) != 0)
        {
            throw new ComparisonException($"{Name} cannot be published: {publish.Output}");
        }
    }

    /// <summary>Starts it, posts a sample as soon as its port takes a connection, and ends it.</summary>
    /// <param name="folder">Where it is published.</param>
    /// <param name="stop">Stops in the middle.</param>
    /// <returns>Milliseconds from before its start to the answer, and the ones of them until the port was open.</returns>
    /// <exception cref="ComparisonException">It did not take the sample.</exception>
    public async Task<(double Answered, double Listening)> MeasureAsync(string folder, CancellationToken stop)
    {
        var address = FreeAddress();
        var start = new ProcessStartInfo(Dotnet, [Path.GetFileName(Project) + ".dll", "--urls", $"http://{address}"]) { WorkingDirectory = folder };
        var clock = Stopwatch.StartNew();
        await using var process = ChildProcess.Start(start, [.. Environment, ("ASPNETCORE_ENVIRONMENT", "Production"), ("DOTNET_EnableDiagnostics", "0")]);
        while (!process.HasExited && clock.Elapsed < Timeout)
        {
            stop.ThrowIfCancellationRequested();
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(address);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // A thread of our own would be late by a timer's tick; this one has nothing else to do.
                Thread.Sleep(1);
                continue;
            }

            var listening = clock.Elapsed.TotalMilliseconds;
            var status = Post(socket, address);
            var answered = clock.Elapsed.TotalMilliseconds;
            return status == "HTTP/1.1 200 OK"
                ? (answered, listening)
                : throw new ComparisonException($"{Name} answered {status ?? "nothing"}: {process.Output}");
        }

        throw new ComparisonException($"{Name} takes no samples: {process.Output}");
    }

    /// <summary>Posts a sample and answers the status line.</summary>
    static string? Post(Socket socket, IPEndPoint address)
    {
        socket.ReceiveTimeout = (int)Timeout.TotalMilliseconds;
        socket.Send(Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"POST /api/metrics HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}")));
        using var answer = new StreamReader(new NetworkStream(socket), Encoding.ASCII);
        return answer.ReadLine();
    }

    static string Dotnet => Path.GetFullPath("../../../dotnet", RuntimeEnvironment.GetRuntimeDirectory());

    static IPEndPoint FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return (IPEndPoint)listener.LocalEndpoint;
    }
}
