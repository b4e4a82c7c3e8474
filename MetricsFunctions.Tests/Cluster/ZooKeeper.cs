using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace MetricsFunctions.Tests.Cluster;

/// <summary>Debian's ZooKeeper in Keeper's place.</summary>
sealed class ZooKeeper : IAsyncDisposable
{
    const string Library = "/usr/share/java/zookeeper.jar";
    readonly TemporaryFolder _data = new();
    readonly Process _process;

    ZooKeeper()
    {
        var configuration = Path.Combine(_data.Path, "zoo.cfg");
        File.WriteAllText(configuration, $"""
            tickTime=500
            dataDir={_data.Path}
            clientPort={Port}
            clientPortAddress=127.0.0.1
            admin.enableServer=false
            4lw.commands.whitelist=srvr
            """);
        string[] arguments = ["-Xmx256m", "-cp", Library, "org.apache.zookeeper.server.ZooKeeperServerMain", configuration];
        _process = Process.Start(new ProcessStartInfo("java", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        // Nobody wants them, but a full pipe would stop it.
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public int Port { get; } = Ports.Free();

    /// <summary>Starts it, or skips the test where it is not installed.</summary>
    public static async Task<ZooKeeper> StartAsync()
    {
        Assert.SkipUnless(File.Exists(Library), "ZooKeeper is not installed: apt-get install zookeeper");
        var zooKeeper = new ZooKeeper();
        try
        {
            await Wait.UntilAsync(zooKeeper.ServesAsync);
            return zooKeeper;
        }
        catch
        {
            await zooKeeper.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _data.Dispose();
    }

    async Task<bool> ServesAsync()
    {
        Assert.False(_process.HasExited, "ZooKeeper ended by itself.");
        // Before it serves, it says so or says nothing at all.
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", Port, timeout.Token);
            await client.GetStream().WriteAsync("srvr"u8.ToArray(), timeout.Token);
            using var answer = new StreamReader(client.GetStream(), Encoding.ASCII);
            return (await answer.ReadToEndAsync(timeout.Token)).Contains("Mode: ", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }
}
